/** Clients of a mesh, many of which a host's lookup cannot tell apart. */
import type { Labels } from "../../kubernetes/objects.ts";
import type { LookupMesh } from "./mesh.ts";
import type { LookupQuery } from "./query.ts";

export interface MeshClient {
  readonly namespace: string;
  /** Undefined where they are not known yet. */
  readonly labels: Labels | undefined;
  readonly proxy: LookupQuery["proxy"];
}

/** Clients that get the same answer. */
export interface ClientClass {
  /** Of one of them. */
  readonly query: LookupQuery;
  /** In which they are, in order. */
  readonly namespaces: () => readonly string[];
}

export class ClientClasses {
  readonly #byNamespace: ReadonlyMap<string, readonly MeshClient[]>;
  /** Namespaces with a client of this proxy, by proxy and revisions. */
  readonly #kinds = new Map<string, { readonly client: MeshClient; readonly namespaces: Set<string> }>();

  /** The meshes tell which control plane serves them. */
  constructor(clients: readonly MeshClient[], meshes: readonly LookupMesh[]) {
    this.#byNamespace = Map.groupBy(clients, ({ namespace }) => namespace);
    for (const [namespace, there] of this.#byNamespace) {
      for (const client of new Map(there.map((one) => [one.proxy, one])).values()) {
        const revisions = meshes.map((mesh) => mesh.servedTo(namespace, client.labels ?? {}).revision);
        const key = [client.proxy, ...revisions].join(" ");
        const kind = this.#kinds.get(key) ?? { client, namespaces: new Set() };
        kind.namespaces.add(namespace);
        this.#kinds.set(key, kind);
      }
    }
  }

  /** Classes whose answers for the host may differ in these meshes; each of these namespaces is a class of its own. */
  *forHost(
    host: string,
    meshes: readonly LookupMesh[],
    namespacesApart: Iterable<string> = [],
  ): Iterable<ClientClass> {
    const special = specialNamespaces(host, meshes);
    if (special) add(special, namespacesApart);
    for (const namespace of special ?? this.#byNamespace.keys()) {
      for (const { labels: clientLabels = {}, proxy } of this.#byNamespace.get(namespace) ?? []) {
        const query = { clientNamespace: namespace, clientLabels, proxy, host };
        yield { query, namespaces: () => [namespace] };
      }
    }
    if (special === undefined) return;
    for (const { client, namespaces } of this.#kinds.values()) {
      const clientNamespace = namespaces.values().find((one) => !special.has(one));
      if (clientNamespace === undefined) continue;
      const query = { clientNamespace, clientLabels: {}, proxy: client.proxy, host };
      yield { query, namespaces: () => [...namespaces].filter((one) => !special.has(one)).toSorted() };
    }
  }
}

/** Namespaces whose clients may get another answer than those of any other; undefined: all. */
function specialNamespaces(host: string, meshes: readonly LookupMesh[]): Set<string> | undefined {
  const special = new Set<string>();
  for (const mesh of meshes) {
    const { rootNamespace, defaultServiceExportTo } = mesh.settings;
    // A Sidecar for all can name `./`, and VirtualServices widen it for those to whom they are exported.
    if (mesh.sidecars(rootNamespace).length > 0) return undefined;
    add(special, [rootNamespace, ...defaultServiceExportTo, ...mesh.namespacesWithSidecars()]);
    for (const { namespace, exportTo } of mesh.owners(host)) add(special, [namespace, ...exportTo]);
    for (const { namespace, host: ruleHost } of mesh.rulesMeeting(host)) {
      special.add(namespace);
      for (const { exportTo } of mesh.destinationRules(namespace, ruleHost)) add(special, exportTo);
    }
  }
  return special;
}

function add(set: Set<string>, values: Iterable<string>): void {
  for (const value of values) set.add(value);
}
