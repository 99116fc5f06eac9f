import { resolveHost, serviceHostname } from "../istio/hosts.ts";
import { injectionOf } from "../istio/injection.ts";
import { LOOKUP_GATES } from "../istio/lookup/era.ts";
import { isConceivable } from "../istio/lookup/path.ts";
import type { LookupRule } from "../istio/lookup/rule.ts";
import { exportOf } from "../istio/lookup/visibility.ts";
import type { Kinds, Labels } from "../kubernetes/objects.ts";
import { LOOKUP_READS } from "./cluster-view.ts";
import type { ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";
import type { Names } from "./rule.ts";

type View = ClusterView<(typeof LOOKUP_READS)[number]>;

export default defineRule({
  id: "destination-rule-not-orphaned",
  title: "No DestinationRule loses the service or the clients that it is for",
  symptoms: [
    "a DestinationRule has had no effect since its Service or a namespace was changed",
    "DestinationRules are left over from Services that are long gone",
  ],
  why: "A DestinationRule depends on objects that do not know of it: the Service whose host it names, and, outside the service's and the root namespace, the clients beside it. When the Service goes, is exported to fewer namespaces, or becomes an ExternalName, or when a namespace's injection is turned off, Istio keeps the rule and applies it to nothing, without a word.",
  remedy: "Delete the DestinationRule as well, or move it to where clients still find it.",
  notes: [
    "Rules in the Service's own namespace usually go together with it: they are counted, and not spoken of.",
    "A rule with a wildcard host is left alone: it is for other services as well.",
    "When injection is turned off, Pods that run keep their sidecars until they are started anew. What is said holds from then on.",
  ],
  zh: {
    title: "没有 DestinationRule 失去其服务或客户端",
    symptoms: [
      "修改 Service 或命名空间之后，DestinationRule 不再生效",
      "Service 早已删除，DestinationRule 却还留着",
    ],
    why: "DestinationRule 依赖于一些并不知道它的对象：主机名所指的 Service，以及（在服务命名空间和根命名空间之外）同一命名空间中的客户端。当 Service 被删除、导出范围变小、变为 ExternalName，或命名空间关闭注入时，Istio 会保留该规则，却不再应用于任何流量，也没有任何提示。",
    remedy: "同时删除 DestinationRule，或把它移到客户端仍能找到的地方。",
    notes: [
      "Service 所在命名空间中的规则通常会一起删除：只计数，不提示。",
      "主机为通配符的规则不在检查范围内：它还用于其他服务。",
      "关闭注入后，正在运行的 Pod 在重启之前仍保留 Sidecar。提示的内容从那时起成立。",
    ],
  },
  sources: [
    "Istio, Traffic Management Best Practices, https://istio.io/latest/docs/ops/best-practices/traffic-management/#cross-namespace-configuration",
    "Istio, Destination Rule, https://istio.io/latest/docs/reference/config/networking/destination-rule/",
  ],
  example: {
    bad: `apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  annotations: { networking.istio.io/exportTo: "." }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: client }
spec: { host: web.shop.svc.cluster.local }
`,
    good: `apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  annotations: { networking.istio.io/exportTo: "., client" }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: client }
spec: { host: web.shop.svc.cluster.local }
`,
  },
  action: "Warn",
  kinds: ["Namespace", "Service"],
  operations: ["CREATE", "UPDATE", "DELETE"],
  reads: LOOKUP_READS,
  gates: LOOKUP_GATES,
  options: {},
  messages: {
    becomesAlias: {
      text: "DestinationRule {{rules}} applies to nothing: for an ExternalName Service Istio builds no cluster",
      remedy:
        "Write the rule for the host in spec.externalName, with a ServiceEntry for it if there is none.",
    },
    clientsLeave: {
      text: "Pods that start in {{namespace}} from now on get no sidecar: nobody looks up DestinationRule {{rules}} there",
      remedy: "Move the rules to the namespaces of their services, or leave injection on.",
    },
    hostGoes: {
      text: "DestinationRule {{rules}} is left without its Service {{services}}",
      remedy: "Delete {{rules}} as well, or tell its owners.",
    },
    hostHidden: {
      text: "No client that sees {{services}} finds DestinationRule {{rules}}: the exportTo of the Service keeps them apart",
      remedy:
        "Export the Service to the namespace of {{rules}}, or move the rule to the Service's namespace.",
    },
    ownHostGoes: {
      text: "DestinationRule {{rules}} beside it is left without its Service {{services}}",
      action: "Audit",
      remedy: "Delete {{rules}} as well.",
    },
  },
  *check(review, cluster) {
    const { namespace, name } = review;
    if (review.kind === "Namespace") {
      if (review.operation === "DELETE") yield* withoutServices(servicesIn(name, cluster), name, cluster);
      if (review.operation === "UPDATE") yield* withoutClients(name, review, cluster);
    } else if (review.operation === "DELETE") {
      if (review.oldObject.spec?.type === "ExternalName") return;
      yield* withoutServices([{ namespace, name }], namespace, cluster);
    } else {
      const before = review.operation === "UPDATE" ? review.oldObject : undefined;
      yield* changedService({ namespace, name }, before, review.object, cluster);
    }
  },
});

/** A namespace with more Services than this is no one's to delete without having looked. */
const MAX_SERVICES = 200;

interface Place {
  readonly namespace: string;
  readonly name: string;
}

function servicesIn(namespace: string, cluster: View): readonly Place[] {
  return cluster
    .list("Service", namespace)
    .filter(({ spec }) => spec?.type !== "ExternalName")
    .slice(0, MAX_SERVICES)
    .map(({ metadata }) => ({ namespace, name: metadata?.name ?? "" }));
}

/** The rules for exactly this Service, in any namespace; none if something else has its hostname as well. */
function rulesFor({ namespace, name }: Place, { hosts, lookup, mesh }: View): readonly LookupRule[] {
  const hostname = serviceHostname(name, namespace, mesh.clusterDomain);
  const isShared = hosts.named(hostname).some((one) => one.kind !== "Service" || one.namespace !== namespace);
  if (isShared) return [];
  return [...lookup.rulesMeeting(hostname)]
    .filter(({ host }) => host === hostname)
    .flatMap((place) => lookup.destinationRules(place.namespace, hostname));
}

function* withoutServices(services: readonly Place[], going: string, cluster: View) {
  const pairs = services.flatMap((service) => rulesFor(service, cluster).map((rule) => ({ rule, service })));
  const { mine = [], others = [] } = Object.groupBy(pairs, ({ rule }) =>
    rule.namespace === going ? "mine" : "others",
  );
  const field = ["metadata", "name"];
  const dataOf = (some: typeof pairs) => ({
    rules: namesOf(
      some.map(({ rule }) => rule),
      "rule",
    ),
    services: namesOf(
      some.map(({ service }) => service),
      "Service",
    ),
  });
  if (others.length > 0) yield { message: "hostGoes", field, data: dataOf(others) } as const;
  if (mine.length > 0) yield { message: "ownHostGoes", field, data: dataOf(mine) } as const;
}

/** Rules that clients could find with the Service as it was, and with the Service as it will be do not. */
function* changedService(
  service: Place,
  before: Kinds["Service"] | undefined,
  after: Kinds["Service"],
  cluster: View,
) {
  const { mesh } = cluster;
  const hostOf = (object: Kinds["Service"] | undefined) => ({
    namespace: service.namespace,
    exportTo: exportOf(object?.metadata),
  });
  const rules = rulesFor(service, cluster).filter((rule) => isConceivable(rule, hostOf(before), mesh));
  if (rules.length === 0 || before?.spec?.type === "ExternalName") return;
  if (after.spec?.type === "ExternalName") {
    // A rule that is under review is told itself: tcp-port-not-shared.
    const others = rules.filter((rule) => !cluster.isReviewed("DestinationRule", rule.namespace, rule.name));
    if (!mesh.era.hasAliases || others.length === 0) return;
    const data = { rules: namesOf(others, "rule") };
    yield { message: "becomesAlias", field: ["spec", "type"], data } as const;
    return;
  }
  const hidden = rules.filter((rule) => !isConceivable(rule, hostOf(after), mesh));
  if (hidden.length === 0) return;
  const field = ["metadata", "annotations", "networking.istio.io/exportTo"];
  const data = { rules: namesOf(hidden, "rule"), services: namesOf([service], "Service") };
  yield { message: "hostHidden", field, data } as const;
}

/** Rules that only clients beside them look up, while injection is turned off there. */
function* withoutClients(
  namespace: string,
  { object, oldObject }: { readonly object: Kinds["Namespace"]; readonly oldObject: Kinds["Namespace"] },
  cluster: View,
) {
  const isInjected = ({ metadata }: Kinds["Namespace"]) =>
    takesEffect(namespace, metadata?.labels ?? {}, cluster);
  if (!isInjected(oldObject) || isInjected(object) || hasOtherClients(namespace, cluster)) return;
  const rules = cluster
    .list("DestinationRule", namespace)
    .filter(({ spec }) => isForClientsHere(spec?.host ?? "", namespace, cluster))
    .map(({ metadata }) => ({ namespace, name: metadata?.name ?? "" }));
  if (rules.length === 0) return;
  const data = { namespace, rules: namesOf(rules, "rule") };
  yield { message: "clientsLeave", field: ["metadata", "labels"], data } as const;
}

/** Besides Pods that run, which have a sidecar only until they are started anew. */
function hasOtherClients(namespace: string, cluster: View): boolean {
  return (
    cluster.list("WorkloadEntry", namespace).length > 0 ||
    cluster.list("WorkloadGroup", namespace).length > 0 ||
    cluster.clients
      .inNamespace(namespace)
      .some(({ labels, proxy }) => labels === undefined || proxy !== "sidecar")
  );
}

/** Istio looks for rules of this host here for the sake of clients here only. */
function isForClientsHere(written: string, namespace: string, { hosts, mesh }: View): boolean {
  const host = resolveHost(written, namespace, mesh.clusterDomain);
  if (host === "" || namespace === mesh.rootNamespace) return false;
  const owners = [...hosts.coveredBy(host)].filter(({ isExternalName }) => !isExternalName);
  return owners.length > 0 && owners.every((owner) => owner.namespace !== namespace);
}

function takesEffect(namespace: string, namespaceLabels: Labels, { mesh }: View): boolean {
  const query = { namespace, namespaceLabels, podLabels: {}, podAnnotations: {}, hostNetwork: false };
  return injectionOf(query, mesh.injectors).takesEffect;
}

function namesOf(places: readonly Place[], noun: string): Names {
  const names = new Set(places.map(({ namespace, name }) => `${namespace}/${name}`));
  return { names: [...names].toSorted(), noun };
}
