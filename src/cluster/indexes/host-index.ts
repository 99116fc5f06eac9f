/** The hostnames of the mesh, found by name, by wildcard, and by the Service's short name. */
import { serviceHostname } from "../../istio/hosts.ts";
import type { MeshHost } from "../../istio/lookup/mesh.ts";
import { hostOfService, hostsOfServiceEntry } from "../../istio/lookup/owned-hosts.ts";
import type { Kinds } from "../../kubernetes/objects.ts";
import { addTo, deleteFrom, HostSet } from "./host-set.ts";

export class HostIndex {
  readonly #clusterDomain: string;
  readonly #owners = new Map<string, Map<string, MeshHost>>();
  readonly #hostnames = new HostSet();
  readonly #namespacesOfService = new Map<string, Set<string>>();

  constructor(clusterDomain: string) {
    this.#clusterDomain = clusterDomain;
  }

  addService(service: Kinds["Service"], namespace: string, name: string): void {
    this.#add(hostOfService(service, namespace, name, this.#clusterDomain));
    addTo(this.#namespacesOfService, name, namespace);
  }

  deleteService(namespace: string, name: string): void {
    this.#delete(serviceHostname(name, namespace, this.#clusterDomain), `Service/${namespace}/${name}`);
    deleteFrom(this.#namespacesOfService, name, namespace);
  }

  addServiceEntry(entry: Kinds["ServiceEntry"], namespace: string, name: string): void {
    for (const host of hostsOfServiceEntry(entry, namespace, name)) this.#add(host);
  }

  deleteServiceEntry(entry: Kinds["ServiceEntry"], namespace: string, name: string): void {
    for (const { hostname } of hostsOfServiceEntry(entry, namespace, name))
      this.#delete(hostname, `ServiceEntry/${namespace}/${name}`);
  }

  named(hostname: string): readonly MeshHost[] {
    return [...(this.#owners.get(hostname)?.values() ?? [])];
  }

  hostnamesCoveredBy(host: string): Iterable<string> {
    return this.#hostnames.coveredBy(host);
  }

  *coveredBy(host: string): Iterable<MeshHost> {
    for (const hostname of this.hostnamesCoveredBy(host)) yield* this.named(hostname);
  }

  /** Owners of the wildcards that cover this host and are not the same, the narrowest wildcard first. */
  *wildcardsAbove(host: string): Iterable<MeshHost> {
    for (const hostname of this.#hostnames.wildcardsAbove(host)) yield* this.named(hostname);
  }

  namespacesOfService(name: string): readonly string[] {
    return [...(this.#namespacesOfService.get(name) ?? [])].toSorted();
  }

  #add(host: MeshHost): void {
    const owners = this.#owners.get(host.hostname) ?? new Map<string, MeshHost>();
    owners.set(`${host.kind}/${host.namespace}/${host.name}`, host);
    this.#owners.set(host.hostname, owners);
    this.#hostnames.add(host.hostname);
  }

  #delete(hostname: string, owner: string): void {
    const owners = this.#owners.get(hostname);
    if (!owners?.delete(owner) || owners.size > 0) return;
    this.#owners.delete(hostname);
    this.#hostnames.delete(hostname);
  }
}
