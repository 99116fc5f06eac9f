/** Who gets which DestinationRule, as a table: clients down, hosts across, in as many tables as the width asks for. */
import { oneLine } from "../../engine/render.ts";
import { parseServiceHostname } from "../../istio/hosts.ts";
import type { LookupAnswer } from "../../istio/lookup/lookup.ts";
import type { LookupQuery } from "../../istio/lookup/query.ts";
import { labelsInWords } from "./words.ts";
import { padEnd, widthOf, wrap } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

export interface LookupMatrix {
  readonly clients: readonly Omit<LookupQuery, "host">[];
  readonly hosts: readonly string[];
  readonly clusterDomain: string;
  readonly answer: (query: LookupQuery) => LookupAnswer;
}

/** A host's heading, and a cell for every client. */
interface Column {
  readonly heading: string;
  readonly cells: readonly string[];
}

const NONE = "-";
const HIDDEN = "hidden";
const ALIAS = "alias";
const MEANINGS = new Map([
  [NONE, "no DestinationRule applies"],
  [HIDDEN, "the client does not see the host"],
  [ALIAS, "an ExternalName Service, on which no DestinationRule has an effect"],
]);

const GAP = "  ";
const MAX_CELL = 26;
/** Of the terminal's columns, what the names of clients may take. */
const CLIENT_SHARE = 0.35;
/** Up to so many, every host has a column and every client a row. */
const FEW_HOSTS = 12;
const FEW_CLIENTS = 30;
/** Names in a sentence; the others are counted. */
const MAX_NAMES = 20;

