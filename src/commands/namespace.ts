/** `foresail namespace`: why a namespace does not end, and its end without what is in it. */
import type { ApiServer } from "../api-server/client.ts";
import { connectToApiServer } from "../api-server/connect.ts";
import { ApiStatusError } from "../api-server/status-error.ts";
import { readWholeState } from "../cluster/files/mesh-state.ts";
import { terminationIn } from "../cluster/termination/files.ts";
import { readNamespace, readTermination } from "../cluster/termination/read-termination.ts";
import { ForesailError } from "../errors.ts";
import { renderOrphans, renderTermination } from "../report/termination-text.ts";
import type { Terminal } from "../report/terminal.ts";
import { isForbidden } from "../termination/facts.ts";
import type { TerminationFacts } from "../termination/facts.ts";
import { stepsFor } from "../termination/steps.ts";
import { finalize, requireFinalizable, requireSeen, whyUnseen } from "./namespace/finalize.ts";
import type { NamespaceOptions } from "./options.ts";
import { refuseTwoSources } from "./read-state.ts";
import { standardInputFor } from "./standard-input.ts";
import type { CommandResult, ExitCode, Output, Progress } from "./result.ts";

export interface NamespaceContext {
  readonly terminal: Terminal;
  readonly output: Output;
  readonly progress: Progress;
}

const FORBIDDEN = 403;
const NOT_FOUND = 404;
/** As the API server has it: RFC 1123, a label. */
const NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** @throws ForesailError */
export async function namespace(
  name: string,
  options: NamespaceOptions,
  { terminal, output, progress }: NamespaceContext,
): Promise<CommandResult> {
  requireFlags(name, options);
  const { kubeconfig, meshState } = options;
  if (meshState.length > 0) return inFiles(name, options, terminal);
  progress.show("asking the cluster");
  const api = await connectToApiServer(kubeconfig === undefined ? {} : { kubeconfig });
  try {
    const facts = await readFacts(api, name, options, progress);
    if (options.finalize !== true) return withCluster(explained(facts, terminal), kubeconfig);
    if (options.yes !== true) return orphansOnly(facts, terminal, kubeconfig);
    progress.end();
    requireSeen(facts);
    await output.write(renderOrphans(facts, terminal));
    return await finalize(api, facts);
  } finally {
    await api.close();
  }
}

async function inFiles(
  name: string,
  { meshState, finalize: isFinal }: NamespaceOptions,
  terminal: Terminal,
): Promise<CommandResult> {
  const { standardInput } = await standardInputFor(meshState);
  const facts = terminationIn(await readWholeState(meshState, standardInput), name);
  if (facts === undefined) {
    throw new ForesailError({
      code: "NAMESPACE_UNKNOWN",
      message: `there is no namespace ${name} in ${meshState.join(", ")}`,
      hint: `\`kubectl get namespace ${name} -o yaml\` writes it; what is in it belongs there as well.`,
    });
  }
  if (isFinal !== true) return explained(facts, terminal);
  requireFinalizable(facts.namespace);
  return orphansOnly(facts, terminal);
}

function explained(facts: TerminationFacts, terminal: Terminal): CommandResult {
  const now = Date.now();
  return {
    report: renderTermination(facts, now, terminal),
    problems: [],
    exitCode: exitCodeFor(facts, now),
  };
}

/** The steps go to kubectl's own cluster, unless they are told. */
function withCluster(result: CommandResult, kubeconfig: string | undefined): CommandResult {
  if (kubeconfig === undefined || result.exitCode !== 1) return result;
  const problem = `foresail: the commands above are for this cluster: export KUBECONFIG=${shellWord(kubeconfig)}`;
  return { ...result, problems: [...result.problems, problem] };
}

function orphansOnly(facts: TerminationFacts, terminal: Terminal, kubeconfig?: string): CommandResult {
  const { name } = facts.namespace;
  const flag = kubeconfig === undefined ? "" : ` --kubeconfig ${shellWord(kubeconfig)}`;
  const why = whyUnseen(facts);
  const problem =
    why === undefined
      ? `nothing was done; to end the namespace all the same: foresail namespace ${name} --finalize --yes${flag}`
      : `nothing was done, and nothing would be with --yes: ${why}`;
  return { report: renderOrphans(facts, terminal), problems: [`foresail: ${problem}`], exitCode: 1 };
}

function shellWord(text: string): string {
  return /^[\w./~:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** What nobody let us see may be in the way as well. */
function exitCodeFor(facts: TerminationFacts, now: number): ExitCode {
  const { namespace: found, content } = facts;
  if (found.deletedAt === undefined) return 0;
  if (stepsFor(facts, now).length > 0) return 1;
  return content.some(({ refusal }) => refusal !== undefined && isForbidden(refusal)) ? 2 : 0;
}

function requireFlags(name: string, options: NamespaceOptions): void {
  const { finalize: isFinal, yes, meshState } = options;
  refuseTwoSources(options);
  if (!NAME.test(name)) {
    throw new ForesailError({
      code: "USAGE",
      message: `${JSON.stringify(name)} is no name of a namespace`,
      hint: "Small letters, digits and hyphens, at most 63: `kubectl get namespaces` lists them.",
    });
  }
  if (yes === true && isFinal !== true) {
    throw new ForesailError({
      code: "USAGE",
      message: "--yes needs --finalize",
      hint: `\`foresail namespace ${name}\` changes nothing; --finalize shows what would be left behind.`,
    });
  }
  if (yes === true && meshState.length > 0) {
    throw new ForesailError({
      code: "USAGE",
      message: "--yes ends a namespace of a cluster, not one of files",
      hint: "Leave out --mesh-state, or --yes.",
    });
  }
}

async function readFacts(
  api: ApiServer,
  name: string,
  options: NamespaceOptions,
  progress: Progress,
): Promise<TerminationFacts> {
  try {
    const { facts } = await readNamespace(api, name);
    if (options.finalize === true) requireFinalizable(facts);
    return await readTermination(api, facts, (line) => progress.show(line));
  } catch (cause) {
    throw inWords(api, name, cause);
  }
}

function inWords({ url }: ApiServer, name: string, cause: unknown): unknown {
  if (cause instanceof ForesailError) return cause;
  const status = cause instanceof ApiStatusError ? cause.status : undefined;
  if (status === NOT_FOUND) {
    return new ForesailError({
      code: "NAMESPACE_UNKNOWN",
      message: `there is no namespace ${name} in the cluster of ${url}`,
      hint: "Is it gone already, or is this another cluster? `kubectl config current-context` names it.",
      cause,
    });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (status === FORBIDDEN) {
    return new ForesailError({
      code: "CLUSTER_FORBIDDEN",
      message: `the API server ${url} does not let you look: ${reason}`,
      hint: "You need the right to get the namespace, and to list what is in it.",
      cause,
    });
  }
  return new ForesailError({
    code: "CLUSTER_UNREACHABLE",
    message: `the cluster of ${url} could not be read to its end: ${reason}`,
    hint: "Try again; nothing was changed.",
    cause,
  });
}
