import rule from "../../src/rules/gateway-reachable-in-cluster.ts";
import { testRule } from "./rule-tester.ts";

interface ServiceParts {
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
}

function gatewayService({ metadata = {}, spec = {}, status }: ServiceParts = {}): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "edge", namespace: "istio-system", ...metadata },
    spec: {
      type: "LoadBalancer",
      externalTrafficPolicy: "Local",
      selector: { istio: "ingressgateway" },
      ...spec,
    },
    ...(status ? { status } : {}),
  };
}

function istioGateway(spec: object = {}, apiVersion = "istio.alibabacloud.com/v1beta1"): object {
  return {
    apiVersion,
    kind: "IstioGateway",
    metadata: { name: "ingressgateway", namespace: "istio-system" },
    spec: { serviceType: "LoadBalancer", externalTrafficPolicy: "Local", ...spec },
  };
}

function gatewayPod(rest: { annotations?: object; labels?: object } = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "edge", namespace: "istio-system", labels: { app: "edge" }, ...rest },
    spec: { containers: [{ name: "istio-proxy", image: "auto" }] },
  };
}

const BOTH = "Host-network Pods and nodes with IPVS (before Kubernetes 1.21 any Pod)";
const ENI = { "service.beta.kubernetes.io/backend-type": "eni" };
const HOSTNAME = { "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-hostname": "edge.example.com" };
const NO_SELECTOR_OF_GATEWAYS = { selector: { app: "edge" } };

const local = (service: string, affected: string = BOTH) => ({
  message: "localTrafficPolicy",
  field: ["spec", "externalTrafficPolicy"],
  data: { affected, service },
});

testRule(rule, {
  valid: [
    { name: "the policy is Cluster", object: gatewayService({ spec: { externalTrafficPolicy: "Cluster" } }) },
    { name: "no policy is set", object: gatewayService({ spec: { externalTrafficPolicy: undefined } }) },
    { name: "the Service has no address outside", object: gatewayService({ spec: { type: "ClusterIP" } }) },
    {
      name: "the Service is no gateway's",
      object: gatewayService({ spec: { selector: { app: "shop" } } }),
      cluster: [gatewayPod({ annotations: { "inject.istio.io/templates": "gateway" } })],
    },
    {
      name: "the Service selects nothing",
      object: gatewayService({ spec: { selector: {} } }),
      cluster: [gatewayPod({ annotations: { "inject.istio.io/templates": "gateway" } })],
    },
    {
      name: "the Pods that it selects are waypoints",
      object: gatewayService({ spec: NO_SELECTOR_OF_GATEWAYS }),
      cluster: [gatewayPod({ annotations: { "inject.istio.io/templates": "waypoint" } })],
    },
    {
      name: "the load balancer has a hostname and no IP",
      object: gatewayService({ status: { loadBalancer: { ingress: [{ hostname: "a.elb.example.com" }] } } }),
    },
    {
      name: "the load balancer is a proxy",
      object: gatewayService({
        status: { loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "Proxy" }] } },
      }),
    },
    { name: "a hostname is asked for", object: gatewayService({ metadata: { annotations: HOSTNAME } }) },
    { name: "an IstioGateway has no address outside", object: istioGateway({ serviceType: "ClusterIP" }) },
    { name: "an IstioGateway says no type", object: istioGateway({ serviceType: undefined }) },
    { name: "an IstioGateway asks for a hostname", object: istioGateway({ serviceAnnotations: HOSTNAME }) },
    { name: "an IstioGateway is set to Cluster", object: istioGateway({ externalTrafficPolicy: "Cluster" }) },
  ],
  invalid: [
    { name: "the selector is a gateway's", object: gatewayService(), findings: [local("edge.istio-system")] },
    {
      name: "the selector is a gateway's of the user's own name",
      object: gatewayService({ spec: { selector: { istio: "public-gateway" } } }),
      findings: [local("edge.istio-system")],
    },
    {
      name: "the Service's own labels are a gateway's",
      object: gatewayService({
        metadata: { labels: { app: "istio-egressgateway" } },
        spec: { type: "NodePort", ...NO_SELECTOR_OF_GATEWAYS },
      }),
      findings: [local("edge.istio-system")],
    },
    {
      name: "the Service belongs to Gateway API's Gateway",
      object: gatewayService({
        metadata: { labels: { "gateway.networking.k8s.io/gateway-name": "edge" } },
        spec: NO_SELECTOR_OF_GATEWAYS,
      }),
      findings: [local("edge.istio-system")],
    },
    {
      name: "the Service belongs to an IstioGateway",
      object: gatewayService({
        metadata: {
          ownerReferences: [{ apiVersion: "istio.alibabacloud.com/v1", kind: "IstioGateway", name: "edge" }],
        },
        spec: NO_SELECTOR_OF_GATEWAYS,
      }),
      findings: [local("edge.istio-system")],
    },
    {
      name: "it selects Pods that are gateways",
      object: gatewayService({ spec: NO_SELECTOR_OF_GATEWAYS }),
      cluster: [gatewayPod({ annotations: { "inject.istio.io/templates": "gateway" } })],
      findings: [local("edge.istio-system")],
    },
    {
      name: "one of two addresses is an IP",
      object: gatewayService({
        status: {
          loadBalancer: { ingress: [{ hostname: "a.example.com" }, { ip: "192.0.2.1", ipMode: "VIP" }] },
        },
      }),
      findings: [local("edge.istio-system")],
    },
    {
      name: "an update turns it Local",
      object: gatewayService(),
      oldObject: gatewayService({ spec: { externalTrafficPolicy: "Cluster" } }),
      findings: [local("edge.istio-system")],
    },
    {
      name: "an IstioGateway is Local",
      object: istioGateway(),
      findings: [local("istio-ingressgateway.istio-system")],
    },
    {
      name: "an IstioGateway of the newer version is Local on its node ports",
      object: istioGateway({ serviceType: "NodePort" }, "istio.alibabacloud.com/v1"),
      findings: [local("istio-ingressgateway.istio-system")],
    },
    {
      name: "the backends are network interfaces already",
      object: gatewayService({ metadata: { annotations: ENI } }),
      findings: [
        {
          message: "eniMakesLocalNeedless",
          field: ["spec", "externalTrafficPolicy"],
          data: { service: "edge.istio-system" },
          fix: [{ path: ["spec", "externalTrafficPolicy"], value: "Cluster" }],
        },
      ],
    },
    {
      name: "an IstioGateway has network interfaces as backends",
      object: istioGateway({ serviceAnnotations: ENI }),
      findings: [
        {
          message: "eniMakesLocalNeedless",
          field: ["spec", "externalTrafficPolicy"],
          data: { service: "istio-ingressgateway.istio-system" },
        },
      ],
    },
    ...[
      { kubernetes: "1.14", affected: "Pods and nodes" },
      { kubernetes: "1.20.4", affected: "Pods and nodes with IPVS" },
      { kubernetes: "1.36", affected: "Host-network Pods and nodes with IPVS" },
    ].map(({ kubernetes, affected }) => ({
      name: `Kubernetes is ${kubernetes}`,
      object: gatewayService(),
      settings: { assume: { kubernetes } },
      findings: [local("edge.istio-system", affected)],
    })),
  ],
});
