/** The commands that a container runs, as the kubelet starts them. */
import type { OptionValue } from "./command-arguments.ts";
import type { FieldPath } from "./field-path.ts";
import type { Environment } from "./invocations.ts";
import type { Container } from "./objects.ts";
import type { ShellWord } from "./shell.ts";

/** The value of a container's variable that stands in a ConfigMap; undefined if that is not known. */
export type ConfigMapValue = (configMap: string, key: string) => string | undefined;

const UNKNOWN: OptionValue = { value: undefined, prefix: "" };

/** A variable whose value refers to another one, or comes from elsewhere, is set and unknown. */
export function environmentOf({ env = [] }: Container, configMapValue: ConfigMapValue): Environment {
  const byName = new Map(env.map((variable) => [variable.name, variable]));
  return (name) => {
    const variable = byName.get(name);
    if (variable === undefined) return undefined;
    const { configMapKeyRef } = variable.valueFrom ?? {};
    const value = configMapKeyRef
      ? configMapValue(configMapKeyRef.name ?? "", configMapKeyRef.key ?? "")
      : (variable.value ?? (variable.valueFrom ? undefined : ""));
    return value === undefined || value.includes("$(") ? UNKNOWN : { value, prefix: value };
  };
}

/**
 * Its command and arguments, and those of its hooks and probes, a word an item. `field` is the container's. Without a command
 * the image has one, which as a rule runs its arguments.
 */
export function* commandsOf(
  container: Container,
  field: FieldPath,
  environment: Environment,
): Iterable<readonly ShellWord[]> {
  const wordsIn = (items: readonly string[] = [], ...path: readonly string[]) =>
    items.map((item, index) => expanded(item, [...field, ...path, index], environment));
  yield [...wordsIn(container.command, "command"), ...wordsIn(container.args, "args")];
  for (const hook of ["postStart", "preStop"] as const)
    yield wordsIn(container.lifecycle?.[hook]?.exec?.command, "lifecycle", hook, "exec", "command");
  for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"] as const)
    yield wordsIn(container[probe]?.exec?.command, probe, "exec", "command");
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
