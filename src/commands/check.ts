/** `foresail check`: reads files, reviews what stands in them, reports. Contacts no cluster. */
import { readManifests } from "../cluster/files/manifests.ts";
import type { Manifest, Manifests } from "../cluster/files/manifests.ts";
import { loadMeshState } from "../cluster/files/mesh-state.ts";
import type { ReadText } from "../cluster/files/read-text.ts";
import { printable } from "../engine/render.ts";
import { countsAsFailure } from "../report/finding.ts";
import type { FailOn, Report } from "../report/finding.ts";
import type { Terminal } from "../report/terminal.ts";
import type { MeshSettings, Policy } from "../rules/policy.ts";
import type { AnyRule } from "../rules/rule.ts";
import type { Repaired, RepairRequest } from "./check/fix.ts";
import { openBaseline } from "./check/baseline.ts";
import { checkManifests } from "./check/check-manifests.ts";
import type { CheckFailure } from "./check/check-manifests.ts";
import { namespaceOf, refuseContradictions, ruleFilter } from "./check-options.ts";
import { deliver } from "./check/report.ts";
import { inputLines } from "./check/input-lines.ts";
import type { CheckOptions } from "./options.ts";
import { Patience } from "./check/patience.ts";
import { configurationProblems, readConfiguration } from "./read-configuration.ts";
import type { CommandResult, ExitCode, Progress } from "./result.ts";
import { keepHeapSmall } from "./check/small-heap.ts";
import { standardInputFor } from "./standard-input.ts";

export interface CheckContext {
  readonly rules: readonly AnyRule[];
  readonly version: string;
  /** Where the report is shown. */
  readonly terminal: Terminal;
  /** Undefined where nobody watches. */
  readonly progress: Progress | undefined;
}

export async function check(
  paths: readonly string[],
  options: CheckOptions,
  { rules, version, terminal, progress }: CheckContext,
): Promise<CommandResult> {
  keepHeapSmall();
  refuseContradictions(options, paths);
  const isWanted = ruleFilter(options, rules);
  const namespace = namespaceOf(options.namespace);
  const configuration = await readConfiguration(options, rules);
  const acceptKnown = await openBaseline(options, isWanted);
  const patience = new Patience(progress);
  const today = new Date().toISOString().slice(0, "YYYY-MM-DD".length);
  const policy = onlyRules(configuration.policy, rules, isWanted);
  const onReview = (done: number, all: number) => patience.at(() => `checking: ${done} of ${all} objects`);
  const checkAgain = async (manifests: readonly Manifest[]) => {
    const state = await stateOf(options.meshState, configuration.mesh);
    return checkManifests({ manifests, state, namespace, rules, policy, today, onReview });
  };

  const { standardInput } = await standardInputFor(paths);
  const input = await readInput(paths, standardInput, patience);
  const { manifests } = input;
  const asRead = await checkAgain(manifests);
  const { outcome, output, fixLines } = await repairIfAsked(options, {
    manifests,
    outcome: asRead,
    standardInput: standardInput && "text" in standardInput ? standardInput.text : undefined,
    checkAgain,
  });
  const found = outcome.findings.filter(({ verdict }) => isWanted(verdict.rule));
  const { findings, lines } = await acceptKnown(found);
  const report: Report = {
    findings,
    documents: input.documents,
    objects: input.manifests.length,
    skipped: input.skipped,
    templates: sumOf(input.templates),
    patches: sumOf(input.patches),
    unreadable: new Set(input.problems.map(({ file }) => file)).size,
    problems: input.problems.map((problem) => ({ ...problem, message: printable(problem.message) })),
  };
  const { docsUrl } = configuration.policy;
  const rendered = await deliver(report, options, {
    rules,
    version,
    docsUrl,
    terminal,
    repairs: outcome.repairs,
  });
  return {
    report: output ?? rendered,
    problems: [
      ...(output === undefined || rendered === "" ? [] : [rendered.trimEnd()]),
      ...configurationProblems(options, configuration),
      ...inputLines(input, paths),
      ...outcome.failures.map(failureLine),
      ...lines,
      ...fixLines,
    ],
    exitCode: exitCodeOf(report, options.failOn),
  };
}

/** Loads what changes files only when they are to be changed. */
async function repairIfAsked(options: CheckOptions, request: RepairRequest): Promise<Repaired> {
  if (options.fix !== true) return { outcome: request.outcome, output: undefined, fixLines: [] };
  const { repair } = await import("./check/fix.ts");
  return repair(options, request);
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

async function readInput(
  paths: readonly string[],
  standardInput: ReadText | undefined,
  patience: Patience,
): Promise<Manifests> {
  let documents = 0;
  return readManifests(paths, {
    ...(standardInput === undefined ? {} : { standardInput }),
    heedIgnoreFiles: true,
    onDocument(file) {
      documents++;
      patience.at(() => `reading: ${documents} documents, now in ${printable(file)}`);
    },
  });
}

function sumOf(skipped: readonly { readonly count: number }[]): number {
  return skipped.reduce((sum, { count }) => sum + count, 0);
}

function failureLine({ rule, manifest, error }: CheckFailure): string {
  const { line } = manifest.position([]);
  return `foresail: ${rule} failed on ${manifest.file}:${line}: ${String(error)}; this is a bug in foresail`;
}

function exitCodeOf({ findings, objects, unreadable }: Report, failOn: FailOn): ExitCode {
  if (unreadable > 0 || objects === 0) return 2;
  return findings.some(({ verdict }) => countsAsFailure(verdict.action, failOn)) ? 1 : 0;
}
