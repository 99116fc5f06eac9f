/** What a person asks the lookup on the command line, made exact: short names are resolved, unknown ones refused with what is known. */
import { ForesailError, nearest } from "../../errors.ts";
import { meantHost, serviceHostname } from "../../istio/hosts.ts";
import type { Labels } from "../../kubernetes/objects.ts";
import type { HostQuestions } from "../../rules/cluster-view.ts";

const MAX_NAMES = 5;
const HINT = "Write --client NAMESPACE, or --client NAMESPACE,label=value with labels of its Pods.";

export interface AskedClient {
  readonly namespace: string;
  readonly labels: Labels;
}

/** `shop,app=cart` @throws ForesailError USAGE */
export function parseClient(text: string, namespaces: readonly string[]): AskedClient {
  const [namespace = "", ...pairs] = text.split(",").map((one) => one.trim());
  if (namespace === "" || namespace.includes("=")) {
    throw usageError(`--client ${JSON.stringify(text)} names no namespace`, HINT);
  }
  const labels: Record<string, string> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 1) throw usageError(`--client: ${JSON.stringify(pair)} is no label`, HINT);
    labels[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  if (!namespaces.includes(namespace)) throw unknownNamespace(namespace, namespaces);
  return { namespace, labels };
}

function unknownNamespace(namespace: string, namespaces: readonly string[]): ForesailError {
  const meant = nearest(namespace, namespaces);
  const known = namespaces.length === 0 ? "No namespace is known." : `Known are ${listOf(namespaces)}.`;
  return usageError(
    `nothing is known of a namespace ${JSON.stringify(namespace)}`,
    meant === undefined ? known : `Did you mean ${meant}? ${known}`,
  );
}

export interface AskedHost {
  readonly hostname: string;
  /** What the host was taken for, if not literally; a sentence. */
  readonly assumption: string | undefined;
}

/** `reviews` and `reviews.prod` mean Services, for people. @throws ForesailError USAGE */
export function resolveAskedHost(
  host: string,
  clientNamespace: string,
  { hosts, clusterDomain }: { readonly hosts: HostQuestions; readonly clusterDomain: string },
): AskedHost {
  const isKnown = (hostname: string) => hosts.named(hostname).length > 0;
  if (isKnown(host)) return { hostname: host, assumption: undefined };
  const meant = meantHost(host, clusterDomain, (namespace, service) =>
    isKnown(serviceHostname(service, namespace, clusterDomain)),
  );
  const taken = (hostname: string, why: string) => ({
    hostname,
    assumption: `${host} is taken for ${hostname}${why}.`,
  });
  if (isKnown(meant)) return taken(meant, "");
  const own = serviceHostname(meant, clientNamespace, clusterDomain);
  if (isKnown(own)) return taken(own, ", the Service in the client's namespace");
  const namespaces = hosts.namespacesOfService(meant);
  const [only, ...others] = namespaces;
  if (only === undefined) throw unknownHost(host, hosts);
  if (others.length === 0) {
    return taken(serviceHostname(meant, only, clusterDomain), ", the only Service of that name");
  }
  throw usageError(
    `${host} may be a Service in ${listOf(namespaces)}`,
    `Write ${meant}.NAMESPACE, such as ${meant}.${only}.`,
  );
}

function unknownHost(host: string, hosts: HostQuestions): ForesailError {
  const wildcard = hosts.wildcardAbove(host)?.hostname;
  const problem = `no Service or ServiceEntry has the host ${JSON.stringify(host)}`;
  if (wildcard !== undefined) {
    return usageError(problem, `The mesh has ${wildcard}, and looks rules up for that host: ask for it.`);
  }
  const known = [...new Set([...hosts.coveredBy("*")].map(({ hostname }) => hostname))].toSorted();
  const meant = nearest(host, known);
  if (meant !== undefined) return usageError(problem, `Did you mean ${meant}?`);
  return usageError(problem, known.length === 0 ? "No host is known at all." : `Known are ${listOf(known)}.`);
}

function listOf(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function usageError(message: string, hint: string): ForesailError {
  return new ForesailError({ code: "USAGE", message, hint });
}
