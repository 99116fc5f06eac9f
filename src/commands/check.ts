/** `foresail check`: reads files, reviews what stands in them, reports. Contacts no cluster. */
import { writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { readManifests } from "../cluster/manifests.ts";
import type { Manifests } from "../cluster/manifests.ts";
import { loadMeshState } from "../cluster/mesh-state.ts";
import { DEFAULT_CONFIGURATION } from "../config/configuration.ts";
import type { Configuration } from "../config/configuration.ts";
import { isVersion } from "../config/scalars.ts";
import { OWN_ID } from "../engine/evaluate.ts";
import { printable } from "../engine/render.ts";
import { ForesailError, nearest } from "../errors.ts";
import { COMPONENTS } from "../istio/versions.ts";
import type { Component } from "../istio/versions.ts";
import { countByAction } from "../report/finding.ts";
import type { Report } from "../report/finding.ts";
import { renderJson } from "../report/json.ts";
import { PLAIN } from "../report/terminal.ts";
import type { Terminal } from "../report/terminal.ts";
import { renderText } from "../report/text.ts";
import type { MeshSettings, Policy } from "../rules/policy.ts";
import type { AnyRule } from "../rules/rule.ts";
import { checkManifests } from "./check-manifests.ts";
import type { CheckFailure } from "./check-manifests.ts";
import type { CheckOptions } from "./options.ts";
import type { CommandResult, ExitCode } from "./result.ts";

/** `terminal` is where the report is shown. */
export async function check(
  paths: readonly string[],
  options: CheckOptions,
  rules: readonly AnyRule[],
  terminal: Terminal,
): Promise<CommandResult> {
  const isWanted = ruleFilter(options, rules);
  const assume = parseAssumptions(options.assume);
  const configuration = await configurationOf(options.config, rules);
  const mesh = { ...configuration.mesh, assume: { ...configuration.mesh.assume, ...assume } };
  const input = await readManifests(paths, paths.includes("-") ? await text(process.stdin) : undefined);

  const { findings, failures } = checkManifests({
    manifests: input.manifests,
    state: await stateOf(options.meshState, mesh),
    namespace: namespaceOf(options.namespace),
    rules,
    policy: onlyRules(configuration.policy, rules, isWanted),
    today: new Date().toISOString().slice(0, "YYYY-MM-DD".length),
  });
  const report: Report = {
    findings: findings.filter(({ verdict }) => isWanted(verdict.rule)),
    documents: input.documents,
    objects: input.manifests.length,
    skipped: input.skipped,
    unreadable: new Set(input.problems.map(({ file }) => file)).size,
  };
  return {
    report: await deliver(report, options, terminal),
    problems: [
      ...configuration.warnings.map(
        ({ line, column, message }) => `${options.config}:${line}:${column}: ${message}`,
      ),
      ...problemsOf(input, paths),
      ...failures.map(failureLine),
    ],
    exitCode: exitCodeOf(report, options.failOn),
  };
}

/** Which ids --rule and --skip leave; foresail's own is one of them. */
function ruleFilter({ rule, skip }: CheckOptions, rules: readonly AnyRule[]): (id: string) => boolean {
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

/** Off rather than absent, so that exemptions from them are still known. */
function onlyRules(policy: Policy, rules: readonly AnyRule[], isWanted: (id: string) => boolean): Policy {
  const off = rules
    .filter(({ id }) => !isWanted(id))
    .map(({ id }) => [id, { action: "Off", options: {} }] as const);
  return { ...policy, rules: new Map([...policy.rules, ...off]) };
}

function parseAssumptions(texts: readonly string[]): Partial<Record<Component, string>> {
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

function namespaceOf(name: string): string {
  if (name === "") return "default";
  if (NAMESPACE.test(name)) return name;
  throw usageError(
    `-n ${JSON.stringify(name)} is no name of a namespace`,
    "Write lower case letters, digits and hyphens.",
  );
}

async function configurationOf(file: string | undefined, rules: readonly AnyRule[]): Promise<Configuration> {
  if (file === undefined) return DEFAULT_CONFIGURATION;
  const { loadConfiguration } = await import("../config/file.ts");
  return loadConfiguration(file, rules);
}

/** Files never hold the whole cluster. */
async function stateOf(meshState: readonly string[], settings: MeshSettings) {
  const { store } = await loadMeshState(meshState, settings.clusterDomain);
  return { store, settings, isComplete: false };
}

/** What is left for standard output. */
async function deliver(report: Report, options: CheckOptions, terminal: Terminal): Promise<string> {
  const { format, output, audit = false } = options;
  const place = output === undefined ? terminal : PLAIN;
  const rendered = format === "json" ? renderJson(report) : renderText(report, audit, place);
  if (output === undefined) return rendered;
  try {
    await writeFile(output, rendered);
  } catch (error) {
    throw usageError(`cannot write ${output}: ${String(error)}`, "Name a file in a folder that is there.");
  }
  return "";
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

function exitCodeOf({ findings, objects, unreadable }: Report, failOn: CheckOptions["failOn"]): ExitCode {
  if (unreadable > 0 || objects === 0) return 2;
  const { Deny, Warn, Fix } = countByAction(findings);
  const counted = { deny: Deny, warn: Deny + Warn, fix: Deny + Warn + Fix };
  return counted[failOn] > 0 ? 1 : 0;
}

function usageError(message: string, hint: string): ForesailError {
  return new ForesailError({ code: "USAGE", message, hint });
}
