import { hasGatewayLabels, isOwnedByIstioGateway, serviceOfIstioGateway } from "../istio/gateways.ts";
import { holds } from "../istio/gates.ts";
import type { Versions } from "../istio/versions.ts";
import type { Kinds, Labels } from "../kubernetes/objects.ts";
import { defineRule } from "./rule.ts";

export default defineRule({
  id: "gateway-reachable-in-cluster",
  title: "A gateway's address is reachable from inside the cluster",
  symptoms: [
    "Pods cannot reach the ingress gateway's load balancer address",
    "a request to the gateway's public address times out in the cluster and works from outside",
    "it works only on the nodes on which a gateway Pod runs",
  ],
  why: "With externalTrafficPolicy Local, a node answers for the gateway's address only if a gateway Pod runs on it. kube-proxy keeps traffic from inside the cluster on the node, so it never reaches the load balancer, and is dropped where no gateway Pod runs.",
  remedy:
    'In the cluster, call the gateway by its Service name; or set Cluster, which loses the source IP; or, on Terway ENI, Cluster with service.beta.kubernetes.io/backend-type: "eni", which keeps it.',
  notes: [
    "Local is often deliberate, for the sake of the source IP: the rule never denies. Calling the Service name is the best remedy, for it changes nothing for clients outside.",
    "Since Kubernetes 1.15 (kube-proxy in iptables mode) and 1.21 (IPVS) Pods reach the address from every node. Pods on the host network and the nodes themselves still do not with IPVS. The version changes who is named in the message, never whether there is one.",
    "There is no finding where the load balancer has a hostname instead of an IP, or its status says ipMode: Proxy: that traffic leaves the cluster and comes back.",
    "With the load balancer attached to the Pods' own network interfaces (backend-type: eni) the source IP stays in any case, and Local is not needed.",
  ],
  zh: {
    title: "在集群内可以访问网关的地址",
    symptoms: [
      "Pod 无法访问入口网关的负载均衡地址",
      "在集群内请求网关的公网地址超时，而在集群外正常",
      "只有运行着网关 Pod 的节点上才能访问",
    ],
    why: "externalTrafficPolicy 为 Local 时，只有运行着网关 Pod 的节点才会响应网关的地址。kube-proxy 会把集群内的流量留在本节点，流量不会到达负载均衡；如果该节点上没有网关 Pod，流量就会被丢弃。",
    remedy:
      '在集群内使用网关的 Service 名称访问；或设置为 Cluster（会丢失源 IP）；或在 Terway ENI 网络下设置为 Cluster 并添加 service.beta.kubernetes.io/backend-type: "eni"（保留源 IP）。',
    notes: [
      "为了保留源 IP，Local 往往是有意设置的，因此本规则从不拒绝。使用 Service 名称访问是最好的办法，对集群外的客户端没有任何影响。",
      "从 Kubernetes 1.15（iptables 模式的 kube-proxy）和 1.21（IPVS）起，Pod 在任意节点上都能访问该地址。在 IPVS 模式下，使用主机网络的 Pod 和节点本身仍然不能。版本只影响提示中说明谁会受影响，不影响是否提示。",
      "如果负载均衡的状态中是主机名而不是 IP，或 ipMode 为 Proxy，则没有提示：流量会离开集群再返回。",
      "如果负载均衡直接挂载 Pod 的弹性网卡（backend-type: eni），源 IP 总会保留，不需要 Local。",
    ],
  },
  sources: [
    "Kubernetes, Create an External Load Balancer, https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/#preserving-the-client-source-ip",
    "Kubernetes, Load Balancer IP Mode, https://kubernetes.io/docs/concepts/services-networking/service/#load-balancer-ip-mode",
    "kubernetes/kubernetes pull request 97081, https://github.com/kubernetes/kubernetes/pull/97081",
  ],
  example: {
    bad: `apiVersion: v1
kind: Service
metadata: { name: istio-ingressgateway, namespace: istio-system }
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: { istio: ingressgateway }
`,
    good: `apiVersion: v1
kind: Service
metadata: { name: istio-ingressgateway, namespace: istio-system }
spec:
  type: LoadBalancer
  externalTrafficPolicy: Cluster
  selector: { istio: ingressgateway }
`,
  },
  action: "Warn",
  kinds: ["Service", "IstioGateway"],
  operations: ["CREATE", "UPDATE"],
  reads: ["Pod"],
  gates: ["localReachableWithIptables", "localReachableWithIpvs"],
  options: {},
  messages: {
    eniMakesLocalNeedless: {
      text: "{{service}} has backend-type eni and Local: inside the cluster its address fails, and Local gains nothing",
      action: "Warn",
      remedy:
        "Set externalTrafficPolicy to Cluster: the load balancer sends to the Pods directly, so the source IP stays. In the cluster, calling {{service}} works in any case.",
    },
    localTrafficPolicy: {
      text: "{{affected}} cannot reach the address of {{service}} where no gateway Pod runs: the policy is Local",
      action: "Warn",
      remedy:
        'In the cluster, call {{service}}; or set Cluster, which loses the source IP; or, on Terway ENI, Cluster with service.beta.kubernetes.io/backend-type: "eni", which keeps it.',
    },
  },
  *check(review, cluster) {
    const { kind, namespace, name } = review;
    const facts = kind === "Service" ? factsOfService(review.object) : factsOfIstioGateway(review.object);
    if (facts.policy !== "Local" || !EXPOSED_TYPES.includes(facts.type) || leavesTheCluster(facts)) return;
    if (kind === "Service" && !isGateway(review.object)) {
      const selector = review.object.spec?.selector ?? {};
      if (Object.keys(selector).length === 0) return;
      if (!cluster.pods.selectedBy(namespace, selector).some(({ proxy }) => proxy === "gateway")) return;
    }
    const service = `${kind === "Service" ? name : serviceOfIstioGateway(name)}.${namespace}`;
    const field = ["spec", "externalTrafficPolicy"];
    if (facts.annotations["service.beta.kubernetes.io/backend-type"] === "eni") {
      yield {
        message: "eniMakesLocalNeedless",
        field,
        data: { service },
        fix: [{ path: field, value: "Cluster" }],
      };
    } else
      yield { message: "localTrafficPolicy", field, data: { affected: affected(cluster.versions), service } };
  },
});

