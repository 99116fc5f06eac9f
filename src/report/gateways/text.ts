/** Gateways as a table, for people. */
import { oneLine } from "../../engine/render.ts";
import type { GatewayKind } from "../../kubernetes/gateway-kinds.ts";
import { KIND_FACTS, resourceOf } from "../../kubernetes/objects.ts";
import type { GatewayKindFacts, GatewayList, ListedGateway } from "./list.ts";
import { padEnd, widthOf, wrap } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

const NONE = "-";
const GAP = "  ";
const HEADINGS = ["namespace", "name", "group", "hosts", "addresses", "programmed"] as const;
/** As kubectl is asked for one kind and no other: by the short names in the CustomResourceDefinitions of Istio and the Gateway API. */
const WORDS: { readonly [K in GatewayKind]: string } = {
  // Its short name is that of its successor.
  AlphaKubernetesGateway: resourceOf("AlphaKubernetesGateway"),
  Gateway: "gw",
  KubernetesGateway: "gtw",
};

export function renderGatewaysText(list: GatewayList, terminal: Terminal): string {
  const table = list.gateways.length === 0 ? [] : tableOf(list.gateways, terminal);
  const notes = notesOf(list).flatMap((note) => wrap(oneLine(note), terminal.columns));
  const gap = table.length > 0 && notes.length > 0 ? [""] : [];
  return [...table, ...gap, ...notes].map((line) => `${line}\n`).join("");
}

/** Cells that are lists have as many of their items as there is room for, at least one. */
function tableOf(gateways: readonly ListedGateway[], terminal: Terminal): string[] {
  const rows = gateways.map(rowOf);
  const fixed = HEADINGS.map((heading, index) =>
    index === HOSTS || index === ADDRESSES
      ? 0
      : Math.max(widthOf(heading), ...rows.map((row) => widthOf(shortened(row[index] ?? [], 0)))),
  );
  const room = terminal.columns - fixed.reduce((sum, width) => sum + width + GAP.length, -GAP.length);
  const addresses = widthFor(rows, ADDRESSES, room / 2);
  const hosts = widthFor(rows, HOSTS, room - addresses);
  const widths = fixed.with(HOSTS, hosts).with(ADDRESSES, addresses);
  const lineOf = (cells: readonly string[]) =>
    cells
      .map((cell, index) => padEnd(cell, widths[index] ?? 0))
      .join(GAP)
      .trimEnd();
  return [
    terminal.paint("bold", lineOf(HEADINGS)),
    ...rows.map((row) => lineOf(row.map((items, index) => shortened(items, widths[index] ?? 0)))),
  ];
}

const HOSTS = HEADINGS.indexOf("hosts");
const ADDRESSES = HEADINGS.indexOf("addresses");

type Row = readonly (readonly string[])[];

function rowOf(gateway: ListedGateway): Row {
  const { kind, namespace, name, addresses } = gateway;
  return [
    [namespace],
    [name],
    [KIND_FACTS[kind].group],
    hostsOf(gateway),
    addresses,
    [programmed(gateway)],
  ].map((items) => items.map(oneLine));
}

/** With their ports, each once. */
function hostsOf({ listeners }: ListedGateway): readonly string[] {
  const all = listeners.flatMap(({ hosts, port }) =>
    (hosts.length === 0 ? ["*"] : hosts).map((host) => (port === undefined ? host : `${host}:${port}`)),
  );
  return [...new Set(all)];
}

function programmed({ isProgrammed, reason }: ListedGateway): string {
  if (isProgrammed === undefined) return reason || NONE;
  if (isProgrammed) return "True";
  return reason === "" ? "False" : `False (${reason})`;
}

/** As much as the cells need, but no more than there is room for, unless one item needs it. */
function widthFor(rows: readonly Row[], column: number, room: number): number {
  const whole = rows.map((row) => widthOf(shortened(row[column] ?? [], Number.POSITIVE_INFINITY)));
  const least = rows.map((row) => widthOf(shortened(row[column] ?? [], 0)));
  const heading = widthOf(HEADINGS[column] ?? "");
  return Math.max(heading, ...least, Math.min(Math.floor(room), Math.max(...whole)));
}

/** `a, b and 3 more`. */
function shortened(items: readonly string[], width: number): string {
  if (items.length === 0) return NONE;
  for (let count = items.length; count > 1; count--) {
    const text = withMore(items, count);
    if (widthOf(text) <= width) return text;
  }
  return withMore(items, 1);
}

function withMore(items: readonly string[], count: number): string {
  const more = items.length - count;
  return items.slice(0, count).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function notesOf(list: GatewayList): readonly string[] {
  const { kinds, gateways } = list;
  if (kinds.every(({ isServed }) => isServed === false)) {
    return ["No kind of Gateway is installed here, neither Istio's nor the Gateway API's."];
  }
  const served = kinds.filter(({ isServed }) => isServed === true);
  return [
    ...(gateways.length === 0 ? [nothingIn(list)] : []),
    ...(served.length > 1 ? [commandsFor(served)] : []),
    ...kinds.flatMap(missingKind),
  ];
}

function nothingIn({ namespace, kinds, elsewhere }: GatewayList): string {
  const what = kinds.every(({ isListed }) => isListed) ? "No Gateways" : "No Gateways that you may list";
  if (namespace === undefined) return `${what} in any namespace.`;
  const others = elsewhere > 0 ? `, ${elsewhere} in others` : "";
  return `${what} in namespace ${namespace}${others}; -A shows those of all namespaces.`;
}

function commandsFor(kinds: readonly GatewayKindFacts[]): string {
  const commands = kinds.map(({ kind }) => `${KIND_FACTS[kind].group}: kubectl get ${WORDS[kind]}`);
  return commands.join("; ");
}

/** The Gateway API's first group is long gone, and not missed. */
function missingKind({ kind, isServed }: GatewayKindFacts): readonly string[] {
  if (isServed !== false || kind === "AlphaKubernetesGateway") return [];
  const hint = kind === "Gateway" ? "; with ASM, --mesh-kubeconfig names where they are" : "";
  return [`Gateways of ${KIND_FACTS[kind].group} are not installed here${hint}.`];
}
