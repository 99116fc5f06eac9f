/** The cluster as rules see it: the store's answers, without the object under review. */
import { planeOfKind } from "../istio/planes.ts";
import type { Versions } from "../istio/versions.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { isPodKind, sharedLabels } from "../kubernetes/pod-template.ts";
import type { MeshHost } from "../istio/lookup/mesh.ts";
import type { ClusterView, Ground, Mesh } from "../rules/cluster-view.ts";
import type { MeshSettings } from "../rules/policy.ts";
import { clientsIn } from "./clients.ts";
import { isOnAlibabaCloud } from "./cloud.ts";
import { KnownClients } from "./known-clients.ts";
import { Grounds } from "./grounds.ts";
import { withGrounds } from "./lookup-grounds.ts";
import { definesKind } from "./definitions.ts";
import { createLookupMesh } from "./lookup-mesh.ts";
import { meshOf, revisedMeshOf } from "./mesh.ts";
import type { RevisedMesh } from "./mesh.ts";
import { counterpartOf, isOneCluster } from "./planes.ts";
import { CLIENT_KINDS, podKey } from "./store.ts";
import type { Store } from "./store.ts";
import { versionsOf } from "./versions.ts";

export interface ClusterState {
  readonly store: Store;
  readonly settings: MeshSettings;
  /** Everything there is stands in the store: a namespace of which it knows nothing is empty. */
  readonly isComplete: boolean;
  /** Whether the API server serves the kind, by other means than the objects in the store; undefined if that is not known. */
  readonly serves?: (kind: Kind) => boolean | undefined;
  /** Of the API server of the mesh's control plane: whether all is known that it has. Left out if it has none of its own. */
  readonly meshPlane?: "known" | "unknown";
  /** Whether findings on this object are told as well; left out: no other object's are. */
  readonly isReviewed?: (object: ObjectId) => boolean;
}

