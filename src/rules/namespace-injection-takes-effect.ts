import { holds } from "../istio/gates.ts";
import {
  DATAPLANE_LABEL,
  findInjectedProxy,
  INJECT_KEY,
  INJECTION_LABEL,
  injectionOf,
  isNeverInjected,
  REVISION_LABEL,
  revisionOfInjected,
} from "../istio/injection.ts";
import type { Injection, InjectionQuery, Injector } from "../istio/injection.ts";
import { labelsBeforePodsCounted, meaningOf, revisionsServed, wishOf } from "../istio/injection-wishes.ts";
import type { Wish } from "../istio/injection-wishes.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";
import type { Versions } from "../istio/versions.ts";
import type { Labels, Metadata } from "../kubernetes/objects.ts";
import { POD_KINDS, podTemplateOf } from "../kubernetes/pod-template.ts";
import type { PodTemplate } from "../kubernetes/pod-template.ts";
import type { ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";
import type { Finding, Messages } from "./rule.ts";

const MESSAGES = {
  ambientNamespace: {
    text: "Pods here get sidecars by {{label}}, so istio.io/dataplane-mode: ambient has no effect on them",
    remedy:
      "Remove {{key}} for ambient mode (kubectl label namespace {{namespace}} {{key}}-), or istio.io/dataplane-mode for sidecars; then restart the workloads.",
  },
  ambientPod: {
    text: "The Pod gets a sidecar, so its label istio.io/dataplane-mode: ambient has no effect",
    remedy:
      'For ambient mode add the label sidecar.istio.io/inject: "false", else remove istio.io/dataplane-mode.',
  },
  annotationOnly: {
    text: "The annotation sidecar.istio.io/inject can prevent injection, but never cause it",
    remedy: 'Make it a label of the Pod: sidecar.istio.io/inject: "true".',
  },
  blockedPods: {
    text: 'istio-injection: "{{value}}" blocks injection, also for Pods that ask for it by a label ({{count}} here)',
    remedy:
      "Remove the label from the namespace (kubectl label namespace {{namespace}} istio-injection-) or sidecar.istio.io/inject from the Pods.",
  },
  blockedRevision: {
    text: 'istio-injection: "{{value}}" injects nothing here, and istio.io/rev: "{{revision}}" is ignored beside it',
    remedy:
      "To inject by the revision: kubectl label namespace {{namespace}} istio-injection-. Not to inject at all: remove istio.io/rev.",
  },
  blockingValue: {
    text: 'istio-injection: "{{value}}" blocks injection, because only "enabled" causes it',
    remedy:
      "kubectl label namespace {{namespace}} --overwrite istio-injection=enabled, or =disabled if that is meant; then restart the workloads.",
  },
  bothLabels: {
    text: 'istio.io/rev: "{{revision}}" is ignored, because the namespace has istio-injection: "{{value}}"',
    remedy:
      "To inject by the revision: kubectl label namespace {{namespace}} istio-injection-. Else remove istio.io/rev.",
  },
  bothLabelsAgree: {
    text: 'istio.io/rev: "{{revision}}" says the same as istio-injection: "{{value}}", which alone counts',
    action: "Audit",
    remedy: "Remove one of the two labels.",
  },
  emptyRevision: {
    text: "istio.io/rev is empty, and so keeps every injector away",
    remedy: "Give it the name of a revision or tag, or remove it.",
  },
  imageAuto: {
    text: "The image auto of istio-proxy stays as it is, because neither the namespace nor the Pod asks for injection",
    remedy: 'Label the Pod sidecar.istio.io/inject: "true", or its namespace istio-injection: enabled.',
  },
  inSystemNamespace: {
    text: "The {{wish}} has no effect in {{namespace}}, because Istio never injects there",
    remedy: "Run the workload in another namespace, or remove what asks for injection.",
  },
  namespaceBlocks: {
    text: "The {{wish}} has no effect, because the namespace's label {{label}} blocks injection",
    remedy:
      "Remove the namespace's label (kubectl label namespace {{namespace}} {{key}}-), or run the Pod in another namespace.",
  },
  namespaceNotServed: {
    text: "The {{wish}} has no effect, because no injector serves the namespace's label {{label}}",
    remedy: "Label the namespace with a revision or tag that is installed: {{served}}.",
  },
  neverInjected: {
    text: "The label {{label}} has no effect, because Istio never injects into {{namespace}}",
    remedy: "Remove the label, and run what needs a proxy in another namespace.",
  },
  noDefaultRevision: {
    text: "istio-injection: enabled injects nothing, because no injector serves the default revision",
    remedy:
      "Label the namespace istio.io/rev with what is installed ({{served}}) instead, or name a default: istioctl tag set default --revision REVISION.",
  },
  onHostNetwork: {
    text: "The {{wish}} has no effect, because Istio never injects Pods on the host network",
    remedy: "Remove it, or hostNetwork.",
  },
  podRevisionIgnored: {
    text: 'The Pod\'s istio.io/rev: "{{revision}}" is ignored, because its namespace has {{label}}',
    remedy:
      "Remove it from the Pod; to choose revisions by Pod, remove the label from the namespace (kubectl label namespace {{namespace}} {{key}}-).",
  },
  podRevisionNotServed: {
    text: 'No injector serves istio.io/rev: "{{revision}}", so the Pod gets no proxy',
    remedy: "Name a revision or tag that is installed: {{served}}.",
  },
  revisionNotServed: {
    text: 'No injector serves istio.io/rev: "{{revision}}", so nothing is injected here',
    remedy: "Name a revision or tag that is installed: {{served}}.",
  },
  sidecarInAmbientNamespace: {
    text: "The Pod asks for a sidecar in a namespace in ambient mode, so it is left out of ambient mode",
    action: "Audit",
    remedy: "Remove what asks for the sidecar, if that is not meant.",
  },
  unselected: {
    text: "The {{wish}} has no effect, because no injector selects the Pod",
    remedy:
      "Label the namespace istio-injection: enabled, or istio.io/rev with a revision or tag that is installed: {{served}}.",
  },
  unusualOptOut: {
    text: 'istio-injection: "{{value}}" blocks injection as every value but "enabled" does; Istio\'s word is "disabled"',
    action: "Audit",
    remedy: "kubectl label namespace {{namespace}} --overwrite istio-injection=disabled.",
  },
  valueUnknown: {
    text: 'sidecar.istio.io/inject: "{{value}}" counts for nothing, because Istio knows only "true" and "false"',
    remedy: 'Write "true" or "false", in lower case, as a label of the Pod.',
  },
} as const satisfies Messages;
type Found = Finding<typeof MESSAGES>;
type View = ClusterView<"Namespace" | "Pod">;

export default defineRule({
  id: "namespace-injection-takes-effect",
  title: "Labels that ask for injection have an effect",
  symptoms: [
    "Pods have no sidecar although the namespace is labelled",
    "the sidecar is not injected, and nothing says why",
    "Pods get the proxy of another revision than the one they name",
    "a namespace in ambient mode still has sidecars",
  ],
  why: "Injectors are chosen by labels, and labels that no injector selects are no error: the Pod just starts without a proxy. The namespace's istio-injection wins over its istio.io/rev, each of them over the labels of Pods, and every value of istio-injection but enabled blocks.",
  remedy:
    "Put one label on the namespace, istio-injection: enabled or istio.io/rev with an installed revision or tag, and restart its workloads.",
  notes: [
    "Where the cluster's injectors are known, their own selectors decide, as in `istioctl experimental check-inject`: tags, deactivated configurations and other products' selectors included. Where none is known, labels mean what they do to the injectors that Istio installs, and nothing is said about revisions that nobody serves.",
    'istio-injection: disabled is the opt-out that it says. It is reported only beside something that wants injection: a revision of the same namespace, or Pods that ask for a proxy. The same goes for values such as "false" and "off", which do what they say.',
    "Of Pods and templates it is said why a label, an annotation or the image auto does not get them a proxy, or not from the revision that they name. Without the Namespace object, as in a check of single files, only what holds in every namespace is said.",
    'Before Istio 1.10 the labels of Pods could only prevent injection. Before 1.27 every value of sidecar.istio.io/inject that was not some form of yes prevented it; since then only "false" does.',
    "In Alibaba Cloud Service Mesh the labels of a namespace in the data plane and of the one of the same name in the control plane have to agree; namespace labels are what decides by default, and a Pod's label alone injects nothing there.",
  ],
  zh: {
    title: "要求注入的标签能够生效",
    symptoms: [
      "命名空间已打标签，Pod 却没有 Sidecar",
      "没有注入 Sidecar，也没有任何提示",
      "Pod 得到的代理不属于它指定的版本（revision）",
      "处于 Ambient 模式的命名空间中仍有 Sidecar",
    ],
    why: "注入器按标签选择；没有注入器选中的标签不会报错，Pod 只是不带代理地启动。命名空间的 istio-injection 优先于 istio.io/rev，二者都优先于 Pod 的标签；istio-injection 除 enabled 以外的任何值都会阻止注入。",
    remedy:
      "在命名空间上只保留一个标签：istio-injection: enabled，或值为已安装的版本或版本标签的 istio.io/rev；然后重启其中的工作负载。",
    notes: [
      "如果已知集群中的注入器，则以它们自己的选择器为准（与 `istioctl experimental check-inject` 相同），包括版本标签、已停用的配置以及其他产品的选择器。如果一个都不知道，则按 Istio 安装的注入器解释标签，并且不提示无人提供的版本。",
      "istio-injection: disabled 就是其字面上的不注入。只有与要求注入的内容同时出现时才报告：同一命名空间的版本标签，或要求代理的 Pod。“false”“off”等值同理，效果与字面一致。",
      "对于 Pod 和模板，会说明标签、注解或镜像 auto 为什么没有带来代理，或代理为什么不属于所指定的版本。如果没有 Namespace 对象（例如只检查单个文件），只报告在任何命名空间都成立的内容。",
      '在 Istio 1.10 之前，Pod 的标签只能阻止注入。在 1.27 之前，sidecar.istio.io/inject 的值只要不是某种形式的“是”就会阻止注入；此后只有 "false" 会阻止。',
      "在阿里云服务网格中，数据面命名空间的标签必须与控制面同名命名空间一致；默认由命名空间的标签决定，仅有 Pod 标签不会注入。",
    ],
  },
  sources: [
    "Istio, Installing the Sidecar, https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/",
    "Istio, Sidecar Injection Problems, https://istio.io/latest/docs/ops/common-problems/injection/",
    "Istio, the injectors' selectors, https://github.com/istio/istio/blob/master/manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml",
    "Istio, injectRequired in pkg/kube/inject, https://github.com/istio/istio/blob/master/pkg/kube/inject/inject.go",
    "Istio, Add workloads to an ambient mesh, https://istio.io/latest/docs/ambient/usage/add-workloads/",
    "Alibaba Cloud Service Mesh, Configure sidecar injection policies, https://www.alibabacloud.com/help/en/doc-detail/186136.htm",
  ],
  example: {
    bad: `apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: { istio-injection: "true" }
`,
    good: `apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: { istio-injection: enabled }
`,
  },
  action: "Warn",
  kinds: ["Namespace", ...POD_KINDS],
  operations: ["CREATE", "UPDATE"],
  reads: ["Namespace", "Pod"],
  gates: ["injectValuesAreStrict", "podLabelsCauseInjection"],
  options: {},
  messages: MESSAGES,
  *check(review, cluster) {
    if (review.kind === "Namespace")
      yield* checkNamespace(review.name, review.object.metadata ?? {}, cluster);
    else yield* checkPod(review.namespace, podTemplateOf(review.kind, review.object), cluster);
  },
});

function* checkNamespace(namespace: string, metadata: Metadata, cluster: View): Iterable<Found> {
  const { labels = {}, deletionTimestamp } = metadata;
  const [value, revision] = [labels[INJECTION_LABEL], labels[REVISION_LABEL]];
  if (deletionTimestamp !== undefined || (value === undefined && revision === undefined)) return;
  const asks = askingLabel(labels);
  if (isNeverInjected(namespace)) {
    if (asks)
      yield { message: "neverInjected", field: fieldOf(asks.key), data: { label: asks.words, namespace } };
    return;
  }
  const { injectors } = cluster.mesh;
  const injection = injectionInto(namespace, labels, injectors);
  if (value === undefined) yield* checkRevision(revision ?? "", injection, injectors);
  else if (injection.takesEffect) yield* checkBothLabels(namespace, labels, injection, injectors);
  else yield* checkBlocked(namespace, value, revision ?? "", cluster);
  if (asks && injection.takesEffect && labels[DATAPLANE_LABEL] === "ambient") {
    const data = { label: asks.words, key: asks.key, namespace };
    yield { message: "ambientNamespace", field: fieldOf(DATAPLANE_LABEL), data };
  }
}

function* checkRevision(
  revision: string,
  { takesEffect }: Injection,
  injectors: readonly Injector[],
): Iterable<Found> {
  const field = fieldOf(REVISION_LABEL);
  if (revision === "") yield { message: "emptyRevision", field };
  else if (!takesEffect) {
    yield { message: "revisionNotServed", field, data: { revision, served: listServed(injectors) } };
  }
}

function* checkBothLabels(
  namespace: string,
  labels: Labels,
  { revision: effective }: Injection,
  injectors: readonly Injector[],
): Iterable<Found> {
  const { [INJECTION_LABEL]: value = "", ...others } = labels;
  const revision = others[REVISION_LABEL] ?? "";
  if (revision === "") return;
  const alone = injectionInto(namespace, others, injectors);
  const field = fieldOf(REVISION_LABEL);
  if (alone.takesEffect && alone.revision === effective)
    yield { message: "bothLabelsAgree", field, data: { revision, value } };
  else yield { message: "bothLabels", field, data: { revision, value, namespace } };
}

function* checkBlocked(namespace: string, value: string, revision: string, cluster: View): Iterable<Found> {
  const field = fieldOf(INJECTION_LABEL);
  if (revision !== "") yield { message: "blockedRevision", field, data: { value, revision, namespace } };
  else if (value === "enabled") {
    yield { message: "noDefaultRevision", field, data: { served: listServed(cluster.mesh.injectors) } };
  } else if (value !== "disabled" && meaningOf(value) !== "no") {
    yield { message: "blockingValue", field, data: { value, namespace } };
  } else {
    const count = countAsking(namespace, cluster);
    if (count > 0) yield { message: "blockedPods", field, data: { value, count, namespace } };
    else if (value !== "disabled") yield { message: "unusualOptOut", field, data: { value, namespace } };
  }
}

/** Pods that run; those that stand in files beside the namespace are reported where they stand. */
function countAsking(namespace: string, cluster: View): number {
  return cluster.pods
    .selectedBy(namespace, { [INJECT_KEY]: "true" })
    .filter(({ isPlanned, hostNetwork }) => !isPlanned && !hostNetwork)
    .reduce((sum, { count }) => sum + count, 0);
}

function* checkPod(namespace: string, pod: PodTemplate, cluster: View): Iterable<Found> {
  const injected = injectedOf(pod);
  if (injected === "by hand") return;
  const wish = wishOf(pod);
  if (!injected && (isNeverInjected(namespace) || pod.spec.hostNetwork === true)) {
    if (wish) yield alwaysWithout(namespace, wish);
    return;
  }
  const object = cluster.get("Namespace", "", namespace);
  if (!object) return;
  const { injectors } = cluster.mesh;
  const query = queryOf(namespace, object.metadata?.labels ?? {}, pod, cluster);
  const injection = injected ?? injectionOf(query, injectors);
  const said = saidOf(pod);
  if (said && isOldNo(said.value, cluster.versions)) return;
  if (said && isInVain(said, injection, query, injectors))
    yield { message: "valueUnknown", field: said.field, data: { value: said.value } };
  else if (injection.takesEffect) {
    yield* checkPodRevision(pod, query, injection, injectors);
    yield* checkAmbient(pod, wish, query.namespaceLabels);
  } else if (wish) yield whyWithout(wish, query, injectors);
}

/** Of a Pod that has its proxy: from the injector, which leaves its status there, or from those who wrote the Pod. */
function injectedOf({ metadata, spec }: PodTemplate): Injection | "by hand" | undefined {
  if (!findInjectedProxy(spec)) return undefined;
  const { annotations = {} } = metadata;
  if (annotations["sidecar.istio.io/status"] === undefined) return "by hand";
  return { takesEffect: true, revision: revisionOfInjected(annotations) };
}

function alwaysWithout(namespace: string, { words: wish, field }: Wish): Found {
  if (isNeverInjected(namespace)) return { message: "inSystemNamespace", field, data: { wish, namespace } };
  return { message: "onHostNetwork", field, data: { wish } };
}

function queryOf(
  namespace: string,
  namespaceLabels: Labels,
  pod: PodTemplate,
  cluster: View,
): InjectionQuery {
  const { labels = {}, annotations = {} } = pod.metadata;
  const { injectors } = cluster.mesh;
  const doPodsCount = injectors.length > 0 || holds("podLabelsCauseInjection", cluster.versions) !== false;
  return {
    namespace,
    namespaceLabels,
    podLabels: doPodsCount ? labels : labelsBeforePodsCounted(labels),
    podAnnotations: annotations,
    hostNetwork: false,
  };
}

/** A value of sidecar.istio.io/inject that is neither true nor false. */
interface Said {
  readonly value: string;
  readonly map: "labels" | "annotations";
  readonly field: FieldPath;
}

function saidOf({ metadata, path }: PodTemplate): Said | undefined {
  const map = metadata.labels?.[INJECT_KEY] === undefined ? "annotations" : "labels";
  const value = metadata[map]?.[INJECT_KEY] ?? "";
  if (["", "true", "false"].includes(value)) return undefined;
  return { value, map, field: [...path, "metadata", map, INJECT_KEY] };
}

/** Until Istio 1.27 whatever is no form of yes prevented injection, as was meant. */
function isOldNo(value: string, versions: Versions): boolean {
  return meaningOf(value) !== "yes" && holds("injectValuesAreStrict", versions) === false;
}

/** The Pod gets what it would get without a value, and that is not what was meant. */
function isInVain(
  { value, map }: Said,
  { takesEffect }: Injection,
  query: InjectionQuery,
  injectors: readonly Injector[],
): boolean {
  const meaning = meaningOf(value);
  if (meaning !== "yes") return meaning === "unclear" || takesEffect;
  if (takesEffect || map === "annotations") return false;
  const podLabels = { ...query.podLabels, [INJECT_KEY]: "true" };
  return injectionOf({ ...query, podLabels }, injectors).takesEffect;
}

function whyWithout(wish: Wish, query: InjectionQuery, injectors: readonly Injector[]): Found {
  const { namespace, namespaceLabels, podLabels } = query;
  const { words, by, field } = wish;
  const served = listServed(injectors);
  const [value, revision] = [namespaceLabels[INJECTION_LABEL], namespaceLabels[REVISION_LABEL]];
  const key = value === undefined ? REVISION_LABEL : INJECTION_LABEL;
  if (value !== undefined || revision !== undefined) {
    const label = `${key}: "${value ?? revision ?? ""}"`;
    if (askingLabel(namespaceLabels)?.key === key)
      return { message: "namespaceNotServed", field, data: { wish: words, label, served } };
    return { message: "namespaceBlocks", field, data: { wish: words, label, key, namespace } };
  }
  if (by === "annotation") return { message: "annotationOnly", field };
  if (by === "image") return { message: "imageAuto", field };
  if (podLabels[REVISION_LABEL] === "") return { message: "emptyRevision", field: sibling(field) };
  const own = podLabels[REVISION_LABEL];
  if (own !== undefined)
    return { message: "podRevisionNotServed", field: sibling(field), data: { revision: own, served } };
  return { message: "unselected", field, data: { wish: words, served } };
}

/** The Pod's revision label, beside the label by which it asks. */
function sibling(field: FieldPath): FieldPath {
  return [...field.slice(0, -1), REVISION_LABEL];
}

function* checkPodRevision(
  pod: PodTemplate,
  query: InjectionQuery,
  { revision: effective }: Injection,
  injectors: readonly Injector[],
): Iterable<Found> {
  const revision = pod.metadata.labels?.[REVISION_LABEL] ?? "";
  const asks = askingLabel(query.namespaceLabels);
  if (revision === "" || !asks) return;
  const { [INJECTION_LABEL]: _, [REVISION_LABEL]: __, ...namespaceLabels } = query.namespaceLabels;
  const alone = injectionOf({ ...query, namespaceLabels }, injectors);
  if (alone.takesEffect && alone.revision === effective) return;
  yield {
    message: "podRevisionIgnored",
    field: [...pod.path, "metadata", "labels", REVISION_LABEL],
    data: { revision, label: asks.words, key: asks.key, namespace: query.namespace },
  };
}

function* checkAmbient(pod: PodTemplate, wish: Wish | undefined, namespaceLabels: Labels): Iterable<Found> {
  const mode = pod.metadata.labels?.[DATAPLANE_LABEL];
  if (mode === "ambient") {
    yield { message: "ambientPod", field: [...pod.path, "metadata", "labels", DATAPLANE_LABEL] };
  } else if (mode === undefined && namespaceLabels[DATAPLANE_LABEL] === "ambient") {
    if (wish && !askingLabel(namespaceLabels))
      yield { message: "sidecarInAmbientNamespace", field: wish.field };
  }
}

/** The label of a namespace that asks for injection, and is not hidden by another. */
function askingLabel(labels: Labels): { readonly key: string; readonly words: string } | undefined {
  const [value, revision] = [labels[INJECTION_LABEL], labels[REVISION_LABEL]];
  if (value === "enabled") return { key: INJECTION_LABEL, words: `${INJECTION_LABEL}: enabled` };
  if (value !== undefined || !revision) return undefined;
  return { key: REVISION_LABEL, words: `${REVISION_LABEL}: "${revision}"` };
}

/** Into a Pod that says nothing, or else into one that asks for it. */
function injectionInto(
  namespace: string,
  namespaceLabels: Labels,
  injectors: readonly Injector[],
): Injection {
  const pod = { namespace, namespaceLabels, podAnnotations: {}, hostNetwork: false };
  const injection = injectionOf({ ...pod, podLabels: {} }, injectors);
  return injection.takesEffect
    ? injection
    : injectionOf({ ...pod, podLabels: { [INJECT_KEY]: "true" } }, injectors);
}

const MAX_SERVED = 3;

function listServed(injectors: readonly Injector[]): string {
  const served = revisionsServed(injectors);
  const more = served.length - MAX_SERVED;
  if (served.length === 0) return injectors.length === 0 ? "not known here" : "none";
  return served.slice(0, MAX_SERVED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function fieldOf(key: string): FieldPath {
  return ["metadata", "labels", key];
}
