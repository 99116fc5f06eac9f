/** `foresail check`: reads files, reviews what stands in them, reports. Contacts no cluster. */
import { text } from "node:stream/consumers";
import { readManifests } from "../cluster/manifests.ts";
import type { Manifests } from "../cluster/manifests.ts";
import { loadMeshState } from "../cluster/mesh-state.ts";
import { printable } from "../engine/render.ts";
import { countsAsFailure } from "../report/finding.ts";
import type { FailOn, Report } from "../report/finding.ts";
import type { Terminal } from "../report/terminal.ts";
import type { MeshSettings, Policy } from "../rules/policy.ts";
import type { AnyRule } from "../rules/rule.ts";
import { openBaseline } from "./check-baseline.ts";
import { checkManifests } from "./check-manifests.ts";
import type { CheckFailure } from "./check-manifests.ts";
import { namespaceOf, refuseContradictions, ruleFilter } from "./check-options.ts";
import { deliver } from "./check-report.ts";
import type { CheckOptions } from "./options.ts";
import { configurationProblems, readConfiguration } from "./read-configuration.ts";
import type { CommandResult, ExitCode } from "./result.ts";

export interface CheckContext {
  readonly rules: readonly AnyRule[];
  readonly version: string;
  /** Where the report is shown. */
  readonly terminal: Terminal;
}

export async function check(
  paths: readonly string[],
  options: CheckOptions,
  { rules, version, terminal }: CheckContext,
): Promise<CommandResult> {
  refuseContradictions(options);
  const isWanted = ruleFilter(options, rules);
  const namespace = namespaceOf(options.namespace);
  const configuration = await readConfiguration(options, rules);
  const acceptKnown = await openBaseline(options, isWanted);
  const input = await readManifests(paths, paths.includes("-") ? await text(process.stdin) : undefined);

  const outcome = checkManifests({
    manifests: input.manifests,
    state: await stateOf(options.meshState, configuration.mesh),
    namespace,
    rules,
    policy: onlyRules(configuration.policy, rules, isWanted),
    today: new Date().toISOString().slice(0, "YYYY-MM-DD".length),
  });
  const found = outcome.findings.filter(({ verdict }) => isWanted(verdict.rule));
  const { findings, lines } = await acceptKnown(found);
  const report: Report = {
    findings,
    documents: input.documents,
    objects: input.manifests.length,
    skipped: input.skipped,
    unreadable: new Set(input.problems.map(({ file }) => file)).size,
    problems: input.problems.map((problem) => ({ ...problem, message: printable(problem.message) })),
  };
  const { docsUrl } = configuration.policy;
  return {
    report: await deliver(report, options, { rules, version, docsUrl, terminal }),
    problems: [
      ...configurationProblems(options, configuration),
      ...problemsOf(input, paths),
      ...outcome.failures.map(failureLine),
      ...lines,
    ],
    exitCode: exitCodeOf(report, options.failOn),
  };
}

/** Off rather than absent, so that exemptions from them are still known. */
function onlyRules(policy: Policy, rules: readonly AnyRule[], isWanted: (id: string) => boolean): Policy {
  const off = rules
    .filter(({ id }) => !isWanted(id))
    .map(({ id }) => [id, { action: "Off", options: {} }] as const);
  return { ...policy, rules: new Map([...policy.rules, ...off]) };
}

/** Files never hold the whole cluster. */
async function stateOf(meshState: readonly string[], settings: MeshSettings) {
  const { store } = await loadMeshState(meshState, settings.clusterDomain);
  return { store, settings, isComplete: false };
}

function problemsOf({ problems, manifests }: Manifests, paths: readonly string[]): string[] {
  if (problems.length === 0 && manifests.length === 0) {
    return [`foresail: nothing to check: no Kubernetes objects in ${paths.join(", ")}`];
  }
  return problems.map(
    ({ file, line, column, message }) => `${printable(file)}:${line}:${column}: ${printable(message)}`,
  );
}

function failureLine({ rule, manifest, error }: CheckFailure): string {
  const { line } = manifest.position([]);
  return `foresail: ${rule} failed on ${manifest.file}:${line}: ${String(error)}; this is a bug in foresail`;
}

function exitCodeOf({ findings, objects, unreadable }: Report, failOn: FailOn): ExitCode {
  if (unreadable > 0 || objects === 0) return 2;
  return findings.some(({ verdict }) => countsAsFailure(verdict.action, failOn)) ? 1 : 0;
}
