/** `foresail explain lookup`: which DestinationRule a client gets for a host, and why. */
import { storeOf } from "../../cluster/files/mesh-state.ts";
import { knownNamespaces, lookupClients } from "../../cluster/lookup-clients.ts";
import type { LookupClient } from "../../cluster/lookup-clients.ts";
import type { Store } from "../../cluster/store.ts";
import { createView } from "../../cluster/view.ts";
import { ForesailError } from "../../errors.ts";
import { lookUp } from "../../istio/lookup/lookup.ts";
import type { LookupQuery } from "../../istio/lookup/query.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import { answerLine, errorLine, parseQuery } from "../../report/lookup/json.ts";
import { renderMatrix } from "../../report/lookup/matrix.ts";
import { renderLookup } from "../../report/lookup/text.ts";
import type { Terminal } from "../../report/terminal.ts";
import { MESH_READS, QUESTION_READS } from "../../rules/cluster-view.ts";
import type { ClusterView } from "../../rules/cluster-view.ts";
import type { MeshSettings } from "../../rules/policy.ts";
import type { AnyRule } from "../../rules/rule.ts";
import { linesOf } from "./line-reader.ts";
import { parseClient, resolveAskedHost } from "./lookup-question.ts";
import type { LookupOptions } from "../options.ts";
import { configurationProblems, readConfiguration } from "../read-configuration.ts";
import { readState } from "../read-state.ts";
import type { CommandResult, ExitCode, Output, Progress } from "../result.ts";

export interface LookupContext {
  /** Whose ids the configuration may name. */
  readonly rules: readonly AnyRule[];
  readonly terminal: Terminal;
  readonly output: Output;
  readonly progress: Progress;
}

/** What one query is asked of. */
interface Asked {
  readonly store: Store;
  readonly settings: MeshSettings;
  readonly view: ClusterView<Kind>;
}

/** Long answers are written while they are made. @throws ForesailError */
export async function explainLookup(options: LookupOptions, context: LookupContext): Promise<CommandResult> {
  refuseContradictions(options);
  const configuration = await readConfiguration(options, context.rules);
  const settings = configuration.mesh;
  const reads: readonly Kind[] = [...QUESTION_READS.lookup, ...MESH_READS];
  const { objects, told, detected, notes } = await readState(options, {
    kinds: [...new Set(options.all ? [...reads, ...QUESTION_READS.clients] : reads)],
    istioNamespace: settings.istioNamespace,
    progress: context.progress,
  });
  const store = storeOf(objects, settings.clusterDomain, detected);
  const asked = { store, settings, view: createView({ store, settings, isComplete: true, ...told }) };
  const { report, problems, exitCode } = await answer(options, asked, context);
  return {
    report,
    problems: [...configurationProblems(options, configuration), ...notes, ...problems],
    exitCode,
  };
}

async function answer(options: LookupOptions, asked: Asked, context: LookupContext): Promise<CommandResult> {
  if (options.queries !== undefined) {
    const exitCode = await answerQueries(options.queries, asked, context.output);
    return { report: "", problems: [], exitCode };
  }
  return options.all ? answerAll(options, asked, context) : answerOne(options, asked, context);
}

function refuseContradictions({ queries, all, client, host, proxy, meshState }: LookupOptions): void {
  const isSingle = client !== undefined || host !== undefined || proxy !== undefined;
  if (queries !== undefined && (all || isSingle)) {
    throw usageError("--queries stands alone", "Each of its lines names client, proxy and host.");
  }
  if (queries === "-" && meshState.includes("-")) {
    throw usageError("standard input can be read only once", "Give --queries or --mesh-state a file.");
  }
  if (queries !== undefined || all) return;
  if (client === undefined) {
    throw usageError(
      "who asks? --client is missing",
      "Write --client NAMESPACE, or --all for every client and host.",
    );
  }
  if (host === undefined) {
    throw usageError(
      "for which host? --host is missing",
      "Write --host reviews.prod, or --all for every client and host.",
    );
  }
}

