/**
 * What a rule can ask about the rest of the cluster, by name of the question: nothing here is answered by scanning.
 * `cluster/` implements it. A rule sees only the questions whose kinds it declares in `reads`.
 */
import type { Injector, InjectorSettings } from "../istio/injection.ts";
import type { LookupMesh, LookupSettings, MeshHost } from "../istio/lookup/mesh.ts";
import type { Plane } from "../istio/planes.ts";
import type { PortClaim } from "../istio/ports/claims.ts";
import type { ProxySettings } from "../istio/proxy-config.ts";
import type { Versions } from "../istio/versions.ts";
import type { Kind, Kinds, Labels } from "../kubernetes/objects.ts";

/** The mesh's settings, from configuration and ConfigMaps; with Istio's defaults where nothing says otherwise. */
export interface Mesh extends LookupSettings {
  /** Clients may run in clusters that are not seen. */
  readonly multiCluster: boolean;
  /** All injectors of the cluster; empty if none is known. */
  readonly injectors: readonly Injector[];
  /** What the injector of a revision ("" is the default one) is set to; undefined if that cannot be read. */
  injectorSettings(revision: string): InjectorSettings | undefined;
  /** meshConfig.defaultConfig, as far as rules read it. */
  readonly defaultProxyConfig: ProxySettings;
}

/** Proxies of one namespace that look alike. */
export interface Client {
  readonly namespace: string;
  /** Undefined where Pods may start whose labels nobody knows yet. */
  readonly labels: Labels | undefined;
  readonly proxy: "sidecar" | "gateway" | "waypoint";
  /** `"Pods"`, `"the namespace's injection label"`: completes "is a client because of ...". */
  readonly because: string;
}

/** Pods of one namespace with the same labels, proxy and exclusions, and what tells whether they would be injected if made now. */
export interface PodGroup {
  readonly labels: Labels;
  readonly proxy: "none" | "sidecar" | "gateway" | "waypoint";
  /** Of the annotation traffic.sidecar.istio.io/excludeInboundPorts. */
  readonly excludedInboundPorts: readonly number[];
  /** The numbers of named TCP ports; empty where only the metadata of Pods is seen. */
  readonly namedPorts: ReadonlyMap<string, number>;
  /** Not made yet: it stands in a file, as a Pod or a workload's template. */
  readonly isPlanned: boolean;
  readonly injectAnnotation: string;
  readonly hostNetwork: boolean;
  readonly count: number;
}

export interface ServiceQuestions {
  /** Services of the namespace whose selector selects Pods with these labels. */
  selecting(namespace: string, labels: Labels): readonly Kinds["Service"][];
}

export interface HostQuestions {
  /** Every owner of exactly this hostname. */
  named(hostname: string): readonly MeshHost[];
  /** Every host that a DestinationRule's host covers: the same, or one below its wildcard. Lazily, in no order. */
  coveredBy(host: string): Iterable<MeshHost>;
  /** The narrowest wildcard host that covers this one and is not the same. */
  wildcardAbove(host: string): MeshHost | undefined;
  /** Namespaces that have a Service of this name, in order. */
  namespacesOfService(name: string): readonly string[];
}

export interface ClientQuestions {
  inNamespace(namespace: string): readonly Client[];
  /** All namespaces with at least one client, in order. */
  namespaces(): readonly string[];
  /** Whether anything is known about the namespace: a live cluster knows all, files those they have something of. */
  isKnown(namespace: string): boolean;
}

export interface PodQuestions {
  /** As a Service's selector selects, except that labels of a single Pod are not known. None for an empty selector. */
  selectedBy(namespace: string, selector: Labels): readonly PodGroup[];
}

/** A Namespace under review, and the one of its name in the other plane. */
export interface Counterpart {
  /** Of the one under review. */
  readonly plane: Plane;
  /** Undefined if the other plane has none. */
  readonly other: Kinds["Namespace"] | undefined;
}

