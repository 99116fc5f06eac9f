/** Pods as counted groups per namespace: a cluster has many Pods and few kinds of them. */
import { EXCLUDE_INBOUND, portsIn } from "../../istio/probes/inbound-ports.ts";
import { findInjectedProxy, gatewayKindOf, isProxyless } from "../../istio/injection.ts";
import type { Labels, PodSpec } from "../../kubernetes/objects.ts";
import { sharedLabels } from "../../kubernetes/pod-template.ts";
import type { PodTemplate } from "../../kubernetes/pod-template.ts";
import { matchesLabels } from "../../kubernetes/selectors.ts";
import type { PodGroup } from "../../rules/cluster-view.ts";

/** One for all Pods of a group: there may be a hundred thousand of them. */
interface Group {
  readonly namespace: string;
  readonly id: string;
  readonly pods: PodGroup;
  count: number;
}

export class PodIndex {
  readonly #byNamespace = new Map<string, Map<string, Group>>();
  /** The groups that have a label, so that those of a selector are found through one pair of it. */
  readonly #byLabel = new Map<string, Set<Group>>();
  /** The group of everything that was added, by its own key. */
  readonly #groupOf = new Map<string, Group>();

  /** `key` tells a Pod or workload from every other. Whether it is the first of its group. */
  add(key: string, namespace: string, pod: PodTemplate): boolean {
    const { pods, id } = groupOf(pod);
    const groups = this.#byNamespace.get(namespace) ?? new Map<string, Group>();
    const group = groups.get(id) ?? { namespace, id, pods, count: 0 };
    group.count++;
    this.#groupOf.set(key, group);
    if (group.count > 1) return false;
    groups.set(id, group);
    this.#byNamespace.set(namespace, groups);
    for (const label of labelKeysOf(group)) {
      const ofLabel = this.#byLabel.get(label) ?? new Set<Group>();
      this.#byLabel.set(label, ofLabel.add(group));
    }
    return true;
  }

  /** Whether it was the last of its group. */
  delete(key: string): boolean {
    const group = this.#groupOf.get(key);
    if (!group) return false;
    this.#groupOf.delete(key);
    group.count--;
    const groups = this.#byNamespace.get(group.namespace);
    if (group.count > 0 || !groups) return false;
    groups.delete(group.id);
    if (groups.size === 0) this.#byNamespace.delete(group.namespace);
    for (const label of labelKeysOf(group)) {
      const ofLabel = this.#byLabel.get(label);
      if (ofLabel?.delete(group) && ofLabel.size === 0) this.#byLabel.delete(label);
    }
    return true;
  }

  /** Without the one of this key. */
  inNamespace(namespace: string, excluded: string | undefined): readonly PodGroup[] {
    return this.#without(excluded, this.#byNamespace.get(namespace)?.values() ?? []);
  }

  /** Those with these labels, of which there is at least one, without the one of this key. */
  selectedBy(namespace: string, selector: Labels, excluded: string | undefined): readonly PodGroup[] {
    let fewest: ReadonlySet<Group> | undefined;
    for (const [label, value] of Object.entries(selector)) {
      const groups = this.#byLabel.get(labelKey(namespace, label, value));
      if (groups === undefined) return [];
      if (fewest === undefined || groups.size < fewest.size) fewest = groups;
    }
    const selected = [...(fewest ?? [])].filter(({ pods }) => matchesLabels(selector, pods.labels));
    return this.#without(excluded, selected);
  }

  /** Whether there is any but the one of this key. */
  isAnyIn(namespace: string, excluded: string | undefined): boolean {
    const without = excluded === undefined ? undefined : this.#groupOf.get(excluded);
    const groups = this.#byNamespace.get(namespace);
    if (groups === undefined || without?.namespace !== namespace) return groups !== undefined;
    return groups.size > 1 || without.count > 1;
  }

  #without(excluded: string | undefined, groups: Iterable<Group>): readonly PodGroup[] {
    const without = excluded === undefined ? undefined : this.#groupOf.get(excluded);
    return [...groups]
      .map((group) => ({ ...group.pods, count: group === without ? group.count - 1 : group.count }))
      .filter(({ count }) => count > 0);
  }

  namespaces(): Iterable<string> {
    return this.#byNamespace.keys();
  }
}

function labelKeysOf({ namespace, pods }: Group): string[] {
  return Object.entries(pods.labels).map(([label, value]) => labelKey(namespace, label, value));
}

function labelKey(namespace: string, label: string, value: string): string {
  return `${namespace}/${label}=${value}`;
}

function groupOf({ metadata, spec }: PodTemplate): { pods: PodGroup; id: string } {
  const annotations = metadata.annotations ?? {};
  const labels = Object.fromEntries(
    Object.entries(sharedLabels(metadata.labels ?? {})).toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
  const pods = {
    labels,
    proxy: proxyOf(labels, annotations, spec),
    // Without Envoy, nothing intercepts a port.
    excludedInboundPorts: isProxyless(annotations) ? [] : portsIn(annotations[EXCLUDE_INBOUND] ?? ""),
    namedPorts: namedPortsOf(spec),
    isPlanned: metadata.uid === undefined,
    injectAnnotation: annotations["sidecar.istio.io/inject"] ?? "",
    hostNetwork: spec.hostNetwork ?? false,
    count: 0,
  };
  return { pods, id: JSON.stringify({ ...pods, namedPorts: [...pods.namedPorts] }) };
}

function namedPortsOf({ containers = [], initContainers = [] }: PodSpec): ReadonlyMap<string, number> {
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
  const ports = [...containers, ...sidecars].flatMap(({ ports: own = [] }) => own);
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