export interface ObjectId {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

/** `note` is told what the answers rest on; without it nobody wants to know. */
export function createView(
  state: ClusterState,
  excluded?: ObjectId,
  note?: (ground: Ground) => void,
): ClusterView<Kind> {
  const { store, settings } = state;
  const { mesh, versions, revised, clients } = derivedFrom(state);
  const isExcluded = (kind: Kind, namespace: string, name: string) =>
    excluded?.kind === kind && excluded.namespace === namespace && excluded.name === name;
  const isShown = ({ kind, namespace, name }: MeshHost) => !isExcluded(kind, namespace, name);
  const excludedPod = excluded && podKey(excluded.kind, excluded.namespace, excluded.name);

  const reviewed = excluded && namespaceOfClient(excluded);
  const inNamespace = (namespace: string) => {
    if (namespace !== reviewed) return clients.inNamespace(namespace);
    return clientsIn(namespace, {
      store,
      settings,
      injectors: mesh.injectors,
      isExcluded: (kind, name) => isExcluded(kind, kind === "Namespace" ? "" : namespace, name),
      podGroups: store.pods.inNamespace(namespace, excludedPod),
    });
  };

  const grounds = new Grounds(state, mesh, excluded, note ?? (() => {}));
  const lookup = createLookupMesh({ store, mesh: revised, isComplete: state.isComplete, isExcluded });
  const stored = <K extends Kind>(kind: K, namespace: string, name: string) => {
    if (isExcluded(kind, namespace, name)) return undefined;
    grounds.object(kind, namespace, name);
    return store.get(kind, namespace, name);
  };

  const serves = (kind: Kind) => {
    const told = state.serves?.(kind);
    return told === true || (definesKind(store, kind, excluded) ?? told);
  };

  return {
    get mesh() {
      grounds.mesh();
      return mesh;
    },
    versions,
    get isOnAlibabaCloud() {
      return isOnAlibabaCloud(store, versions, serves("IstioGateway") === true);
    },
    isComplete: state.isComplete,
    isReviewed: (kind, namespace, name) => state.isReviewed?.({ kind, namespace, name }) ?? false,
    get: (kind, namespace, name) => stored(kind, namespace, name)?.object,
    list(kind, namespace) {
      grounds.all(kind, namespace);
      return store
        .list(kind, namespace)
        .filter(([name]) => !isExcluded(kind, namespace, name))
        .map(([, object]) => object);
    },
    planeOf: (kind, namespace, name) => stored(kind, namespace, name)?.plane,
    serves(kind) {
      // What each of two API servers serves of the other's kinds, nobody looks for.
      if (state.meshPlane !== undefined && excluded && planeOfKind(kind) !== planeOfKind(excluded.kind))
        return undefined;
      if (state.serves?.(kind) === false) grounds.absent(kind);
      return serves(kind);
    },
    clients: {
      inNamespace(namespace) {
        const found = inNamespace(namespace);
        if (found.length === 0) grounds.noClients(namespace);
        return found;
      },
      namespaces: () =>
        clients
          .namespaces()
          .filter((namespace) => namespace !== reviewed || inNamespace(namespace).length > 0),
      isKnown: (namespace) =>
        state.isComplete ||
        (!isExcluded("Namespace", "", namespace) && store.get("Namespace", "", namespace) !== undefined) ||
        store.pods.isAnyIn(namespace, excludedPod),
    },
    hosts: {
      named(hostname) {
        const owners = store.hosts.named(hostname).filter(isShown);
        grounds.named(hostname, owners);
        return owners;
      },
      coveredBy: (host) => grounds.covered(host, Iterator.from(store.hosts.coveredBy(host)).filter(isShown)),
      wildcardAbove(host) {
        for (const one of store.hosts.wildcardsAbove(host)) if (isShown(one)) return one;
        return undefined;
      },
      namespacesOfService: (name) =>
        store.hosts.namespacesOfService(name).filter((namespace) => !isExcluded("Service", namespace, name)),
    },
    lookup: note ? withGrounds(lookup, grounds) : lookup,
    planes: {
      get isSplit() {
        return state.meshPlane === "known" && !isOneCluster(store);
      },
      counterpartOf(namespace) {
        grounds.counterparts(namespace.metadata?.name ?? "");
        return counterpartOf(namespace, store);
      },
      isHeldBy: (namespace, kind) =>
        state.meshPlane === undefined ||
        planeOfKind(kind) === (counterpartOf(namespace, store)?.plane ?? "data"),
    },
    pods: {
      selectedBy(namespace, selector) {
        const shared = sharedLabels(selector);
        if (Object.keys(shared).length === 0) return [];
        const selected = store.pods.selectedBy(namespace, shared, excludedPod);
        if (selected.length === 0) grounds.noPods(namespace, shared);
        return selected;
      },
    },
    ports: {
      *claims(port) {
        for (const claim of store.ports.claims(port)) {
          const { kind, namespace, name } = claim;
          if (isExcluded(kind, namespace, name)) continue;
          grounds.object(kind, namespace, name);
          yield claim;
        }
      },
    },
    services: {
      selecting(namespace, labels) {
        grounds.all("Service", namespace);
        return store.selectors
          .selecting(namespace, labels)
          .filter(([name]) => !isExcluded("Service", namespace, name))
          .map(([, service]) => service);
      },
    },
  };
}

/** The namespace in which the object makes clients, or is one; undefined if it does not. */
function namespaceOfClient({ kind, namespace, name }: ObjectId): string | undefined {
  if (kind === "Namespace") return name;
  return isPodKind(kind) || CLIENT_KINDS.includes(kind) ? namespace : undefined;
}

interface Derived {
  readonly generation: number;
  readonly settings: MeshSettings;
  readonly mesh: Mesh;
  readonly versions: Versions;
  readonly revised: RevisedMesh;
  readonly clients: KnownClients;
}
const DERIVED = new WeakMap<Store, Derived>();

/** The mesh's settings are read anew only when they or the configuration changed. */
function derivedFrom({ store, settings }: ClusterState): Derived {
  const known = DERIVED.get(store);
  if (known?.generation === store.meshGeneration && known.settings === settings) return known;
  const versions = versionsOf(store, settings);
  const mesh = meshOf(store, settings, versions);
  const derived = {
    generation: store.meshGeneration,
    settings,
    mesh,
    versions,
    revised: revisedMeshOf(store, settings, mesh, versions),
    clients: new KnownClients(store, settings, mesh.injectors),
  };
  DERIVED.set(store, derived);
  return derived;
}
