/** Whether a Pod gets a proxy: Istio's injection, judged from labels and from the injectors' own selectors. */
import type { Container, Labels, LabelSelector, PodSpec } from "../kubernetes/objects.ts";
import { matchesSelector } from "../kubernetes/selectors.ts";

/** On namespaces. */
export const INJECTION_LABEL = "istio-injection";
/** On namespaces and on Pods. */
export const REVISION_LABEL = "istio.io/rev";
export const DATAPLANE_LABEL = "istio.io/dataplane-mode";
/** On Pods: a label, or an annotation, which can only prevent injection. */
export const INJECT_KEY = "sidecar.istio.io/inject";

/** One webhook of a MutatingWebhookConfiguration that injects. */
export interface Injector {
  /** Label `istio.io/rev` of the configuration; "" or "default" is the default revision. */
  readonly revision: string;
  readonly namespaceSelector: LabelSelector;
  readonly objectSelector: LabelSelector;
}

/** The key `values` of the ConfigMap `istio-sidecar-injector[-REV]`. */
export interface InjectorSettings {
  /** sidecarInjectorWebhook.rewriteAppHTTPProbe; an absent key is off. */
  readonly rewriteAppHTTPProbe: boolean;
  /** global.proxy.includeInboundPorts, as written; `*` if unset. */
  readonly includeInboundPorts: string;
  /** global.proxy.excludeInboundPorts and excludeOutboundPorts, as written. */
  readonly excludeInboundPorts: string;
  readonly excludeOutboundPorts: string;
  /** Istio CNI redirects the traffic, and no istio-init is injected: pilot.cni.enabled, before Istio 1.22 istio_cni.enabled. */
  readonly usesCni: boolean;
}

export interface InjectionQuery {
  readonly namespace: string;
  readonly namespaceLabels: Labels;
  readonly podLabels: Labels;
  readonly podAnnotations: Labels;
  readonly hostNetwork: boolean;
}

export interface Injection {
  readonly takesEffect: boolean;
  /** The revision that injects; "" for the default one. */
  readonly revision: string;
}

const NONE: Injection = { takesEffect: false, revision: "" };

/** istiod injects nothing here, whatever the labels (pkg/kube/inject: IgnoredNamespaces). */
const IGNORED_NAMESPACES = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

export function isNeverInjected(namespace: string): boolean {
  return IGNORED_NAMESPACES.includes(namespace);
}

/** By the injectors' own selectors; without any known, by the labels as upstream's injectors read them. */
export function injectionOf(pod: InjectionQuery, injectors: readonly Injector[]): Injection {
  if (pod.hostNetwork || isNeverInjected(pod.namespace) || isOptedOut(pod)) return NONE;
  return injectors.length === 0 ? injectionByLabels(pod) : injectionBySelectors(pod, injectors);
}

function injectionBySelectors(pod: InjectionQuery, injectors: readonly Injector[]): Injection {
  const namespaceLabels = { "kubernetes.io/metadata.name": pod.namespace, ...pod.namespaceLabels };
  const injector = injectors.find(
    ({ namespaceSelector, objectSelector }) =>
      matchesSelector(namespaceSelector, namespaceLabels) && matchesSelector(objectSelector, pod.podLabels),
  );
  return injector ? { takesEffect: true, revision: defaultAsEmpty(injector.revision) } : NONE;
}

/** The matrix of upstream's webhooks, since Istio 1.11: the namespace's labels win over the Pod's. */
function injectionByLabels({ namespaceLabels, podLabels }: InjectionQuery): Injection {
  const namespaceWish = namespaceLabels[INJECTION_LABEL];
  if (namespaceWish !== undefined) return { takesEffect: namespaceWish === "enabled", revision: "" };
  // An empty revision is nobody's, and keeps the default revision away as any other does.
  const wished = namespaceLabels[REVISION_LABEL] ?? podLabels[REVISION_LABEL];
  if (wished !== undefined)
    return wished === "" ? NONE : { takesEffect: true, revision: defaultAsEmpty(wished) };
  return { takesEffect: podLabels[INJECT_KEY] === "true", revision: "" };
}

/** The label wins over the annotation; what is neither true nor false counts for nothing (pkg/kube/inject: injectRequired). */
function isOptedOut({ podLabels, podAnnotations }: InjectionQuery): boolean {
  return (podLabels[INJECT_KEY] ?? podAnnotations[INJECT_KEY]) === "false";
}

/** The revision that an injected Pod got its proxy from: the injector notes it; "" for the default one, and where it did not. */
export function revisionOfInjected(annotations: Labels): string {
  return defaultAsEmpty(annotations[REVISION_LABEL] ?? "");
}

function defaultAsEmpty(revision: string): string {
  return revision === "default" ? "" : revision;
}

/** The proxy of a Pod as it stands: `native` is an init container that keeps running, `classic` a container. */
export interface InjectedProxy {
  readonly container: Container;
  readonly isNative: boolean;
  /** Where the container stands in the Pod. */
  readonly list: "containers" | "initContainers";
  readonly index: number;
}

/** The injected proxy; undefined before injection, also where a container istio-proxy with image `auto` waits for it. */
export function findInjectedProxy(spec: PodSpec): InjectedProxy | undefined {
  for (const list of ["containers", "initContainers"] as const) {
    const index = (spec[list] ?? []).findIndex(
      ({ name, image }) => name === "istio-proxy" && image !== "auto",
    );
    const container = spec[list]?.[index];
    if (!container) continue;
    const isNative = list === "initContainers";
    if (!isNative || container.restartPolicy === "Always") return { container, isNative, list, index };
  }
  return undefined;
}

/** What kind of gateway a Pod is by its labels and annotations; undefined if it is none. */
export function gatewayKindOf(labels: Labels, annotations: Labels): "gateway" | "waypoint" | undefined {
  const templates = templatesOf(annotations);
  const managed = labels["gateway.istio.io/managed"];
  if (templates.includes("waypoint") || managed === "istio.io-mesh-controller") return "waypoint";
  if (templates.includes("gateway") || managed !== undefined) return "gateway";
  if (labels["gateway.networking.k8s.io/gateway-name"] !== undefined) return "gateway";
  return GATEWAY_LABELS.includes(labels["istio"] ?? "") ? "gateway" : undefined;
}

const GATEWAY_LABELS = ["ingressgateway", "egressgateway", "eastwestgateway"];

/** Whether injection gives the Pod only an agent for gRPC, and no Envoy. */
export function isProxyless(annotations: Labels): boolean {
  const templates = templatesOf(annotations);
  return !templates.includes("sidecar") && templates.some((name) => name.startsWith("grpc-"));
}

function templatesOf(annotations: Labels): readonly string[] {
  return (annotations["inject.istio.io/templates"] ?? "").split(",").map((name) => name.trim());
}
