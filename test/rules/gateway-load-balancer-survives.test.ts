import assert from "node:assert/strict";
import { test } from "node:test";
import { render } from "../../src/engine/render.ts";
import rule from "../../src/rules/gateway-load-balancer-survives.ts";
import { run, testRule } from "./rule-tester.ts";

const ID = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-id";
const OLDER_ID = "service.beta.kubernetes.io/alicloud-loadbalancer-id";
const PRESERVE = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-preserve-lb-on-delete";
const PROTECTION = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-delete-protection";
const LABEL = "service.k8s.alibaba/loadbalancer-id";
const OWN_ADDRESS = { addresses: [{ type: "IPAddress", value: "192.0.2.1" }] };
const ADDRESS = { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } };
const NAME = ["metadata", "name"];
const DELETE = { operation: "DELETE" as const };

interface Parts {
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
}

/** As it stands in a cluster of Alibaba Cloud, with its load balancer. */
function service({ metadata = {}, spec = {}, status = ADDRESS }: Parts = {}): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "istio-edge", namespace: "mesh", labels: { [LABEL]: "lb-1" }, ...metadata },
    spec: { type: "LoadBalancer", ...spec },
    status,
  };
}

/** Without anything that tells of a cloud. */
const plain = (parts: Parts = {}) => service({ ...parts, metadata: { labels: {}, ...parts.metadata } });
const annotated = (annotations: Readonly<Record<string, string>>, parts: Parts = {}) =>
  service({ ...parts, metadata: { ...parts.metadata, annotations } });

function istioGateway({ metadata = {}, spec = {}, status }: Parts = {}): object {
  return {
    apiVersion: "istio.alibabacloud.com/v1beta1",
    kind: "IstioGateway",
    metadata: { name: "edge", namespace: "mesh", ...metadata },
    spec: { serviceType: "LoadBalancer", ...spec },
    ...(status ? { status } : {}),
  };
}

function gateway({ metadata = {}, spec = {}, status }: Parts = {}): object {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name: "public", namespace: "mesh", ...metadata },
    spec: { gatewayClassName: "istio", ...spec },
    ...(status ? { status } : {}),
  };
}

const ofGateway = (labels: object = {}) => ({
  name: "public-istio",
  labels: { "gateway.networking.k8s.io/gateway-name": "public", ...labels },
});
const owned = (apiVersion: string, kind: string, name: string) => ({
  ownerReferences: [{ apiVersion, kind, name, controller: true }],
});
const OF_ISTIO_GATEWAY = owned("istio.alibabacloud.com/v1beta1", "IstioGateway", "edge");
const OF_GATEWAY = owned("gateway.networking.k8s.io/v1", "Gateway", "public");
const NAMESPACE = { apiVersion: "v1", kind: "Namespace", metadata: { name: "mesh" } };
const GOING = { deletionTimestamp: "2026-01-01T00:00:00Z" };
const crd = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "istiogateways.istio.alibabacloud.com" },
  spec: { group: "istio.alibabacloud.com", names: { plural: "istiogateways" } },
};
const node = (providerID: string) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n1" },
  spec: { providerID },
});
const CCM = (tag: string) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "cloud-controller-manager", namespace: "kube-system" },
  spec: {
    template: { spec: { containers: [{ name: "ccm", image: `acs/cloud-controller-manager:${tag}` }] } },
  },
});

const annotate = (name: string, setting = `${PRESERVE}=true`) =>
  `kubectl annotate --overwrite services ${name} -n mesh ${setting}`;
const patch = `kubectl patch istiogateways edge -n mesh --type=merge -p '{"spec":{"serviceAnnotations":{"${PRESERVE}":"true"}}}'`;
const OF_PUBLIC = "-l gateway.networking.k8s.io/gateway-name=public";
const KNOWN = "load balancer lb-1 (192.0.2.1)";
const UNKNOWN = "the load balancer that was made for it";

