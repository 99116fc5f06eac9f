/** VirtualServices by the hosts that their routes lead to. */
import { resolveHost } from "../istio/hosts.ts";
import type { LookupVirtualService, VirtualServiceDestination } from "../istio/lookup/mesh.ts";
import { revisionOf } from "../istio/lookup/revision.ts";
import { MESH_GATEWAY, subsetRoutesOf } from "../istio/lookup/subset-routes.ts";
import type { SubsetRoute } from "../istio/lookup/subset-routes.ts";
import type { Kinds } from "../kubernetes/objects.ts";
import { HostSet } from "./host-set.ts";

type VirtualService = Kinds["VirtualService"];
type Spec = NonNullable<VirtualService["spec"]>;
type Destination = NonNullable<NonNullable<Spec["http"]>[number]["mirror"]>;

export class RouteIndex {
  readonly #clusterDomain: string;
  readonly #byDestination = new Map<string, Map<string, LookupVirtualService>>();
  /** By host, then by VirtualService. */
  readonly #subsetRoutes = new Map<string, Map<string, readonly SubsetRoute[]>>();
  readonly #subsetHosts = new HostSet();

  constructor(clusterDomain: string) {
    this.#clusterDomain = clusterDomain;
  }

  add(virtualService: VirtualService, namespace: string, name: string): void {
    const routes = subsetRoutesOf(virtualService, { namespace, name }, this.#clusterDomain);
    for (const [host, toHost] of Map.groupBy(routes, ({ host: one }) => one)) {
      const there = this.#subsetRoutes.get(host) ?? new Map<string, readonly SubsetRoute[]>();
      there.set(keyOf(namespace, name), toHost);
      this.#subsetRoutes.set(host, there);
      this.#subsetHosts.add(host);
    }
    const read = readVirtualService(virtualService, namespace, name, this.#clusterDomain);
    if (!read) return;
    for (const { host } of read.destinations) {
      const there = this.#byDestination.get(host) ?? new Map<string, LookupVirtualService>();
      there.set(keyOf(namespace, name), read);
      this.#byDestination.set(host, there);
    }
  }

  delete(virtualService: VirtualService, namespace: string, name: string): void {
    for (const { host } of subsetRoutesOf(virtualService, { namespace, name }, this.#clusterDomain)) {
      const there = this.#subsetRoutes.get(host);
      if (!there?.delete(keyOf(namespace, name)) || there.size > 0) continue;
      this.#subsetRoutes.delete(host);
      this.#subsetHosts.delete(host);
    }
    const read = readVirtualService(virtualService, namespace, name, this.#clusterDomain);
    for (const { host } of read?.destinations ?? []) {
      const there = this.#byDestination.get(host);
      if (there?.delete(keyOf(namespace, name)) && there.size === 0) this.#byDestination.delete(host);
    }
  }

  /** Routes to subsets of hosts that this host covers. Lazily, in no order. */
  *toSubsetsOf(host: string): Iterable<SubsetRoute> {
    for (const one of this.#subsetHosts.coveredBy(host)) {
      for (const routes of this.#subsetRoutes.get(one)?.values() ?? []) yield* routes;
    }
  }

  leadingTo(hostname: string): Iterable<LookupVirtualService> {
    return this.#byDestination.get(hostname)?.values() ?? [];
  }
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/** Undefined if it is for gateways only, or a part of others: one without hosts is delegated to. */
function readVirtualService(
  { metadata, spec = {} }: VirtualService,
  namespace: string,
  name: string,
  clusterDomain: string,
): LookupVirtualService | undefined {
  const { hosts = [], gateways = [], exportTo = [] } = spec;
  if (hosts.length === 0 || (gateways.length > 0 && !gateways.includes(MESH_GATEWAY))) return undefined;
  const resolved = (host: string) => resolveHost(host, namespace, clusterDomain);
  return {
    namespace,
    name,
    revision: revisionOf(metadata),
    hosts: hosts.map(resolved),
    exportTo,
    destinations: destinationsOf(spec).map(({ host, ...rest }) => ({ ...rest, host: resolved(host) })),
  };
}

function destinationsOf({ http = [], tcp = [], tls = [] }: Spec): VirtualServiceDestination[] {
  return [
    ...http.flatMap((route) => {
      const named = (route.match ?? []).flatMap(({ sourceNamespace = "" }) => sourceNamespace || []);
      const targets = [...(route.route ?? []), ...(route.mirrors ?? []), { destination: route.mirror }];
      return targets.flatMap(({ destination }) =>
        readDestination(destination, named.length === 0 ? undefined : named),
      );
    }),
    ...[...tcp, ...tls].flatMap(({ route = [] }) =>
      route.flatMap(({ destination }) => readDestination(destination, undefined)),
    ),
  ];
}

function readDestination(
  destination: Destination | undefined,
  sourceNamespaces: readonly string[] | undefined,
): VirtualServiceDestination[] {
  const { host = "", port } = destination ?? {};
  return host === "" ? [] : [{ host, port: port && (port.number ?? 0), sourceNamespaces }];
}
