/** The impact of a change for people. The lists are Markdown's, for those who paste them into a merge request. */
import { oneLine } from "../../engine/render.ts";
import { formatField } from "../../kubernetes/field-path.ts";
import { sameJson } from "../../kubernetes/json-patch.ts";
import { KIND_FACTS } from "../../kubernetes/objects.ts";
import type { ChangedObject } from "../../impact/change.ts";
import type { ImpactFinding } from "../../impact/finding-difference.ts";
import type { Impact } from "../../impact/impact.ts";
import type { LookupChange, LookupOutcome } from "../../impact/lookups.ts";
import type { PodChange, Repair } from "../../impact/pods.ts";
import { count, countFindings } from "./summary.ts";
import { labelsInWords } from "../lookup/words.ts";
import { ACTION_STYLES, hanging } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

/** Names in a list; the others are counted. */
const MAX_NAMES = 8;

export function renderImpactText(impact: Impact, terminal: Terminal): string {
  const { lookups, clients, pods, findings, objects } = impact;
  const bold = (text: string) => terminal.paint("bold", text);
  const clientLines = [
    ...clients.gained.map(({ namespace, because }) => `${namespace} has clients now: ${because}`),
    ...clients.lost.map(
      ({ namespace, because }) => `${namespace} has no clients any more; it had: ${because}`,
    ),
  ];
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ["DestinationRules that clients get", lookupLines(lookups, terminal)],
    ["Namespaces with clients", clientLines.flatMap((text) => item(text, terminal))],
    ["Pods that are repaired otherwise at their next start", pods.flatMap((one) => podLines(one, terminal))],
    ["New findings", findings.added.filter(isSpoken).flatMap((one) => findingLines(one, "new", terminal))],
    [
      "Solved findings",
      findings.solved.filter(isSpoken).flatMap((one) => findingLines(one, "solved", terminal)),
    ],
  ];
  const blocks = [
    [summary(impact)],
    ...sections.map(([title, lines]) => (lines.length === 0 ? [] : [bold(title), "", ...lines])),
    [...ignored(objects), ...silent(findings)].flatMap((text) => hanging("", text, terminal.columns)),
  ];
  const texts = blocks.map((lines) => lines.join("\n")).filter((text) => text !== "");
  return `${texts.join("\n\n")}\n`;
}

/** `1 object (1 created): 2 lookups change; 1 new finding (1 Deny)` */
function summary({ objects, lookups, pods, findings, clients }: Impact): string {
  const changes = Map.groupBy(objects, ({ change }) => change);
  const parts = [...changes].map(([change, group]) => `${group.length} ${CHANGE_WORDS[change]}`);
  const effects = [
    ...(lookups.length > 0
      ? [`${count(lookups.length, "lookup")} ${lookups.length === 1 ? "changes" : "change"}`]
      : []),
    ...(clients.gained.length > 0 ? [`${count(clients.gained.length, "namespace")} with clients now`] : []),
    ...(clients.lost.length > 0 ? [`${count(clients.lost.length, "namespace")} without clients now`] : []),
    ...(pods.length > 0 ? [`${count(pods.length, "workload")} repaired otherwise`] : []),
    ...countInWords(findings.added.filter(isSpoken), "new finding"),
    ...countInWords(findings.solved.filter(isSpoken), "solved finding"),
  ];
  const effect = effects.length === 0 ? "no DestinationRule, repair or finding changes" : effects.join("; ");
  return `${count(objects.length, "object")}${parts.length > 0 ? ` (${parts.join(", ")})` : ""}: ${effect}`;
}

const CHANGE_WORDS: { readonly [C in ChangedObject["change"]]: string } = {
  created: "created",
  updated: "updated",
  deleted: "deleted",
  unchanged: "the same as before",
  absent: "not there",
  unknown: "not looked at",
};

function countInWords(findings: readonly ImpactFinding[], noun: string): readonly string[] {
  if (findings.length === 0) return [];
  const { Deny, Warn } = countFindings(findings);
  const inWords = [...(Deny > 0 ? [`${Deny} Deny`] : []), ...(Warn > 0 ? [`${Warn} Warn`] : [])];
  return [`${count(findings.length, noun)} (${inWords.join(", ")})`];
}

function isSpoken({ verdict }: ImpactFinding): boolean {
  return verdict.action !== "Audit";
}

function silent({ added, solved }: Impact["findings"]): readonly string[] {
  const [more, fewer] = [countFindings(added).Audit, countFindings(solved).Audit];
  return more + fewer === 0
    ? []
    : [`Findings that only audit (${more} new, ${fewer} solved) are in --format json.`];
}

