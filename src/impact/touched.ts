/** The lookups that a change can turn out otherwise: found from what has changed, through the indexes. */
import { createView } from "../cluster/view.ts";
import type { ClusterState, ObjectId } from "../cluster/view.ts";
import { resolveHost, serviceHostname } from "../istio/hosts.ts";
import { lookupRule } from "../istio/lookup/rule.ts";
import { readObject } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { sameJson } from "../kubernetes/json-patch.ts";
import { isPodKind } from "../kubernetes/pod-template.ts";
import { QUESTION_READS } from "../rules/cluster-view.ts";
import type { ClusterView } from "../rules/cluster-view.ts";
import type { ChangedObject } from "./change.ts";

/** By hostname, the namespaces whose clients may get another answer; `EVERY_NAMESPACE` alone for all of them. */
export type TouchedHosts = ReadonlyMap<string, ReadonlySet<string>>;

export interface Touched {
  readonly hosts: TouchedHosts;
  /** Those hosts that the change speaks of, and not only what clients see of the mesh. */
  readonly namedHosts: ReadonlySet<string>;
}

/** No namespace can be called so. */
export const EVERY_NAMESPACE = "*";

/** The cluster before or after, with nothing left out. */
export interface Moment {
  readonly state: ClusterState;
  readonly view: ClusterView<Kind>;
}

export interface Moments {
  readonly before: Moment;
  readonly after: Moment;
  /** When deletions are judged: what nobody named, and goes with a Namespace, is still there. */
  readonly deletion: Moment;
}

/** Whom its clients are is asked many times, and found out once. */
export function momentOf(known: ClusterState): Moment {
  const state: ClusterState = { ...known, isReviewed: () => true };
  const view = createView(state);
  const { clients } = view;
  const found = new Map<string, ReturnType<typeof clients.inNamespace>>();
  let namespaces: readonly string[] | undefined;
  const remembered: ClusterView<Kind>["clients"] = {
    ...clients,
    inNamespace(namespace) {
      const there = found.get(namespace) ?? clients.inNamespace(namespace);
      found.set(namespace, there);
      return there;
    },
    namespaces() {
      namespaces ??= clients.namespaces();
      return namespaces;
    },
  };
  return { state, view: { ...view, clients: remembered } };
}

/** The cluster for a review of this object, which is not in it. */
export function viewWithout({ state, view }: Moment, subject: ObjectId): ClusterView<Kind> {
  const without = createView(state, subject);
  return makesClients(subject.kind) ? without : { ...without, clients: view.clients };
}

/** Whether objects of this kind tell who is a client. */
export function makesClients(kind: Kind): boolean {
  return isPodKind(kind) || CLIENT_KINDS.includes(kind);
}

const CLIENT_KINDS: readonly Kind[] = QUESTION_READS.clients;

export function touchedBy(objects: readonly ChangedObject[], { before, after }: Moments): Touched {
  const search = new Search([before, after]);
  if (!sameJson(settingsOf(before), settingsOf(after))) search.addAll(EVERY_NAMESPACE);
  for (const { manifest, namespace, before: old, after: current } of objects) {
    const { kind, name } = manifest;
    if (kind === undefined) continue;
    for (const value of [old, current]) {
      if (value !== undefined) search.addObject({ kind, namespace, name }, value);
    }
  }
  return { hosts: search.hosts, namedHosts: search.namedHosts };
}

function settingsOf({ view }: Moment): unknown {
  return view.lookup.settings;
}

class Search {
  readonly hosts = new Map<string, Set<string>>();
  readonly namedHosts = new Set<string>();
  readonly #moments: readonly Moment[];

  constructor(moments: readonly Moment[]) {
    this.#moments = moments;
  }

  addObject(
    { kind, namespace, name }: { readonly kind: Kind; readonly namespace: string; readonly name: string },
    value: unknown,
  ): void {
    if (kind === "DestinationRule") this.#addRule(namespace, name, value);
    else if (kind === "Service")
      this.#add(serviceHostname(name, namespace, this.#clusterDomain()), EVERY_NAMESPACE);
    else if (kind === "ServiceEntry") {
      for (const host of readObject(kind, value).spec?.hosts ?? []) this.#add(host, EVERY_NAMESPACE);
    } else if (kind === "Sidecar") this.addAll(this.#isRoot(namespace) ? EVERY_NAMESPACE : namespace);
    else if (kind === "VirtualService") this.#addDestinations(namespace, value);
    else if (kind === "Namespace") this.#addNamespace(name);
  }

  /** Every host that the mesh has. */
  addAll(clients: string): void {
    for (const { view } of this.#moments) {
      for (const { hostname } of view.hosts.coveredBy("*")) this.#addClients(hostname, clients);
    }
  }

  /** Other clients than those of the rule's own namespace come to it only from its services, or from everywhere to the root's. */
  #addRule(namespace: string, name: string, value: unknown): void {
    const object = readObject("DestinationRule", value);
    for (const { view } of this.#moments) {
      const { host } = lookupRule({ namespace, name }, object, view.lookup.settings);
      for (const owner of view.hosts.coveredBy(host)) {
        const isForAll = owner.namespace === namespace || this.#isRoot(namespace);
        this.#add(owner.hostname, isForAll ? EVERY_NAMESPACE : namespace);
      }
    }
  }

  /** They widen what a Sidecar lets its clients see. */
  #addDestinations(namespace: string, value: unknown): void {
    const { http = [], tcp = [], tls = [] } = readObject("VirtualService", value).spec ?? {};
    const routes = [...http, ...tcp, ...tls].flatMap(({ route = [] }) =>
      route.map(({ destination }) => destination),
    );
    const mirrored = http.flatMap(({ mirror, mirrors = [] }) => [
      mirror,
      ...mirrors.map(({ destination }) => destination),
    ]);
    for (const destination of [...routes, ...mirrored]) {
      const host = resolveHost(destination?.host ?? "", namespace, this.#clusterDomain());
      if (host !== "") this.#add(host, EVERY_NAMESPACE);
    }
  }

  /** Its labels may decide whether istiod reads what is in it. */
  #addNamespace(namespace: string): void {
    for (const { state } of this.#moments) {
      for (const kind of [
        "DestinationRule",
        "Service",
        "ServiceEntry",
        "Sidecar",
        "VirtualService",
      ] as const) {
        for (const [name, object] of state.store.list(kind, namespace)) {
          this.addObject({ kind, namespace, name }, object);
        }
      }
    }
  }

  #add(hostname: string, clients: string): void {
    this.namedHosts.add(hostname);
    this.#addClients(hostname, clients);
  }

  #addClients(hostname: string, clients: string): void {
    const known = this.hosts.get(hostname) ?? new Set<string>();
    if (clients === EVERY_NAMESPACE) known.clear();
    if (!known.has(EVERY_NAMESPACE)) known.add(clients);
    this.hosts.set(hostname, known);
  }

  #isRoot(namespace: string): boolean {
    return this.#moments.some(({ view }) => view.mesh.rootNamespace === namespace);
  }

  #clusterDomain(): string {
    return this.#moments[0]?.view.mesh.clusterDomain ?? "";
  }
}
