/**
 * What the answers of a view rest on, so that a refusal can be confirmed. Noted is as little as decides: a refusal that
 * rests on more than can be asked for becomes a warning.
 */
import { isWildcard, parseServiceHostname } from "../istio/hosts.ts";
import type { MeshHost } from "../istio/lookup/mesh.ts";
import { isPublic } from "../istio/lookup/visibility.ts";
import type { Plane } from "../istio/planes.ts";
import type { Kind, Labels } from "../kubernetes/objects.ts";
import type { Ground, Mesh } from "../rules/cluster-view.ts";
import type { ClusterState, ObjectId } from "./view.ts";

/** The injector puts it on every Pod that gets a proxy. */
const LABEL_OF_PROXIES = "service.istio.io/canonical-name";

const DATA = ["data"] as const;
const MESH_BEFORE_DATA = ["mesh", "data"] as const;

function placeIn(plane: Plane): Pick<Ground, "plane"> {
  return plane === "data" ? {} : { plane };
}

export class Grounds {
  readonly #state: ClusterState;
  readonly #mesh: Mesh;
  readonly #subject: ObjectId | undefined;
  readonly #note: (ground: Ground) => void;

  /** The object under review is no ground. */
  constructor(
    state: ClusterState,
    mesh: Mesh,
    subject: ObjectId | undefined,
    note: (ground: Ground) => void,
  ) {
    this.#state = state;
    this.#mesh = mesh;
    this.#subject = subject;
    this.#note = note;
  }

  object(kind: Kind, namespace: string, name: string, plane: Plane = "data"): void {
    const subject = this.#subject;
    if (kind === subject?.kind && namespace === subject.namespace && name === subject.name) return;
    // Nothing has no name.
    if (name === "") return;
    const isMissing = this.#state.store.get(kind, namespace, name, plane) === undefined;
    this.#note({ kind, namespace, name, ...placeIn(plane), ...(isMissing ? { isMissing } : {}) });
  }

  /** Its labels: for discoverySelectors also those of the mesh's own. */
  namespace(name: string): void {
    this.object("Namespace", "", name);
    if (this.#state.meshPlane !== undefined && this.#mesh.discoverySelectors.length > 0)
      this.object("Namespace", "", name, "mesh");
  }

  /** The Namespaces of this name in both planes: one of them is under review, and nobody says which. */
  counterparts(name: string): void {
    if (name === "") return;
    for (const plane of MESH_BEFORE_DATA) {
      const isMissing = this.#state.store.get("Namespace", "", name, plane) === undefined;
      const ground = { kind: "Namespace", namespace: "", name, ...placeIn(plane) } as const;
      this.#note(isMissing ? { ...ground, isMissing } : ground);
    }
  }

  /** All objects of the kind in the namespace; in the cluster if that is "". */
  all(kind: Kind, namespace: string, plane: Plane = "data"): void {
    this.#note({ kind, namespace, name: "", ...placeIn(plane) });
  }

  absent(kind: Kind): void {
    this.#note({ kind, namespace: "", name: "", isAbsent: true });
  }

  /** The ConfigMap of the mesh, and its injectors. */
  mesh(): void {
    const { store, settings, meshPlane } = this.#state;
    const { istioNamespace } = settings;
    for (const plane of meshPlane === undefined ? DATA : MESH_BEFORE_DATA) {
      // This name goes before all others.
      if (store.get("ConfigMap", istioNamespace, "istio", plane)) {
        this.object("ConfigMap", istioNamespace, "istio", plane);
        break;
      }
      this.all("ConfigMap", istioNamespace, plane);
    }
    this.all("MutatingWebhookConfiguration", "");
  }

  /** That nobody in the namespace is a client: one is enough to make it otherwise. */
  noClients(namespace: string): void {
    const { store } = this.#state;
    this.object("Namespace", "", namespace);
    this.#note({ kind: "Pod", namespace, name: "", labelSelector: LABEL_OF_PROXIES });
    for (const kind of ["WorkloadEntry", "WorkloadGroup", "KubernetesGateway"] as const)
      this.all(kind, namespace);
    const classes = store
      .list("KubernetesGateway", namespace)
      .map(([, { spec }]) => spec?.gatewayClassName ?? "");
    for (const name of new Set(classes)) this.object("GatewayClass", "", name);
  }

  noPods(namespace: string, labels: Labels): void {
    const labelSelector = Object.entries(labels)
      .map(([label, value]) => `${label}=${value}`)
      .join(",");
    this.#note({ kind: "Pod", namespace, name: "", labelSelector });
  }

  named(hostname: string, owners: readonly MeshHost[]): void {
    for (const { kind, namespace, name } of owners) this.object(kind, namespace, name);
    if (owners.length > 0) return;
    const service = parseServiceHostname(hostname, this.#state.settings.clusterDomain);
    if (service) this.object("Service", service.namespace, service.name);
    this.all("ServiceEntry", "");
  }

  /**
   * The owners as they come. Where everybody sees one of them, further owners can only count in the namespace of the object
   * under review; where nobody but some do, one that is seen can be anywhere.
   */
  *covered(host: string, owners: Iterable<MeshHost>): Iterable<MeshHost> {
    const noted: MeshHost[] = [];
    let seenByAll: MeshHost | undefined;
    try {
      for (const owner of owners) {
        if (!isWildcard(host)) noted.push(owner);
        if (!seenByAll && !owner.isExternalName && this.#isPublic(owner.exportTo)) seenByAll = owner;
        yield owner;
      }
    } finally {
      if (isWildcard(host)) this.#wildcard(host, seenByAll);
      else this.#exact(host, noted, seenByAll !== undefined);
    }
  }

  #exact(host: string, owners: readonly MeshHost[], isSeenByAll: boolean): void {
    for (const { kind, namespace, name } of owners) this.object(kind, namespace, name);
    const service = parseServiceHostname(host, this.#state.settings.clusterDomain);
    const isKnown = owners.some(({ kind }) => kind === "Service");
    if (service && !isKnown) this.object("Service", service.namespace, service.name);
    // A Service that does not exist yet has its host already, and no exportTo of its own.
    const isImplied = service !== undefined && owners.length === 0 && this.#isPublic([]);
    this.all("ServiceEntry", isSeenByAll || isImplied ? this.#namespace : "");
  }

  /** One host that everybody sees stands for all that there are below the wildcard. */
  #wildcard(host: string, seenByAll: MeshHost | undefined): void {
    const place = seenByAll ? this.#namespace : "";
    if (seenByAll) this.object(seenByAll.kind, seenByAll.namespace, seenByAll.name);
    // `*.b.svc.cluster.local` covers Services of one namespace.
    const below = parseServiceHostname(`any${host.slice(1)}`, this.#state.settings.clusterDomain);
    this.all("Service", below?.namespace ?? place);
    this.all("ServiceEntry", place);
  }

  #isPublic(exportTo: readonly string[]): boolean {
    return isPublic({ namespace: "", exportTo }, this.#mesh);
  }

  get #namespace(): string {
    return this.#subject?.namespace ?? "";
  }
}
