/** Every object that rules may ask about, trimmed to what they read, under the indexes that answer their questions. */
import { isOfEachPlane } from "../istio/planes.ts";
import type { Plane } from "../istio/planes.ts";
import type { KnownVersion, Versions } from "../istio/versions.ts";
import { KIND_FACTS, KINDS, readObject } from "../kubernetes/objects.ts";
import type { Kind, Kinds } from "../kubernetes/objects.ts";
import { isPodKind, podTemplateOf } from "../kubernetes/pod-template.ts";
import { HostIndex } from "./indexes/host-index.ts";
import { PodIndex } from "./indexes/pod-index.ts";
import { PortIndex } from "./indexes/port-index.ts";
import { RouteIndex } from "./indexes/route-index.ts";
import { RuleIndex } from "./indexes/rule-index.ts";
import { SelectorIndex } from "./indexes/selector-index.ts";
import { SidecarIndex } from "./indexes/sidecar-index.ts";

interface Stored<K extends Kind> {
  readonly object: Kinds[K];
  readonly plane: Plane;
}
/** A Pod is kept as one of its group only. */
const PODS: { readonly [P in Plane]: Stored<"Pod"> } = {
  data: { object: {}, plane: "data" },
  mesh: { object: {}, plane: "mesh" },
};

/** By namespace, then by name. */
type Shelf<K extends Kind> = Map<string, Map<string, Stored<K>>>;
type Shelves = { readonly [K in Kind]?: Shelf<K> };

/** As the cluster says by other means than the objects in the store. */
export interface DetectedVersions {
  readonly versions: Versions;
  /** By revision. */
  readonly istiods: ReadonlyMap<string, KnownVersion>;
  /** Of some Node: its name at the cloud that it runs on. */
  readonly providerId?: string;
  /** Of the proxies of gateways, where no istiod is seen. */
  readonly ofGateways?: Versions;
}

export class Store {
  readonly hosts: HostIndex;
  readonly rules: RuleIndex;
  readonly routes: RouteIndex;
  readonly selectors = new SelectorIndex();
  readonly sidecars = new SidecarIndex();
  readonly pods = new PodIndex();
  readonly ports: PortIndex;
  #detected: DetectedVersions = { versions: {}, istiods: new Map() };
  /** Grows with every change of the mesh's own settings. */
  meshGeneration = 0;
  /** Grows with every change that can make or unmake clients in some namespace. */
  clientGeneration = 0;
  readonly #clientGenerations = new Map<string, number>();
  /** When it last concerned all namespaces. */
  #clientsEverywhere = 0;
  /** On those of the mesh stand only kinds that each plane has. */
  readonly #shelves: { readonly [P in Plane]: Shelves } = { data: {}, mesh: {} };

  constructor(clusterDomain: string) {
    this.hosts = new HostIndex(clusterDomain);
    this.ports = new PortIndex(clusterDomain);
    this.rules = new RuleIndex(clusterDomain);
    this.routes = new RouteIndex(clusterDomain);
  }

  /**
   * Adds the object, or takes the place of the one that has its name, in its own plane if each has its own of this kind.
   * Without a name, each is another one. Returns its name.
   */
  put(kind: Kind, value: unknown, plane: Plane = "data"): string {
    const object = readObject(kind, value);
    const { metadata = {} } = object;
    // As for kubectl.
    const namespace = KIND_FACTS[kind].namespaced ? metadata.namespace || "default" : "";
    const shelf = this.#shelf(kind, plane);
    const name = metadata.name || freeName(`${metadata.generateName ?? ""}*`, shelf.get(namespace));
    this.delete(kind, namespace, name, plane);
    const stored = shelf.get(namespace) ?? new Map<string, Stored<typeof kind>>();
    stored.set(name, kind === "Pod" ? PODS[plane] : { object, plane });
    shelf.set(namespace, stored);
    if (isIndexed(kind, plane)) this.#index(kind, object, namespace, name);
    return name;
  }

  /** Here and below, the plane counts only for kinds that each plane has. */
  delete(kind: Kind, namespace: string, name: string, plane: Plane = "data"): void {
    const shelf = this.#shelf(kind, plane);
    const stored = shelf.get(namespace);
    const entry = stored?.get(name);
    if (!stored || !entry) return;
    if (isIndexed(kind, plane)) this.#unindex(kind, entry.object, namespace, name);
    stored.delete(name);
    if (stored.size === 0) shelf.delete(namespace);
  }

