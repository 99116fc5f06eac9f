/** The commands that a container runs, as the kubelet starts them. */
import type { OptionValue } from "./command-arguments.ts";
import type { FieldPath } from "../field-path.ts";
import type { Environment } from "./invocations.ts";
import type { Container } from "../objects.ts";
import type { ShellWord } from "./shell.ts";

/** The value of a container's variable that stands in a ConfigMap; undefined if that is not known. */
export type ConfigMapValue = (configMap: string, key: string) => string | undefined;

const UNKNOWN: OptionValue = { value: undefined, prefix: "" };

/** A variable whose value refers to another one, or comes from elsewhere, is set and unknown. */
export function environmentOf({ env = [] }: Container, configMapValue: ConfigMapValue): Environment {
  let byName: ReadonlyMap<string | undefined, (typeof env)[number]> | undefined;
  return (name) => {
    byName ??= new Map(env.map((variable) => [variable.name, variable]));
    const variable = byName.get(name);
    if (variable === undefined) return undefined;
    const { configMapKeyRef } = variable.valueFrom ?? {};
    const value = configMapKeyRef
      ? configMapValue(configMapKeyRef.name ?? "", configMapKeyRef.key ?? "")
      : (variable.value ?? (variable.valueFrom ? undefined : ""));
    return value === undefined || value.includes("$(") ? UNKNOWN : { value, prefix: value };
  };
}

/** A command as it is written. */
export interface WrittenCommand {
  /** The items of each of its lists, and where in the container the list is. */
  readonly lists: readonly { readonly path: FieldPath; readonly items: readonly string[] }[];
}

/**
 * The container's command with its arguments, and those of its hooks and probes. Without a command the image has one, which as a
 * rule runs the arguments.
 */
export function commandsOf(container: Container): readonly WrittenCommand[] {
  const { command = [], args = [], lifecycle } = container;
  const found: WrittenCommand[] = [];
  if (command.length > 0 || args.length > 0) {
    const lists = [
      { path: ["command"], items: command },
      { path: ["args"], items: args },
    ];
    found.push({ lists });
  }
  for (const hook of ["postStart", "preStop"] as const) {
    const items = lifecycle?.[hook]?.exec?.command;
    if (items) found.push({ lists: [{ path: ["lifecycle", hook, "exec", "command"], items }] });
  }
  for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
    const items = container[probe]?.exec?.command;
    if (items) found.push({ lists: [{ path: [probe, "exec", "command"], items }] });
  }
  return found;
}

/** Its words, one an item. `field` is the container's. */
export function wordsOf(
  { lists }: WrittenCommand,
  field: FieldPath,
  environment: Environment,
): readonly ShellWord[] {
  return lists.flatMap(({ path, items }) =>
    items.map((item, index) => expanded(item, [...field, ...path, index], environment)),
  );
}

const REFERENCE = /\$(?:\$|\(([^()]*)\))/g;

/** With its references to variables, `$(NAME)`, as Kubernetes replaces them; `$$` is a dollar sign. */
function expanded(text: string, field: FieldPath, environment: Environment): ShellWord {
  const source = { field, text };
  let isKnown = true;
  const value = text.replaceAll(REFERENCE, (whole, name: string | undefined) => {
    if (name === undefined) return "$";
    const variable = environment(name);
    if (variable === undefined) return whole;
    isKnown &&= variable.value !== undefined;
    return variable.value ?? "";
  });
  if (!isKnown) return { value: undefined, prefix: "", source, isItem: true };
  const place = value === text ? { valueStart: 0, end: text.length } : {};
  return { value, prefix: value, source, isItem: true, ...place };
}
