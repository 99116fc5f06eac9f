/** Which filters of container runtimes select a finished istio-init, as the kubelet has it made. */
import type { OptionValue } from "../../kubernetes/shell/command-arguments.ts";

/** Leaves istio-init where it is; for commands that take filters of what to remove. */
export const SPARING_FILTER = "label!=io.kubernetes.container.name=istio-init";

/** Undefined: it depends on the Pod, on the time, or on what cannot be read. */
type Answer = boolean | undefined;

/** The kubelet's labels, with their values where these are the same in every Pod. */
const LABELS = new Map([
  ["io.kubernetes.container.logpath", undefined],
  ["io.kubernetes.container.name", "istio-init"],
  ["io.kubernetes.docker.type", "container"],
  ["io.kubernetes.pod.name", undefined],
  ["io.kubernetes.pod.namespace", undefined],
  ["io.kubernetes.pod.uid", undefined],
  ["io.kubernetes.sandbox.id", undefined],
]);
/** The beginning of its name in docker; namespace and name of the Pod follow. */
const NAME = "k8s_istio-init_";
const IMAGE = "proxyv2";

/** Whether a prune with these filters removes it. */
export function isPruned(filters: readonly OptionValue[]): Answer {
  const grouped = byKey(filters);
  const excluded = grouped.get("label!") ?? [];
  const answers = [...grouped].flatMap(([key, values]) => {
    if (key === "until" || key === "label!") return [true];
    return key === "label" ? values.map(hasLabel) : [undefined];
  });
  // Spared is what has all of the labels (docker: matchLabels in daemon/prune.go; podman: its filters of containers).
  const spares = excluded.length === 0 ? false : all(excluded.map(hasLabel));
  return all([...answers, spares === undefined ? undefined : !spares]);
}

/** Whether it is in a list of containers with these filters. */
export function isListed(filters: readonly OptionValue[]): Answer {
  return all([...byKey(filters)].map(([key, values]) => isListedBy(key, values)));
}

/** Whether the filters make a list hold finished containers, too, which others have only on demand. */
export function listsFinished(filters: readonly OptionValue[]): boolean {
  return byKey(filters).has("status");
}

function isListedBy(key: string, values: readonly OptionValue[]): Answer {
  const texts = values.map(({ value }) => value);
  switch (key) {
    case "label":
      return all(values.map(hasLabel));
    case "status":
      return any(texts.map((text) => (text === undefined ? undefined : text.toLowerCase() === "exited")));
    case "exited":
      return any(texts.map((text) => (text === undefined ? undefined : text === "0")));
    case "name":
      return any(texts.map(isInName));
    case "ancestor":
      return any(texts.map((text) => (text?.includes(IMAGE) ? true : undefined)));
    case "before":
    case "since":
    case "until":
      return true;
    default:
      return undefined;
  }
}

/** Of a name nothing is looked at but what all have in common. */
function isInName(pattern: string | undefined): Answer {
  if (pattern === undefined) return undefined;
  const isStart = /^\^?\/?/.exec(pattern)?.[0].includes("^") === true;
  const text = pattern.replace(/^\^?\/?/, "");
  const isIn = isStart ? NAME.startsWith(text) : NAME.includes(text);
  return isIn ? true : undefined;
}

/** `key` or `key=value`; anything else than the kubelet's labels it has not. */
function hasLabel({ value: label, prefix }: OptionValue): Answer {
  if (label === undefined) return isForeign(prefix) ? false : undefined;
  const equals = label.indexOf("=");
  const key = equals < 0 ? label : label.slice(0, equals);
  if (!LABELS.has(key)) return key.startsWith("annotation.") ? undefined : false;
  if (equals < 0) return true;
  const known = LABELS.get(key);
  return known === undefined ? undefined : known === label.slice(equals + 1);
}

/** A label of which only the beginning is known, and that tells enough. */
function isForeign(prefix: string): boolean {
  const key = prefix.split("=", 1).join();
  return prefix.includes("=") && !LABELS.has(key) && !key.startsWith("annotation.");
}

/** `label!=a=b` is one of `label!`. Under "" those of which not even that is known. */
function byKey(filters: readonly OptionValue[]): ReadonlyMap<string, readonly OptionValue[]> {
  const parts = filters.map(({ value, prefix }) => {
    const equals = prefix.indexOf("=");
    const key = equals < 0 ? "" : prefix.slice(0, equals);
    return { key, rest: { value: value?.slice(equals + 1), prefix: prefix.slice(equals + 1) } };
  });
  return new Map(
    [...Map.groupBy(parts, ({ key }) => key)].map(([key, group]) => [key, group.map(({ rest }) => rest)]),
  );
}

function all(answers: readonly Answer[]): Answer {
  if (answers.includes(false)) return false;
  return answers.includes(undefined) ? undefined : true;
}

function any(answers: readonly Answer[]): Answer {
  if (answers.includes(true)) return true;
  return answers.includes(undefined) ? undefined : false;
}
