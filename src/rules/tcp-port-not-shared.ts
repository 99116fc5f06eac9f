import { holds } from "../istio/gates.ts";
import { resolveHost } from "../istio/hosts.ts";
import { CommonClients } from "../istio/lookup/common-clients.ts";
import { LOOKUP_GATES } from "../istio/lookup/era.ts";
import { withOwners } from "../istio/lookup/mesh.ts";
import { hostOfService, hostsOfServiceEntry } from "../istio/lookup/owned-hosts.ts";
import { isVisibleTo, narrowedExport } from "../istio/lookup/visibility.ts";
import { claimsOfExternalName, claimsOfServiceEntry, externalNameOf } from "../istio/ports/claims.ts";
import type { ClaimedHost, PortClaim } from "../istio/ports/claims.ts";
import {
  allocationOf,
  compareClaims,
  isApart,
  mixtureOf,
  withoutAllocated,
} from "../istio/ports/collisions.ts";
import { addressedServiceEntries, serviceEntryOfExternalName } from "../istio/ports/service-entry.ts";
import type { Versions } from "../istio/versions.ts";
import type { JsonObject } from "../kubernetes/json.ts";
import { LOOKUP_READS } from "./cluster-view.ts";
import type { ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";
import type { Names, Review } from "./rule.ts";

type View = ClusterView<(typeof LOOKUP_READS)[number]>;
type Change<K extends "DestinationRule" | "Service" | "ServiceEntry"> = Review<K, "CREATE" | "UPDATE">;

export default defineRule({
  id: "tcp-port-not-shared",
  title: "Hosts with the same TCP port have addresses of their own",
  symptoms: [
    "services reach the external database, but authentication fails",
    "connections to one external database end up in another one",
    "traffic to an external host is counted for another host with the same port",
  ],
  why: "Of a TCP connection a sidecar knows only the address and the port. For a host without an address it listens on 0.0.0.0 and the port, and a second host on that port is left out of this listener: what is meant for the younger one goes to the older one, and nobody says so.",
  remedy:
    'Give the ServiceEntry addresses, the IPs that clients connect to (foresail check prints one to fill in), or keep the two to different namespaces: exportTo: ["."].',
  notes: [
    "Such are ServiceEntries without addresses, in all versions, for the protocols TCP, MYSQL, MONGO, REDIS and for ports that name none. HTTP is told apart by the Host header, TLS and HTTPS by the server name.",
    'The addresses that Istio allocates (status.addresses, 240.240.0.0/16, by default since 1.25) count only where the sidecar answers DNS queries with them: where meshConfig.defaultConfig.proxyMetadata sets ISTIO_META_DNS_CAPTURE to "true". They are never for resolution NONE, for wildcards, and for what is labelled networking.istio.io/enable-autoallocate-ip: "false".',
    "Nothing is wrong where no sidecar knows both hosts (exportTo, the annotation networking.istio.io/exportTo, a Sidecar's egress), or both lead to the same place. With resolution NONE connections go where the client wanted: then only metrics and DestinationRules are mixed up, which is an Audit.",
    "Up to Istio 1.20 the same goes for ExternalName Services. Since 1.21 they are other names of their targets: their ports are ignored, and a DestinationRule for one applies to nothing. ENABLE_EXTERNAL_NAME_ALIAS=false keeps the old ways from 1.21 to 1.23: foresail reads it from the Deployment of istiod; where that is not to be seen, say assume: istio 1.20.",
    "Of two objects the younger one is reported, at admission the one under review.",
  ],
  zh: {
    title: "使用相同 TCP 端口的主机各有自己的地址",
    symptoms: [
      "服务可以访问外部数据库，但是认证失败",
      "访问一个外部数据库的连接到了另一个数据库",
      "访问外部主机的流量被计入使用相同端口的另一个主机",
    ],
    why: "对于 TCP 连接，Sidecar 只知道地址和端口。如果主机没有地址，Sidecar 就在 0.0.0.0 的该端口上监听，而使用同一端口的第二个主机不会出现在这个监听器中：发往后创建的主机的流量会到达先创建的主机，而且没有任何提示。",
    remedy:
      '为 ServiceEntry 设置 addresses，即客户端实际连接的 IP（foresail check 会输出可供填写的内容）；或者让两者各自只在不同的命名空间中可见：exportTo: ["."]。',
    notes: [
      "所有版本中，没有 addresses 的 ServiceEntry 都是如此，涉及 TCP、MYSQL、MONGO、REDIS 以及未声明协议的端口。HTTP 通过 Host 头区分，TLS 和 HTTPS 通过服务器名称区分。",
      'Istio 自动分配的地址（status.addresses，240.240.0.0/16，1.25 起默认开启）只有在 Sidecar 用它们应答 DNS 查询时才有效，即 meshConfig.defaultConfig.proxyMetadata 中 ISTIO_META_DNS_CAPTURE 为 "true"。resolution 为 NONE、通配符主机，以及带有标签 networking.istio.io/enable-autoallocate-ip: "false" 的对象不会被分配。',
      "如果没有 Sidecar 同时知道两个主机（exportTo、注解 networking.istio.io/exportTo、Sidecar 的 egress），或两者通向同一个地方，就没有问题。resolution 为 NONE 时，连接仍会到达客户端要访问的地址，只是指标和 DestinationRule 会混淆，因此仅为 Audit。",
      "在 Istio 1.20 及更早版本中，ExternalName 类型的 Service 也是如此。从 1.21 起，它们只是目标的别名：端口会被忽略，针对它们的 DestinationRule 不起作用。在 1.21 至 1.23 中，ENABLE_EXTERNAL_NAME_ALIAS=false 会保留旧行为：foresail 从 istiod 的 Deployment 读取它；如果看不到该 Deployment，请设置 assume: istio 1.20。",
      "两个对象中报告后创建的一个；准入时报告正在审查的对象。",
    ],
  },
  sources: [
    "Istio, Service Entry, https://istio.io/latest/docs/reference/config/networking/service-entry/",
    "Istio, DNS Proxying, https://istio.io/latest/docs/ops/configuration/traffic-management/dns-proxy/",
    "istio/istio issue 20703, https://github.com/istio/istio/issues/20703",
    "Alibaba Cloud Service Mesh, Manage service entries, https://www.alibabacloud.com/help/en/asm/sidecar/manage-service-entries",
  ],
  example: {
    bad: `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: orders-database, namespace: shop }
spec:
  hosts: [orders.db.example.com]
  location: MESH_EXTERNAL
  ports: [{ number: 3306, name: tcp-mysql, protocol: TCP }]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: billing-database, namespace: shop }
spec:
  hosts: [billing.db.example.com]
  location: MESH_EXTERNAL
  ports: [{ number: 3306, name: tcp-mysql, protocol: TCP }]
  resolution: DNS
`,
    good: `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: orders-database, namespace: shop }
spec:
  hosts: [orders.db.example.com]
  addresses: [192.0.2.10]
  location: MESH_EXTERNAL
  ports: [{ number: 3306, name: tcp-mysql, protocol: TCP }]
  resolution: STATIC
  endpoints: [{ address: 192.0.2.10 }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: billing-database, namespace: shop }
spec:
  hosts: [billing.db.example.com]
  addresses: [192.0.2.20]
  location: MESH_EXTERNAL
  ports: [{ number: 3306, name: tcp-mysql, protocol: TCP }]
  resolution: STATIC
  endpoints: [{ address: 192.0.2.20 }]
`,
  },
  action: "Warn",
  kinds: ["DestinationRule", "Service", "ServiceEntry"],
  operations: ["CREATE", "UPDATE"],
  reads: LOOKUP_READS,
  gates: [...LOOKUP_GATES, "addressesAllocatedByController", "asmKeepsExternalNamesApart", "networkingV1"],
  options: {},
  messages: {
    externalNamePortShared: {
      text: "On TCP port {{port}} sidecars cannot tell {{host}} from {{other}}: one of them gets the connections of both",
      remedy:
        "Add a ServiceEntry with the IP of {{target}} in addresses (foresail check prints it), or keep the two to different namespaces: networking.istio.io/exportTo.",
    },
    portCounted: {
      text: "Connections on TCP port {{port}} to {{host}} and to {{other}} count as one host's: a sidecar knows no difference",
      action: "Audit",
      remedy: "Give the ServiceEntry addresses, the IPs that clients connect to.",
    },
    portShared:
      "On TCP port {{port}} sidecars cannot tell {{host}} from {{other}}: one of them gets the connections of both",
    portsIgnored: {
      text: "Istio ignores the ports of an ExternalName Service, which is only another name for {{target}}",
      action: "Audit",
      remedy: "Leave spec.ports out, unless something other than Istio reads them.",
    },
    ruleForAlias: {
      text: "No proxy applies this rule: {{host}} is an ExternalName Service, only another name for its target",
      action: "Warn",
      remedy:
        "Write the Service's spec.externalName as spec.host; if that is outside of the mesh, add a ServiceEntry for it.",
    },
    unsetPortShared: {
      text: "On port {{port}} sidecars tell {{host}} from {{other}} only if it is HTTP: else one gets the connections of both",
      remedy:
        "If it is HTTP, say so in the port's protocol. Else give the ServiceEntry addresses, the IPs that clients connect to (foresail check prints one to fill in).",
    },
  },
  *check(review, cluster) {
    if (review.kind === "DestinationRule") {
      yield* ruleForAlias(review, cluster);
      return;
    }
    if (review.kind === "ServiceEntry") {
      yield* sharedPorts(review, claimsOfServiceEntry(review.object, review.namespace, review.name), cluster);
      return;
    }
    const target = externalNameOf(review.object.spec ?? {});
    if (target === undefined) return;
    const { namespace, name, object } = review;
    if (haveOwnListeners(cluster.versions)) {
      const claims = claimsOfExternalName(object, namespace, name, cluster.mesh.clusterDomain);
      yield* sharedPorts(review, claims, cluster);
    } else if (areAliases(cluster.versions) && (object.spec?.ports ?? []).length > 0) {
      yield { message: "portsIgnored", field: ["spec", "ports"], data: { target } };
    }
  },
});

/** Whether ExternalName Services listen on their ports for all addresses. An unknown version is the newest. */
function haveOwnListeners(versions: Versions): boolean {
  const isToldApart = holds("asmKeepsExternalNamesApart", versions);
  return isToldApart !== true && !(holds("externalNameIsAlias", versions) ?? isToldApart !== false);
}

function areAliases(versions: Versions): boolean {
  return holds("externalNameIsAlias", versions) ?? holds("asmKeepsExternalNamesApart", versions) ?? true;
}

/** What else has the hostname decides where there is such. */
function* ruleForAlias({ namespace, object }: Change<"DestinationRule">, { hosts, mesh, versions }: View) {
  const written = object.spec?.host ?? "";
  if (written === "" || !areAliases(versions)) return;
  const owners = hosts.named(resolveHost(written, namespace, mesh.clusterDomain));
  if (owners.length === 0 || !owners.every(({ isExternalName }) => isExternalName)) return;
  yield { message: "ruleForAlias", field: ["spec", "host"], data: { host: written } } as const;
}

type PortReview = Change<"Service"> | Change<"ServiceEntry">;

function* sharedPorts(review: PortReview, claims: readonly PortClaim[], cluster: View) {
  const allocation = allocationOf(cluster.mesh.defaultProxyConfig, cluster.versions);
  const open = claims.flatMap((claim) => withoutAllocated(claim, allocation) ?? []);
  if (open.length === 0) return;
  const listsExternalNames = haveOwnListeners(cluster.versions);
  const commonClients = commonClientsOf(review, cluster);
  for (const claim of open) {
    const others = [...cluster.ports.claims(claim.port)]
      .filter(({ kind }) => kind === "ServiceEntry" || listsExternalNames)
      .flatMap((other) => withoutAllocated(other, allocation) ?? [])
      .filter((other) => isApart(claim, other) && isTold(claim, other, cluster))
      .toSorted(compareClaims);
    const found = collisionWith(others, claim, commonClients, cluster);
    if (found) yield findingOn(found, claim, review, cluster);
  }
}

/** Of two that are both under review the first is left alone. */
function isTold(claim: PortClaim, other: PortClaim, cluster: View): boolean {
  return !cluster.isReviewed(other.kind, other.namespace, other.name) || compareClaims(other, claim) < 0;
}

interface Collision {
  readonly host: string;
  readonly other: PortClaim;
  readonly isMisrouted: boolean;
}

/** What is misrouted comes before what is only counted. */
function collisionWith(
  others: readonly PortClaim[],
  claim: PortClaim,
  commonClients: CommonClients,
  cluster: View,
): Collision | undefined {
  let counted: Collision | undefined;
  for (const other of others) {
    const judge = (host: ClaimedHost, otherHost: ClaimedHost): Collision | undefined => {
      const found = mixture([claim, host], [other, otherHost], cluster);
      return found && { host: host.hostname, other, isMisrouted: found === "misrouted" };
    };
    const found = commonClients.find(claim, other, judge);
    if (found?.isMisrouted) return found;
    counted ??= found;
  }
  return counted;
}

function mixture(
  one: readonly [PortClaim, ClaimedHost],
  other: readonly [PortClaim, ClaimedHost],
  cluster: View,
) {
  return mixtureOf(one, other, (host) =>
    hasListenerElsewhere(host, host === one[1] ? one[0] : other[0], cluster),
  );
}

/** Clients that resolve the name connect to an address for which another object makes a listener. */
function hasListenerElsewhere(host: ClaimedHost, claim: PortClaim, cluster: View): boolean {
  const owners = [...new Set([host.hostname, host.resolvesTo])].flatMap((name) => cluster.hosts.named(name));
  return owners.some((owner) => {
    const { kind, namespace, name } = owner;
    if (!owner.ports.includes(claim.port) || owner.isExternalName) return false;
    if (!isVisibleTo(owner, claim.namespace, cluster.mesh)) return false;
    if (kind === "Service") return cluster.get("Service", namespace, name)?.spec?.clusterIP !== "None";
    return (cluster.get("ServiceEntry", namespace, name)?.spec?.addresses ?? []).length > 0;
  });
}

/** The object under review is not in the cluster's own answers. */
function commonClientsOf(review: PortReview, cluster: View): CommonClients {
  const { mesh } = cluster;
  const labelsOf = (namespace: string) => cluster.get("Namespace", "", namespace)?.metadata?.labels ?? {};
  return new CommonClients({
    mesh: withOwners(cluster.lookup, ownHosts(review, labelsOf(review.namespace), cluster)),
    clients: cluster.clients,
    isAmbient: (namespace) => labelsOf(namespace)["istio.io/dataplane-mode"] === "ambient",
    isAmbientMesh: mesh.defaultProxyConfig.proxyMetadata["ISTIO_META_ENABLE_HBONE"] === "true",
  });
}

function ownHosts(review: PortReview, namespaceLabels: Readonly<Record<string, string>>, { mesh }: View) {
  const { namespace, name } = review;
  if (review.kind === "Service") return [hostOfService(review.object, namespace, name, mesh.clusterDomain)];
  const labels = { "kubernetes.io/metadata.name": namespace, ...namespaceLabels };
  return hostsOfServiceEntry(review.object, namespace, name).map((host) => ({
    ...host,
    exportTo: narrowedExport(host, labels, mesh),
  }));
}

function findingOn(
  { host, other, isMisrouted }: Collision,
  claim: PortClaim,
  review: PortReview,
  cluster: View,
) {
  const { port, index, isSniffed } = claim;
  const suggestion = suggestionFor(review, port, cluster);
  const field = ["spec", "ports", index, review.kind === "Service" ? "port" : "number"];
  const data = { port, host, other: nameOf(other, claim.namespace) };
  if (!isMisrouted) return { message: "portCounted", field, suggestion, data } as const;
  if (review.kind === "Service") {
    const target = externalNameOf(review.object.spec ?? {}) ?? "";
    return { message: "externalNamePortShared", field, suggestion, data: { ...data, target } } as const;
  }
  const message = isSniffed || other.isSniffed ? "unsetPortShared" : "portShared";
  return { message, field, suggestion, data } as const;
}

function nameOf({ kind, namespace, name }: PortClaim, ownNamespace: string): string | Names {
  const full = `${kind} ${namespace}/${name}`;
  return namespace === ownNamespace ? full : { names: [full], noun: kind };
}

function suggestionFor(review: PortReview, port: number, { mesh, versions }: View): readonly JsonObject[] {
  const isV1 = holds("networkingV1", versions) ?? !haveOwnListeners(versions);
  const apiVersion = isV1 ? "networking.istio.io/v1" : "networking.istio.io/v1beta1";
  return review.kind === "Service"
    ? [serviceEntryOfExternalName(review.object, review, mesh.clusterDomain, apiVersion)]
    : addressedServiceEntries(review.object, review, port, apiVersion);
}
