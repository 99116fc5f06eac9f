/** Why a namespace does not end, as a page for people. */
import { isBuiltIn } from "../kubernetes/finalizers.ts";
import { firstOf } from "../kubernetes/listing.ts";
import { oneLine } from "../engine/render.ts";
import { isForbidden, resourceName } from "../termination/facts.ts";
import type { Content, Refusal, TerminationFacts } from "../termination/facts.ts";
import { stepsFor } from "../termination/steps.ts";
import type { Step } from "../termination/steps.ts";
import { neverDone, whoRemoves } from "../termination/words.ts";
import { hanging, wrap } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

const INDENT = "  ";
const MAX_NAMES = 10;
const MAX_CONDITION_LENGTH = 1000;

/** Ends in a line break. */
export function renderTermination(facts: TerminationFacts, now: number, terminal: Terminal): string {
  const isGoing = facts.namespace.deletedAt !== undefined;
  const steps = isGoing ? stepsFor(facts, now) : [];
  const sections: readonly (readonly string[])[] = [
    headline(facts, steps, now, terminal),
    section("What the namespace controller says", conditionLines(facts, terminal), terminal),
    section("What is in it", contentLines(facts, terminal), terminal),
    section("What could not be looked at", refusalLines(facts, terminal), terminal),
    section(
      isGoing ? "Finalizers" : "Finalizers that a deletion would wait for",
      finalizerLines(facts, terminal),
      terminal,
    ),
    section("Steps, in this order", stepLines(steps, terminal), terminal),
    steps.length === 0
      ? []
      : wrap(
          `If nothing else helps, \`foresail namespace ${facts.namespace.name} --finalize\` shows what would be left behind.`,
          terminal.columns,
        ),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** What would be left behind if the namespace ended now, of all kinds. Ends in a line break. */
export function renderOrphans(facts: TerminationFacts, terminal: Terminal): string {
  const { content, namespace, lostApis = [] } = facts;
  const there = content.filter(({ objects }) => objects.length > 0);
  const count = countOf(there);
  const unknown = refusalLines(facts, terminal);
  if (count === 0 && unknown.length === 0) return `Nothing would be left behind in ${namespace.name}.\n`;
  const finalizers = there.flatMap(({ objects }) => objects.flatMap((one) => one.finalizers));
  const undone = [...new Set(finalizers)].filter((one) => !isBuiltIn(one)).map(neverDone);
  const lines = [
    terminal.paint(
      "bold",
      count === 0
        ? `It is not known what would be left behind in ${namespace.name}`
        : `${inWords(count, "object")} would be left behind in ${namespace.name}`,
    ),
    ...there.flatMap(({ resource, objects }) =>
      indented(`${resourceName(resource)}: ${objects.map(({ name }) => name).join(", ")}`, terminal),
    ),
    ...(unknown.length === 0 ? [] : ["What could not be looked at", ...unknown]),
    ...(lostApis.length === 0
      ? []
      : indented(
          `objects of the APIs that do not answer: ${lostApis.map(({ name }) => name).join(", ")}`,
          terminal,
        )),
    ...wrap(
      "What is left behind stays in etcd, out of sight, and comes back when a namespace of this name is made again.",
      terminal.columns,
    ),
    ...(undone.length === 0
      ? []
      : [
          "What the finalizers are for is never done:",
          ...undone.flatMap((line) => indented(line, terminal)),
        ]),
  ];
  return `${lines.join("\n")}\n`;
}

function headline(
  { content, namespace, lostApis = [] }: TerminationFacts,
  steps: readonly Step[],
  now: number,
  terminal: Terminal,
): readonly string[] {
  const { name, deletedAt } = namespace;
  if (deletedAt === undefined) {
    const lost = lostApis.map((api) => api.name).join(", ");
    return wrap(
      `Namespace ${name} is not being deleted.${lost === "" ? "" : ` A deletion would not end while the APIService ${lost} is not available.`}`,
      terminal.columns,
    );
  }
  const since = `Namespace ${name} is being deleted since ${new Date(deletedAt).toISOString()} (${duration(now - deletedAt)}).`;
  const isSeen = refused(content, isForbidden).length === 0;
  const way = isSeen
    ? " Nothing is in its way: what is left goes by itself."
    : " Of what could be looked at, nothing is in its way.";
  const state = steps.length === 0 ? way : "";
  return wrap(`${since}${state}`, terminal.columns).map((line) => terminal.paint("bold", line));
}

function section(title: string, lines: readonly string[], terminal: Terminal): readonly string[] {
  return lines.length === 0 ? [] : [terminal.paint("bold", title), ...lines];
}

function conditionLines({ namespace }: TerminationFacts, terminal: Terminal): readonly string[] {
  const { deletedAt, report } = namespace;
  if (deletedAt === undefined) return [];
  if (!report.isThere) return [`${INDENT}nothing yet`];
  const content = report.content.map(({ resource, count }) => `${resource} (${count})`);
  return [
    ...report.failures.flatMap(({ type, message }) =>
      indented(`${type}: ${oneLine(message).slice(0, MAX_CONDITION_LENGTH)}`, terminal),
    ),
    ...(content.length === 0 ? [] : indented(`NamespaceContentRemaining: ${content.join(", ")}`, terminal)),
    ...(report.finalizers.length === 0
      ? []
      : indented(`NamespaceFinalizersRemaining: ${report.finalizers.join(", ")}`, terminal)),
  ];
}

function contentLines({ content }: TerminationFacts, terminal: Terminal): readonly string[] {
  return content
    .filter(({ objects }) => objects.length > 0)
    .flatMap(({ resource, objects }) => {
      const names = firstOf(
        objects.map(({ name }) => name),
        MAX_NAMES,
      );
      return indented(`${resourceName(resource)} (${objects.length}): ${names}`, terminal);
    });
}

/** One line for all kinds that nobody may list, and one for each other reason. */
function refusalLines(
  { content, undiscovered, lostApis }: TerminationFacts,
  terminal: Terminal,
): readonly string[] {
  const forbidden = refused(content, isForbidden);
  const failed = refused(content, (one) => !isForbidden(one));
  const named = (some: readonly Content[]) => some.map(({ resource }) => resourceName(resource)).join(", ");
  return [
    ...(forbidden.length === 0 ? [] : indented(`you may not list ${named(forbidden)}`, terminal)),
    ...(lostApis === undefined ? indented("you may not list APIServices", terminal) : []),
    ...failed.flatMap((one) => indented(`${named([one])}: ${oneLine(one.refusal?.message ?? "")}`, terminal)),
    ...undiscovered.flatMap(({ api, refusal }) => indented(`${api}: ${oneLine(refusal.message)}`, terminal)),
  ];
}

function finalizerLines({ content, finalizers }: TerminationFacts, terminal: Terminal): readonly string[] {
  const holders = new Map<string, string[]>();
  for (const { resource, objects } of content)
    for (const { name, finalizers: own } of objects)
      for (const finalizer of own)
        holders.set(finalizer, [...(holders.get(finalizer) ?? []), `${resourceName(resource)}/${name}`]);
  return [...holders].flatMap(([finalizer, names]) =>
    indented(
      `${finalizer}: ${whoRemoves(finalizer, finalizers.get(finalizer))} (${firstOf(names, MAX_NAMES)})`,
      terminal,
    ),
  );
}

function stepLines(steps: readonly Step[], terminal: Terminal): readonly string[] {
  return steps.flatMap(({ text, commands }, index) => {
    const number = `${index + 1}. `;
    return [
      ...hanging(number, text, terminal.columns),
      // Whole, to be copied.
      ...commands.map(
        (command) => `${" ".repeat(number.length + INDENT.length)}${terminal.paint("cyan", command)}`,
      ),
    ];
  });
}

function indented(text: string, { columns }: Terminal): readonly string[] {
  const [first = "", ...rest] = wrap(text, columns - 2 * INDENT.length);
  return [`${INDENT}${first}`, ...rest.map((line) => `${INDENT}${INDENT}${line}`)];
}

function countOf(content: readonly Content[]): number {
  return content.reduce((sum, { objects }) => sum + objects.length, 0);
}

function inWords(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

const UNITS: readonly (readonly [ms: number, name: string])[] = [
  [24 * 60 * 60 * 1000, "day"],
  [60 * 60 * 1000, "hour"],
  [60 * 1000, "minute"],
];

function duration(ms: number): string {
  for (const [unit, name] of UNITS) if (ms >= unit) return inWords(Math.floor(ms / unit), name);
  return inWords(Math.max(0, Math.floor(ms / 1000)), "second");
}

function refused(content: readonly Content[], is: (refusal: Refusal) => boolean): readonly Content[] {
  return content.filter(({ refusal }) => refusal !== undefined && is(refusal));
}
