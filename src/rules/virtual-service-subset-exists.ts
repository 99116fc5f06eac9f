import { ClientClasses } from "../istio/lookup/client-classes.ts";
import type { MeshClient } from "../istio/lookup/client-classes.ts";
import { lookUp } from "../istio/lookup/lookup.ts";
import type { LookupAnswer } from "../istio/lookup/lookup.ts";
import { changeOfRule } from "../istio/lookup/rule-change.ts";
import { isRouteOf, MESH_GATEWAY, subsetRoutesOf } from "../istio/lookup/subset-routes.ts";
import type { SubsetRoute } from "../istio/lookup/subset-routes.ts";
import type { LookupMesh } from "../istio/lookup/mesh.ts";
import { LOOKUP_GATES } from "../istio/lookup/era.ts";
import { LOOKUP_READS } from "./cluster-view.ts";
import type { ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";

type View = ClusterView<(typeof LOOKUP_READS)[number]>;

export default defineRule({
  id: "virtual-service-subset-exists",
  title: "A subset to which a VirtualService routes exists for its clients",
  symptoms: [
    "503 NC: no cluster was found for the route",
    "a route to a subset works for some clients and not for others",
    "requests fail since a DestinationRule was deleted or moved",
  ],
  why: "A subset exists only in the DestinationRule that Istio finds for a client: in the client's namespace, else in the service's, else in the root namespace. A VirtualService has no such path: all clients see it unless its exportTo says otherwise. So clients whose DestinationRule lacks the subset are routed to a cluster that does not exist, and get 503 with the flag NC.",
  remedy: "Define the subset in the DestinationRule that these clients use, best in the service's namespace.",
  notes: [
    "Applying a VirtualService before its DestinationRule gives this warning rightly: until the rule is there, requests fail.",
    "Of files alone, a subset for which no DestinationRule is given at all is not reported: the rule may be in the cluster.",
    "Hosts that nobody has, and aliases (ExternalName), are left alone: what is missing there is another thing.",
    "For VirtualServices of gateways, a subset is reported that no known gateway has.",
  ],
  zh: {
    title: "VirtualService 路由到的 subset 对其客户端存在",
    symptoms: [
      "503 NC：路由找不到对应的集群",
      "到 subset 的路由对部分客户端有效，对其他客户端无效",
      "删除或移动 DestinationRule 之后请求失败",
    ],
    why: "subset 只存在于 Istio 为客户端找到的 DestinationRule 中：先是客户端的命名空间，然后是服务的命名空间，最后是根命名空间。VirtualService 没有这样的查找路径：除非 exportTo 另有规定，所有客户端都能看到它。因此，如果客户端得到的 DestinationRule 中没有该 subset，请求会被路由到不存在的集群，返回带 NC 标志的 503。",
    remedy: "在这些客户端使用的 DestinationRule 中定义该 subset，最好放在服务所在的命名空间。",
    notes: [
      "先应用 VirtualService 再应用 DestinationRule 时出现此警告是正确的：在规则出现之前请求会失败。",
      "只检查文件时，如果没有给出任何相应的 DestinationRule，则不报告：规则可能已在集群中。",
      "不存在的主机和别名（ExternalName）不在检查范围内：那里缺少的是别的东西。",
      "对于网关的 VirtualService，只有所有已知网关都没有该 subset 时才报告。",
    ],
  },
  sources: [
    "Istio, Traffic Management Problems, https://istio.io/latest/docs/ops/common-problems/network-issues/",
    "Istio, Traffic Management Best Practices, https://istio.io/latest/docs/ops/best-practices/traffic-management/#cross-namespace-configuration",
  ],
  example: {
    bad: `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop }
spec:
  hosts: [web.shop.svc.cluster.local]
  http:
  - route:
    - destination: { host: web.shop.svc.cluster.local, subset: v2 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: shop }
spec:
  host: web.shop.svc.cluster.local
  subsets: [{ name: v1, labels: { version: v1 } }]
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
`,
    good: `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop }
spec:
  hosts: [web.shop.svc.cluster.local]
  http:
  - route:
    - destination: { host: web.shop.svc.cluster.local, subset: v2 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: shop }
spec:
  host: web.shop.svc.cluster.local
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
`,
  },
  action: "Warn",
  kinds: ["VirtualService", "DestinationRule"],
  operations: ["CREATE", "UPDATE", "DELETE"],
  reads: LOOKUP_READS,
  gates: LOOKUP_GATES,
  options: {},
  messages: {
    subsetMissing: {
      text: "Clients in {{namespaces}} get 503 NC: {{rules}}, which they use for {{host}}, has no subset {{subset}}",
      remedy: "Define subset {{subset}} in {{rules}}: Istio merges no rules of two namespaces.",
    },
    subsetTaken: {
      text: "With this change clients in {{namespaces}} get 503 NC: VirtualService {{routes}} leads them to subset {{subset}} of {{host}}",
      remedy:
        "First take the subset out of VirtualService {{routes}}, or keep a DestinationRule with it for these clients.",
    },
    subsetWithoutRule: {
      text: "Clients in {{namespaces}} get 503 NC: no DestinationRule that they use defines subset {{subset}} of {{host}}",
      remedy: "Define subset {{subset}} in a DestinationRule for {{host}}, best in the service's namespace.",
    },
  },
  *check(review, cluster) {
    const place = { namespace: review.namespace, name: review.name };
    if (review.kind === "VirtualService") {
      // The routes of one that goes lead nowhere any more.
      if (review.operation === "DELETE") return;
      const routes = subsetRoutesOf(review.object, place, cluster.mesh.clusterDomain);
      yield* lackingSubsets(routes, cluster);
      return;
    }
    const { old, current, before, after } = changeOfRule(place, review, cluster.lookup);
    const hosts = new Set([old, current].flatMap((rule) => rule?.host ?? []));
    yield* takenSubsets([...hosts], { before, after }, cluster);
  },
});

/** A change that touches more routes touches those of many teams: the first of them tell enough. */
const MAX_ROUTES = 100;

type Users = ReadonlyMap<string, LookupAnswer>;

function* lackingSubsets(routes: readonly SubsetRoute[], cluster: View) {
  if (routes.length === 0) return;
  const clients = clientsOf(cluster);
  for (const route of routes.slice(0, MAX_ROUTES)) {
    const lacking = usersWithout(route, clients, cluster.lookup, cluster);
    const [first] = [...lacking.values()];
    if (!first) continue;
    const { host, subset, field } = route;
    const data = { host, subset, namespaces: namespaceNames([...lacking.keys()]) };
    const rules = namesOfRules([...lacking.values()]);
    if (rules.length > 0) {
      yield {
        message: "subsetMissing",
        field,
        data: { ...data, rules: { names: rules, noun: "rule" } },
      } as const;
    } else if (cluster.isComplete) yield { message: "subsetWithoutRule", field, data } as const;
  }
}

function* takenSubsets(
  hosts: readonly string[],
  { before, after }: { readonly before: LookupMesh; readonly after: LookupMesh },
  cluster: View,
) {
  const routes = hosts.flatMap((host) => [...after.subsetRoutesTo(host)]).slice(0, MAX_ROUTES);
  if (routes.length === 0) return;
  const clients = clientsOf(cluster);
  const taken = routes.flatMap((route) => {
    const had = usersWithout(route, clients, before, cluster);
    const lacking = [...usersWithout(route, clients, after, cluster).keys()];
    const namespaces = lacking.filter((namespace) => !had.has(namespace));
    return namespaces.length === 0 ? [] : [{ route, namespaces }];
  });
  for (const alike of Map.groupBy(taken, ({ route }) => `${route.subset} ${route.host}`).values()) {
    const { host = "", subset = "" } = alike[0]?.route ?? {};
    const virtualServices = alike.map(({ route }) => `${route.namespace}/${route.name}`);
    const data = {
      host,
      subset,
      namespaces: namespaceNames(alike.flatMap(({ namespaces }) => namespaces)),
      routes: { names: unique(virtualServices), noun: "VirtualService" },
    };
    yield { message: "subsetTaken", field: ["spec", "subsets"], data } as const;
  }
}

interface KnownClients {
  readonly sidecars: ClientClasses;
  readonly gateways: ClientClasses;
  readonly all: ClientClasses;
  readonly hasSidecars: boolean;
}

function clientsOf({ clients, lookup }: View): KnownClients {
  const all = clients.namespaces().flatMap((namespace) => clients.inNamespace(namespace));
  const sidecars = all.filter(({ proxy }) => proxy === "sidecar");
  const gateways = all.filter(({ proxy }) => proxy === "gateway");
  return {
    sidecars: new ClientClasses(sidecars, [lookup]),
    gateways: new ClientClasses(gateways, [lookup]),
    all: new ClientClasses([...sidecars, ...gateways], [lookup]),
    hasSidecars: sidecars.length > 0,
  };
}

/** The namespaces of clients which the route leads to a subset that they do not have, and what they have. */
function usersWithout(route: SubsetRoute, known: KnownClients, mesh: LookupMesh, cluster: View): Users {
  const { gateways } = route;
  // Which gateways it is for, or which clients others delegate to it, is not known.
  if (!gateways.includes(MESH_GATEWAY)) {
    return lackingInAll(gateways.length > 0 ? known.gateways : known.all, route, mesh);
  }
  if (known.hasSidecars) return lackingAmong(known.sidecars, route, mesh).lacking;
  // Where no client is known, those beside the service and beside the route tell what others would get.
  const places = [route.namespace, ...cluster.lookup.owners(route.host).map(({ namespace }) => namespace)];
  return lackingInAll(new ClientClasses(places.map(assumedSidecar), [mesh]), route, mesh);
}

function assumedSidecar(namespace: string): MeshClient {
  return { namespace, labels: undefined, proxy: "sidecar" };
}

function lackingInAll(clients: ClientClasses, route: SubsetRoute, mesh: LookupMesh): Users {
  const { lacking, isInAll } = lackingAmong(clients, route, mesh);
  return isInAll ? lacking : new Map();
}

function lackingAmong(clients: ClientClasses, route: SubsetRoute, mesh: LookupMesh) {
  const lacking = new Map<string, LookupAnswer>();
  let isInAll = true;
  for (const { query, namespaces } of clients.forHost(route.host, [mesh], namespacesNamedBy(route, mesh))) {
    if (!isRouteOf(route, query.clientNamespace, mesh.settings)) continue;
    const answer = lookUp(query, mesh);
    if (!answer.isVisible || answer.isAlias) continue;
    if (answer.chosen?.subsets.some(({ name }) => name === route.subset)) isInAll = false;
    else for (const namespace of namespaces()) lacking.set(namespace, answer);
  }
  return { lacking, isInAll };
}

/** For these the route may be there, or not, while it is otherwise for all others. */
function namespacesNamedBy(
  { namespace, exportTo, sourceNamespaces = [] }: SubsetRoute,
  { settings }: LookupMesh,
): readonly string[] {
  return [namespace, ...exportTo, ...sourceNamespaces, ...settings.defaultVirtualServiceExportTo];
}

function namespaceNames(names: readonly string[]) {
  return { names: unique(names), noun: "namespace" };
}

function namesOfRules(answers: readonly LookupAnswer[]): readonly string[] {
  const rules = answers.flatMap(({ chosen }) => chosen?.from.slice(0, 1) ?? []);
  return unique(rules.map(({ namespace, name }) => `${namespace}/${name}`));
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].toSorted();
}
