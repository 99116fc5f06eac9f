/** Pods as counted groups per namespace: a cluster has many Pods and few kinds of them. */
import { EXCLUDE_INBOUND, portsIn } from "../istio/inbound-ports.ts";
import { findInjectedProxy, gatewayKindOf } from "../istio/injection.ts";
import type { Labels, PodSpec } from "../kubernetes/objects.ts";
import { sharedLabels } from "../kubernetes/pod-template.ts";
import type { PodTemplate } from "../kubernetes/pod-template.ts";
import type { PodGroup } from "../rules/cluster-view.ts";

/** A group, and what tells whether its Pods would be injected if they were made now. */
export interface StoredPodGroup extends PodGroup {
  /** Not made yet: it stands in a file, as a Pod or a workload's template. */
  readonly isPlanned: boolean;
  readonly injectAnnotation: string;
  readonly hostNetwork: boolean;
}

export class PodIndex {
  readonly #byNamespace = new Map<string, Map<string, StoredPodGroup>>();
  /** Namespace and group of everything that was added, by its own key. */
  readonly #groupOf = new Map<string, { readonly namespace: string; readonly group: string }>();

  /** `key` tells a Pod or workload from every other. */
  add(key: string, namespace: string, pod: PodTemplate): void {
    const { group, id } = groupOf(pod);
    const groups = this.#byNamespace.get(namespace) ?? new Map<string, StoredPodGroup>();
    groups.set(id, { ...group, count: (groups.get(id)?.count ?? 0) + 1 });
    this.#byNamespace.set(namespace, groups);
    this.#groupOf.set(key, { namespace, group: id });
  }

  delete(key: string): void {
    const place = this.#groupOf.get(key);
    if (!place) return;
    this.#groupOf.delete(key);
    const groups = this.#byNamespace.get(place.namespace);
    const group = groups?.get(place.group);
    if (!groups || !group) return;
    if (group.count > 1) groups.set(place.group, { ...group, count: group.count - 1 });
    else groups.delete(place.group);
    if (groups.size === 0) this.#byNamespace.delete(place.namespace);
  }

  /** Without the one of this key. */
  inNamespace(namespace: string, excluded: string | undefined): readonly StoredPodGroup[] {
    const place = excluded === undefined ? undefined : this.#groupOf.get(excluded);
    return [...(this.#byNamespace.get(namespace) ?? [])]
      .map(([id, group]) => {
        const isShared = place?.namespace === namespace && place.group === id;
        return isShared ? { ...group, count: group.count - 1 } : group;
      })
      .filter(({ count }) => count > 0);
  }

  namespaces(): Iterable<string> {
    return this.#byNamespace.keys();
  }
}

function groupOf({ metadata, spec }: PodTemplate): { group: StoredPodGroup; id: string } {
  const annotations = metadata.annotations ?? {};
  const labels = Object.fromEntries(
    Object.entries(sharedLabels(metadata.labels ?? {})).toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
  const group = {
    labels,
    proxy: proxyOf(labels, annotations, spec),
    excludedInboundPorts: portsIn(annotations[EXCLUDE_INBOUND] ?? ""),
    namedPorts: namedPortsOf(spec),
    isPlanned: metadata.uid === undefined,
    injectAnnotation: annotations["sidecar.istio.io/inject"] ?? "",
    hostNetwork: spec.hostNetwork ?? false,
    count: 0,
  };
  return { group, id: JSON.stringify({ ...group, namedPorts: [...group.namedPorts] }) };
}

function namedPortsOf({ containers = [] }: PodSpec): ReadonlyMap<string, number> {
  const ports = containers.flatMap(({ ports: own = [] }) => own);
  return new Map(
    ports.flatMap(({ name, containerPort, protocol = "TCP" }): [string, number][] =>
      name !== undefined && containerPort !== undefined && protocol === "TCP" ? [[name, containerPort]] : [],
    ),
  );
}

/** By its containers, or by the annotation that the injector leaves, where containers are not seen. */
function proxyOf(labels: Labels, annotations: Labels, spec: PodSpec): PodGroup["proxy"] {
  // ztunnel's container, too, is named istio-proxy, and it reads no DestinationRule.
  if (labels["app"] === "ztunnel") return "none";
  const gateway = gatewayKindOf(labels, annotations);
  if (gateway) return gateway;
  return findInjectedProxy(spec) || annotations["sidecar.istio.io/status"] !== undefined ? "sidecar" : "none";
}
