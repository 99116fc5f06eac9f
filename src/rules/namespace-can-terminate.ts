import { finalizerFacts, isBuiltIn } from "../kubernetes/finalizers.ts";
import type { ControllerPods } from "../kubernetes/finalizers.ts";
import { firstOf } from "../kubernetes/listing.ts";
import type { Kinds, Metadata } from "../kubernetes/objects.ts";
import type { ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";

/** Where the mesh has an API server of its own, they hold no namespace of the cluster. */
const ISTIO_KINDS = [
  "DestinationRule",
  "Gateway",
  "IstioGateway",
  "ServiceEntry",
  "Sidecar",
  "VirtualService",
  "WorkloadEntry",
  "WorkloadGroup",
] as const;
/** Those that the cluster view has anyway, and that hold a namespace. */
const HOLDING_KINDS = [...ISTIO_KINDS, "IstioOperator", "KubernetesGateway", "Service"] as const;
const READS = [...HOLDING_KINDS, "APIService", "GatewayClass", "Namespace", "Pod"] as const;
type View = ClusterView<(typeof READS)[number]>;

export default defineRule({
  id: "namespace-can-terminate",
  title: "A namespace that is deleted comes to its end",
  symptoms: [
    "a namespace is stuck in Terminating",
    "kubectl delete namespace never returns",
    "NamespaceDeletionDiscoveryFailure, NamespaceContentRemaining, NamespaceFinalizersRemaining",
  ],
  why: "A namespace is gone when everything in it is gone. An object with a finalizer stays until a controller has removed that, and for ever if the controller went with the same namespace. And while one aggregated API does not answer, the namespace controller cannot know whether a namespace is empty, so none ends.",
  remedy:
    "Delete what has a controller before the controller, and an APIService before what serves it. `foresail namespace NAME` explains a namespace that hangs.",
  notes: [
    "At admission only what foresail watches anyway is looked at: Services, objects of Istio and of the Gateway API, and APIServices. `foresail namespace NAME` looks at all kinds, also of a namespace that is not being deleted yet.",
    "The garbage collector's own finalizers (foregroundDeletion, orphan) are no finding: every cluster runs it. Neither is a finalizer whose controller is not known, or runs elsewhere: it is only audited.",
    "In files, what a deletion would wait for is audited, with the Namespace.",
    "An object that has been deleted before and still waits is named in any case: something keeps its controller from its work.",
    "The usual recipes for a namespace that hangs, kubectl proxy with curl or the token of a ServiceAccount's Secret, are of no use today: such Secrets are not made since Kubernetes 1.24, and what is in the namespace is left behind.",
  ],
  zh: {
    title: "被删除的命名空间能够终止",
    symptoms: [
      "命名空间一直处于 Terminating 状态",
      "kubectl delete namespace 一直不返回",
      "NamespaceDeletionDiscoveryFailure、NamespaceContentRemaining、NamespaceFinalizersRemaining",
    ],
    why: "命名空间中的所有对象都消失后，命名空间才会消失。带有 finalizer 的对象会一直保留，直到某个控制器移除该 finalizer；如果控制器随同一命名空间被删除，对象就会永远留下。另外，只要有一个聚合 API 不响应，命名空间控制器就无法确认命名空间是否为空，所有命名空间都无法终止。",
    remedy:
      "先删除由控制器管理的对象，再删除控制器；先删除 APIService，再删除提供服务的工作负载。`foresail namespace NAME` 可以解释卡住的命名空间。",
    notes: [
      "准入时只检查 foresail 本来就在监听的对象：Service、Istio 和 Gateway API 的对象以及 APIService。`foresail namespace NAME` 会检查所有资源类型，也可用于尚未删除的命名空间。",
      "垃圾回收器自己的 finalizer（foregroundDeletion、orphan）不会提示，因为每个集群都运行它。控制器未知或运行在其他位置的 finalizer 也不会提示，只会审计。",
      "检查文件时，会在 Namespace 处审计删除时需要等待的 finalizer。",
      "已经被删除却仍在等待的对象总会提示：某种原因使其控制器无法完成工作。",
      "针对卡住的命名空间的常见做法（kubectl proxy 加 curl，或使用 ServiceAccount 的 Secret 中的令牌）如今已不适用：自 Kubernetes 1.24 起不再生成这种 Secret，而且命名空间中的对象会被遗留。",
    ],
  },
  sources: [
    "Kubernetes, Finalizers, https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/",
    "Kubernetes, the namespace controller, https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/controller/namespace/deletion/namespaced_resources_deleter.go",
    "Alibaba Cloud, Considerations for configuring Service load balancers, https://www.alibabacloud.com/help/en/ack/ack-managed-and-ack-dedicated/user-guide/considerations-for-configuring-a-loadbalancer-type-service-1",
  ],
  example: {
    bad: `apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Service
metadata:
  name: ingress
  namespace: shop
  finalizers: [service.k8s.alibaba/resources]
spec: { type: LoadBalancer, selector: { istio: ingressgateway } }
`,
    good: `apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web } }
`,
  },
  action: "Warn",
  kinds: ["Namespace"],
  operations: ["CREATE", "DELETE"],
  reads: READS,
  goesOnWithout: ISTIO_KINDS,
  gates: [],
  options: {},
  messages: {
    apiServiceGoesToo: {
      text: "APIService {{apiServices}} is served from {{namespace}}: once that is gone, no namespace terminates any more",
      remedy: "Delete the APIService {{apiServices}} first, then the namespace.",
    },
    apiServiceUnavailable: {
      text: "No namespace terminates while the APIService {{apiServices}} is unavailable",
      remedy:
        "Bring back what serves it (`kubectl get apiservices` says what is wrong), or delete the APIService if that is gone for good.",
    },
    controllerGoesToo: {
      text: "{{objects}} can never go: {{controller}}, which has to remove the finalizer {{finalizer}}, goes with {{namespace}}",
      remedy: "Delete {{objects}} first, wait until it is gone, then delete the namespace.",
    },
    controllerMissing: {
      text: "{{objects}} waits for {{controller}}, of which no Pod is in {{home}}: finalizer {{finalizer}}",
      remedy:
        "Start {{controller}} before you delete {{objects}}. `foresail namespace {{namespace}}` says what is left undone without it.",
    },
    hangsAlready: {
      text: "{{objects}} has been deleted before and still waits: its finalizer {{finalizer}} is not removed",
      remedy: "See to it first: `foresail namespace {{namespace}}` says who should remove the finalizer.",
    },
    rootNamespace: {
      text: "{{namespace}} is the mesh's root namespace: its control plane and the rules for the whole mesh go with it",
      remedy:
        "Take Istio off the cluster first: istioctl uninstall --purge; with ASM, remove the cluster from the mesh.",
    },
    waitsForController: {
      text: "{{objects}} stays until somebody removes its finalizer {{finalizer}}",
      action: "Audit",
    },
    waitsOnceDeleted: {
      text: "Once it is deleted, {{namespace}} stays until somebody removes the finalizer {{finalizer}} of {{objects}}",
      action: "Audit",
    },
    waitsForLoadBalancer: {
      text: "{{namespace}} stays until {{controller}} has given back the load balancer of {{objects}}: finalizer {{finalizer}}",
      remedy:
        "Delete {{objects}} first and see that it goes; if it does not, the rest of the namespace is still there.",
    },
  },
  *check(review, cluster) {
    const { name: namespace } = review;
    const field = ["metadata", "name"];
    if (review.operation === "CREATE") {
      yield* foreseen(review.object, namespace, cluster);
      return;
    }
    yield* apiServices(namespace, cluster);
    if (namespace === cluster.mesh.rootNamespace && isMeshThere(namespace, cluster))
      yield { message: "rootNamespace", field, data: { namespace } };
    const held = heldIn(review.oldObject, namespace, cluster);
    for (const [finalizer, all] of Map.groupBy(held, (one) => one.finalizer)) {
      const { before = [], now = [] } = Object.groupBy(all, ({ isGoing }) => (isGoing ? "before" : "now"));
      const data = { finalizer, namespace, objects: inWords(before) };
      if (before.length > 0) yield { message: "hangsAlready", field, data };
      if (now.length > 0) yield* holding(finalizer, inWords(now), namespace, cluster);
    }
  },
});

const LOAD_BALANCER_FINALIZERS = [
  "service.k8s.alibaba/nlb",
  "service.k8s.alibaba/resources",
  "service.k8s.aws/resources",
  "service.kubernetes.io/load-balancer-cleanup",
];
const MAX_NAMES = 3;

interface Held {
  readonly object: string;
  readonly finalizer: string;
  readonly isGoing: boolean;
}

/** A namespace that is made is empty, except among files. */
function* foreseen(object: Kinds["Namespace"], namespace: string, cluster: View) {
  const field = ["metadata", "name"];
  const held = heldIn(object, namespace, cluster);
  for (const [finalizer, all] of Map.groupBy(held, (one) => one.finalizer))
    yield {
      message: "waitsOnceDeleted",
      field,
      data: { finalizer, namespace, objects: inWords(all) },
    } as const;
}

function heldIn(object: Kinds["Namespace"], namespace: string, cluster: View): readonly Held[] {
  return HOLDING_KINDS.filter((kind) => cluster.planes.isHeldBy(object, kind)).flatMap((kind) =>
    cluster.list(kind, namespace).flatMap((one) => finalizersOf(kind, one)),
  );
}

function finalizersOf(kind: string, { metadata = {} }: { readonly metadata?: Metadata }): readonly Held[] {
  const { name = "", finalizers = [], deletionTimestamp } = metadata;
  return finalizers
    .filter((finalizer) => finalizer !== "" && !isBuiltIn(finalizer))
    .map((finalizer) => ({
      object: `${kind} ${name}`,
      finalizer,
      isGoing: deletionTimestamp !== undefined,
    }));
}

function inWords(held: readonly Held[]): string {
  return firstOf([...new Set(held.map(({ object }) => object))], MAX_NAMES);
}

function* holding(finalizer: string, objects: string, namespace: string, cluster: View) {
  const field = ["metadata", "name"];
  const facts = finalizerFacts(finalizer);
  const runs = typeof facts?.runs === "object" ? facts.runs : undefined;
  const controller = facts?.controller ?? "Istio's control plane";
  if (runs ? isIn(namespace, runs, cluster) : isOfMesh(finalizer) && isRootOf(namespace, cluster)) {
    const data = { controller, finalizer, namespace, objects };
    yield { message: "controllerGoesToo", field, data } as const;
  } else if (runs?.home !== undefined && cluster.isComplete && !isIn(runs.home, runs, cluster)) {
    const data = { controller, finalizer, home: runs.home, namespace, objects };
    yield { message: "controllerMissing", field, data } as const;
  } else if (LOAD_BALANCER_FINALIZERS.includes(finalizer)) {
    const data = { controller, finalizer, namespace, objects };
    yield { message: "waitsForLoadBalancer", field, data } as const;
  } else yield { message: "waitsForController", field, data: { finalizer, objects } } as const;
}

function isIn(namespace: string, { pods }: ControllerPods, cluster: View): boolean {
  return pods.some((labels) => cluster.pods.selectedBy(namespace, labels).length > 0);
}

/** Of controllers that come with Istio or ASM, which run in the root namespace if they are in this cluster. */
function isOfMesh(finalizer: string): boolean {
  const domain = finalizer.split("/")[0] ?? "";
  return /(?:^|\.)istio\.(?:io|alibabacloud\.com)$/.test(domain);
}

function isRootOf(namespace: string, { mesh }: View): boolean {
  return namespace === mesh.rootNamespace;
}

/** A namespace of that name may be what is left of an Istio that is gone. */
function isMeshThere(namespace: string, cluster: View): boolean {
  return (
    cluster.mesh.injectors.length > 0 ||
    cluster.versions.istio !== undefined ||
    cluster.clients.namespaces().some((one) => one !== namespace) ||
    cluster.list("Service", namespace).some(({ metadata }) => metadata?.labels?.["app"] === "istiod")
  );
}

function* apiServices(namespace: string, cluster: View) {
  const field = ["metadata", "name"];
  const all = cluster.list("APIService", "");
  const unavailable = all.filter(isUnavailable);
  if (unavailable.length > 0)
    yield { message: "apiServiceUnavailable", field, data: { apiServices: namesOf(unavailable) } } as const;
  const going = all.filter((one) => one.spec?.service?.namespace === namespace && !isUnavailable(one));
  if (going.length > 0)
    yield {
      message: "apiServiceGoesToo",
      field,
      data: { apiServices: namesOf(going), namespace },
    } as const;
}

/** Those without a service are of the API server itself. */
function isUnavailable({ spec, status }: Kinds["APIService"]): boolean {
  return (
    spec?.service !== undefined &&
    (status?.conditions ?? []).some(({ type, status: value }) => type === "Available" && value === "False")
  );
}

function namesOf(some: readonly Kinds["APIService"][]) {
  return { names: some.map(({ metadata }) => metadata?.name ?? ""), noun: "APIService" };
}