  /** As `clientGeneration`, of one namespace. */
  clientGenerationOf(namespace: string): number {
    return Math.max(this.#clientGenerations.get(namespace) ?? 0, this.#clientsEverywhere);
  }

  get detected(): DetectedVersions {
    return this.#detected;
  }

  setDetected(detected: DetectedVersions): void {
    this.#detected = detected;
    this.meshGeneration++;
  }

  get<K extends Kind>(
    kind: K,
    namespace: string,
    name: string,
    plane: Plane = "data",
  ): Stored<K> | undefined {
    return this.#shelf(kind, plane).get(namespace)?.get(name);
  }

  /** With their names, in order of name. */
  list<K extends Kind>(
    kind: K,
    namespace: string,
    plane: Plane = "data",
  ): readonly (readonly [string, Kinds[K]])[] {
    return [...(this.#shelf(kind, plane).get(namespace) ?? [])]
      .map(([name, { object }]): [string, Kinds[K]] => [name, object])
      .toSorted(([one], [other]) => (one < other ? -1 : 1));
  }

  /** The namespaces that have an object of this kind. */
  namespacesOf(kind: Kind, plane: Plane = "data"): Iterable<string> {
    return this.#shelf(kind, plane).keys();
  }

  /** Every namespace that has an object, of whatever kind, or is one. */
  *namespaces(): Iterable<string> {
    yield* this.#shelf("Namespace", "data").get("")?.keys() ?? [];
    for (const kind of KINDS) if (KIND_FACTS[kind].namespaced) yield* this.namespacesOf(kind);
  }

  /** Namespace and name of all objects of this kind, in one namespace or in all if that is "", in no order. */
  *namesOf(
    kind: Kind,
    wanted = "",
    plane: Plane = "data",
  ): Iterable<readonly [namespace: string, name: string]> {
    for (const [namespace, stored] of this.#shelf(kind, plane)) {
      if (wanted !== "" && wanted !== namespace) continue;
      for (const name of stored.keys()) yield [namespace, name];
    }
  }

  /** In all planes. */
  countOf(kind: Kind): number {
    return this.countIn(kind, "data") + (isOfEachPlane(kind) ? this.countIn(kind, "mesh") : 0);
  }

  countIn(kind: Kind, plane: Plane): number {
    let count = 0;
    for (const stored of this.#shelf(kind, plane).values()) count += stored.size;
    return count;
  }

  #shelf<K extends Kind>(kind: K, plane: Plane): Shelf<K> {
    const shelves: { [Name in K]?: Shelf<Name> } = this.#shelves[isOfEachPlane(kind) ? plane : "data"];
    const shelf = shelves[kind];
    if (shelf) return shelf;
    const made: Shelf<K> = new Map();
    shelves[kind] = made;
    return made;
  }

  #index(kind: Kind, object: Kinds[Kind], namespace: string, name: string): void {
    if (isMeshKind(kind)) this.meshGeneration++;
    if (kind === "Service") {
      this.hosts.addService(readObject(kind, object), namespace, name);
      this.ports.addService(readObject(kind, object), namespace, name);
      this.selectors.add(readObject(kind, object), namespace, name);
    } else if (kind === "ServiceEntry") {
      this.hosts.addServiceEntry(readObject(kind, object), namespace, name);
      this.ports.addServiceEntry(readObject(kind, object), namespace, name);
    } else if (kind === "DestinationRule") this.rules.add(readObject(kind, object), namespace, name);
    else if (kind === "Sidecar") this.sidecars.add(readObject(kind, object), namespace, name);
    else if (kind === "VirtualService") this.routes.add(readObject(kind, object), namespace, name);
    else if (isPodKind(kind)) {
      const template = podTemplateOf(kind, readObject(kind, object));
      if (this.pods.add(podKey(kind, namespace, name), namespace, template)) this.#clientsChange(namespace);
    } else this.#clientsChangeWith(kind, namespace, name);
  }

  #unindex(kind: Kind, object: Kinds[Kind], namespace: string, name: string): void {
    if (isMeshKind(kind)) this.meshGeneration++;
    if (kind === "Service") {
      this.hosts.deleteService(namespace, name);
      this.ports.delete("Service", namespace, name);
      this.selectors.delete(readObject(kind, object), namespace, name);
    } else if (kind === "ServiceEntry") {
      this.hosts.deleteServiceEntry(readObject(kind, object), namespace, name);
      this.ports.delete("ServiceEntry", namespace, name);
    } else if (kind === "DestinationRule") this.rules.delete(readObject(kind, object), namespace, name);
    else if (kind === "Sidecar") this.sidecars.delete(namespace, name);
    else if (kind === "VirtualService") this.routes.delete(readObject(kind, object), namespace, name);
    else if (isPodKind(kind)) {
      if (this.pods.delete(podKey(kind, namespace, name))) this.#clientsChange(namespace);
    } else this.#clientsChangeWith(kind, namespace, name);
  }

  #clientsChangeWith(kind: Kind, namespace: string, name: string): void {
    if (kind === "GatewayClass") this.#clientsEverywhere = ++this.clientGeneration;
    else if (kind === "Namespace") this.#clientsChange(name);
    else if (CLIENT_KINDS.includes(kind)) this.#clientsChange(namespace);
  }

  #clientsChange(namespace: string): void {
    this.#clientGenerations.set(namespace, ++this.clientGeneration);
  }
}

/** Those of which one makes clients in its namespace; Pods aside. */
export const CLIENT_KINDS: readonly Kind[] = ["KubernetesGateway", "WorkloadEntry", "WorkloadGroup"];

/** The key of a Pod, or of a workload's template, among Pods. */
export function podKey(kind: Kind, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

/** Pods run in the data plane, so that only its Namespaces make clients. */
function isIndexed(kind: Kind, plane: Plane): boolean {
  return kind !== "Namespace" || plane === "data";
}

/** What the mesh's settings and the versions are read from. */
const MESH_KINDS: readonly Kind[] = ["ConfigMap", "DaemonSet", "Deployment", "MutatingWebhookConfiguration"];

function isMeshKind(kind: Kind): boolean {
  return MESH_KINDS.includes(kind);
}

/** `PREFIX*`, and `PREFIX*2` and so on for those that came later. */
function freeName(prefix: string, taken: ReadonlyMap<string, unknown> = new Map()): string {
  let name = prefix;
  for (let count = taken.size + 1; taken.has(name); count++) name = `${prefix}${count}`;
  return name;
}
