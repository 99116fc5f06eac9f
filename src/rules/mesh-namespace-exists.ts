import { holds } from "../istio/gates.ts";
import { isOnlyBesidePods } from "../istio/planes.ts";
import { groupOf } from "../kubernetes/objects.ts";
import type { Kinds, Metadata } from "../kubernetes/objects.ts";
import type { ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";

export default defineRule({
  id: "mesh-namespace-exists",
  title: "What is in the mesh's API server fits the cluster",
  symptoms: [
    "an Istio object in a namespace of the ASM instance has no effect on the cluster",
    "a namespace made in ASM is not in the cluster, or the other way round",
    "injection is on in the ASM instance, and Pods get no sidecar",
    "an Istio object vanishes from the ASM instance soon after it was made",
  ],
  why: "With ASM, and with external control planes, Istio's objects and the Pods are in two API servers, each with namespaces of its own. What a namespace in the mesh's API server holds is for the Pods of the cluster's namespace of the same name. Injection goes by the labels in the cluster. An owner counts only within its own API server: the garbage collector takes one that is elsewhere for deleted.",
  remedy: "Create the namespace in both API servers, with the same injection labels.",
  notes: [
    "The rule needs both API servers (`--mesh-kubeconfig`). With one it is silent, as in files: an API server itself refuses objects in a namespace that it does not have.",
    "ASM never creates a namespace of its instance in the cluster. Of labels, only istio-injection, istio.io/rev and istio.io/dataplane-mode are ever copied, from the instance to the cluster, and since ASM 1.28 ASMReconcileNSLabels can switch that off or leave clusters out. Right after such a label was set in the instance, the warning is about what ASM may still be doing.",
    "Silent about the root namespace and istio-system, which the mesh has for itself; about Kubernetes' own namespaces; about objects that are being deleted. With multiCluster: true, a namespace may be in a cluster that is not seen, and the mesh's API server may be that of one: only labels are compared then.",
    "ServiceEntries, VirtualServices and Gateways can work from a namespace without Pods, as they are exported to others. Where that is meant, exempt the namespace in the configuration.",
    "The garbage collector deletes an object when none of its owners is there. Kinds that the mesh's API server does not serve are not looked for, so the rule speaks only of those that every API server serves: Deployments, Services, Jobs and their like.",
  ],
  zh: {
    title: "网格 API Server 中的内容与集群一致",
    symptoms: [
      "ASM 实例某个命名空间中的 Istio 资源对集群不起作用",
      "在 ASM 中创建的命名空间在集群中不存在，或者相反",
      "ASM 实例中已开启注入，但 Pod 没有 Sidecar",
      "Istio 资源创建后不久就从 ASM 实例中消失",
    ],
    why: "使用 ASM 或外部控制面时，Istio 资源和 Pod 位于两个 API Server 中，各有自己的命名空间。网格 API Server 中某个命名空间的内容，作用于集群中同名命名空间的 Pod。注入以集群中的标签为准。属主（owner）只在自己的 API Server 内有效：垃圾回收器会把位于别处的属主当作已删除。",
    remedy: "在两个 API Server 中都创建该命名空间，并设置相同的注入标签。",
    notes: [
      "本规则需要两个 API Server（`--mesh-kubeconfig`）。只有一个时不作提示，检查文件时也一样：API Server 本身会拒绝不存在的命名空间中的资源。",
      "ASM 从不把实例的命名空间创建到集群中。标签中只有 istio-injection、istio.io/rev 和 istio.io/dataplane-mode 会从实例同步到集群；从 ASM 1.28 起，ASMReconcileNSLabels 可以关闭同步或排除部分集群。刚在实例中设置这些标签时，提示所说的可能是 ASM 尚未完成的同步。",
      "对根命名空间和 istio-system（网格自身使用）、Kubernetes 自身的命名空间以及正在删除的对象不作提示。设置 multiCluster: true 时，命名空间可能位于看不到的集群中，网格的 API Server 也可能就是某个集群的：此时只比较标签。",
      "ServiceEntry、VirtualService 和 Gateway 可以导出给其他命名空间，因此在没有 Pod 的命名空间中也可能有效。如果这是有意的，请在配置中豁免该命名空间。",
      "只有当所有属主都不存在时，垃圾回收器才会删除对象。网格 API Server 不提供的资源类型不会被查找，因此本规则只针对每个 API Server 都提供的类型：Deployment、Service、Job 等。",
    ],
  },
  sources: [
    "ASM, differences between namespaces of an instance and of its clusters, https://www.alibabacloud.com/help/doc-detail/182370.htm",
    "ASM, Use the Kubernetes API of clusters on the data plane to access Istio resources, https://www.alibabacloud.com/help/en/alibaba-cloud-service-mesh/latest/use-the-kubernetes-api-of-clusters-on-the-data-plane-to-access-istio-resources",
    "ASM, ASMReconcileNSLabels, https://www.alibabacloud.com/help/en/asm/sidecar/asmreconcilenslabels-crd-documentation",
    "Kubernetes, Owners and Dependents, https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/",
    "Kubernetes, the garbage collector, https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/controller/garbagecollector/garbagecollector.go",
  ],
  example: {
    isSplit: true,
    bad: `# In the mesh's API server:
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: shop }
spec:
  egress:
  - hosts: [./*]
---
# In the cluster's, which has no namespace shop:
apiVersion: v1
kind: Namespace
metadata: { name: store }
`,
    good: `# In the mesh's API server:
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: shop }
spec:
  egress:
  - hosts: [./*]
---
# In the cluster's:
apiVersion: v1
kind: Namespace
metadata: { name: shop }
`,
  },
  action: "Warn",
  kinds: [
    "Namespace",
    "AuthorizationPolicy",
    "DestinationRule",
    "EnvoyFilter",
    "Gateway",
    "IstioGateway",
    "PeerAuthentication",
    "ProxyConfig",
    "RequestAuthentication",
    "ServiceEntry",
    "Sidecar",
    "Telemetry",
    "VirtualService",
    "WasmPlugin",
    "WorkloadEntry",
    "WorkloadGroup",
  ],
  operations: ["CREATE", "UPDATE"],
  reads: ["Namespace"],
  gates: ["namespaceLabelSyncIsOptional"],
  options: {},
  messages: {
    labelsDiffer: {
      text: "Label {{label}}: {{inCluster}} in the cluster, {{inMesh}} in the mesh's API server; injection goes by the cluster's",
      action: "Warn",
      remedy:
        "Set {{label}} alike in both. ASM copies it from its instance to the cluster, unless ASMReconcileNSLabels (since ASM 1.28) switches that off.",
    },
    labelsDifferInOldAsm: {
      text: "Label {{label}}: {{inCluster}} in the cluster, {{inMesh}} in the mesh's API server; injection goes by the cluster's",
      action: "Warn",
      remedy: "Set {{label}} alike in both; the console of ASM has it under Global Namespace.",
    },
    namespaceMissing: {
      text: "The cluster has no namespace {{namespace}}, only the mesh's API server: no Pod can be where this object is",
      remedy:
        "Create namespace {{namespace}} in the cluster, too, for nothing copies it; or put the object into the namespace of the Pods that it is for.",
    },
    ownerInCluster: {
      text: "{{owner}} is not in the mesh's API server: its garbage collector takes the owner for deleted, and deletes this",
      remedy:
        "Leave out ownerReferences: they count only within one API server. Who deletes {{owner}} has to delete this object, too.",
    },
  },
  *check(review, cluster) {
    const { metadata = {} } = review.object;
    if (!cluster.planes.isSplit || metadata.deletionTimestamp !== undefined) return;
    if (review.kind === "Namespace") yield* checkLabels(review.object, cluster);
    else if (!cluster.mesh.multiCluster) yield* checkObject(metadata, review.namespace, cluster);
  },
});

type Cluster = ClusterView<"Namespace">;

/** ASM copies these, and no others. */
const LABELS = ["istio-injection", "istio.io/dataplane-mode", "istio.io/rev"];
/** Istio's own, and those of Kubernetes, in which nothing is injected. */
const OF_SYSTEM = ["istio-system", "kube-node-lease", "kube-public", "kube-system"];

function* checkLabels(namespace: Kinds["Namespace"], cluster: Cluster) {
  const { name = "" } = namespace.metadata ?? {};
  if (isOfSystem(name, cluster)) return;
  const { plane, other } = cluster.planes.counterpartOf(namespace) ?? {};
  if (other === undefined) return;
  const [inCluster, inMesh] = plane === "data" ? [namespace, other] : [other, namespace];
  for (const label of LABELS) {
    const [one, another] = [labelOf(inCluster, label), labelOf(inMesh, label)];
    if (one === another) continue;
    yield {
      message:
        holds("namespaceLabelSyncIsOptional", cluster.versions) === false
          ? "labelsDifferInOldAsm"
          : "labelsDiffer",
      field: ["metadata", "labels", label],
      data: { label, inCluster: inWords(one), inMesh: inWords(another) },
    } as const;
  }
}

function labelOf({ metadata }: Kinds["Namespace"], label: string): string | undefined {
  return metadata?.labels?.[label];
}

function inWords(value: string | undefined): string {
  if (value === undefined) return "not set";
  return value === "" ? "empty" : value;
}

function* checkObject(metadata: Metadata, namespace: string, cluster: Cluster) {
  if (!isOfSystem(namespace, cluster) && !cluster.get("Namespace", "", namespace))
    yield { message: "namespaceMissing", field: ["metadata", "namespace"], data: { namespace } } as const;
  const { ownerReferences = [] } = metadata;
  const [owner] = ownerReferences;
  const isNoneThere = ownerReferences.every(({ apiVersion = "", kind = "" }) =>
    isOnlyBesidePods(groupOf(apiVersion), kind),
  );
  if (owner === undefined || !isNoneThere) return;
  yield {
    message: "ownerInCluster",
    field: ["metadata", "ownerReferences", 0],
    data: { owner: `${owner.kind} ${owner.name ?? ""}`.trim() },
  } as const;
}

function isOfSystem(namespace: string, { mesh }: Cluster): boolean {
  return namespace === mesh.rootNamespace || OF_SYSTEM.includes(namespace);
}