/** Every line has an answer, in order, as soon as it can be given. */
async function answerQueries(path: string, { view }: Asked, output: Output): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  for await (const line of linesOf(path, "--queries")) {
    const query = parseQuery(line);
    if (typeof query === "string") {
      exitCode = 2;
      await output.write(errorLine(query));
    } else await output.write(answerLine(query, lookUp(query, view.lookup)));
  }
  return exitCode;
}

function answerOne(options: LookupOptions, asked: Asked, { terminal }: LookupContext): CommandResult {
  const { view } = asked;
  const { namespace, labels } = clientOf(options.client ?? "", asked);
  const { hostname, assumption } = hostOf(options.host ?? "", namespace, asked);
  const query: LookupQuery = {
    clientNamespace: namespace,
    clientLabels: labels,
    proxy: options.proxy ?? "sidecar",
    host: hostname,
  };
  const found = lookUp(query, view.lookup);
  if (options.format === "json") {
    const problems = assumption === undefined ? [] : [`foresail: ${assumption}`];
    return { report: answerLine(query, found), problems, exitCode: 0 };
  }
  const elsewhere = rulesElsewhere(query, found.steps, asked);
  const explained = { query, answer: found, mesh: view.lookup, assumption, elsewhere };
  return { report: renderLookup(explained, terminal), problems: [], exitCode: 0 };
}

function clientOf(text: string, { store, settings }: Asked) {
  return parseClient(text, knownNamespaces(store, settings.clientNamespaces.names));
}

function hostOf(host: string, namespace: string, { view, settings }: Asked) {
  return resolveAskedHost(host, namespace, { hosts: view.hosts, clusterDomain: settings.clusterDomain });
}

/** Rules that cover the host, in namespaces that are no step of this lookup. */
function rulesElsewhere(
  { host }: LookupQuery,
  steps: readonly { readonly namespace: string }[],
  { store, view }: Asked,
) {
  const onTheWay = new Set(steps.map(({ namespace }) => namespace));
  const others = [...store.namespacesOf("DestinationRule")].filter((namespace) => !onTheWay.has(namespace));
  return others
    .toSorted()
    .flatMap((namespace) =>
      view.lookup
        .hostsCovering(namespace, host)
        .flatMap((covering) => view.lookup.destinationRules(namespace, covering)),
    );
}

async function answerAll(
  options: LookupOptions,
  asked: Asked,
  context: LookupContext,
): Promise<CommandResult> {
  const { view, settings } = asked;
  const clients = clientsFor(options, asked);
  const hosts = hostsFor(options, clients[0]?.clientNamespace ?? "", asked);
  if (options.format === "json") {
    for (const client of clients) {
      for (const host of hosts) {
        const query = { ...client, host };
        await context.output.write(answerLine(query, lookUp(query, view.lookup)));
      }
    }
    return { report: "", problems: [], exitCode: 0 };
  }
  const matrix = {
    clients,
    hosts,
    clusterDomain: settings.clusterDomain,
    answer: (query: LookupQuery) => lookUp(query, view.lookup),
  };
  return { report: renderMatrix(matrix, context.terminal), problems: [], exitCode: 0 };
}

/** The one that was named, else all. */
function clientsFor(options: LookupOptions, asked: Asked): readonly LookupClient[] {
  const { store, settings, view } = asked;
  const { proxy } = options;
  if (options.client !== undefined) {
    const { namespace, labels } = clientOf(options.client, asked);
    return [{ clientNamespace: namespace, clientLabels: labels, proxy: proxy ?? "sidecar" }];
  }
  const known = lookupClients(view, store, settings.clientNamespaces.names);
  return proxy === undefined ? known : known.filter((client) => client.proxy === proxy);
}

function hostsFor(options: LookupOptions, clientNamespace: string, asked: Asked): readonly string[] {
  if (options.host !== undefined) return [hostOf(options.host, clientNamespace, asked).hostname];
  return [...new Set([...asked.view.hosts.coveredBy("*")].map(({ hostname }) => hostname))].toSorted();
}

function usageError(message: string, hint: string): ForesailError {
  return new ForesailError({ code: "USAGE", message, hint });
}
