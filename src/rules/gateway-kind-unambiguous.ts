import { GATEWAY_KINDS } from "../kubernetes/gateway-kinds.ts";
import type { GatewayKind } from "../kubernetes/gateway-kinds.ts";
import { KIND_FACTS, resourceOf } from "../kubernetes/objects.ts";
import type { Kinds } from "../kubernetes/objects.ts";
import type { ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";

export default defineRule({
  id: "gateway-kind-unambiguous",
  title: "It is clear which kind of Gateway is meant",
  symptoms: [
    "kubectl get gateway returns nothing: No resources found",
    "kubectl get gateway shows other gateways than those of Istio",
    'Error from server (NotFound): gateways.gateway.networking.k8s.io "..." not found, for a Gateway that exists',
  ],
  why: "Istio and the Kubernetes Gateway API both have a kind named Gateway. Where both are installed, kubectl takes the word gateway for one of them, without a word about the other: Istio's Gateways are there, and kubectl get gateway finds none.",
  remedy:
    "Say which kind you mean: kubectl get gw shows Istio's, kubectl get gtw the Gateway API's. foresail gateways -A lists both.",
  notes: [
    "Nothing is wrong with the Gateway: both kinds work side by side. The rule speaks once, when a Gateway or the second CustomResourceDefinition is created; updates are silent, and what controllers create is only counted.",
    "The API server names groups of equal priority in the order of their names, and kubectl takes the first: gateway.networking.k8s.io, then networking.istio.io, then networking.x-k8s.io. Before Kubernetes 1.26 the names of their versions counted first: networking.x-k8s.io went before networking.istio.io.",
    "Scripts best write the full name, gateways.networking.istio.io: another installation cannot take it away. kubectl delete and kubectl wait understand the word as kubectl get does.",
    "On files, the kinds are known only by their CustomResourceDefinitions: without them the rule is silent.",
  ],
  zh: {
    title: "明确所指的是哪一种 Gateway",
    symptoms: [
      "kubectl get gateway 没有返回任何网关：No resources found",
      "kubectl get gateway 返回的不是 Istio 的网关",
      'Gateway 明明存在，却提示 Error from server (NotFound): gateways.gateway.networking.k8s.io "..." not found',
    ],
    why: "Istio 和 Kubernetes Gateway API 都有名为 Gateway 的资源。两者都安装后，kubectl 会把 gateway 一词理解为其中一种，而不提示另一种的存在：Istio 的 Gateway 还在，kubectl get gateway 却找不到。",
    remedy:
      "指明资源类型：kubectl get gw 返回 Istio 的网关，kubectl get gtw 返回 Gateway API 的网关。foresail gateways -A 同时列出两者。",
    notes: [
      "Gateway 本身没有问题，两种资源可以并存。本规则只在创建 Gateway 或第二个 CustomResourceDefinition 时提示一次；更新时不提示，控制器创建的对象只计数。",
      "API Server 按名称排列优先级相同的组，kubectl 取第一个：依次为 gateway.networking.k8s.io、networking.istio.io、networking.x-k8s.io。在 Kubernetes 1.26 之前先比较版本的名称：networking.x-k8s.io 排在 networking.istio.io 之前。",
      "脚本中最好使用全名 gateways.networking.istio.io，不受其他安装的影响。kubectl delete 和 kubectl wait 对该词的理解与 kubectl get 相同。",
      "检查文件时，只能通过其中的 CustomResourceDefinition 得知有哪些资源：没有它们则不提示。",
    ],
  },
  sources: [
    "Alibaba Cloud, Why are no gateways returned when I run the kubectl command to query gateways, https://www.alibabacloud.com/help/en/alibaba-cloud-service-mesh/latest/why-are-no-gateways-or-non-istio-gateways-returned-when-i-run-the-kubectl-command-to-query-gateways",
    "istio/istio issue 44354, https://github.com/istio/istio/issues/44354",
    "kubernetes/kubernetes issue 94860, https://github.com/kubernetes/kubernetes/issues/94860",
    "Kubernetes, the order of groups in discovery, https://github.com/kubernetes/kubernetes/blob/v1.36.3/staging/src/k8s.io/apiserver/pkg/endpoints/discovery/aggregated/handler.go",
  ],
  example: {
    bad: `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: web, namespace: shop }
spec:
  selector: { istio: ingressgateway }
  servers:
  - port: { number: 80, name: http, protocol: HTTP }
    hosts: ["shop.example.com"]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gateways.networking.istio.io }
spec:
  group: networking.istio.io
  names: { kind: Gateway, plural: gateways, singular: gateway, shortNames: [gw] }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gateways.gateway.networking.k8s.io }
spec:
  group: gateway.networking.k8s.io
  names: { kind: Gateway, plural: gateways, singular: gateway, shortNames: [gtw] }
`,
    good: `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: web, namespace: shop }
spec:
  selector: { istio: ingressgateway }
  servers:
  - port: { number: 80, name: http, protocol: HTTP }
    hosts: ["shop.example.com"]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gateways.networking.istio.io }
spec:
  group: networking.istio.io
  names: { kind: Gateway, plural: gateways, singular: gateway, shortNames: [gw] }
`,
  },
  action: "Warn",
  kinds: ["AlphaKubernetesGateway", "CustomResourceDefinition", "Gateway", "KubernetesGateway"],
  operations: ["CREATE"],
  reads: GATEWAY_KINDS,
  gates: [],
  options: {},
  messages: {
    generated: "Two kinds are named Gateway in this cluster; {{command}} shows those of this one's kind",
    otherKindShown: "kubectl get gateway shows another kind; {{command}} shows this one",
    secondDefinition: {
      text: "Two kinds are named Gateway from now on, with {{other}}; kubectl get gateway shows only one",
      remedy:
        "Say which kind you mean from now on: kubectl get gw shows Istio's, kubectl get gtw the Gateway API's; scripts best write {{own}}.",
    },
    twoKinds: "Two kinds are named Gateway in this cluster; {{command}} shows this one",
  },
  *check(review, cluster) {
    if (review.kind === "CustomResourceDefinition") {
      const kind = definedBy(review.object);
      const other = kind === undefined ? undefined : sameNamed(kind, cluster);
      if (kind === undefined || other === undefined) return;
      const data = { own: resourceOf(kind), other: resourceOf(other) };
      yield { message: "secondDefinition", field: ["spec", "names", "plural"], data };
      return;
    }
    const { kind, namespace, name } = review;
    const other = sameNamed(kind, cluster);
    // Of a kind whose objects are created, only files do not know that it is served.
    if (other === undefined || cluster.serves(kind) === undefined) return;
    const field = ["kind"];
    const command = `kubectl get ${resourceOf(kind)} -n ${namespace}`;
    if (name.endsWith("*")) yield { message: "generated", field, data: { command } };
    else {
      const message = other === "KubernetesGateway" ? "otherKindShown" : "twoKinds";
      yield { message, field, data: { command: `${command} ${name}` } };
    }
  },
});

/** The first of each list is what kubectl shows if it is served. */
const SAME_NAMED: { readonly [K in GatewayKind]: readonly GatewayKind[] } = {
  AlphaKubernetesGateway: ["Gateway"],
  Gateway: ["KubernetesGateway", "AlphaKubernetesGateway"],
  KubernetesGateway: ["Gateway"],
};

function sameNamed(kind: GatewayKind, cluster: ClusterView<GatewayKind>): GatewayKind | undefined {
  return SAME_NAMED[kind].find((other) => cluster.serves(other) === true);
}

function definedBy({ spec = {} }: Kinds["CustomResourceDefinition"]): GatewayKind | undefined {
  if (spec.versions?.length && spec.versions.every(({ served }) => served === false)) return undefined;
  return GATEWAY_KINDS.find(
    (kind) => spec.group === KIND_FACTS[kind].group && spec.names?.plural === KIND_FACTS[kind].plural,
  );
}