const goesWithObject = (object: string, loadBalancer: string, command: string) => ({
  message: "goesWithObject",
  field: NAME,
  data: { object, loadBalancer, command },
});
const ofService = (loadBalancer = KNOWN, command = annotate("istio-edge")) =>
  goesWithObject("Service mesh/istio-edge", loadBalancer, command);
const goesLater = (object: string, field: readonly string[]) => ({
  message: "goesLater",
  field,
  data: { object },
});
const elsewhere = (change: string, field = NAME, addresses = "192.0.2.1") => ({
  message: "goesOnOtherCloud",
  field,
  data: { change, addresses },
});
const goesWithOwner = (owner: string, change = "Deleting Service mesh/istio-edge", field = NAME) => ({
  message: "goesWithOwner",
  field,
  data: { change, loadBalancer: KNOWN, owner },
});

testRule(rule, {
  valid: [
    { name: "a Service has no address outside", object: plain({ spec: { type: "ClusterIP" } }) },
    {
      name: "a Service without an address outside is deleted",
      object: service({ spec: { type: "NodePort" } }),
      ...DELETE,
    },
    {
      name: "the load balancer is the user's own",
      object: annotated({ [ID]: "lb-1" }),
      ...DELETE,
    },
    { name: "it is so by the older key", object: annotated({ [OLDER_ID]: "lb-1" }), ...DELETE },
    { name: "it is kept", object: annotated({ [PRESERVE]: "true" }), ...DELETE },
    {
      name: "it is kept by a CCM that can",
      object: annotated({ [PRESERVE]: "true" }),
      settings: { assume: { ccm: "2.10" } },
      ...DELETE,
    },
    {
      name: "it is kept by the older key",
      object: annotated({ "service.beta.kubernetes.io/alicloud-loadbalancer-preserve-lb-on-delete": "yes" }),
      ...DELETE,
    },
    { name: "a Service is created that keeps it", object: annotated({ [PRESERVE]: "true" }) },
    { name: "a Service of an unknown cloud is created", object: plain({ status: {} }) },
    {
      name: "a Service of another cloud is created",
      object: plain({ status: {} }),
      cluster: [node("aws:///us-east-1a/i-0abc"), { ...node("x"), metadata: { name: "n2" } }],
    },
    {
      name: "a Service is created for another controller",
      object: plain({ spec: { loadBalancerClass: "example.org/metal" }, status: {} }),
      cluster: [crd],
    },
    {
      name: "a Service that will not keep its load balancer is changed otherwise",
      object: service({ spec: { externalTrafficPolicy: "Local" } }),
      oldObject: service(),
    },
    {
      name: "the type of a Service that keeps it changes",
      object: annotated({ [PRESERVE]: "true" }, { spec: { type: "ClusterIP" } }),
      oldObject: service(),
    },
    {
      name: "the user's own load balancer is named by the other key",
      object: annotated({ [ID]: "lb-1" }),
      oldObject: annotated({ [OLDER_ID]: "lb-1" }),
    },
    {
      name: "another load balancer's id is written",
      object: annotated({ [ID]: "lb-2" }),
      oldObject: service(),
    },
    {
      name: "the id is written for a CCM that knows no other way",
      object: annotated({ [ID]: "lb-1" }),
      oldObject: service(),
      settings: { assume: { ccm: "2.9.1" } },
    },
    {
      name: "an IstioGateway has no load balancer",
      object: istioGateway({ spec: { serviceType: "ClusterIP" } }),
      ...DELETE,
    },
    {
      name: "an IstioGateway says no type",
      object: istioGateway({ spec: { serviceType: undefined } }),
      ...DELETE,
    },
    {
      name: "an IstioGateway keeps it",
      object: istioGateway({ spec: { serviceAnnotations: { [PRESERVE]: "true" } } }),
      cluster: [service()],
      ...DELETE,
    },
    {
      name: "an IstioGateway's Service keeps it",
      object: istioGateway(),
      cluster: [annotated({ [PRESERVE]: "true" })],
      ...DELETE,
    },
    {
      name: "an IstioGateway is created with a load balancer of the user's",
      object: istioGateway({ spec: { serviceAnnotations: { [ID]: "lb-9" } } }),
    },
    { name: "a Gateway has no Service of its own", object: gateway(), cluster: [service()], ...DELETE },
    {
      name: "a Gateway has a Service inside the cluster",
      object: gateway(),
      cluster: [service({ metadata: ofGateway({ [LABEL]: "lb-1" }), spec: { type: "ClusterIP" } })],
      ...DELETE,
    },
    {
      name: "a Gateway of another class is created",
      object: gateway({ spec: { gatewayClassName: "istio-waypoint" } }),
      cluster: [crd],
    },
    {
      name: "a Gateway is created for a Service that is there",
      object: gateway({ spec: { addresses: [{ type: "Hostname", value: "edge.mesh.svc.cluster.local" }] } }),
      cluster: [crd],
    },
    {
      name: "a Gateway is deleted that is for a Service that is there",
      object: gateway({ spec: { addresses: [{ value: "192.0.2.1" }] }, status: OWN_ADDRESS }),
      cluster: [crd],
      ...DELETE,
    },
    {
      name: "a Gateway is deleted that has no address but its Service's name",
      object: gateway({
        status: { addresses: [{ type: "Hostname", value: "public-istio.mesh.svc.cluster.local" }] },
      }),
      cluster: [crd],
      ...DELETE,
    },
    {
      name: "a Gateway is created that keeps it",
      object: gateway({ spec: { infrastructure: { annotations: { [PRESERVE]: "true" } } } }),
      cluster: [crd],
    },
    {
      name: "a Gateway of the first Gateway API has no Service",
      object: { ...gateway(), apiVersion: "networking.x-k8s.io/v1alpha1" },
      ...DELETE,
    },
    { name: "a namespace is created", object: NAMESPACE, cluster: [service()] },
    {
      name: "a namespace is deleted in which all is kept",
      object: NAMESPACE,
      cluster: [
        istioGateway({ spec: { serviceAnnotations: { [PRESERVE]: "true" } } }),
        service(),
        annotated({ [ID]: "lb-7" }, { metadata: { name: "own" } }),
        plain({ metadata: { name: "inside" }, spec: { type: "ClusterIP" }, status: {} }),
        service({ metadata: { namespace: "elsewhere" } }),
      ],
      ...DELETE,
    },
    {
      name: "a namespace of the cluster is deleted, and a gateway without a Service is in the mesh's API server",
      object: { ...NAMESPACE, metadata: { name: "mesh", uid: "1" } },
      cluster: [{ ...NAMESPACE, metadata: { name: "mesh", uid: "1" } }],
      meshPlane: [{ ...NAMESPACE, metadata: { name: "mesh", uid: "2" } }, istioGateway()],
      ...DELETE,
    },
    {
      name: "a namespace of the mesh's API server is deleted, and the Services stay in the cluster",
      object: { ...NAMESPACE, metadata: { name: "mesh", uid: "2" } },
      cluster: [{ ...NAMESPACE, metadata: { name: "mesh", uid: "1" } }, service()],
      meshPlane: [{ ...NAMESPACE, metadata: { name: "mesh", uid: "2" } }],
      ...DELETE,
    },
  ],
  invalid: [
    {
      name: "a Service is deleted of which CCM has not yet said what it made",
      object: service({ metadata: { labels: { app: "edge" } }, status: {} }),
      cluster: [crd],
      ...DELETE,
      findings: [ofService(UNKNOWN)],
    },
    {
      name: "the type of a Service changes before CCM has said what it made",
      object: service({ spec: { type: "ClusterIP" }, metadata: { labels: {} }, status: {} }),
      oldObject: service({ metadata: { labels: {} }, status: {} }),
      cluster: [crd],
      findings: [
        {
          message: "goesWithType",
          field: ["spec", "type"],
          data: {
            type: "ClusterIP",
            object: "Service mesh/istio-edge",
            loadBalancer: UNKNOWN,
            command: annotate("istio-edge"),
          },
        },
      ],
    },
    {
      name: "an IstioGateway is deleted whose Service does not name its load balancer yet",
      object: istioGateway(),
      cluster: [plain({ status: {} })],
      ...DELETE,
      findings: [goesWithObject("IstioGateway mesh/edge", UNKNOWN, patch)],
    },
    { name: "a Service is deleted", object: service(), ...DELETE, findings: [ofService()] },
    {
      name: "a Service is deleted of which only the address is known",
      object: plain(),
      cluster: [node("alicloud://cn-hangzhou.i-bp1abc")],
      ...DELETE,
      findings: [ofService("load balancer 192.0.2.1")],
    },
    {
      name: "a Service is deleted of which only the id is known",
      object: service({ status: {} }),
      ...DELETE,
      findings: [ofService("load balancer lb-1")],
    },
    {
      name: "a network load balancer has a hostname",
      object: service({
        spec: { loadBalancerClass: "alibabacloud.com/nlb" },
        status: { loadBalancer: { ingress: [{ hostname: "nlb-1.example.com" }] } },
      }),
      ...DELETE,
      findings: [ofService("load balancer lb-1 (nlb-1.example.com)")],
    },
    {
      name: "delete protection is on",
      object: annotated({ [PROTECTION]: "on" }),
      ...DELETE,
      findings: [ofService(`${KNOWN}, delete protection or not`)],
    },
    {
      name: "the annotation that would keep it is empty",
      object: annotated({ [PRESERVE]: "", [OLDER_ID]: "" }),
      ...DELETE,
      findings: [ofService()],
    },
    {
      name: "CCM's own Deployment tells of Alibaba Cloud",
      object: plain(),
      cluster: [CCM("v2.13.0")],
      ...DELETE,
      findings: [ofService("load balancer 192.0.2.1")],
    },
    ...[{ ccm: "2.12" }, { asm: "1.24" }].map((assume) => ({
      name: `${Object.keys(assume).join()} is assumed`,
      object: plain(),
      settings: { assume },
      ...DELETE,
      findings: [ofService("load balancer 192.0.2.1")],
    })),
    {
      name: "a Node without a scheme in its providerID tells of Alibaba Cloud",
      object: plain(),
      cluster: [node("ap-southeast-1.i-t4n0abc")],
      ...DELETE,
      findings: [ofService("load balancer 192.0.2.1")],
    },
    {
      name: "an annotation tells of Alibaba Cloud",
      object: plain({
        metadata: {
          annotations: { "service.beta.kubernetes.io/alicloud-loadbalancer-address-type": "intranet" },
        },
      }),
      ...DELETE,
      findings: [ofService("load balancer 192.0.2.1")],
    },
    {
      name: "CCM is too old to keep it, and is asked to",
      object: annotated({ [PRESERVE]: "true" }),
      settings: { assume: { ccm: "2.9.1" } },
      ...DELETE,
      findings: [
        {
          message: "preserveIsNotRead",
          field: ["metadata", "annotations", PRESERVE],
          data: { version: "2.9.1", object: "Service mesh/istio-edge" },
        },
        ofService(KNOWN, annotate("istio-edge", `${ID}=lb-1`)),
      ],
    },
    {
      name: "a Service is created with what CCM is too old to read",
      object: annotated({ [PRESERVE]: "true" }, { status: {} }),
      settings: { assume: { ccm: "2.9.1" } },
      findings: [
        {
          message: "preserveIsNotRead",
          field: ["metadata", "annotations", PRESERVE],
          data: { version: "2.9.1", object: "Service mesh/istio-edge" },
        },
      ],
    },
    {
      name: "CCM is too old to keep it, and the id is not known",
      object: plain(),
      cluster: [CCM("v2.8.1")],
      ...DELETE,
      findings: [
        ofService("load balancer 192.0.2.1", annotate("istio-edge", `${ID}=ID_OF_THE_LOAD_BALANCER`)),
      ],
    },
    {
      name: "what was meant to give it up keeps it",
      object: annotated({ [PRESERVE]: "False" }),
      ...DELETE,
      findings: [
        {
          message: "anyValueKeeps",
          field: ["metadata", "annotations", PRESERVE],
          data: { value: "False", object: "Service mesh/istio-edge" },
        },
      ],
    },
    {
      name: "a Service is created with what was meant to give it up",
      object: annotated({ [PRESERVE]: "false" }, { status: {} }),
      findings: [
        {
          message: "anyValueKeeps",
          field: ["metadata", "annotations", PRESERVE],
          data: { value: "false", object: "Service mesh/istio-edge" },
        },
      ],
    },
    {
      name: "a Service is created on Alibaba Cloud",
      object: plain({ status: {} }),
      cluster: [crd],
      findings: [goesLater("Service mesh/istio-edge", ["spec", "type"])],
    },
    {
      name: "a Service gets the type",
      object: plain({ status: {} }),
      oldObject: plain({ status: {}, spec: { type: undefined } }),
      cluster: [crd],
      findings: [goesLater("Service mesh/istio-edge", ["spec", "type"])],
    },
    {
      name: "what keeps it is taken away",
      object: service(),
      oldObject: annotated({ [PRESERVE]: "true" }),
      findings: [goesLater("Service mesh/istio-edge", ["spec", "type"])],
    },
    {
      name: "the type of a Service changes",
      object: service({ spec: { type: "NodePort" } }),
      oldObject: service(),
      findings: [
        {
          message: "goesWithType",
          field: ["spec", "type"],
          data: {
            type: "NodePort",
            object: "Service mesh/istio-edge",
            loadBalancer: KNOWN,
            command: annotate("istio-edge"),
          },
        },
      ],
    },
    {
      name: "the type of a Service is left out",
      object: service({ spec: { type: undefined } }),
      oldObject: service(),
      findings: [
        {
          message: "goesWithType",
          field: ["spec", "type"],
          data: {
            type: "ClusterIP",
            object: "Service mesh/istio-edge",
            loadBalancer: KNOWN,
            command: annotate("istio-edge"),
          },
        },
      ],
    },
    {
      name: "CCM's own load balancer is named as the user's",
      object: annotated({ [ID]: "lb-1" }),
      oldObject: service(),
      findings: [
        {
          message: "ownIdIsRefused",
          field: ["metadata", "annotations", ID],
          data: { id: "lb-1", object: "Service mesh/istio-edge" },
        },
      ],
    },
    {
      name: "CCM's own load balancer is named in an IstioGateway",
      object: istioGateway({ spec: { serviceAnnotations: { [ID]: "lb-1" } } }),
      oldObject: istioGateway(),
      cluster: [service()],
      findings: [
        {
          message: "ownIdIsRefused",
          field: ["spec", "serviceAnnotations", ID],
          data: { id: "lb-1", object: "IstioGateway mesh/edge" },
        },
      ],
    },
    {
      name: "an IstioGateway is deleted whose Service is not seen",
      object: istioGateway(),
      ...DELETE,
      findings: [goesWithObject("IstioGateway mesh/edge", UNKNOWN, patch)],
    },
    {
      name: "an IstioGateway is deleted whose own status has the address",
      object: istioGateway({ status: ADDRESS }),
      ...DELETE,
      findings: [goesWithObject("IstioGateway mesh/edge", "load balancer 192.0.2.1", patch)],
    },
    {
      name: "an IstioGateway is deleted with its Service",
      object: istioGateway({ spec: { serviceType: undefined } }),
      cluster: [service({ metadata: { name: "another", labels: { [LABEL]: "lb-2" } } }), service()],
      ...DELETE,
      findings: [goesWithObject("IstioGateway mesh/edge", KNOWN, patch)],
    },
    {
      name: "an IstioGateway is deleted that owns a Service of another name",
      object: istioGateway(),
      cluster: [service({ metadata: { name: "other", ...OF_ISTIO_GATEWAY } })],
      ...DELETE,
      findings: [goesWithObject("IstioGateway mesh/edge", KNOWN, patch)],
    },
    {
      name: "an IstioGateway is created",
      object: istioGateway(),
      findings: [goesLater("IstioGateway mesh/edge", ["spec", "serviceType"])],
    },
    {
      name: "the type of an IstioGateway changes",
      object: istioGateway({ spec: { serviceType: "ClusterIP" } }),
      oldObject: istioGateway(),
      cluster: [service()],
      findings: [
        {
          message: "goesWithType",
          field: ["spec", "serviceType"],
          data: { type: "ClusterIP", object: "IstioGateway mesh/edge", loadBalancer: KNOWN, command: patch },
        },
      ],
    },
    {
      name: "a Gateway is deleted",
      object: gateway(),
      cluster: [service({ metadata: ofGateway({ [LABEL]: "lb-1" }) })],
      ...DELETE,
      findings: [goesWithObject("Gateway mesh/public", KNOWN, annotate("public-istio"))],
    },
    {
      name: "a Gateway is deleted whose own status has the address",
      object: gateway({ status: OWN_ADDRESS }),
      cluster: [crd],
      ...DELETE,
      findings: [goesWithObject("Gateway mesh/public", "load balancer 192.0.2.1", annotate(OF_PUBLIC))],
    },
    {
      name: "a Gateway of another cloud is deleted",
      object: gateway(),
      cluster: [plain({ metadata: ofGateway() })],
      ...DELETE,
      findings: [elsewhere("Deleting Gateway mesh/public")],
    },
    {
      name: "a Gateway is created on Alibaba Cloud",
      object: gateway(),
      cluster: [crd],
      findings: [goesLater("Gateway mesh/public", ["spec", "gatewayClassName"])],
    },
    {
      name: "a Gateway's Service is moved inside the cluster",
      object: gateway({ metadata: { annotations: { "networking.istio.io/service-type": "ClusterIP" } } }),
      oldObject: gateway(),
      cluster: [service({ metadata: ofGateway({ [LABEL]: "lb-1" }) })],
      findings: [
        {
          message: "goesWithType",
          field: ["metadata", "annotations", "networking.istio.io/service-type"],
          data: {
            type: "ClusterIP",
            object: "Gateway mesh/public",
            loadBalancer: KNOWN,
            command: annotate("public-istio"),
          },
        },
      ],
    },
    {
      name: "a Service is deleted while its IstioGateway stays",
      object: service({ metadata: { labels: { [LABEL]: "lb-1" }, ...OF_ISTIO_GATEWAY } }),
      cluster: [istioGateway()],
      ...DELETE,
      findings: [ofService()],
    },
    {
      name: "a Service is deleted whose IstioGateway is in another cluster",
      object: service({ metadata: { labels: { [LABEL]: "lb-1" }, ...OF_ISTIO_GATEWAY } }),
      ...DELETE,
      findings: [ofService()],
    },
    {
      name: "a Service follows its IstioGateway, which is gone",
      object: service({ metadata: { labels: { [LABEL]: "lb-1" }, ...OF_ISTIO_GATEWAY } }),
      cluster: [crd],
      ...DELETE,
      findings: [goesWithOwner("IstioGateway edge")],
    },
    {
      name: "a Service follows its IstioGateway, which goes",
      object: service({ metadata: { labels: { [LABEL]: "lb-1" }, ...OF_ISTIO_GATEWAY } }),
      cluster: [istioGateway({ metadata: GOING })],
      ...DELETE,
      findings: [goesWithOwner("IstioGateway edge")],
    },
    {
      name: "a Service follows its Gateway's type",
      object: service({
        spec: { type: "ClusterIP" },
        metadata: { labels: { [LABEL]: "lb-1" }, ...OF_GATEWAY },
      }),
      oldObject: service({ metadata: { labels: { [LABEL]: "lb-1" }, ...OF_GATEWAY } }),
      cluster: [gateway({ metadata: { annotations: { "networking.istio.io/service-type": "ClusterIP" } } })],
      findings: [
        goesWithOwner("Gateway public", "Type ClusterIP of Service mesh/istio-edge", ["spec", "type"]),
      ],
    },
    {
      name: "a Service of another cloud is deleted",
      object: plain(),
      ...DELETE,
      findings: [elsewhere("Deleting Service mesh/istio-edge")],
    },
    {
      name: "a Service of another controller is deleted on Alibaba Cloud",
      object: plain({ spec: { loadBalancerClass: "example.org/metal" } }),
      cluster: [crd],
      ...DELETE,
      findings: [elsewhere("Deleting Service mesh/istio-edge")],
    },
    {
      name: "the type of a Service of another cloud changes",
      object: plain({ spec: { type: "ClusterIP" } }),
      oldObject: plain(),
      findings: [elsewhere("Type ClusterIP of Service mesh/istio-edge", ["spec", "type"])],
    },
    {
      name: "a namespace is deleted",
      object: NAMESPACE,
      cluster: [
        istioGateway({ metadata: { name: "unseen" } }),
        service(),
        annotated({ [PRESERVE]: "true" }, { metadata: { name: "kept" } }),
      ],
      ...DELETE,
      findings: [
        {
          message: "goesWithNamespace",
          field: NAME,
          data: {
            namespace: "mesh",
            loadBalancers: "that of unseen, lb-1 (192.0.2.1) of istio-edge",
            command: `set ${PRESERVE}: "true" in spec.serviceAnnotations of each IstioGateway, in the annotations of each other Service`,
          },
        },
      ],
    },
    {
      name: "a namespace with Services of both kinds is deleted",
      object: NAMESPACE,
      cluster: [
        service({ metadata: { name: "a", labels: { [LABEL]: "lb-a" } } }),
        service({ metadata: { name: "b", labels: { [LABEL]: "lb-b" } } }),
        plain({ metadata: { name: "c" }, status: { loadBalancer: { ingress: [{ ip: "198.51.100.7" }] } } }),
      ],
      ...DELETE,
      findings: [
        {
          message: "goesWithNamespace",
          field: NAME,
          data: {
            namespace: "mesh",
            loadBalancers: "lb-a (192.0.2.1) of a, lb-b (192.0.2.1) of b",
            command: annotate("a b"),
          },
        },
        elsewhere("Deleting namespace mesh", NAME, "198.51.100.7"),
      ],
    },
    {
      name: "a namespace with many is deleted while CCM is old",
      object: NAMESPACE,
      cluster: ["a", "b", "c", "d", "e"].map((name) =>
        service({ metadata: { name, labels: { [LABEL]: `lb-${name}` } } }),
      ),
      settings: { assume: { ccm: "2.1" } },
      ...DELETE,
      findings: [
        {
          message: "goesWithNamespace",
          field: NAME,
          data: {
            namespace: "mesh",
            loadBalancers: "lb-a (192.0.2.1) of a, lb-b (192.0.2.1) of b, lb-c (192.0.2.1) of c and 2 more",
            command: `set ${ID} to the load balancer's id in the annotations of each Service`,
          },
        },
      ],
    },
  ],
});

test("remedies fit a warning whole, whatever the names are", () => {
  const metadata = { name: "g".repeat(63), namespace: "n".repeat(63) };
  const objects = [
    service({ metadata: { ...metadata, labels: { [LABEL]: "lb-1" } } }),
    istioGateway({ metadata }),
  ];
  for (const object of objects) {
    const [finding] = run(rule, { name: "", object, ...DELETE });
    assert.equal(finding?.message, "goesWithObject");
    const remedy = render(rule.messages.goesWithObject.remedy, finding.data ?? {}, "names");
    assert(`${rule.id}: fix: ${remedy}`.length <= 256, remedy);
    assert.match(remedy, /set service\.beta\.kubernetes\.io\/.*preserve-lb-on-delete: "true" in /);
  }
});