const EXPOSED_TYPES = ["LoadBalancer", "NodePort"];

interface Facts {
  readonly type: string;
  readonly policy: string;
  readonly annotations: Labels;
  readonly ingress: readonly { readonly ip?: string; readonly hostname?: string; readonly ipMode?: string }[];
}

function factsOfService({ metadata = {}, spec = {}, status = {} }: Kinds["Service"]): Facts {
  return {
    type: spec.type ?? "",
    policy: spec.externalTrafficPolicy ?? "",
    annotations: metadata.annotations ?? {},
    ingress: status.loadBalancer?.ingress ?? [],
  };
}

function factsOfIstioGateway({ spec = {}, status = {} }: Kinds["IstioGateway"]): Facts {
  return {
    type: spec.serviceType ?? "",
    policy: spec.externalTrafficPolicy ?? "",
    annotations: spec.serviceAnnotations ?? {},
    ingress: status.loadBalancer?.ingress ?? [],
  };
}

/** kube-proxy keeps only what goes to an IP of its own on the node. */
function leavesTheCluster({ annotations, ingress }: Facts): boolean {
  const hasHostname = ["alibaba-cloud", "alicloud"].some(
    (prefix) => annotations[`service.beta.kubernetes.io/${prefix}-loadbalancer-hostname`],
  );
  const isKeptNowhere = ingress.every(
    ({ ip = "", hostname = "", ipMode }) => ipMode === "Proxy" || (hostname !== "" && ip === ""),
  );
  return hasHostname || (ingress.length > 0 && isKeptNowhere);
}

function isGateway({ metadata = {}, spec = {} }: Kinds["Service"]): boolean {
  return (
    hasGatewayLabels(spec.selector ?? {}) ||
    hasGatewayLabels(metadata.labels ?? {}) ||
    isOwnedByIstioGateway(metadata)
  );
}

/** Who fails in this version of Kubernetes; both kinds of kube-proxy where the version is not known. */
function affected(versions: Versions): string {
  if (holds("localReachableWithIptables", versions) === false) return "Pods and nodes";
  const withIpvs = holds("localReachableWithIpvs", versions);
  if (withIpvs === undefined) return "Host-network Pods and nodes with IPVS (before Kubernetes 1.21 any Pod)";
  return withIpvs ? "Host-network Pods and nodes with IPVS" : "Pods and nodes with IPVS";
}
