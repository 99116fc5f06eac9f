import { isWildcard, parseServiceHostname, resolveHost, serviceHostname } from "../istio/hosts.ts";
import { isConceivable, isVisibleTo, lookupRule } from "../istio/lookup-path.ts";
import type { ExportedHost, LookupRule } from "../istio/lookup-path.ts";
import { matchesLabels } from "../kubernetes/selectors.ts";
import type { Client, ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";
import type { Names } from "./rule.ts";

type View = ClusterView<
  | "GatewayClass"
  | "KubernetesGateway"
  | "Namespace"
  | "Pod"
  | "Service"
  | "ServiceEntry"
  | "WorkloadEntry"
  | "WorkloadGroup"
>;

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
    "The host counts even while its Service does not exist, so the order in which a chart is applied does not matter. ExternalName Services are left alone.",
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
      "即使 Service 尚不存在，也会按主机名判断，因此资源的应用顺序没有影响。ExternalName 类型的 Service 不在检查范围内。",
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
  reads: [
    "GatewayClass",
    "KubernetesGateway",
    "Namespace",
    "Pod",
    "Service",
    "ServiceEntry",
    "WorkloadEntry",
    "WorkloadGroup",
  ],
  gates: [],
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
    clientsUnknown: {
      text: "Namespace {{namespace}} must run clients of {{host}}, or Istio never looks there for this rule",
      action: "Warn",
      remedy:
        "Add the Namespace or its workloads to the files, name it in clientNamespaces, or move the rule to {{namespaces}}.",
    },
    hostNotVisible: {
      text: "No client looks up this rule in {{namespace}}: {{host}} is not exported to that namespace",
      remedy: "Move the rule to {{namespaces}}, or export the service to {{namespace}}.",
    },
    neverLookedUp: {
      text: "No client can look up this rule: it is in {{namespace}} and exported to {{exportTo}} only",
      remedy: "Move it to {{namespaces}}; exportTo makes Istio look in no further namespace.",
    },
    noClientInThisCluster: {
      text: "No client of this cluster is in {{namespace}}; Istio looks for {{host}} in {{namespaces}}",
      action: "Warn",
      remedy: "Set metadata.namespace to {{best}}, unless clients run in {{namespace}} in another cluster.",
    },
    outsideLookupPath: {
      text: "Istio looks for rules of {{host}} in {{namespaces}}, never in {{namespace}}: no client is there",
      remedy:
        "Set metadata.namespace to {{best}}. If {{namespace}} will run clients, turn injection on first or name it in clientNamespaces.",
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
  *check({ namespace, object: { spec = {} } }, cluster) {
    const { mesh } = cluster;
    const written = spec.host ?? "";
    if (written === "") return;
    const rule = lookupRule(namespace, spec, mesh);

    const targets = targetsOf(rule, written, cluster);
    if (targets.length === 0) {
      const hint = hintOn(written, namespace, cluster);
      if (hint) yield { ...hint, field: ["spec", "host"] };
      return;
    }

    if (!targets.some((target) => isConceivable(rule, target, mesh))) {
      const data = { namespace, namespaces: namespacesThatWork(rule, targets, cluster) };
      if (rule.isOwn)
        yield { message: "hostNotVisible", field: ["spec", "host"], data: { ...data, host: written } };
      else {
        const exportTo = { names: rule.exportTo, noun: "namespaces" };
        yield { message: "neverLookedUp", field: ["spec", "exportTo"], data: { ...data, exportTo } };
      }
      return;
    }

    const clients = cluster.clients.inNamespace(namespace);
    const selector = spec.workloadSelector?.matchLabels ?? {};
    const users = clients.filter((client) =>
      isSelected(client, selector, spec.workloadSelector !== undefined),
    );
    if (clients.length > 0 && users.length === 0) {
      yield { message: "selectorMatchesNoClient", field: ["spec", "workloadSelector"], data: { namespace } };
      return;
    }
    if (namespace === mesh.rootNamespace || targets.some((target) => target.namespace === namespace)) return;

    const [user] = users;
    if (user) {
      const isExported = rule.exportTo.length === 0 || rule.exportTo.includes("*");
      if (!isExported || rule.isPrivate) return;
      const data = { namespace, because: user.because, host: written };
      yield { message: "clientsInThisNamespaceOnly", field: ["spec", "exportTo"], data };
      return;
    }
    const namespaces = namespacesThatWork(rule, targets, cluster);
    if (!cluster.clients.isKnown(namespace)) {
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
function targetsOf(rule: LookupRule, written: string, { hosts, mesh }: View): readonly ExportedHost[] {
  const owners = [...hosts.coveredBy(rule.host)];
  if (owners.length > 0) return owners.filter(({ isExternalName }) => !isExternalName);
  const service = parseServiceHostname(written, mesh.clusterDomain);
  return service ? [{ namespace: service.namespace, exportTo: [] }] : [];
}

/** Only a host's form can be wrong while nothing has that name: the Service or ServiceEntry may come later. */
function hintOn(written: string, namespace: string, cluster: View) {
  const { hosts, clients, mesh } = cluster;
  const { clusterDomain, rootNamespace } = mesh;
  const hostname = resolveHost(written, namespace, clusterDomain);
  if (isWildcard(written) || hosts.named(hostname).length > 0) return undefined;
  if (written !== written.toLowerCase()) {
    return { message: "upperCase", data: { host: written, hostname: written.toLowerCase() } } as const;
  }
  if (written.endsWith(".")) {
    return {
      message: "trailingDot",
      data: { host: written, hostname: written.replace(/\.+$/, "") },
    } as const;
  }
  if (!written.includes(".")) {
    const data = { host: written, hostname };
    const names = hosts.namespacesOfService(written);
    if (names.length === 0) return { message: "shortHostUnknown", data } as const;
    return { message: "shortHost", data: { ...data, namespaces: { names, noun: "namespaces" } } } as const;
  }
  const [name = "", owner = "", svc, ...rest] = written.split(".");
  if (rest.length === 0 && (svc === undefined || svc === "svc")) {
    const full = serviceHostname(name, owner, clusterDomain);
    // `example.com` may be a ServiceEntry's host that comes later; `reviews.prod` is a Service's where prod is a namespace.
    const isNamespace =
      [namespace, rootNamespace, "default"].includes(owner) ||
      cluster.get("Namespace", "", owner) !== undefined ||
      hosts.namespacesOfService(name).includes(owner) ||
      clients.inNamespace(owner).length > 0;
    if (svc === "svc" || isNamespace)
      return { message: "unexpandedHost", data: { host: written, hostname: full } } as const;
  }
  const wildcard = hosts.wildcardAbove(written)?.hostname;
  return wildcard === undefined
    ? undefined
    : ({ message: "belowWildcard", data: { host: written, wildcard } } as const);
}

/** A waypoint's clusters know no selector, and Pods that nobody has seen yet have no labels to compare. */
function isSelected(
  { labels, proxy }: Client,
  selector: Readonly<Record<string, string>>,
  hasSelector: boolean,
): boolean {
  if (!hasSelector) return true;
  return proxy !== "waypoint" && labels !== undefined && matchesLabels(selector, labels);
}

/** The services' namespaces first, then the root namespace, then those with clients. */
function namespacesThatWork(
  rule: LookupRule,
  targets: readonly ExportedHost[],
  { clients, mesh }: View,
): Names {
  const services = [...new Set(targets.map(({ namespace }) => namespace))].toSorted();
  const withClients = clients
    .namespaces()
    .filter((namespace) => targets.some((target) => isVisibleTo(target, namespace, mesh)));
  const names = new Set([...services, mesh.rootNamespace, ...withClients]);
  // Where it is now does not work.
  names.delete(rule.isOwn ? rule.namespace : "");
  return { names: [...names], noun: "namespaces" };
}

/** A namespace that the host itself names is no secret. */
function bestNamespace(rule: LookupRule, namespaces: Names, clusterDomain: string): string | Names {
  const named = parseServiceHostname(rule.host, clusterDomain)?.namespace;
  return named ?? { ...namespaces, names: namespaces.names.slice(0, 1) };
}
