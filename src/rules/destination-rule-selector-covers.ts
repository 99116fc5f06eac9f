import { LOOKUP_GATES } from "../istio/lookup/era.ts";
import { lookUp } from "../istio/lookup/lookup.ts";
import type { LookupMesh } from "../istio/lookup/mesh.ts";
import { changeOfRule, hostsOfChange } from "../istio/lookup/rule-change.ts";
import type { RuleChange } from "../istio/lookup/rule-change.ts";
import type { LookupRule } from "../istio/lookup/rule.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";
import type { Labels } from "../kubernetes/objects.ts";
import { LOOKUP_READS } from "./cluster-view.ts";
import type { Client } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";
import type { Names } from "./rule.ts";

export default defineRule({
  id: "destination-rule-selector-covers",
  title: "A workloadSelector leaves no client without a DestinationRule",
  symptoms: [
    "a DestinationRule with a workloadSelector works, and all other Pods of the namespace lost theirs",
    "503 NC for Pods that the workloadSelector does not select",
  ],
  why: "A DestinationRule in the client's namespace ends Istio's lookup for all proxies of that namespace, even for those that its workloadSelector does not select. These get no rule at all: neither the service's nor the root namespace's. A rule beside it without a selector and with exportTo [.] does not help, for Istio merges it into the one with the selector.",
  remedy:
    "Add a rule for the same host without workloadSelector to the same namespace, with what the other clients need.",
  notes: [
    "The rule without a selector must have another exportTo than [.]: leave exportTo out, or name one more namespace.",
    "A selector never reaches other namespaces: with one, a rule is private to its own.",
    "Waypoints know no selectors: they never apply such a rule.",
    "Before Istio 1.14 workloadSelector does not exist, and is ignored.",
  ],
  zh: {
    title: "workloadSelector 不会让任何客户端失去 DestinationRule",
    symptoms: [
      "带 workloadSelector 的 DestinationRule 生效了，但同一命名空间的其他 Pod 失去了原有规则",
      "没有被 workloadSelector 选中的 Pod 出现 503 NC",
    ],
    why: "客户端命名空间中的 DestinationRule 会结束该命名空间内所有代理的查找，即使代理没有被它的 workloadSelector 选中。这些代理得不到任何规则：既没有服务命名空间的，也没有根命名空间的。在旁边放一个没有 selector 且 exportTo 为 [.] 的规则也没有用，因为 Istio 会把它合并到带 selector 的规则中。",
    remedy: "在同一命名空间为同一主机添加一个没有 workloadSelector 的规则，包含其他客户端需要的设置。",
    notes: [
      "没有 selector 的规则的 exportTo 不能是 [.]：不写 exportTo，或再写一个命名空间。",
      "selector 不会影响其他命名空间：带有它的规则只在自己的命名空间内有效。",
      "Waypoint 不支持 selector：它们永远不会采用这样的规则。",
      "Istio 1.14 之前没有 workloadSelector，该字段会被忽略。",
    ],
  },
  sources: [
    "istio/istio issue 57719, https://github.com/istio/istio/issues/57719",
    "istio/istio issue 58322, https://github.com/istio/istio/issues/58322",
    "Istio, Destination Rule, https://istio.io/latest/docs/reference/config/networking/destination-rule/",
  ],
  example: {
    bad: `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: batch, namespace: client }
spec:
  host: web.shop.svc.cluster.local
  workloadSelector: { matchLabels: { app: batch } }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: shop }
spec: { host: web.shop.svc.cluster.local }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
---
apiVersion: v1
kind: Pod
metadata: { name: front, namespace: client, uid: "1", labels: { app: front } }
spec: { containers: [{ name: istio-proxy, image: proxyv2:1.30.0 }] }
`,
    good: `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: batch, namespace: client }
spec:
  host: web.shop.svc.cluster.local
  workloadSelector: { matchLabels: { app: batch } }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: others, namespace: client }
spec: { host: web.shop.svc.cluster.local }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
---
apiVersion: v1
kind: Pod
metadata: { name: front, namespace: client, uid: "1", labels: { app: front } }
spec: { containers: [{ name: istio-proxy, image: proxyv2:1.30.0 }] }
`,
  },
  action: "Warn",
  kinds: ["DestinationRule"],
  operations: ["CREATE", "UPDATE"],
  reads: LOOKUP_READS,
  gates: LOOKUP_GATES,
  options: {},
  messages: {
    catchAllSwallowed: {
      text: "Istio merges {{rules}}, for {{host}} with exportTo [.], into this rule: clients without {{labels}} get neither",
      remedy:
        "Leave exportTo out of that rule, or name one more namespace in it: Istio then keeps it as one of its own.",
    },
    mergedIntoSelector: {
      text: "Istio merges this rule into {{rules}}, which has a workloadSelector: clients without {{labels}} get neither",
      remedy:
        "Leave exportTo out, or name one more namespace in it: Istio then keeps this rule as one of its own.",
    },
    othersLoseTheirs: {
      text: "Clients in {{namespace}} without {{labels}} get no rule for {{host}} any more: this one hides {{rules}} from them",
      remedy:
        "Add a rule for {{host}} without workloadSelector to {{namespace}}, with what these clients need.",
    },
    othersWouldLoseTheirs: {
      text: "Pods in {{namespace}} without {{labels}} would get no rule for {{host}}: this one hides {{rules}} from them",
      action: "Audit",
      remedy: "Add a rule for {{host}} without workloadSelector to {{namespace}} before such Pods come.",
    },
  },
  *check({ namespace, name, object }, cluster) {
    const change = changeOfRule({ namespace, name }, { object }, cluster.lookup);
    const { current } = change;
    if (!current) return;
    const hosts = hostsOfChange(change, MAX_HOSTS);
    if (hosts.length === 0) return;
    const clients = cluster.clients.inNamespace(namespace);
    // Those that are known tell more than those that may come.
    const inOrder = [...clients.filter(({ labels }) => labels), ...clients.filter(({ labels }) => !labels)];
    for (const client of inOrder) {
      for (const host of hosts) {
        const loss = lossOf(client, host, current, change);
        if (!loss) continue;
        yield { ...loss, data: { ...loss.data, namespace, host } };
        // One tells enough.
        return;
      }
    }
  },
});

