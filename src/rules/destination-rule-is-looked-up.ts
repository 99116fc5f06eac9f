import {
  isTopLevelDomain,
  meantHost,
  parseServiceHostname,
  resolveHost,
  serviceHostname,
} from "../istio/hosts.ts";
import { LOOKUP_GATES } from "../istio/lookup/era.ts";
import { isConceivable } from "../istio/lookup/path.ts";
import { isInRevision, revisionOf } from "../istio/lookup/revision.ts";
import { reachOf } from "../istio/lookup/rule.ts";
import type { RuleReach, RuleSpec } from "../istio/lookup/rule.ts";
import { isVisibleTo } from "../istio/lookup/visibility.ts";
import type { ExportedHost } from "../istio/lookup/visibility.ts";
import type { Metadata } from "../kubernetes/objects.ts";
import { sharedLabels } from "../kubernetes/pod-template.ts";
import { matchesLabels } from "../kubernetes/selectors.ts";
import { LOOKUP_READS } from "./cluster-view.ts";
import type { Client, ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";
import type { Names } from "./rule.ts";

type View = ClusterView<(typeof LOOKUP_READS)[number]>;

export default defineRule({
  id: "destination-rule-is-looked-up",
  title: "A DestinationRule is where Istio looks for it",
  symptoms: [
    "the DestinationRule has no effect",
    "503 NC: a route to a subset finds no cluster",
    "TLS, outlier detection or the connection pool of a DestinationRule is not in the proxy's configuration",
  ],
  why: "For a request from namespace C to a service in namespace S, Istio looks for a DestinationRule in C, then in S, then in the root namespace, and takes the first that has any. A rule in a fourth namespace is never looked at, and nobody says so. Subsets that it defines do not exist for any client.",
  remedy: "Move the DestinationRule to the service's namespace, or to the clients'.",
  notes: [
    "exportTo adds nothing outside the service's and the root namespace: Istio still does not look there.",
    "A namespace counts as one with clients when injection is on in it, when Pods with a sidecar or a gateway run in it, when a WorkloadEntry, a WorkloadGroup or a Gateway stands in it, or when clientNamespaces names it.",
    "Clients in other clusters are not seen: set multiCluster to true where there are any, and the refusal becomes a warning.",
    "The host counts even while its Service does not exist, so the order in which a chart is applied does not matter. ExternalName Services, for which Istio builds no cluster, are left alone.",
    "A DestinationRule that waypoints should use belongs into the waypoint's namespace or the service's: in ambient mode the caller's namespace means nothing, and ztunnel reads no DestinationRule at all.",
    "The versions below are followed from Istio 1.8 on, by the version of istiod or by assume. The inheritance of DestinationRules, an option of Istio 1.9 to 1.19 that was off, is not.",
  ],
  zh: {
    title: "DestinationRule 位于 Istio 会查找的命名空间",
    symptoms: [
      "DestinationRule 不生效",
      "503 NC：路由指向的 subset 没有对应的集群",
      "DestinationRule 中的 TLS、异常检测或连接池设置没有出现在代理配置中",
    ],
    why: "当命名空间 C 中的客户端请求命名空间 S 中的服务时，Istio 依次在 C、S 和根命名空间中查找 DestinationRule，并采用第一个有匹配规则的命名空间。位于其他命名空间的规则永远不会被查找，也没有任何提示。它定义的 subset 对任何客户端都不存在。",
    remedy: "把 DestinationRule 移到服务所在的命名空间，或客户端所在的命名空间。",
    notes: [
      "在服务命名空间和根命名空间之外，exportTo 不起任何作用：Istio 仍然不会在那里查找。",
      "满足以下任一条件的命名空间视为有客户端：开启了注入；运行着带 Sidecar 或网关的 Pod；存在 WorkloadEntry、WorkloadGroup 或 Gateway；被 clientNamespaces 列出。",
      "其他集群中的客户端不可见：如果存在，请把 multiCluster 设为 true，拒绝会变为警告。",
      "即使 Service 尚不存在，也会按主机名判断，因此资源的应用顺序没有影响。Istio 不会为 ExternalName 类型的 Service 创建集群，因此不在检查范围内。",
      "供 waypoint 使用的 DestinationRule 应放在 waypoint 或服务所在的命名空间：在 ambient 模式下，调用方的命名空间没有意义，ztunnel 完全不读取 DestinationRule。",
      "下列版本差异从 Istio 1.8 起按 istiod 的版本或 assume 处理。Istio 1.9 至 1.19 中默认关闭的 DestinationRule 继承选项不在其中。",
    ],
  },
  sources: [
    "Istio, Traffic Management Best Practices, https://istio.io/latest/docs/ops/best-practices/traffic-management/#cross-namespace-configuration",
    "Istio, Destination Rule, https://istio.io/latest/docs/reference/config/networking/destination-rule/",
    "istio/istio issue 15556, https://github.com/istio/istio/issues/15556",
  ],
  example: {
    bad: `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: myservice, namespace: ns1 }
spec: { host: myservice.default.svc.cluster.local }
---
apiVersion: v1
kind: Namespace
metadata: { name: ns1 }
---
apiVersion: v1
kind: Service
metadata: { name: myservice, namespace: default }
`,
    good: `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: myservice, namespace: default }
spec: { host: myservice.default.svc.cluster.local }
---
apiVersion: v1
kind: Service
metadata: { name: myservice, namespace: default }
`,
  },
  action: "Deny",
  kinds: ["DestinationRule"],
  operations: ["CREATE", "UPDATE"],
  reads: LOOKUP_READS,
  gates: LOOKUP_GATES,
  options: {},
  messages: {
    belowWildcard: {
      text: "Host {{host}} is no host of the mesh: it lies below {{wildcard}}, which only the same or a wider wildcard matches",
      action: "Warn",
      remedy: "Write {{wildcard}} as the host, or add a ServiceEntry for {{host}}.",
    },
    clientsInThisNamespaceOnly: {
      text: "Only clients in {{namespace}} use this rule ({{because}}): exporting it reaches nobody",
      action: "Audit",
      remedy: 'Write exportTo: ["."] to say so, or move it to the namespace of {{host}} for all clients.',
    },
    clientsMissing: {
      text: "No client is in {{namespace}}, the only namespace in which Istio would look for this rule of {{host}}",
      action: "Warn",
      remedy: "Turn injection on in {{namespace}} first, or name it in clientNamespaces.",
    },
    clientsUnknown: {
      text: "Namespace {{namespace}} must run clients of {{host}}, or Istio never looks there for this rule",
      action: "Warn",
      remedy:
        "Add the Namespace or its workloads to the files, name it in clientNamespaces, or move the rule to {{namespaces}}.",
    },
    dotInRootNamespace: {
      text: 'Proxies in {{namespace}} do not get this rule: beside other names, "." counts for nothing in the root namespace',
      action: "Warn",
      remedy: 'Write "{{namespace}}" in exportTo instead of ".".',
    },
    exportIgnored: {
      text: "Only proxies in {{namespace}} can get this rule: Istio ignores exportTo beside workloadSelector",
      action: "Warn",
      remedy:
        "Leave workloadSelector out for clients elsewhere: it selects clients of this namespace, never servers.",
    },
    exportReachesNobody: {
      text: "No client can look up this rule: exportTo {{exportTo}} leaves out every namespace that could",
      remedy: "Leave exportTo out, or name in it the namespaces of the service's clients.",
    },
    hostHidden: {
      text: "No client can look up this rule: {{host}} is exported to no namespace that could",
      remedy: "Change the exportTo of the service, an annotation of a Service, so that its clients see it.",
    },
    hostNotVisible: {
      text: "No client looks up this rule in {{namespace}}: {{host}} is not exported to that namespace",
      remedy: "Move the rule to {{namespaces}}, or export the service to {{namespace}}.",
    },
    inboundLost: {
      text: "The servers of {{host}} themselves do not get this connectionPool: exportTo leaves out {{namespace}}",
      action: "Warn",
      remedy:
        'Add "." to exportTo: sidecars beside the service take their inbound limits from this rule, too.',
    },
    namespaceNotDiscovered: {
      text: "Istio reads nothing in {{namespace}}: its labels match none of meshConfig.discoverySelectors",
      action: "Warn",
      remedy: "Label the namespace so that it matches, or move the rule to one that does.",
    },
    neverLookedUp: {
      text: "No client can look up this rule: it is in {{namespace}} and exported to {{exportTo}} only",
      remedy:
        "Move it to {{namespaces}}, with an exportTo that names its clients, or none: exportTo makes Istio look in no further namespace.",
    },
    noClientInThisCluster: {
      text: "No client of this cluster is in {{namespace}}; Istio looks for {{host}} in {{namespaces}}",
      action: "Warn",
      remedy: "Set metadata.namespace to {{best}}, unless clients run in {{namespace}} in another cluster.",
    },
    ownNamespaceLeftOut: {
      text: "Clients in {{namespace}} itself do not get this rule: exportTo leaves their namespace out",
      action: "Audit",
      remedy: 'Add "." to exportTo if they should.',
    },
    outsideLookupPath: {
      text: "Istio looks for rules of {{host}} in {{namespaces}}, never in {{namespace}}: no client is there",
      remedy:
        "Set metadata.namespace to {{best}}. If {{namespace}} will run clients, turn injection on first or name it in clientNamespaces.",
    },
    revisionNotServed: {
      text: "No control plane reads this rule: none has the revision {{revision}} of its label istio.io/rev",
      action: "Warn",
      remedy: "Take the label away, or write a revision that runs; a tag is none.",
    },
    selectorMatchesNoClient: {
      text: "No client in {{namespace}} has the labels of workloadSelector",
      action: "Audit",
      remedy:
        "Compare spec.workloadSelector with the labels of the client's Pods; a selector never reaches other namespaces.",
    },
    shortHost: {
      text: "Host {{host}} means {{hostname}}, which does not exist; Services of this name are in {{namespaces}}",
      action: "Warn",
      remedy: "Write the whole name: {{host}}.NAMESPACE.svc.CLUSTER-DOMAIN.",
    },
    shortHostUnknown: {
      text: "Host {{host}} means {{hostname}}, which does not exist",
      action: "Audit",
      remedy: "Write the whole name of the Service if it is in another namespace.",
    },
    trailingDot: {
      text: "Host {{host}} ends with a dot and matches nothing",
      action: "Warn",
      remedy: "Write {{hostname}}.",
    },
    unexpandedHost: {
      text: "Host {{host}} is taken literally and matches no Kubernetes Service",
      action: "Warn",
      remedy: "Write {{hostname}}.",
    },
    upperCase: {
      text: "Host {{host}} has upper case letters and matches nothing: hostnames of the mesh are lower case",
      action: "Warn",
      remedy: "Write {{hostname}}.",
    },
  },
  *check({ namespace, object: { metadata, spec = {} } }, cluster) {
    const { mesh } = cluster;
    const written = spec.host ?? "";
    if (written === "") return;
    const unread = reasonNotRead(namespace, metadata, cluster);
    if (unread) {
      yield unread;
      return;
    }
    const rule = reachOf(namespace, spec, mesh);

    const targets = targetsOf(rule, written, cluster);
    if (targets.length === 0) {
      const hint = hintOn(written, namespace, cluster);
      if (hint) yield { ...hint, field: ["spec", "host"] };
      return;
    }

    const placed = { rule, spec, targets };
    if (!targets.some((target) => isConceivable(rule, target, mesh))) {
      yield reasonForNever(placed, written, cluster);
      return;
    }

    yield* trapsOf(placed, written, cluster);
    const clients = cluster.clients.inNamespace(namespace);
    const users = clients.filter((client) => isSelected(client, spec));
    if (clients.length > 0 && users.length === 0) {
      yield { message: "selectorMatchesNoClient", field: ["spec", "workloadSelector"], data: { namespace } };
      return;
    }
    if (isOnThePath(placed, cluster)) return;

    const [user] = users;
    if (user) {
      const isExported = rule.exportTo.length === 0 || rule.exportTo.includes("*");
      if (!isExported || rule.isPrivate) return;
      const data = { namespace, because: user.because, host: written };
      yield { message: "clientsInThisNamespaceOnly", field: ["spec", "exportTo"], data };
      return;
    }
    const namespaces = namespacesThatWork(placed, cluster);
    if (namespaces.names.length === 0) {
      yield {
        message: "clientsMissing",
        field: ["metadata", "namespace"],
        data: { namespace, host: written },
      };
    } else if (!cluster.clients.isKnown(namespace)) {
      yield {
        message: "clientsUnknown",
        field: ["metadata", "namespace"],
        data: { namespace, host: written, namespaces },
      };
    } else {
      const best = bestNamespace(rule, namespaces, mesh.clusterDomain);
      const message = mesh.multiCluster ? "noClientInThisCluster" : "outsideLookupPath";
      yield {
        message,
        field: ["metadata", "namespace"],
        data: { namespace, namespaces, best, host: written },
      };
    }
  },
});

/**
 * The hosts to which the rule applies. A Service that does not exist yet counts by its name, so that the order of
 * application does not matter; ExternalName Services get no cluster and no DestinationRule.
 */
function targetsOf(rule: RuleReach, written: string, { hosts, mesh }: View): readonly ExportedHost[] {
  const owners = [...hosts.coveredBy(rule.host)];
  if (owners.length > 0)
    return owners.filter(({ isExternalName }) => !isExternalName || !mesh.era.hasAliases);
  const service = parseServiceHostname(written, mesh.clusterDomain);
  return service ? [{ namespace: service.namespace, exportTo: [] }] : [];
}

/** Control planes leave out namespaces and revisions that are not theirs. */
function reasonNotRead(namespace: string, metadata: Metadata | undefined, { lookup, mesh }: View) {
  if (!lookup.reads(namespace, undefined)) {
    return {
      message: "namespaceNotDiscovered",
      field: ["metadata", "namespace"],
      data: { namespace },
    } as const;
  }
  const revision = revisionOf(metadata);
  const served = mesh.injectors.map((injector) => injector.revision);
  if (revision === undefined || served.length === 0) return undefined;
  if (served.some((one) => isInRevision(revision, one))) return undefined;
  const field = ["metadata", "labels", "istio.io/rev"];
  return { message: "revisionNotServed", field, data: { revision } } as const;
}

/** What is looked up, and yet not by all for whom it seems to be written. */
function* trapsOf({ rule, spec, targets }: PlacedRule, host: string, { clients, mesh }: View) {
  const { namespace, selector, isOwn } = rule;
  const written = spec.exportTo ?? [];
  const field = ["spec", "exportTo"];
  if (selector !== undefined && written.some((one) => one !== "." && one !== namespace)) {
    yield { message: "exportIgnored", field, data: { namespace } } as const;
    return;
  }
  if (namespace === mesh.rootNamespace) {
    const isMixed = rule.exportTo.length > 1 && rule.exportTo.includes(".");
    if (isMixed) yield { message: "dotInRootNamespace", field, data: { namespace } } as const;
    return;
  }
  const isOwners = targets.some((target) => target.namespace === namespace);
  if (isOwn || !isOwners || clients.inNamespace(namespace).length === 0) return;
  const isInbound = spec.trafficPolicy?.["connectionPool"] !== undefined;
  yield isInbound
    ? ({ message: "inboundLost", field, data: { namespace, host } } as const)
    : ({ message: "ownNamespaceLeftOut", field, data: { namespace } } as const);
}

/** A rule in its namespace, and what it applies to. */
interface PlacedRule {
  readonly rule: RuleReach;
  readonly spec: RuleSpec;
  readonly targets: readonly ExportedHost[];
}

/** Nobody sees the host where the rule would be found, or exportTo keeps the rule from all who see the host. */
function reasonForNever(placed: PlacedRule, host: string, cluster: View) {
  const { rule, spec, targets } = placed;
  const { namespace, isOwn } = rule;
  const unlimited = { ...placed, spec: { ...spec, exportTo: [] } };
  const isStuck = isOnThePath(placed, cluster);
  const isUnseen = !targets.some((target) => isVisibleTo(target, namespace, cluster.mesh));
  const asItIs = namespacesThatWork(placed, cluster);
  const namespaces = isOwn || asItIs.names.length > 0 ? asItIs : namespacesThatWork(unlimited, cluster);

  const onHost = { field: ["spec", "host"] };
  const onExport = { field: ["spec", "exportTo"] };
  const exportTo = { names: rule.exportTo, noun: "namespace" };
  if (isStuck && isFoundIn(namespace, unlimited, targets, cluster)) {
    return { message: "exportReachesNobody", ...onExport, data: { exportTo } } as const;
  }
  if (isStuck || namespaces.names.length === 0) {
    return { message: "hostHidden", ...onHost, data: { host } } as const;
  }
  if (isOwn && isUnseen) {
    return { message: "hostNotVisible", ...onHost, data: { namespace, namespaces, host } } as const;
  }
  return { message: "neverLookedUp", ...onExport, data: { namespace, namespaces, exportTo } } as const;
}

/** Istio looks here on behalf of clients of other namespaces. */
function isOnThePath({ rule: { namespace }, targets }: PlacedRule, { mesh }: View): boolean {
  return namespace === mesh.rootNamespace || targets.some((target) => target.namespace === namespace);
}

/** Only a host's form can be wrong while nothing has that name: the Service or ServiceEntry may come later. */
function hintOn(written: string, namespace: string, cluster: View) {
  const { hosts, mesh } = cluster;
  const hostname = resolveHost(written, namespace, mesh.clusterDomain);
  // The ExternalName Service of that name is another rule's business.
  if (hosts.named(hostname).length > 0) return undefined;
  const meant = meantHost(written, mesh.clusterDomain, (name, service) =>
    isNamespace(name, service, namespace, cluster),
  );
  const data = { host: written, hostname: meant };
  if (written !== written.toLowerCase()) return { message: "upperCase", data } as const;
  if (written.endsWith(".")) return { message: "trailingDot", data } as const;
  if (!/[.*:]/.test(written)) return hintOnShortHost(written, hostname, cluster);
  if (meant !== written) return { message: "unexpandedHost", data } as const;
  const wildcard = hosts.wildcardAbove(written)?.hostname;
  return wildcard === undefined
    ? undefined
    : ({ message: "belowWildcard", data: { host: written, wildcard } } as const);
}

function hintOnShortHost(host: string, hostname: string, { hosts, mesh }: View) {
  const names = hosts
    .namespacesOfService(host)
    .filter((namespace) =>
      hosts
        .named(serviceHostname(host, namespace, mesh.clusterDomain))
        .some(({ isExternalName }) => !isExternalName),
    );
  if (names.length === 0) return { message: "shortHostUnknown", data: { host, hostname } } as const;
  const namespaces = { names, noun: "namespace" };
  return { message: "shortHost", data: { host, hostname, namespaces } } as const;
}

/**
 * `example.com` may be a ServiceEntry's host that comes later; `reviews.prod` is a Service's where prod is a namespace, or
 * where namespaces are not known and nothing outside is called so.
 */
function isNamespace(name: string, service: string, own: string, cluster: View): boolean {
  const { clients } = cluster;
  return (
    [own, cluster.mesh.rootNamespace, "default"].includes(name) ||
    (!clients.isKnown(name) && !isTopLevelDomain(name)) ||
    cluster.get("Namespace", "", name) !== undefined ||
    cluster.hosts.namespacesOfService(service).includes(name) ||
    clients.inNamespace(name).length > 0
  );
}

/** A waypoint's clusters know no selector, and Pods that nobody has seen yet have no labels to compare. */
function isSelected({ labels, proxy }: Client, { workloadSelector }: RuleSpec): boolean {
  if (workloadSelector === undefined) return true;
  const selector = sharedLabels(workloadSelector.matchLabels ?? {});
  return proxy !== "waypoint" && matchesLabels(selector, labels ?? {});
}

/** Whether some client would get the rule for one of these targets if it stood in that namespace. */
function isFoundIn(
  namespace: string,
  { rule, spec }: PlacedRule,
  targets: readonly ExportedHost[],
  { mesh }: View,
): boolean {
  const moved = reachOf(namespace, { ...spec, host: rule.host }, mesh);
  return targets.some((target) => isConceivable(moved, target, mesh));
}

/**
 * Where this same rule would be found, the best first: the services' namespaces, the root namespace, those with clients.
 * A rule that stays private is found by the clients beside it only, so theirs come first.
 */
function namespacesThatWork(placed: PlacedRule, cluster: View): Names {
  const { rule, spec, targets } = placed;
  const { clients, mesh } = cluster;
  const root = mesh.rootNamespace;
  const services = Object.entries(Object.groupBy(targets, ({ namespace }) => namespace))
    .filter(([name, own = []]) => isFoundIn(name, placed, own, cluster))
    .map(([name]) => name);
  const withClients = clients
    .namespaces()
    .filter(
      (name) =>
        name !== root &&
        reachOf(name, spec, mesh).isOwn &&
        targets.some((target) => isVisibleTo(target, name, mesh)) &&
        (spec.workloadSelector === undefined ||
          clients.inNamespace(name).some((client) => isSelected(client, spec))),
    );
  const onThePath = [...services.toSorted(), ...(isFoundIn(root, placed, targets, cluster) ? [root] : [])];
  const isPrivate = reachOf(ANY_NAMESPACE, spec, mesh).isPrivate;
  const names = new Set(isPrivate ? [...withClients, ...onThePath] : [...onThePath, ...withClients]);
  // Where it is now does not work.
  names.delete(rule.namespace);
  return { names: [...names], noun: "namespace" };
}

/** Stands for a namespace that no exportTo names. */
const ANY_NAMESPACE = "*any*";

/** A namespace that the host itself names is no secret. */
function bestNamespace(rule: RuleReach, namespaces: Names, clusterDomain: string): string | Names {
  const [best] = namespaces.names;
  const named = parseServiceHostname(rule.host, clusterDomain)?.namespace;
  return best !== undefined && best === named ? best : { ...namespaces, names: namespaces.names.slice(0, 1) };
}
