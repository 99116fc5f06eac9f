/** The hostnames of the mesh, found by name, by wildcard, and by the Service's short name. */
import { coversHost, isWildcard, serviceHostname } from "../istio/hosts.ts";
import type { Kinds } from "../kubernetes/objects.ts";
import { createdAt } from "../istio/lookup/age.ts";
import type { MeshHost } from "../istio/lookup/mesh.ts";

const EXPORT_TO = "networking.istio.io/exportTo";

export class HostIndex {
  readonly #clusterDomain: string;
  readonly #owners = new Map<string, Map<string, MeshHost>>();
  /** Under every suffix that begins with a dot, the hostnames that end in it; under "" all. */
  readonly #bySuffix = new Map<string, Set<string>>();
  readonly #namespacesOfService = new Map<string, Set<string>>();

  constructor(clusterDomain: string) {
    this.#clusterDomain = clusterDomain;
  }

  addService(service: Kinds["Service"], namespace: string, name: string): void {
    const exportTo = (service.metadata?.annotations?.[EXPORT_TO] ?? "").split(",").map((one) => one.trim());
    this.#add({
      hostname: serviceHostname(name, namespace, this.#clusterDomain),
      kind: "Service",
      namespace,
      name,
      exportTo: exportTo.filter((one) => one !== ""),
      isExternalName: service.spec?.type === "ExternalName",
      ports: (service.spec?.ports ?? []).flatMap(({ port }) => port ?? []),
      createdAt: createdAt(service.metadata),
    });
    addTo(this.#namespacesOfService, name, namespace);
  }

  deleteService(namespace: string, name: string): void {
    this.#delete(serviceHostname(name, namespace, this.#clusterDomain), `Service/${namespace}/${name}`);
    deleteFrom(this.#namespacesOfService, name, namespace);
  }

  addServiceEntry(entry: Kinds["ServiceEntry"], namespace: string, name: string): void {
    const owner = {
      kind: "ServiceEntry",
      namespace,
      name,
      exportTo: entry.spec?.exportTo ?? [],
      isExternalName: false,
      ports: (entry.spec?.ports ?? []).flatMap(({ number }) => number ?? []),
      createdAt: createdAt(entry.metadata),
    } as const;
    for (const hostname of hostsOf(entry)) this.#add({ ...owner, hostname });
  }

  deleteServiceEntry(entry: Kinds["ServiceEntry"], namespace: string, name: string): void {
    for (const hostname of hostsOf(entry)) this.#delete(hostname, `ServiceEntry/${namespace}/${name}`);
  }

  named(hostname: string): readonly MeshHost[] {
    return [...(this.#owners.get(hostname)?.values() ?? [])];
  }

  *coveredBy(host: string): Iterable<MeshHost> {
    if (!isWildcard(host)) {
      yield* this.named(host);
      return;
    }
    const dot = host.indexOf(".");
    for (const hostname of this.#bySuffix.get(dot < 0 ? "" : host.slice(dot)) ?? []) {
      if (coversHost(host, hostname)) yield* this.named(hostname);
    }
  }

  /** Owners of the wildcards that cover this host and are not the same, the narrowest wildcard first. */
  *wildcardsAbove(host: string): Iterable<MeshHost> {
    // Parts of labels are wildcards as well: `*-a.example.com`.
    for (let start = isWildcard(host) ? 2 : 0; start <= host.length; start++) {
      yield* this.named(`*${host.slice(start)}`);
    }
  }

  namespacesOfService(name: string): readonly string[] {
    return [...(this.#namespacesOfService.get(name) ?? [])].toSorted();
  }

  #add(host: MeshHost): void {
    const owners = this.#owners.get(host.hostname) ?? new Map<string, MeshHost>();
    owners.set(`${host.kind}/${host.namespace}/${host.name}`, host);
    this.#owners.set(host.hostname, owners);
    for (const suffix of suffixesOf(host.hostname)) addTo(this.#bySuffix, suffix, host.hostname);
  }

  #delete(hostname: string, owner: string): void {
    const owners = this.#owners.get(hostname);
    if (!owners?.delete(owner) || owners.size > 0) return;
    this.#owners.delete(hostname);
    for (const suffix of suffixesOf(hostname)) deleteFrom(this.#bySuffix, suffix, hostname);
  }
}

function hostsOf(entry: Kinds["ServiceEntry"]): ReadonlySet<string> {
  return new Set((entry.spec?.hosts ?? []).filter((host) => host !== ""));
}

/** `.b.svc`, `.svc` and "" of `a.b.svc`: the longest first. */
function suffixesOf(hostname: string): readonly string[] {
  const suffixes: string[] = [];
  for (let dot = hostname.indexOf("."); dot >= 0; dot = hostname.indexOf(".", dot + 1)) {
    suffixes.push(hostname.slice(dot));
  }
  return [...suffixes, ""];
}

function addTo(index: Map<string, Set<string>>, key: string, value: string): void {
  const values = index.get(key);
  if (values) values.add(value);
  else index.set(key, new Set([value]));
}

function deleteFrom(index: Map<string, Set<string>>, key: string, value: string): void {
  const values = index.get(key);
  if (values?.delete(value) && values.size === 0) index.delete(key);
}
