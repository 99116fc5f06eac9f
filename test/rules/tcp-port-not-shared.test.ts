import rule from "../../src/rules/tcp-port-not-shared.ts";
import type { Names } from "../../src/rules/rule.ts";
import { testRule } from "./rule-tester.ts";

const MYSQL = { number: 3306, name: "tcp-mysql", protocol: "TCP" };

/** `entry("shop/orders")` has the host `orders.example.com`. */
function entry(path: string, spec: object = {}, metadata: object = {}): object {
  const [namespace, name] = path.split("/");
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name, namespace, ...metadata },
    spec: { hosts: [`${name}.example.com`], ports: [MYSQL], resolution: "DNS", ...spec },
  };
}

function externalName(path: string, spec: object = {}, annotations: object = {}): object {
  const [namespace, name] = path.split("/");
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, annotations },
    spec: {
      type: "ExternalName",
      externalName: `${name}.example.com`,
      ports: [{ name: "tcp-mysql", port: 3306 }],
      ...spec,
    },
  };
}

function clusterService(path: string, spec: object): object {
  const [namespace, name] = path.split("/");
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { app: "db" }, ports: [{ name: "tcp-mysql", port: 3306 }], ...spec },
  };
}

function destinationRule(host: string): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: "orders", namespace: "shop" },
    spec: { host },
  };
}

function sidecar(namespace: string, egress: readonly object[]): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: { name: "default", namespace },
    spec: { egress },
  };
}

function labelled(name: string, labels: object): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}
const SHOP = labelled("shop", { "istio-injection": "enabled" });

function meshConfig(proxyMetadata: object, rest: object = {}): object {
  const mesh = JSON.stringify({ defaultConfig: { proxyMetadata }, ...rest });
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "istio", namespace: "istio-system" },
    data: { mesh },
  };
}
const DNS_CAPTURE = { ISTIO_META_DNS_CAPTURE: "true" };

const istio = (version: string) => ({ settings: { assume: { istio: version } } });

const shared = (other: string, host = "orders.example.com", index = 0, port = 3306) => ({
  message: "portShared",
  field: ["spec", "ports", index, "number"],
  data: { port, host, other },
});
const elsewhere = (...names: string[]) => ({ names, noun: "ServiceEntry" });

const BILLING = "ServiceEntry shop/billing";
const NAMED = "orders.shop.svc.cluster.local";
const namesShared = (other: string | Names, index = 0) => ({
  message: "externalNamePortShared",
  field: ["spec", "ports", index, "port"],
  data: { port: 3306, host: NAMED, other, target: "orders.example.com" },
});