export function renderMatrix(matrix: LookupMatrix, terminal: Terminal): string {
  const { clients, hosts } = matrix;
  if (hosts.length === 0) return "No Service and no ServiceEntry is known: there is nothing to look up.\n";
  if (clients.length === 0) return "No client is known, and no namespace: nobody looks anything up.\n";
  const { columns, idle } = columnsOf(matrix);
  const labels = clients.map(clientLabel);
  const isGrouped = columns.length > FEW_HOSTS || clients.length > FEW_CLIENTS;
  const widest = Math.max(...[...labels, CORNER, isGrouped ? othersLabel(labels.length) : ""].map(widthOf));
  const labelWidth = Math.min(Math.floor(terminal.columns * CLIENT_SHARE), widest);
  const blocks = [
    ...tablesOf(columns, terminal.columns - labelWidth).map((table) =>
      renderTable(table, isGrouped ? groupedRows(table, labels) : rowsOf(labels), labelWidth, terminal),
    ),
    legend(matrix, columns, idle).flatMap((text) => wrap(text, terminal.columns)),
  ];
  const texts = blocks.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${texts.join("\n\n")}\n`;
}

const CORNER = "client";

/** The columns, without those of hosts for which no client gets a rule where there are many. */
function columnsOf({ clients, hosts, clusterDomain, answer }: LookupMatrix) {
  const literal = new Set(hosts);
  const all = hosts.map((host) => ({
    heading: headingOf(host, clusterDomain, literal),
    cells: clients.map((client) => cellOf(answer({ ...client, host }))),
  }));
  if (hosts.length <= FEW_HOSTS) return { columns: all, idle: [] };
  const isIdle = ({ cells }: Column) => cells.every((cell) => MEANINGS.has(cell));
  return {
    columns: all.filter((one) => !isIdle(one)),
    idle: all.filter(isIdle).map(({ heading }) => heading),
  };
}

/** `reviews.prod` of a Service, unless that is a host of its own. */
function headingOf(host: string, clusterDomain: string, literal: ReadonlySet<string>): string {
  const service = parseServiceHostname(host, clusterDomain);
  const short = service && `${service.name}.${service.namespace}`;
  return oneLine(short === undefined || literal.has(short) ? host : short);
}

function cellOf({ isVisible, isAlias, chosen }: LookupAnswer): string {
  if (!isVisible) return HIDDEN;
  if (isAlias) return ALIAS;
  if (!chosen) return NONE;
  return oneLine(chosen.from.map(({ namespace, name }) => `${namespace}/${name}`).join(" + "));
}

function clientLabel({ clientNamespace, clientLabels, proxy }: Omit<LookupQuery, "host">): string {
  const labels = labelsInWords(clientLabels);
  const name = labels === "" ? clientNamespace : `${clientNamespace},${labels}`;
  return oneLine(proxy === "sidecar" ? name : `${name} (${proxy})`);
}

/** As many columns side by side as there is room for, at least one. */
function tablesOf(columns: readonly Column[], room: number): Column[][] {
  const tables: Column[][] = [];
  let left = 0;
  for (const column of columns) {
    const width = widthOfColumn(column) + GAP.length;
    const table = tables.at(-1);
    if (table && width <= left) table.push(column);
    else {
      tables.push([column]);
      left = room;
    }
    left -= width;
  }
  return tables;
}

function widthOfColumn({ heading, cells }: Column): number {
  return Math.min(MAX_CELL, Math.max(widthOf(heading), ...cells.map(widthOf)));
}

/** A line of a table: its name, and the client whose cells it shows. */
interface Row {
  readonly label: string;
  readonly client: number;
}

function rowsOf(labels: readonly string[]): readonly Row[] {
  return labels.map((label, client) => ({ label, client }));
}

/** Clients that get the same for all these hosts as most do share the last row. */
function groupedRows(columns: readonly Column[], labels: readonly string[]): readonly Row[] {
  const groups = Map.groupBy(rowsOf(labels), ({ client }) =>
    JSON.stringify(columns.map(({ cells }) => cells[client])),
  );
  const [largest = []] = [...groups.values()].toSorted((one, other) => other.length - one.length);
  const [first] = largest;
  if (!first || largest.length < 2) return rowsOf(labels);
  const others = rowsOf(labels).filter((row) => !largest.some(({ client }) => client === row.client));
  const label = others.length === 0 ? `all ${largest.length}` : othersLabel(largest.length);
  return [...others, { label, client: first.client }];
}

function othersLabel(count: number): string {
  return `${count} others`;
}

function renderTable(
  columns: readonly Column[],
  rows: readonly Row[],
  labelWidth: number,
  terminal: Terminal,
): string[] {
  const notes = new Footnotes();
  const lineOf = (label: string, texts: readonly string[]) => {
    const cells = texts.map((text, index) => {
      const column = columns[index];
      return padEnd(notes.short(text, MAX_CELL), column ? widthOfColumn(column) : 0);
    });
    return [padEnd(notes.short(label, labelWidth), labelWidth), ...cells].join(GAP).trimEnd();
  };
  const headings = columns.map(({ heading }) => heading);
  return [
    terminal.paint("bold", lineOf(CORNER, headings)),
    ...rows.map(({ label, client }) =>
      lineOf(
        label,
        columns.map(({ cells }) => cells[client] ?? NONE),
      ),
    ),
    ...notes.lines(terminal),
  ];
}

/** What is too long for its place, told below the table. */
class Footnotes {
  readonly #marks = new Map<string, string>();

  short(text: string, width: number): string {
    if (widthOf(text) <= width) return text;
    const mark = this.#marks.get(text) ?? `[${this.#marks.size + 1}]`;
    this.#marks.set(text, mark);
    return `${text.slice(0, width - mark.length - 1)}…${mark}`;
  }

  lines({ columns }: Terminal): string[] {
    return [...this.#marks].flatMap(([text, mark]) => wrap(`${mark} ${text}`, columns));
  }
}

function legend(
  { clusterDomain, hosts }: LookupMatrix,
  columns: readonly Column[],
  idle: readonly string[],
): readonly string[] {
  const cells = new Set(columns.flatMap((column) => column.cells));
  const used = [...MEANINGS].filter(([mark]) => cells.has(mark));
  const isShortened = hosts.some((host) => parseServiceHostname(host, clusterDomain));
  return [
    ...used.map(([mark, meaning]) => `${mark}: ${meaning}`),
    ...(isShortened ? [`NAME.NAMESPACE is NAME.NAMESPACE.svc.${clusterDomain}`] : []),
    ...(idle.length > 0 ? [`No client gets a DestinationRule for ${namesOf(idle)}`] : []),
  ];
}

function namesOf(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