/** Hosts and clients for which the same changes are told of together. */
function lookupLines(lookups: readonly LookupChange[], terminal: Terminal): string[] {
  const byHost = Map.groupBy(lookups, (change) => JSON.stringify([change.query.host, changeOf(change)]));
  const alike = Map.groupBy(byHost.values(), (group) =>
    JSON.stringify([group.map(({ query }) => clientInWords(query)), group.slice(0, 1).map(changeOf)]),
  );
  return [...alike.values()].flatMap((groups) => {
    const [clients = []] = groups;
    const [first] = clients;
    if (!first) return [];
    const hosts = groups.flatMap(([one]) => (one ? `\`${one.query.host}\`` : []));
    const names = namesOf(clients.map(({ query }) => clientInWords(query)));
    return [...item(`${namesOf(hosts)}, for clients in ${names}`, terminal), ...changeLines(first, terminal)];
  });
}

/** Without who asks for what. */
function changeOf({ before, after, gained, lost, changed }: LookupChange) {
  return { before, after, gained, lost, changed };
}

function changeLines({ before, after, gained, lost, changed }: LookupChange, terminal: Terminal): string[] {
  return [
    ...detail("before", outcomeInWords(before), terminal),
    ...detail("after", outcomeInWords(after), terminal),
    ...gained.flatMap(({ name, value }) => detail("gained", settingInWords(name, value), terminal)),
    ...lost.flatMap(({ name, value }) => detail("lost", settingInWords(name, value), terminal)),
    ...changed.flatMap(({ name, before: old, after: current }) =>
      detail("changed", `\`${name}\` from ${old || "none"} to ${current || "none"}`, terminal),
    ),
  ];
}

function clientInWords({ clientNamespace, clientLabels, proxy }: LookupChange["query"]): string {
  const labels = labelsInWords(clientLabels);
  const name = labels === "" ? clientNamespace : `${clientNamespace} (${labels})`;
  return proxy === "sidecar" ? name : `${name} (${proxy})`;
}

function outcomeInWords({ isVisible, isAlias, destinationRules }: LookupOutcome): string {
  if (!isVisible) return "none, the host is not visible";
  if (isAlias) return "none, it is an ExternalName Service";
  return destinationRules.length === 0 ? "none" : destinationRules.join(" + ");
}

function settingInWords(name: string, value: string): string {
  return value === "" ? `\`${name}\`` : `\`${name}\` (${value})`;
}

function podLines(
  { source: { kind, namespace, name }, before, after }: PodChange,
  terminal: Terminal,
): string[] {
  return [
    ...item(`${KIND_FACTS[kind].kind} ${namespace}/${name}`, terminal),
    ...repairLines("before", before, after, terminal),
    ...repairLines("after", after, before, terminal),
  ];
}

/** What the other does not set, or otherwise. */
function repairLines(label: string, repair: Repair, other: Repair, terminal: Terminal): string[] {
  const own = [...repair].filter(([field, value]) => !sameJson(other.get(field), value));
  if (own.length === 0) return detail(label, repair.size === 0 ? "no repair" : "nothing else", terminal);
  return own.flatMap(([field, value]) =>
    detail(label, `\`${field}\` set to ${JSON.stringify(value)}`, terminal),
  );
}

function findingLines(
  { verdict, object, manifest }: ImpactFinding,
  kind: "new" | "solved",
  terminal: Terminal,
): string[] {
  const { action, rule, message, field, remedy, docs } = verdict;
  const name = object.namespace === "" ? object.name : `${object.namespace}/${object.name}`;
  const place = manifest ? ` at ${manifest.file}:${manifest.position(field).line}` : "";
  const where = field.length === 0 ? "" : ` (${formatField(field)})`;
  const [first = "", ...rest] = item(
    `${action} ${rule}: ${object.kind} ${name}${place}: ${message}${where}`,
    terminal,
  );
  return [
    first.replace(action, terminal.paint(ACTION_STYLES[action], action)),
    ...rest,
    ...(kind === "new" && remedy !== "" ? detail("fix", remedy, terminal) : []),
    ...(kind === "new" ? detail("docs", docs, terminal) : []),
  ];
}

/** What the change names and this says nothing about. */
function ignored(objects: readonly ChangedObject[]): readonly string[] {
  const named = (change: ChangedObject["change"]) =>
    objects
      .filter((one) => one.change === change)
      .map(({ manifest, namespace }) => {
        const place = namespace === "" ? "" : `${namespace}/`;
        return oneLine(`${manifest.kindName} ${place}${manifest.name}`);
      });
  const [unknown, absent] = [named("unknown"), named("absent")];
  return [
    ...(unknown.length > 0 ? [`Not looked at: ${namesOf(unknown)}.`] : []),
    ...(absent.length > 0 ? [`Not there, so that nothing is deleted: ${namesOf(absent)}.`] : []),
  ];
}

function item(text: string, { columns }: Terminal): string[] {
  return hanging("- ", oneLine(text), columns);
}

function detail(label: string, text: string, { columns }: Terminal): string[] {
  return hanging(`  - ${label}: `, oneLine(text), columns).map((line, index) =>
    index === 0 ? line : `    ${line.trimStart()}`,
  );
}

function namesOf(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
