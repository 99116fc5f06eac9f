/** What the flags of `foresail check` mean; each that cannot be meant so is an error with code USAGE. */
import { isVersion } from "../config/scalars.ts";
import { OWN_ID } from "../engine/evaluate.ts";
import { ForesailError, nearest } from "../errors.ts";
import { COMPONENTS } from "../istio/versions.ts";
import type { Component } from "../istio/versions.ts";
import type { AnyRule } from "../rules/rule.ts";
import type { CheckOptions } from "./options.ts";

/** Flags that need, or rule out, one another. */
export function refuseContradictions(options: CheckOptions, paths: readonly string[]): void {
  const { fix, dryRun, format, output, baseline, writeBaseline } = options;
  if (dryRun === true && fix !== true) {
    throw usageError("--dry-run is only for --fix", "Write --fix --dry-run to see what --fix would change.");
  }
  const isTaken = fix === true && (dryRun === true || paths.includes("-"));
  if (isTaken && format !== "text" && output === undefined) {
    throw usageError(
      `--fix prints ${dryRun === true ? "the diff" : "the fixed text"}, so there is no place for --format ${format}`,
      "Write the report to a file: -o FILE.",
    );
  }
  if (baseline !== undefined && writeBaseline !== undefined) {
    throw usageError(
      "--baseline and --write-baseline rule each other out",
      "Write the baseline once with --write-baseline, and check with --baseline from then on.",
    );
  }
}

/** Which ids --rule and --skip leave; foresail's own is one of them. */
export function ruleFilter({ rule, skip }: CheckOptions, rules: readonly AnyRule[]): (id: string) => boolean {
  const known = [...rules.map(({ id }) => id), OWN_ID];
  for (const id of [...rule, ...skip]) {
    if (known.includes(id)) continue;
    const meant = nearest(id, known);
    throw usageError(
      `there is no rule ${JSON.stringify(id)}`,
      meant === undefined ? "`foresail explain` lists the rules." : `Did you mean ${meant}?`,
    );
  }
  return (id) => (rule.length === 0 || rule.includes(id)) && !skip.includes(id);
}

/** `istio=1.10,kubernetes=1.22`, each; a component that is named twice is as it was named last. */
export function parseAssumptions(texts: readonly string[]): Partial<Record<Component, string>> {
  const assumed: Partial<Record<Component, string>> = {};
  for (const part of texts.flatMap((one) => one.split(","))) {
    const [name = "", version = ""] = part.split("=", 2).map((one) => one.trim());
    const component = COMPONENTS.find((one) => one === name);
    if (component === undefined) {
      const meant = nearest(name, COMPONENTS);
      throw usageError(
        `--assume knows no component ${JSON.stringify(name)}`,
        meant === undefined ? `Write one of ${COMPONENTS.join(", ")}.` : `Did you mean ${meant}?`,
      );
    }
    if (!isVersion(version)) {
      throw usageError(
        `--assume ${component}: ${JSON.stringify(version)} is no version`,
        `Write for example ${component}=1.10.`,
      );
    }
    assumed[component] = version;
  }
  return assumed;
}

/** A label as RFC 1123 has it: the API server takes no other name. */
const NAMESPACE = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

export function namespaceOf(name: string): string {
  if (name === "") return "default";
  if (NAMESPACE.test(name)) return name;
  throw usageError(
    `-n ${JSON.stringify(name)} is no name of a namespace`,
    "Write lower case letters, digits and hyphens.",
  );
}

function usageError(message: string, hint: string): ForesailError {
  return new ForesailError({ code: "USAGE", message, hint });
}