export interface PlaneQuestions {
  /** The mesh's control plane has an API server of its own, and all is known of it that rules read. */
  readonly isSplit: boolean;
  /** Of a Namespace under review; undefined where it cannot be told of which plane it is. */
  counterpartOf(namespace: Kinds["Namespace"]): Counterpart | undefined;
  /** Whether what there is of this kind in a Namespace under review is in the same API server, and goes with it. */
  isHeldBy(namespace: Kinds["Namespace"], kind: Kind): boolean;
}

export interface PortQuestions {
  /** Everything that gives its hosts no address and has this port, in no order. */
  claims(port: number): Iterable<PortClaim>;
}

export interface Questions {
  readonly clients: ClientQuestions;
  readonly hosts: HostQuestions;
  /** What decides which DestinationRule a proxy applies: for `lookUp` in istio/lookup. */
  readonly lookup: LookupMesh;
  readonly planes: PlaneQuestions;
  readonly pods: PodQuestions;
  readonly ports: PortQuestions;
  readonly services: ServiceQuestions;
}

/**
 * What an answer of a view rests on: an object, there or not; without a name, all objects of the kind in the namespace, or
 * in the cluster if that is "" as well. It may be otherwise by now: a view is always a little behind.
 */
export interface Ground {
  readonly kind: Kind;
  /** "" for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  /** Of kinds that each plane has; `data` if left out. */
  readonly plane?: Plane;
  /** Of all objects only those that it selects, as kubectl writes it. */
  readonly labelSelector?: string;
  /** The view does not have the object. */
  readonly isMissing?: true;
  /** The ground is that the API server does not serve the kind at all. */
  readonly isAbsent?: true;
}

/** The kinds that each question is answered from. */
export const QUESTION_READS = {
  clients: ["GatewayClass", "KubernetesGateway", "Namespace", "Pod", "WorkloadEntry", "WorkloadGroup"],
  hosts: ["Service", "ServiceEntry"],
  lookup: ["DestinationRule", "Namespace", "Service", "ServiceEntry", "Sidecar", "VirtualService"],
  planes: ["Namespace"],
  pods: ["Pod"],
  ports: ["Service", "ServiceEntry"],
  services: ["Service"],
} as const satisfies { readonly [Q in keyof Questions]: readonly Kind[] };

/** What decides which DestinationRule each client of the mesh applies: `clients` and `lookup`. */
export const LOOKUP_READS = [
  "DestinationRule",
  "GatewayClass",
  "KubernetesGateway",
  "Namespace",
  "Pod",
  "Service",
  "ServiceEntry",
  "Sidecar",
  "VirtualService",
  "WorkloadEntry",
  "WorkloadGroup",
] as const satisfies readonly Kind[];

/** The kinds that `mesh` is made of; read whatever the rules declare. */
export const MESH_READS = ["ConfigMap", "MutatingWebhookConfiguration"] as const satisfies readonly Kind[];

type Answerable<Reads extends Kind> = {
  readonly [
    Q in keyof Questions as (typeof QUESTION_READS)[Q][number] extends Reads ? Q : never
  ]: Questions[Q];
};

/** Everything else in the cluster at one moment. The object under review is never in it. */
export type ClusterView<Reads extends Kind> = {
  readonly mesh: Mesh;
  readonly versions: Versions;
  /** Something says so: its controllers, its kinds, a Node. False where nobody knows. */
  readonly isOnAlibabaCloud: boolean;
  /** Everything there is stands in it: what is not found is not there. Files may be only a part. */
  readonly isComplete: boolean;
  /** Whether the object is under review, too: of two that do not go together one is told. */
  isReviewed(kind: Reads, namespace: string, name: string): boolean;
  /** Of kinds that each plane has, here and below, that of the data plane. */
  get<K extends Reads>(kind: K, namespace: string, name: string): Kinds[K] | undefined;
  /** In order of name. */
  list<K extends Reads>(kind: K, namespace: string): readonly Kinds[K][];
  /** Whose API server holds the object; undefined if it is not there. */
  planeOf(kind: Reads, namespace: string, name: string): Plane | undefined;
  /**
   * Whether the API server of the object under review serves the kind; undefined where nobody knows: files say so only by the CustomResourceDefinitions among
   * them. Of a CustomResourceDefinition under review: whether it did when that one came.
   */
  serves(kind: Reads): boolean | undefined;
} & Answerable<Reads>;
