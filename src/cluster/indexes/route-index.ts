/** VirtualServices by the hosts that their routes lead to. */
import { subsetRoutesOf } from "../../istio/lookup/subset-routes.ts";
import type { SubsetRoute } from "../../istio/lookup/subset-routes.ts";
import { readVirtualService, writtenDestinations } from "../../istio/lookup/virtual-service.ts";
import type { LookupVirtualService } from "../../istio/lookup/virtual-service.ts";
import type { Kinds } from "../../kubernetes/objects.ts";
import { addTo, deleteFrom, HostSet } from "./host-set.ts";

type VirtualService = Kinds["VirtualService"];

export class RouteIndex {
  readonly #clusterDomain: string;
  /** By namespace and name. */
  readonly #virtualServices = new Map<string, LookupVirtualService>();
  /** The names of VirtualServices by a host, or by the name of a delegate. */
  readonly #byDestination = new Map<string, Set<string>>();
  readonly #byDelegate = new Map<string, Set<string>>();
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
    const read = readVirtualService(virtualService, { namespace, name }, this.#clusterDomain);
    if (!read) return;
    const key = keyOf(namespace, name);
    this.#virtualServices.set(key, read);
    for (const { host } of writtenDestinations(read)) addTo(this.#byDestination, host, key);
    for (const { delegate } of read.http)
      if (delegate) addTo(this.#byDelegate, keyOf(delegate.namespace, delegate.name), key);
  }

  delete(virtualService: VirtualService, namespace: string, name: string): void {
    for (const { host } of subsetRoutesOf(virtualService, { namespace, name }, this.#clusterDomain)) {
      const there = this.#subsetRoutes.get(host);
      if (!there?.delete(keyOf(namespace, name)) || there.size > 0) continue;
      this.#subsetRoutes.delete(host);
      this.#subsetHosts.delete(host);
    }
    const key = keyOf(namespace, name);
    const read = this.#virtualServices.get(key);
    if (!read) return;
    this.#virtualServices.delete(key);
    for (const { host } of writtenDestinations(read)) deleteFrom(this.#byDestination, host, key);
    for (const { delegate } of read.http)
      if (delegate) deleteFrom(this.#byDelegate, keyOf(delegate.namespace, delegate.name), key);
  }

  /** Routes to subsets of hosts that this host covers. Lazily, in no order. */
  *toSubsetsOf(host: string): Iterable<SubsetRoute> {
    for (const one of this.#subsetHosts.coveredBy(host)) {
      for (const routes of this.#subsetRoutes.get(one)?.values() ?? []) yield* routes;
    }
  }

  /** Those with hosts of their own whose routes, or whose delegates' routes, lead to this one. */
  leadingTo(hostname: string): ReadonlySet<LookupVirtualService> {
    const found = new Set<LookupVirtualService>();
    for (const key of this.#byDestination.get(hostname) ?? []) {
      for (const root of [key, ...(this.#byDelegate.get(key) ?? [])]) {
        const virtualService = this.#virtualServices.get(root);
        if (virtualService && virtualService.hosts.length > 0) found.add(virtualService);
      }
    }
    return found;
  }

  named(namespace: string, name: string): LookupVirtualService | undefined {
    return this.#virtualServices.get(keyOf(namespace, name));
  }
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