testRule(rule, {
  valid: [
    { name: "nothing else has the port", object: entry("shop/orders") },
    {
      name: "the ports differ",
      object: entry("shop/orders"),
      cluster: [entry("shop/billing", { ports: [{ ...MYSQL, number: 3307 }] })],
    },
    {
      name: "both have addresses",
      object: entry("shop/orders", { addresses: ["10.0.0.1"] }),
      cluster: [entry("shop/billing", { addresses: ["10.0.0.2"] })],
    },
    {
      name: "it has addresses itself",
      object: entry("shop/orders", { addresses: ["10.0.0.1"] }),
      cluster: [entry("shop/billing")],
    },
    {
      name: "the other one has a block of addresses",
      object: entry("shop/orders"),
      cluster: [entry("shop/billing", { addresses: ["10.0.0.0/24"] })],
    },
    {
      name: "every sidecar sees its own namespace only",
      object: entry("shop/orders"),
      cluster: [entry("bank/billing"), sidecar("istio-system", [{ hosts: ["./*"] }])],
    },
    {
      name: "it is HTTP",
      object: entry("shop/orders", { ports: [{ ...MYSQL, protocol: "HTTP" }] }),
      cluster: [entry("shop/billing", { ports: [{ ...MYSQL, protocol: "grpc" }] })],
    },
    {
      name: "one of them is HTTP",
      object: entry("shop/orders"),
      cluster: [entry("shop/billing", { ports: [{ ...MYSQL, protocol: "HTTP2" }] })],
    },
    {
      name: "it is TLS",
      object: entry("shop/orders", { ports: [{ ...MYSQL, protocol: "TLS" }] }),
      cluster: [entry("shop/billing", { ports: [{ ...MYSQL, protocol: "HTTPS" }] })],
    },
    {
      name: "both are for the same host",
      object: entry("shop/orders"),
      cluster: [entry("shop/again", { hosts: ["orders.example.com"] })],
    },
    {
      name: "both have the same endpoints",
      object: entry("shop/orders", { resolution: "STATIC", endpoints: [{ address: "10.0.0.1" }] }),
      cluster: [entry("shop/billing", { resolution: "STATIC", endpoints: [{ address: "10.0.0.1" }] })],
    },
    {
      name: "each is for its own namespace",
      object: entry("shop/orders", { exportTo: ["."] }),
      cluster: [entry("bank/billing", { exportTo: ["."] })],
    },
    {
      name: "the other one is for nobody",
      object: entry("shop/orders"),
      cluster: [entry("shop/billing", { exportTo: ["~"] })],
    },
    {
      name: "the mesh's default keeps them in their namespaces",
      object: entry("shop/orders"),
      cluster: [entry("bank/billing"), meshConfig({}, { defaultServiceExportTo: ["."] })],
    },
    {
      name: "no client is where both are known",
      object: entry("shop/orders", { exportTo: ["bank"] }),
      cluster: [entry("bank/billing", { exportTo: ["."] }), SHOP, labelled("bank", {})],
    },
    {
      name: "the clients' Sidecar knows one of them",
      object: entry("bank/orders"),
      cluster: [entry("bank/billing"), SHOP, sidecar("shop", [{ hosts: ["bank/orders.example.com"] }])],
    },
    {
      name: "a Sidecar says who is on the port",
      object: entry("shop/orders"),
      cluster: [
        entry("shop/billing"),
        SHOP,
        sidecar("shop", [
          { port: { number: 3306, protocol: "TCP", name: "tcp" }, hosts: ["./orders.example.com"] },
          { hosts: ["*/*"] },
        ]),
      ],
    },
    {
      name: "they are for other control planes",
      object: entry("shop/orders", {}, { labels: { "istio.io/rev": "canary" } }),
      cluster: [entry("shop/billing", {}, { labels: { "istio.io/rev": "stable" } })],
    },
    {
      name: "sidecars answer DNS queries with the addresses that Istio allocates",
      object: entry("shop/orders"),
      cluster: [entry("shop/billing"), meshConfig(DNS_CAPTURE)],
    },
    {
      name: "sidecars of an older Istio allocate addresses themselves",
      object: entry("shop/orders"),
      cluster: [entry("shop/billing"), meshConfig({ ...DNS_CAPTURE, ISTIO_META_DNS_AUTO_ALLOCATE: "true" })],
      ...istio("1.20"),
    },
    {
      name: "the mesh is ambient and has no sidecars",
      object: entry("shop/orders"),
      cluster: [entry("shop/billing"), meshConfig({ ISTIO_META_ENABLE_HBONE: "true" })],
    },
    {
      name: "the namespace is ambient",
      object: entry("shop/orders", { exportTo: ["."] }),
      cluster: [
        entry("shop/billing", { exportTo: ["."] }),
        labelled("shop", { "istio.io/dataplane-mode": "ambient" }),
      ],
    },
    {
      name: "what has no resolution has a selector",
      object: entry("shop/orders", { resolution: "NONE", workloadSelector: { labels: { app: "db" } } }),
      cluster: [entry("shop/billing")],
    },
    {
      name: "the other one is a Service with an address",
      object: entry("shop/orders"),
      cluster: [clusterService("shop/billing", {})],
    },
    {
      name: "the other one is a headless Service",
      object: entry("shop/orders"),
      cluster: [clusterService("shop/billing", { clusterIP: "None" })],
    },
    {
      name: "the Service is no ExternalName",
      object: clusterService("shop/orders", {}),
      cluster: [entry("shop/billing")],
    },
    {
      name: "an ExternalName Service without ports is an alias",
      object: externalName("shop/orders", { ports: undefined }),
      cluster: [externalName("shop/billing")],
    },
    {
      name: "the alias under review is the ServiceEntry's only neighbour",
      object: entry("shop/orders"),
      cluster: [externalName("shop/billing")],
    },
    {
      name: "ASM tells ExternalName Services apart, whatever its Istio is",
      object: externalName("shop/orders"),
      cluster: [externalName("shop/billing")],
      settings: { assume: { istio: "1.16", asm: "1.11" } },
    },
    {
      name: "both names stand for the same host",
      object: externalName("shop/orders", { externalName: "Billing.example.com." }),
      cluster: [externalName("shop/billing")],
      ...istio("1.20"),
    },
    {
      name: "the names' ports are HTTP",
      object: externalName("shop/orders", { ports: [{ name: "http-api", port: 8080 }] }),
      cluster: [externalName("shop/billing", { ports: [{ name: "web", port: 8080, appProtocol: "http" }] })],
      ...istio("1.20"),
    },
    {
      name: "the names are for their own namespaces",
      object: externalName("shop/orders", {}, { "networking.istio.io/exportTo": "." }),
      cluster: [externalName("bank/billing", {}, { "networking.istio.io/exportTo": "." })],
      ...istio("1.20"),
    },
    {
      name: "a ServiceEntry gives the name's target an address",
      object: externalName("shop/orders", {}, {}),
      cluster: [
        entry("shop/target", { hosts: ["orders.example.com"], addresses: ["10.0.0.1"] }),
        entry("shop/other", { hosts: ["billing.example.com"], addresses: ["10.0.0.2"] }),
        externalName("shop/billing"),
      ],
      ...istio("1.20"),
    },
    {
      name: "the names stand for Services of the cluster",
      object: externalName("shop/orders", { externalName: "orders.db.svc.cluster.local" }),
      cluster: [
        clusterService("db/orders", {}),
        clusterService("db/billing", {}),
        externalName("shop/billing", { externalName: "billing.db.svc.cluster.local" }),
      ],
      ...istio("1.20"),
    },
    { name: "the rule's host is nobody's", object: destinationRule(NAMED) },
    {
      name: "the rule's host is a Service's",
      object: destinationRule("orders"),
      cluster: [clusterService("shop/orders", {})],
    },
    {
      name: "the rule's host is a ServiceEntry's as well",
      object: destinationRule(NAMED),
      cluster: [externalName("shop/orders"), entry("shop/again", { hosts: [NAMED] })],
    },
    {
      name: "the rule is for an ExternalName Service of an older Istio",
      object: destinationRule(NAMED),
      cluster: [externalName("shop/orders")],
      ...istio("1.20"),
    },
    {
      name: "the rule has no host",
      object: destinationRule(""),
      cluster: [externalName("shop/orders")],
    },
  ],
  invalid: [
    {
      name: "another ServiceEntry has the port",
      object: entry("shop/orders", { ports: [{ number: 443, name: "tls", protocol: "TLS" }, MYSQL] }),
      cluster: [entry("shop/billing")],
      findings: [shared(BILLING, undefined, 1)],
    },
    {
      name: "the protocols differ and are none that tells hosts apart",
      object: entry("shop/orders", { ports: [{ ...MYSQL, protocol: "MySQL" }] }),
      cluster: [entry("shop/billing", { ports: [{ ...MYSQL, protocol: "redis" }] })],
      findings: [shared(BILLING)],
    },
    {
      name: "two ports are shared, with others",
      object: entry("shop/orders", { ports: [MYSQL, { number: 6379, name: "redis", protocol: "REDIS" }] }),
      cluster: [
        entry("shop/billing"),
        entry("bank/cache", { ports: [{ number: 6379, name: "redis", protocol: "REDIS" }] }),
      ],
      findings: [
        shared(BILLING),
        {
          ...shared("", undefined, 1, 6379),
          data: {
            port: 6379,
            host: "orders.example.com",
            other: elsewhere("ServiceEntry bank/cache"),
          },
        },
      ],
    },
    {
      name: "several have the port: the oldest is named",
      object: entry("shop/orders"),
      cluster: [
        entry("shop/archive", {}, { creationTimestamp: "2026-03-01T00:00:00Z" }),
        entry("shop/billing", {}, { creationTimestamp: "2026-02-01T00:00:00Z" }),
      ],
      findings: [shared(BILLING)],
    },
    {
      name: "an object under review is older than what it meets, which is told nothing now",
      object: entry("shop/orders", {}, { creationTimestamp: "2026-01-01T00:00:00Z" }),
      oldObject: entry("shop/orders", { ports: [] }),
      cluster: [entry("shop/billing", {}, { creationTimestamp: "2026-02-01T00:00:00Z" })],
      findings: [shared(BILLING)],
    },
    {
      name: "no protocol is said",
      object: entry("shop/orders", { ports: [{ number: 3306, name: "db" }] }),
      cluster: [entry("shop/billing")],
      findings: [{ ...shared(BILLING), message: "unsetPortShared" }],
    },
    {
      name: "clients are known, and see both",
      object: entry("shop/orders", { exportTo: ["shop", "bank"] }),
      cluster: [entry("bank/billing", { exportTo: ["shop"] }), SHOP, labelled("bank", {})],
      findings: [
        {
          ...shared(""),
          data: {
            port: 3306,
            host: "orders.example.com",
            other: elsewhere("ServiceEntry bank/billing"),
          },
        },
      ],
    },
    {
      name: "nothing is known about the namespace for which both are",
      object: entry("bank/orders", { exportTo: ["."] }),
      cluster: [entry("bank/billing", { exportTo: ["bank"] }), SHOP],
      isComplete: false,
      findings: [shared("ServiceEntry bank/billing")],
    },
    {
      name: "the client's Sidecar knows both",
      object: entry("bank/orders"),
      cluster: [entry("bank/billing"), SHOP, sidecar("shop", [{ hosts: ["bank/*"] }])],
      findings: [shared("ServiceEntry bank/billing")],
    },
    {
      name: "some of its hosts are known to the client",
      object: entry("bank/orders", { hosts: ["hidden.example.com", "orders.example.com"] }),
      cluster: [
        entry("bank/billing"),
        SHOP,
        sidecar("shop", [{ hosts: ["bank/orders.example.com", "bank/billing.example.com"] }]),
      ],
      findings: [shared("ServiceEntry bank/billing")],
    },
    {
      name: "Istio allocates addresses, and no sidecar uses them",
      object: entry("shop/orders"),
      cluster: [entry("shop/billing"), meshConfig({ ISTIO_META_DNS_CAPTURE: "false" })],
      findings: [shared(BILLING)],
    },
    {
      name: "sidecars of an older Istio answer DNS queries, with the hosts' own addresses",
      object: entry("shop/orders"),
      cluster: [entry("shop/billing"), meshConfig(DNS_CAPTURE)],
      ...istio("1.24"),
      findings: [shared(BILLING)],
    },
    {
      name: "both have opted out of the addresses",
      object: entry("shop/orders", {}, { labels: { "networking.istio.io/enable-autoallocate-ip": "false" } }),
      cluster: [
        entry("shop/billing", {}, { labels: { "networking.istio.io/enable-autoallocate-ip": "False" } }),
        meshConfig(DNS_CAPTURE),
      ],
      findings: [shared(BILLING)],
    },
    {
      name: "sidecars come to an ambient mesh",
      object: entry("shop/orders"),
      cluster: [entry("shop/billing"), SHOP, meshConfig({ ISTIO_META_ENABLE_HBONE: "true" })],
      findings: [shared(BILLING)],
    },
    {
      name: "connections of the older one are not resolved: only the names are mixed up",
      object: entry("shop/orders"),
      cluster: [
        entry("shop/billing", { resolution: undefined }, { creationTimestamp: "2026-02-01T00:00:00Z" }),
      ],
      findings: [{ ...shared(BILLING), message: "portCounted" }],
    },
    {
      name: "one that resolves comes after one that does not: it is the one that is named",
      object: entry("shop/orders", { resolution: "NONE" }),
      cluster: [entry("shop/archive", { resolution: "NONE" }), entry("shop/billing")],
      findings: [shared(BILLING)],
    },
    {
      name: "the endpoints are known: they are the addresses",
      object: entry("shop/orders", {
        location: "MESH_EXTERNAL",
        exportTo: ["."],
        resolution: "DNS",
        endpoints: [{ address: "10.0.0.1", ports: { "tcp-mysql": 13306 } }, { address: "2001:db8::1" }],
      }),
      cluster: [entry("shop/billing")],
      findings: [
        {
          ...shared(BILLING),
          suggestion: [
            {
              apiVersion: "networking.istio.io/v1",
              kind: "ServiceEntry",
              metadata: { name: "orders", namespace: "shop" },
              spec: {
                hosts: ["orders.example.com"],
                addresses: ["10.0.0.1", "2001:db8::1"],
                exportTo: ["."],
                location: "MESH_EXTERNAL",
                ports: [MYSQL],
                resolution: "STATIC",
                endpoints: [
                  { address: "10.0.0.1", ports: { "tcp-mysql": 13306 } },
                  { address: "2001:db8::1" },
                ],
              },
            },
          ],
        },
      ],
    },
    {
      name: "hosts are resolved by name: each gets a ServiceEntry, with what is to be filled in",
      object: entry(
        "shop/orders",
        { hosts: ["orders.example.com", "*.eu.example.com"], ports: [{ number: 3306 }] },
        { labels: { team: "orders" } },
      ),
      cluster: [entry("shop/billing")],
      ...istio("1.21"),
      findings: [
        {
          ...shared(BILLING),
          message: "unsetPortShared",
          suggestion: ["orders", "eu.example.com"].map((name, index) => {
            const host = index === 0 ? "orders.example.com" : "*.eu.example.com";
            return {
              apiVersion: "networking.istio.io/v1beta1",
              kind: "ServiceEntry",
              metadata: { name, namespace: "shop", labels: { team: "orders" } },
              spec: {
                hosts: [host],
                addresses: [`<IP address of ${host}>`],
                location: "MESH_EXTERNAL",
                ports: [{ number: 3306, name: "tcp-3306", protocol: "TCP" }],
                resolution: "STATIC",
                endpoints: [{ address: `<IP address of ${host}>` }],
              },
            };
          }),
        },
      ],
    },
    {
      name: "what is not resolved stays so",
      object: entry("shop/orders", { resolution: "NONE", subjectAltNames: ["orders"] }),
      cluster: [entry("shop/billing")],
      findings: [
        {
          ...shared(BILLING),
          suggestion: [
            {
              apiVersion: "networking.istio.io/v1",
              kind: "ServiceEntry",
              metadata: { name: "orders", namespace: "shop" },
              spec: {
                hosts: ["orders.example.com"],
                addresses: ["<IP address of orders.example.com>"],
                location: "MESH_EXTERNAL",
                ports: [MYSQL],
                resolution: "NONE",
                subjectAltNames: ["orders"],
              },
            },
          ],
        },
      ],
    },
    {
      name: "its workloads have labels",
      object: entry("shop/orders", {
        location: "MESH_INTERNAL",
        resolution: "STATIC",
        workloadSelector: { labels: { app: "orders" } },
      }),
      cluster: [entry("shop/billing")],
      findings: [
        {
          ...shared(BILLING),
          suggestion: [
            {
              apiVersion: "networking.istio.io/v1",
              kind: "ServiceEntry",
              metadata: { name: "orders", namespace: "shop" },
              spec: {
                hosts: ["orders.example.com"],
                addresses: ["<IP address of orders.example.com>"],
                location: "MESH_INTERNAL",
                ports: [MYSQL],
                resolution: "STATIC",
                workloadSelector: { labels: { app: "orders" } },
              },
            },
          ],
        },
      ],
    },
    {
      name: "two ExternalName Services of an older Istio have the port",
      object: externalName("shop/orders", {
        ports: [
          { name: "udp", port: 3306, protocol: "UDP" },
          { name: "db", port: 3306 },
        ],
      }),
      cluster: [externalName("bank/billing")],
      ...istio("1.20.8"),
      findings: [
        {
          ...namesShared({ names: ["Service bank/billing"], noun: "Service" }, 1),
          suggestion: [
            {
              apiVersion: "networking.istio.io/v1beta1",
              kind: "ServiceEntry",
              metadata: { name: "orders", namespace: "shop" },
              spec: {
                hosts: ["orders.example.com"],
                addresses: ["<IP address of orders.example.com>"],
                location: "MESH_EXTERNAL",
                ports: [{ number: 3306, name: "db", protocol: "TCP" }],
                resolution: "STATIC",
                endpoints: [{ address: "<IP address of orders.example.com>" }],
              },
            },
          ],
        },
      ],
    },
    {
      name: "an older ASM has an Istio that nobody knows",
      object: externalName("shop/orders"),
      cluster: [externalName("shop/billing")],
      settings: { assume: { asm: "1.10" } },
      findings: [namesShared("Service shop/billing")],
    },
    {
      name: "an ExternalName Service of an older Istio meets a ServiceEntry",
      object: externalName("shop/orders"),
      cluster: [entry("shop/billing")],
      ...istio("1.18"),
      findings: [namesShared(BILLING)],
    },
    {
      name: "a ServiceEntry meets an ExternalName Service of an older Istio",
      object: entry("shop/orders"),
      cluster: [externalName("shop/billing")],
      ...istio("1.18"),
      findings: [shared("Service shop/billing")],
    },
    {
      name: "the name is an IP address, which is known then",
      object: externalName(
        "shop/orders",
        { externalName: "10.0.0.1" },
        { "networking.istio.io/exportTo": "shop, bank" },
      ),
      cluster: [externalName("shop/billing")],
      ...istio("1.10"),
      findings: [
        {
          ...namesShared("Service shop/billing"),
          data: { port: 3306, host: NAMED, other: "Service shop/billing", target: "10.0.0.1" },
          suggestion: [
            {
              apiVersion: "networking.istio.io/v1beta1",
              kind: "ServiceEntry",
              metadata: { name: "orders", namespace: "shop" },
              spec: {
                hosts: [NAMED],
                addresses: ["10.0.0.1"],
                exportTo: ["shop", "bank"],
                location: "MESH_EXTERNAL",
                ports: [{ number: 3306, name: "tcp-mysql", protocol: "TCP" }],
                resolution: "STATIC",
                endpoints: [{ address: "10.0.0.1" }],
              },
            },
          ],
        },
      ],
    },
    {
      name: "an alias has ports",
      object: externalName("shop/orders"),
      cluster: [externalName("shop/billing")],
      findings: [
        { message: "portsIgnored", field: ["spec", "ports"], data: { target: "orders.example.com" } },
      ],
    },
    {
      name: "a rule is for an alias",
      object: destinationRule("orders"),
      cluster: [externalName("shop/orders", { ports: [] })],
      findings: [{ message: "ruleForAlias", field: ["spec", "host"], data: { host: "orders" } }],
    },
  ],
});