/** A rule that touches more hosts touches those of many teams: the first of them tell enough. */
const MAX_HOSTS = 200;

/** What the client, which gets nothing with the rule, would get without it, or should get from it. */
function lossOf(client: Client, host: string, current: LookupRule, { before, after }: RuleChange) {
  const { namespace, labels, proxy } = client;
  const query = { clientNamespace: namespace, clientLabels: labels ?? {}, proxy, host };
  const step = lookUp(query, after).steps.find(({ outcome }) => outcome === "match");
  const isNone = step?.step === "client" && step.candidates.every(({ isApplied }) => !isApplied);
  if (!isNone) return undefined;
  if (current.selector === undefined) return lossInMerging(current, after);
  const lost = lookUp(query, before).chosen?.from ?? [];
  if (lost.length === 0) return undefined;
  const data = { labels: inWords(current.selector), rules: namesOf(lost) };
  const field: FieldPath = ["spec", "workloadSelector"];
  if (lost[0]?.namespace === namespace) return { message: "catchAllSwallowed", field, data } as const;
  const message = labels === undefined ? "othersWouldLoseTheirs" : "othersLoseTheirs";
  return { message, field, data } as const;
}

/** The rule itself is for all clients, and merged into one that is not. */
function lossInMerging(current: LookupRule, after: LookupMesh) {
  const others = after.destinationRules(current.namespace, current.host);
  const into = others.find(({ selector }) => selector !== undefined);
  if (into?.selector === undefined) return undefined;
  const data = { labels: inWords(into.selector), rules: namesOf([into]) };
  return { message: "mergedIntoSelector", field: ["spec", "exportTo"], data } as const;
}

function namesOf(rules: readonly LookupRule[]): Names {
  return { names: rules.map(({ namespace, name }) => `${namespace}/${name}`), noun: "rule" };
}

function inWords(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}
