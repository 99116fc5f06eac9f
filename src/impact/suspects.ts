/** Which objects, not changed themselves, can have other findings than before. */
import { coversHost, isWildcard, resolveHost } from "../istio/hosts.ts";
import { claimsOfExternalName, claimsOfServiceEntry } from "../istio/ports/claims.ts";
import { readObject } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { isPodKind } from "../kubernetes/pod-template.ts";
import { QUESTION_READS } from "../rules/cluster-view.ts";
import type { ChangedObject } from "./change.ts";
import { isMeshChanged } from "./judging.ts";
import type { LookupChange } from "./lookups.ts";
import { makesClients } from "./touched.ts";
import type { Moments, Touched } from "./touched.ts";

interface Suspect {
  readonly kind: Kind;
  readonly namespace: string;
  readonly object: unknown;
}

export type IsSuspect = (suspect: Suspect) => boolean;

/** By where rules look from an object: its own namespace, the root namespace, the hosts that it speaks of, its ports. */
export function suspectsOf(
  changed: readonly ChangedObject[],
  moments: Moments,
  touched: Touched,
  lookups: readonly LookupChange[],
): IsSuspect {
  const namespaces = namespacesOf(changed);
  if (isMeshChanged(changed, moments) || isRootChanged(changed, moments)) return () => true;
  const clientNamespaces = namespacesOf(
    changed.filter(({ manifest: { kind } }) => kind && makesClients(kind)),
  );
  const hosts = new HostNames([
    ...touched.namedHosts,
    ...lookups.map(({ query }) => query.host),
    ...[...clientNamespaces].flatMap((namespace) => hostsOfRules(namespace, moments)),
  ]);
  const ports = new Set(
    changed.flatMap(({ manifest: { kind }, before, after }) => [
      ...claimedPorts(kind, before),
      ...claimedPorts(kind, after),
    ]),
  );
  return ({ kind, namespace, object }) => {
    if (namespaces.has(namespace)) return true;
    if (ports.size > 0 && claimedPorts(kind, object).some((port) => ports.has(port))) return true;
    if (kind === "VirtualService") return hostsOfRoutes(object).some((host) => hosts.meet(host));
    if (kind !== "DestinationRule") return false;
    const { host = "", exportTo = [] } = readObject(kind, object).spec ?? {};
    return hosts.meet(host) || exportTo.some((name) => clientNamespaces.has(name));
  };
}

/** For all addresses, so that others with the port may be taken for it. */
function claimedPorts(kind: Kind | undefined, object: unknown): readonly number[] {
  if (kind === "ServiceEntry")
    return claimsOfServiceEntry(readObject(kind, object), "", "").map(({ port }) => port);
  if (kind !== "Service") return [];
  return claimsOfExternalName(readObject(kind, object), "", "", "").map(({ port }) => port);
}

function namespacesOf(changed: readonly ChangedObject[]): ReadonlySet<string> {
  return new Set(
    changed.map(({ manifest, namespace }) => (manifest.kind === "Namespace" ? manifest.name : namespace)),
  );
}

/** What is set there for all namespaces; its DestinationRules and Sidecars show in the lookups. */
function isRootChanged(changed: readonly ChangedObject[], { after }: Moments): boolean {
  const shown: readonly Kind[] = QUESTION_READS.lookup;
  return changed.some(
    ({ manifest: { kind }, namespace }) =>
      namespace === after.view.mesh.rootNamespace && kind && !shown.includes(kind) && !isPodKind(kind),
  );
}

/** They hide others from the namespace's own clients. */
function hostsOfRules(namespace: string, { before, after }: Moments): string[] {
  return [before, after].flatMap(({ view }) =>
    view
      .list("DestinationRule", namespace)
      .map(({ spec }) => resolveHost(spec?.host ?? "", namespace, view.mesh.clusterDomain)),
  );
}

function hostsOfRoutes(object: unknown): readonly string[] {
  const { hosts = [], http = [], tcp = [], tls = [] } = readObject("VirtualService", object).spec ?? {};
  const destinations = [
    ...[...http, ...tcp, ...tls].flatMap(({ route = [] }) =>
      route.map(({ destination }) => destination?.host),
    ),
    ...http.flatMap(({ mirror, mirrors = [] }) => [
      mirror?.host,
      ...mirrors.map((one) => one.destination?.host),
    ]),
  ];
  return [...hosts, ...destinations.flatMap((host) => host ?? [])];
}

/** Hosts to be met by those that objects speak of, misspelt ones and short ones among them. */
class HostNames {
  readonly #firstLabels: ReadonlySet<string>;
  readonly #wildcards: readonly string[];
  readonly #hosts: readonly string[];

  constructor(hosts: readonly string[]) {
    this.#hosts = [...new Set(hosts)];
    this.#wildcards = this.#hosts.filter(isWildcard);
    this.#firstLabels = new Set(this.#hosts.map(firstLabel));
  }

  meet(host: string): boolean {
    if (isWildcard(host)) return this.#hosts.some((one) => coversHost(host, one) || coversHost(one, host));
    return this.#firstLabels.has(firstLabel(host)) || this.#wildcards.some((one) => coversHost(one, host));
  }
}

/** What a Service is called, however its host is written. */
function firstLabel(host: string): string {
  return host.toLowerCase().split(".", 1)[0] ?? "";
}
