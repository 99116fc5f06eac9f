/** Who reads DestinationRules in a namespace: proxies that run, and those that would be injected. */
import { injectionOf } from "../istio/injection.ts";
import type { Injector } from "../istio/injection.ts";
import type { Kinds } from "../kubernetes/objects.ts";
import { matchesSelector } from "../kubernetes/selectors.ts";
import type { Client, PodGroup } from "../rules/cluster-view.ts";
import type { MeshSettings } from "../rules/policy.ts";
import type { Store } from "./store.ts";

/** The classes that istiod serves without a GatewayClass of their own, and the proxies they make. */
const BUILT_IN_CLASSES = new Map<string, Client["proxy"]>([
  ["istio", "gateway"],
  ["istio-waypoint", "waypoint"],
]);
const CONTROLLERS = new Map<string, Client["proxy"]>([
  ["istio.io/gateway-controller", "gateway"],
  ["istio.io/mesh-controller", "waypoint"],
]);

export interface ClientSources {
  readonly store: Store;
  readonly settings: MeshSettings;
  readonly injectors: readonly Injector[];
  /** Whether this is the object under review, which counts for nothing. */
  readonly isExcluded: (
    kind: "KubernetesGateway" | "Namespace" | "WorkloadEntry" | "WorkloadGroup",
    name: string,
  ) => boolean;
  readonly podGroups: readonly PodGroup[];
}

export function clientsIn(namespace: string, sources: ClientSources): Client[] {
  return [
    ...declared(namespace, sources),
    ...ofPods(namespace, sources),
    ...ofNamespaceLabels(namespace, sources),
    ...ofWorkloads(namespace, sources),
    ...ofGateways(namespace, sources),
  ];
}

function declared(namespace: string, sources: ClientSources): Client[] {
  const { names, selector } = sources.settings.clientNamespaces;
  const labels = { "kubernetes.io/metadata.name": namespace, ...labelsOf(namespace, sources) };
  if (!names.includes(namespace) && !(selector && matchesSelector(selector, labels))) return [];
  return [
    { namespace, labels: undefined, proxy: "sidecar", because: "clientNamespaces of the configuration" },
  ];
}

function ofPods(namespace: string, sources: ClientSources): Client[] {
  return sources.podGroups.flatMap((group): Client[] => {
    const { labels, proxy } = group;
    if (proxy !== "none") return [{ namespace, labels, proxy, because: `Pods with a ${proxy} proxy` }];
    if (!group.isPlanned || !wouldBeInjected(namespace, group, sources)) return [];
    return [{ namespace, labels, proxy: "sidecar", because: "Pods that will be injected" }];
  });
}

function wouldBeInjected(namespace: string, group: PodGroup, sources: ClientSources): boolean {
  const { labels: podLabels, injectAnnotation, hostNetwork } = group;
  const podAnnotations = { "sidecar.istio.io/inject": injectAnnotation };
  const namespaceLabels = labelsOf(namespace, sources);
  return injectionOf(
    { namespace, namespaceLabels, podLabels, podAnnotations, hostNetwork },
    sources.injectors,
  ).takesEffect;
}

/** Pods may start any time where injection is on. */
function ofNamespaceLabels(namespace: string, sources: ClientSources): Client[] {
  const namespaceLabels = labelsOf(namespace, sources);
  const query = { namespace, namespaceLabels, podLabels: {}, podAnnotations: {}, hostNetwork: false };
  if (!injectionOf(query, sources.injectors).takesEffect) return [];
  return [{ namespace, labels: undefined, proxy: "sidecar", because: "the namespace's injection" }];
}

function ofWorkloads(namespace: string, { store, isExcluded }: ClientSources): Client[] {
  const entries = store
    .list("WorkloadEntry", namespace)
    .filter(([name]) => !isExcluded("WorkloadEntry", name))
    .map(([, entry]) => ({ labels: entry.spec?.labels ?? {}, because: "a WorkloadEntry" }));
  const groups = store
    .list("WorkloadGroup", namespace)
    .filter(([name]) => !isExcluded("WorkloadGroup", name))
    .map(([, group]) => ({ labels: group.spec?.metadata?.labels ?? {}, because: "a WorkloadGroup" }));
  return [...entries, ...groups].map(({ labels, because }) => ({
    namespace,
    labels,
    proxy: "sidecar",
    because,
  }));
}

function ofGateways(namespace: string, { store, isExcluded }: ClientSources): Client[] {
  return store
    .list("KubernetesGateway", namespace)
    .filter(([name]) => !isExcluded("KubernetesGateway", name))
    .flatMap(([name, gateway]): Client[] => {
      const proxy = proxyOfGateway(gateway, store);
      return proxy ? [{ namespace, labels: undefined, proxy, because: `Gateway ${name}` }] : [];
    });
}

function proxyOfGateway(gateway: Kinds["KubernetesGateway"], store: Store): Client["proxy"] | undefined {
  const className = gateway.spec?.gatewayClassName ?? "";
  const gatewayClass = store.get("GatewayClass", "", className);
  if (!gatewayClass) return BUILT_IN_CLASSES.get(className);
  return CONTROLLERS.get(gatewayClass.object.spec?.controllerName ?? "");
}

function labelsOf(namespace: string, { store, isExcluded }: ClientSources): Readonly<Record<string, string>> {
  if (isExcluded("Namespace", namespace)) return {};
  return store.get("Namespace", "", namespace)?.object.metadata?.labels ?? {};
}
