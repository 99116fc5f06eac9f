/** VirtualServices by the hosts that their routes lead to. */
import { resolveHost } from "../istio/hosts.ts";
import type { LookupVirtualService, VirtualServiceDestination } from "../istio/lookup/mesh.ts";
import type { Kinds } from "../kubernetes/objects.ts";

type VirtualService = Kinds["VirtualService"];
type Spec = NonNullable<VirtualService["spec"]>;
type Destination = NonNullable<NonNullable<Spec["http"]>[number]["mirror"]>;

/** The gateway that stands for all sidecars. */
const MESH_GATEWAY = "mesh";

export class RouteIndex {
  readonly #clusterDomain: string;
  readonly #byDestination = new Map<string, Map<string, LookupVirtualService>>();

  constructor(clusterDomain: string) {
    this.#clusterDomain = clusterDomain;
  }

  add(virtualService: VirtualService, namespace: string, name: string): void {
    const read = readVirtualService(virtualService, namespace, name, this.#clusterDomain);
    if (!read) return;
    for (const { host } of read.destinations) {
      const there = this.#byDestination.get(host) ?? new Map<string, LookupVirtualService>();
      there.set(keyOf(namespace, name), read);
      this.#byDestination.set(host, there);
    }
  }

  delete(virtualService: VirtualService, namespace: string, name: string): void {
    const read = readVirtualService(virtualService, namespace, name, this.#clusterDomain);
    for (const { host } of read?.destinations ?? []) {
      const there = this.#byDestination.get(host);
      if (there?.delete(keyOf(namespace, name)) && there.size === 0) this.#byDestination.delete(host);
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
  { spec = {} }: VirtualService,
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
