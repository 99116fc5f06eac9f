import { isBuiltIn } from "../kubernetes/finalizers.ts";
import { firstOf } from "../kubernetes/listing.ts";
import { readNamespaceReport } from "../kubernetes/namespace-conditions.ts";
import type { NamespaceReport } from "../kubernetes/namespace-conditions.ts";
import { findResource } from "../kubernetes/objects.ts";
import type { Kinds } from "../kubernetes/objects.ts";
import type { ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";

/** Where the mesh has an API server of its own, they are in no namespace of the cluster. */
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
/** Those that the cluster view has anyway. */
const CONTENT_KINDS = [...ISTIO_KINDS, "IstioOperator", "KubernetesGateway", "Pod", "Service"] as const;
type ContentKind = (typeof CONTENT_KINDS)[number];
const READS = [...CONTENT_KINDS, "Namespace"] as const;
type View = ClusterView<(typeof READS)[number]>;

export default defineRule({
  id: "namespace-finalize-loses-nothing",
  title: "A namespace is not finalized before it is empty",
  symptoms: [
    "Pods, load balancers or volumes are still there after their namespace is gone",
    "a namespace that is made anew has old objects in it",
    "a namespace is stuck in Terminating, and its finalizers are removed by hand",
  ],
  why: "spec.finalizers keeps a namespace until the namespace controller has deleted everything in it. Who empties the list before, ends the namespace and leaves the rest behind: the objects stay in etcd, where nobody sees them until a namespace of the same name is made again, and what their finalizers guard, as a load balancer in the cloud, is never cleaned up.",
  remedy:
    "See to what keeps the namespace instead: `foresail namespace NAME` names it, with the steps in their order.",
  notes: [
    "The namespace controller itself is never warned or refused: it empties the list when it is done.",
    "What is left is told from the namespace's own conditions, and from what foresail watches anyway. Since Kubernetes 1.33 the conditions say that all content is removed while Pods remain and nothing else was looked at, so that alone is no proof.",
    "`foresail namespace NAME --finalize` lists exactly what would be left behind, of all kinds.",
  ],
  zh: {
    title: "命名空间清空之前不会被终结",
    symptoms: [
      "命名空间消失后，Pod、负载均衡或存储卷仍然存在",
      "重新创建的命名空间中出现了旧对象",
      "命名空间一直处于 Terminating 状态，手动移除了它的 finalizers",
    ],
    why: "spec.finalizers 会保留命名空间，直到命名空间控制器删除其中的所有对象。如果提前清空该列表，命名空间会结束，而其余对象会被遗留：它们仍在 etcd 中，但在重新创建同名命名空间之前谁也看不到；它们的 finalizer 所保护的内容（例如云上的负载均衡）永远不会被清理。",
    remedy: "应当处理阻止命名空间终止的原因：`foresail namespace NAME` 会列出原因，以及按顺序执行的步骤。",
    notes: [
      "命名空间控制器自己从不会被警告或拒绝：它完成工作后会清空该列表。",
      "剩余内容来自命名空间自身的 conditions，以及 foresail 本来就在监听的对象。自 Kubernetes 1.33 起，只要还有 Pod，conditions 就会显示所有内容已删除，而其他资源尚未检查，因此仅凭这一点不足为据。",
      "`foresail namespace NAME --finalize` 会准确列出所有类型中将被遗留的对象。",
    ],
  },
  sources: [
    "Kubernetes, Namespaces, automatic deletion, https://kubernetes.io/docs/tasks/administer-cluster/namespaces/",
    "Kubernetes, the namespace controller, https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/controller/namespace/deletion/namespaced_resources_deleter.go",
  ],
  example: {
    bad: `apiVersion: v1
kind: Namespace
metadata: { name: shop, deletionTimestamp: "2026-08-01T10:00:00Z" }
spec: { finalizers: [] }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, deletionTimestamp: "2026-08-01T10:00:00Z" }
spec: { finalizers: [kubernetes] }
---
apiVersion: v1
kind: Service
metadata:
  name: ingress
  namespace: shop
  deletionTimestamp: "2026-08-01T10:00:00Z"
  finalizers: [service.k8s.alibaba/resources]
spec: { type: LoadBalancer }
`,
    good: `apiVersion: v1
kind: Namespace
metadata: { name: shop, deletionTimestamp: "2026-08-01T10:00:00Z" }
spec: { finalizers: [kubernetes] }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, deletionTimestamp: "2026-08-01T10:00:00Z" }
spec: { finalizers: [kubernetes, example.com/own] }
`,
  },
  action: "Warn",
  kinds: ["Namespace"],
  subresource: "finalize",
  operations: ["UPDATE"],
  reads: READS,
  goesOnWithout: ISTIO_KINDS,
  gates: [],
  options: {},
  messages: {
    contentRemains: {
      text: "This leaves behind what is still in {{namespace}}: {{content}}",
      remedy: "`foresail namespace {{namespace}}` says what keeps it, and what to do in which order.",
    },
    contentUnknown: {
      text: "What is still in {{namespace}} is left behind, and nobody knows what that is: {{condition}}",
      remedy: "`foresail namespace {{namespace}}` says what keeps the API server from knowing.",
    },
    finalizersRemain: {
      text: "What the finalizers in {{namespace}} guard is never cleaned up: {{finalizers}}",
      remedy: "`foresail namespace {{namespace}}` says who should remove each of them.",
    },
    notReported: {
      text: "The namespace controller has not yet said what is in {{namespace}}",
      action: "Audit",
    },
    notTerminating: {
      text: "{{namespace}} is not being deleted: without finalizers, deleting it will leave everything in it behind",
      remedy:
        "Leave spec.finalizers as it is, and delete the namespace: `kubectl delete namespace {{namespace}}`.",
    },
  },
  *check({ name: namespace, object, oldObject }, cluster) {
    const isEmptied = (object.spec?.finalizers ?? []).length === 0;
    if (!isEmptied || (oldObject.spec?.finalizers ?? []).length === 0) return;
    const field = ["spec", "finalizers"];
    if (oldObject.metadata?.deletionTimestamp === undefined) {
      yield { message: "notTerminating", field, data: { namespace } };
      return;
    }
    const report = readNamespaceReport(oldObject);
    const kinds = CONTENT_KINDS.filter((kind) => cluster.planes.isHeldBy(oldObject, kind));
    const content = contentOf(namespace, report, kinds, cluster);
    const [failure] = report.failures;
    if (content.length > 0) {
      yield { message: "contentRemains", field, data: { content: firstOf(content, MAX_SHOWN), namespace } };
      const finalizers = finalizersIn(namespace, report, kinds, cluster);
      if (finalizers.length === 0) return;
      const data = { finalizers: firstOf(finalizers, MAX_SHOWN), namespace };
      yield { message: "finalizersRemain", field, data };
    } else if (failure !== undefined) {
      yield { message: "contentUnknown", field, data: { condition: failure.type, namespace } };
    } else if (!report.isThere) yield { message: "notReported", field, data: { namespace } };
  },
});

const MAX_SHOWN = 5;

/** `"Pod (3)"`, the most numerous first; by the cluster view where that has the kind, else by the namespace's conditions. */
function contentOf(
  namespace: string,
  { content }: NamespaceReport,
  kinds: readonly ContentKind[],
  cluster: View,
): readonly string[] {
  const counts = new Map<string, number>();
  for (const { resource, count } of content) counts.set(findResource(resource) ?? resource, count);
  for (const kind of kinds) {
    const count = cluster.list(kind, namespace).length;
    if (count > 0) counts.set(kind, count);
  }
  return [...counts]
    .toSorted(([one, few], [other, many]) => many - few || (one < other ? -1 : 1))
    .map(([kind, count]) => `${kind} (${count})`);
}

function finalizersIn(
  namespace: string,
  report: NamespaceReport,
  kinds: readonly ContentKind[],
  cluster: View,
): readonly string[] {
  const held = kinds.flatMap((kind) =>
    cluster.list(kind, namespace).flatMap(({ metadata }: Kinds[typeof kind]) => metadata?.finalizers ?? []),
  );
  return [...new Set([...report.finalizers, ...held])].filter((one) => one !== "" && !isBuiltIn(one));
}
