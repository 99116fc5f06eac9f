/** `foresail impact`: what would change if these manifests were applied, or deleted. */
import { readManifests } from "../cluster/files/manifests.ts";
import type { Manifests } from "../cluster/files/manifests.ts";
import { printable } from "../engine/render.ts";
import type { RuleFailure } from "../engine/verdict.ts";
import { ForesailError } from "../errors.ts";
import { changeOf, identity, namespaceOf as namespaceOfManifest } from "../impact/change.ts";
import { impactOf } from "../impact/impact.ts";
import type { Impact } from "../impact/impact.ts";
import { KINDS } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { countFindings } from "../report/impact/summary.ts";
import { renderImpactJson } from "../report/impact/json.ts";
import { renderImpactText } from "../report/impact/text.ts";
import type { Terminal } from "../report/terminal.ts";
import type { AnyRule } from "../rules/rule.ts";
import { namespaceOf } from "./check-options.ts";
import type { ImpactOptions } from "./options.ts";
import { configurationProblems, readConfiguration } from "./read-configuration.ts";
import { readState } from "./read-state.ts";
import type { CommandResult, ExitCode, Progress } from "./result.ts";
import { skippedLines } from "./skipped-lines.ts";
import { standardInputFor } from "./standard-input.ts";

export interface ImpactContext {
  readonly rules: readonly AnyRule[];
  readonly terminal: Terminal;
  readonly progress: Progress;
}

/**
 * Jobs and ReplicaSets are made by controllers, many of them: what stands at their beginning tells how the next Pod is made.
 * CustomResourceDefinitions are megabytes, and few people may list them: only those who are about to change them need them. Few may
 * list Nodes, too. APIServices say whether a namespace can be deleted.
 */
const DEFINITION = "CustomResourceDefinition";
const LEFT_OUT: readonly Kind[] = ["APIService", DEFINITION, "Job", "Node", "ReplicaSet"];

/** @throws ForesailError */
export async function impact(
  paths: readonly string[],
  options: ImpactOptions,
  { rules, terminal, progress }: ImpactContext,
): Promise<CommandResult> {
  if (paths.includes("-") && options.meshState.includes("-")) {
    throw new ForesailError({
      code: "USAGE",
      message: "standard input can be read only once",
      hint: "Give the change or --mesh-state a file.",
    });
  }
  const namespace = namespaceOf(options.namespace);
  const configuration = await readConfiguration(options, rules);
  const input = await readManifests(paths, { ...(await standardInputFor(paths)), heedIgnoreFiles: true });
  const named = new Set(
    input.manifests.map((one) => identity(one.kind ?? "", namespaceOfManifest(one, { namespace }), one.name)),
  );
  const has = (wanted: Kind) => input.manifests.some(({ kind }) => kind === wanted);
  const isNeeded = (kind: Kind) =>
    (kind === DEFINITION && has(DEFINITION)) ||
    (kind === "APIService" && (has("APIService") || (options.delete === true && has("Namespace"))));
  const state = await readState(options, {
    kinds: KINDS.filter((kind) => !LEFT_OUT.includes(kind) || isNeeded(kind)),
    istioNamespace: configuration.mesh.istioNamespace,
    // What the last apply has set is told apart from what others have.
    isWhole: (kind, { namespace: place, name }) => named.has(identity(kind, place, name)),
    progress,
  });
  const now = new Date().toISOString();
  const failures: RuleFailure[] = [];
  const change = changeOf({
    manifests: input.manifests,
    state: state.objects,
    isDeletion: options.delete ?? false,
    namespace,
    now,
  });
  const judging = {
    rules,
    policy: configuration.policy,
    today: now.slice(0, "YYYY-MM-DD".length),
    onFailures: (list: readonly RuleFailure[]) => failures.push(...list),
  };
  const found = impactOf(change, configuration.mesh, judging, state);
  const unreadable = new Set(input.problems.map(({ file }) => file)).size;
  return {
    report:
      options.format === "json" ? renderImpactJson(found, unreadable) : renderImpactText(found, terminal),
    problems: [
      ...configurationProblems(options, configuration),
      ...state.notes,
      ...problemsOf(input, paths),
      ...failureLines(failures),
    ],
    exitCode: exitCodeOf(found, unreadable),
  };
}

function problemsOf(input: Manifests, paths: readonly string[]): readonly string[] {
  const { problems, manifests } = input;
  const skipped = skippedLines(input);
  if (problems.length === 0 && manifests.length === 0) {
    return [...skipped, `foresail: nothing to apply: no Kubernetes objects in ${paths.join(", ")}`];
  }
  const lines = problems.map(
    ({ file, line, column, message }) => `${printable(file)}:${line}:${column}: ${printable(message)}`,
  );
  return [...skipped, ...lines];
}

/** The first of each rule. */
function failureLines(failures: readonly RuleFailure[]): readonly string[] {
  const first = new Map(failures.toReversed().map(({ rule, error }) => [rule, error]));
  return [...first].map(
    ([rule, error]) => `foresail: ${rule} failed: ${String(error)}; this is a bug in foresail`,
  );
}

function exitCodeOf({ objects, findings }: Impact, unreadable: number): ExitCode {
  if (unreadable > 0 || objects.length === 0) return 2;
  const { Deny, Warn } = countFindings(findings.added);
  return Deny + Warn > 0 ? 1 : 0;
}
