import type { MergedRule } from "../istio/lookup/merge.ts";
import { ClientClasses } from "../istio/lookup/client-classes.ts";
import type { ClientClass } from "../istio/lookup/client-classes.ts";
import { lookUp } from "../istio/lookup/lookup.ts";
import type { LookupAnswer } from "../istio/lookup/lookup.ts";
import { mergeRules } from "../istio/lookup/merge.ts";
import { pathStep } from "../istio/lookup/path.ts";
import { lostProtections } from "../istio/lookup/protections.ts";
import { LOOKUP_GATES } from "../istio/lookup/era.ts";
import { changeOfRule, hostsOfChange } from "../istio/lookup/rule-change.ts";
import type { RuleChange } from "../istio/lookup/rule-change.ts";
import { settingsOf } from "../istio/lookup/rule-settings.ts";
import type { LookupMesh } from "../istio/lookup/mesh.ts";
import type { LookupRule } from "../istio/lookup/rule.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";
import { LOOKUP_READS } from "./cluster-view.ts";
import type { Client, ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";

type View = ClusterView<(typeof LOOKUP_READS)[number]>;

export default defineRule({
  id: "destination-rule-not-shadowed",
  title: "No DestinationRule takes settings of another one away",
  symptoms: [
    "TLS, outlier detection or a subset is gone since somebody added a DestinationRule",
    "two DestinationRules for one host, and only one of them works",
    "clients of one namespace do not get the DestinationRule of the service's team",
  ],
  why: "Istio takes the DestinationRules of the first place that has any: the client's namespace, then the service's, then the root namespace. It merges nothing across them, so a client's own rule hides all that the service's team has set, even what it does not mention itself. Within one namespace it merges only rules of the same host with the same exportTo; of others the youngest wins whole.",
  remedy: "Repeat the settings in the rule that wins, or narrow its host.",
  notes: [
    "Only the loss of TLS, outlier detection, or a subset that a VirtualService uses is reported: other settings are overridden every day on purpose.",
    "Rules of the root namespace are defaults, there to be overridden: hiding one is no finding.",
    "What counts is what known clients get before and after the change. Where no client is known, nothing is said.",
  ],
  zh: {
    title: "没有 DestinationRule 使另一个的设置失效",
    symptoms: [
      "有人新增 DestinationRule 之后，TLS、异常检测或某个 subset 消失了",
      "同一主机有两个 DestinationRule，只有一个生效",
      "某个命名空间的客户端得不到服务团队的 DestinationRule",
    ],
    why: "Istio 只采用第一个有匹配规则的位置：客户端的命名空间，然后是服务的命名空间，最后是根命名空间。三者之间不做任何合并，因此客户端自己的规则会遮蔽服务团队的全部设置，包括它自己没有提到的设置。在同一命名空间内，只有主机和 exportTo 都相同的规则才会合并；否则最新的规则整体生效。",
    remedy: "在生效的规则中重复这些设置，或缩小它的主机范围。",
    notes: [
      "只报告 TLS、异常检测或被 VirtualService 使用的 subset 的丢失：其他设置经常是有意覆盖的。",
      "根命名空间中的规则是默认值，本来就允许覆盖：遮蔽它们不会报告。",
      "以已知客户端在变更前后得到的规则为准。没有已知客户端时不作任何提示。",
    ],
  },
  sources: [
    "Istio, Traffic Management Best Practices, https://istio.io/latest/docs/ops/best-practices/traffic-management/#cross-namespace-configuration",
    "istio/istio issue 49409, https://github.com/istio/istio/issues/49409",
    "istio/istio pull request 52519, https://github.com/istio/istio/pull/52519",
  ],
  example: {
    bad: `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: fewer-connections, namespace: client }
spec:
  host: payments.shop.svc.cluster.local
  trafficPolicy: { connectionPool: { tcp: { maxConnections: 10 } } }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: payments, namespace: shop }
spec:
  host: payments.shop.svc.cluster.local
  trafficPolicy: { outlierDetection: { consecutive5xxErrors: 3 } }
---
apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
---
apiVersion: v1
kind: Namespace
metadata: { name: client, labels: { istio-injection: enabled } }
`,
    good: `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: fewer-connections, namespace: client }
spec:
  host: payments.shop.svc.cluster.local
  trafficPolicy:
    connectionPool: { tcp: { maxConnections: 10 } }
    outlierDetection: { consecutive5xxErrors: 3 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: payments, namespace: shop }
spec:
  host: payments.shop.svc.cluster.local
  trafficPolicy: { outlierDetection: { consecutive5xxErrors: 3 } }
---
apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
---
apiVersion: v1
kind: Namespace
metadata: { name: client, labels: { istio-injection: enabled } }
`,
  },
  action: "Warn",
  kinds: ["DestinationRule"],
  operations: ["CREATE", "UPDATE", "DELETE"],
  reads: LOOKUP_READS,
  gates: LOOKUP_GATES,
  options: {},
  messages: {
    clientsLose: {
      text: "Clients in {{namespaces}} lose {{settings}} of {{host}} with this change, and nothing else sets it for them",
      remedy: "First give these clients another rule that sets it, or tell them.",
    },
    hiddenByClients: {
      text: "Clients in {{namespaces}} do not get {{settings}} of this rule for {{host}}: {{rules}} of their own comes first",
      remedy: "Have {{rules}} repeat it, or have it deleted: Istio merges no rules of two namespaces.",
    },
    hiddenBySameNamespace: {
      text: "Clients in {{namespaces}} do not get {{settings}} of this rule for {{host}}: {{rule}} beside it comes first",
      remedy:
        "Put both into one rule, or give both the same host and the same exportTo, so that Istio merges them.",
    },
    hidesSameNamespace: {
      text: "For {{host}} Istio prefers this rule to {{rule}} beside it: {{settings}} of that one is lost",
      remedy:
        "Put both into one rule, or give both the same host and the same exportTo, so that Istio merges them.",
    },
    hidesServiceOwners: {
      text: "Clients in {{namespace}} lose {{settings}} of {{rules}} for {{host}}: this rule comes first and does not set it",
      remedy:
        "Repeat it here: Istio merges no rules of two namespaces. Or narrow spec.host to what shall differ.",
    },
    policyIgnored: {
      text: "Istio merges this rule into {{rule}}, of the same host, and ignores its trafficPolicy: that one has one already",
      remedy:
        "Put both into one rule: of several trafficPolicies for one host only the oldest rule's counts.",
    },
    subsetIgnored: {
      text: "Istio merges this rule into {{rule}}, of the same host, and ignores {{settings}} here: that one has it already",
      remedy: "Give the subset another name, or delete one of the two.",
    },
  },
  *check(review, cluster) {
    const { namespace, name } = review;
    const change = changeOfRule({ namespace, name }, review, cluster.lookup);
    const damages = [...meetingsOf(change, cluster)].flatMap((meeting) => [...damagesOf(meeting, change)]);
    for (const [message, alike] of Map.groupBy(damages, (damage) => damage.message)) {
      yield findingOn(message, alike, namespace);
    }
  },
});

/** A rule that touches more hosts touches those of many teams: the first of them tell enough. */
const MAX_HOSTS = 200;

/** Clients that get the same, and one host that they ask for. */
interface Meeting extends ClientClass {
  readonly before: LookupAnswer;
  readonly after: LookupAnswer;
  /** Subsets of the host that some VirtualService routes to. */
  readonly usedSubsets: ReadonlySet<string>;
}

function* meetingsOf(change: RuleChange, cluster: View): Iterable<Meeting> {
  const hosts = hostsOfChange(change, MAX_HOSTS);
  if (hosts.length === 0) return;
  const { before, after } = change;
  const classes = new ClientClasses(clientsOf(change, cluster), [cluster.lookup]);
  for (const host of hosts) {
    const usedSubsets = new Set([...after.subsetRoutesTo(host)].map(({ subset }) => subset));
    for (const clients of classes.forHost(host, [before, after])) {
      const { query } = clients;
      yield { ...clients, usedSubsets, before: lookUp(query, before), after: lookUp(query, after) };
    }
  }
}

/** A rule that is private, before and after, is nothing to clients elsewhere. */
function clientsOf({ old, current }: RuleChange, { clients }: View): readonly Client[] {
  const rules = [old, current].filter((rule) => rule !== undefined);
  const own = rules[0]?.namespace ?? "";
  const namespaces = rules.every(({ isPrivate }) => isPrivate) ? [own] : clients.namespaces();
  return namespaces.flatMap((namespace) => clients.inNamespace(namespace));
}

type MessageId =
  | "clientsLose"
  | "hiddenByClients"
  | "hiddenBySameNamespace"
  | "hidesSameNamespace"
  | "hidesServiceOwners"
  | "policyIgnored"
  | "subsetIgnored";

interface Damage {
  readonly message: MessageId;
  readonly clients: ClientClass;
  /** What is lost. */
  readonly settings: readonly string[];
  /** The other rule. */
  readonly other: LookupRule | undefined;
}

function* damagesOf(meeting: Meeting, change: RuleChange): Iterable<Damage> {
  if (!meeting.after.isVisible || meeting.after.isAlias) return;
  yield* lossesBy(meeting, change);
  const { current } = change;
  if (!current) return;
  if (meeting.after.chosen?.from.includes(current)) yield* lossesInMerging(meeting, current, change);
  else yield* lossesOf(meeting, current, change);
}

/** What the client had from another rule, or from this one as it was. */
function* lossesBy(meeting: Meeting, { old, current, before }: RuleChange): Iterable<Damage> {
  const { usedSubsets } = meeting;
  const { clientNamespace } = meeting.query;
  const [had, has] = [meeting.before.chosen, meeting.after.chosen];
  const [first] = had?.from ?? [];
  const { rootNamespace } = before.settings;
  // Defaults are there to be overridden.
  if (!first || (first.namespace === rootNamespace && clientNamespace !== rootNamespace)) return;
  const isHere = current !== undefined && (has?.from.includes(current) ?? false);
  // What its owner takes out of a rule is taken out on purpose.
  const dropped =
    old && isHere ? lostProtections(alone(old, before), alone(current, before), usedSubsets) : [];
  const settings = lostProtections(had, has, usedSubsets).filter((name) => !dropped.includes(name));
  if (settings.length === 0) return;
  const damage = { clients: meeting, settings };
  const other = had?.from.find((rule) => rule !== old);
  const own = current ?? old;
  if (!isHere) {
    if (clientNamespace !== own?.namespace) yield { ...damage, message: "clientsLose", other };
  } else if (other) {
    // Of two that were there, the younger one is told that its settings are ignored.
    if (!old && has?.from.includes(other)) return;
    const message = other.namespace === current.namespace ? "hidesSameNamespace" : "hidesServiceOwners";
    yield { ...damage, message, other };
  }
}

/** What the client should have had from this rule, and does not get because of another one. */
function* lossesOf(meeting: Meeting, current: LookupRule, { after }: RuleChange): Iterable<Damage> {
  const { usedSubsets } = meeting;
  const { clientNamespace, host } = meeting.query;
  const { owner, chosen } = meeting.after;
  const step = pathStep(current, clientNamespace, owner?.namespace ?? "", after.settings);
  if (step === undefined || step === "root") return;
  const settings = lostProtections(alone(current, after), chosen, usedSubsets);
  if (settings.length === 0) return;
  const damage = { clients: meeting, settings };
  const [winner] = chosen?.from ?? [];
  if (step === "service" && winner?.namespace === clientNamespace && clientNamespace !== current.namespace) {
    yield { ...damage, message: "hiddenByClients", other: winner };
    return;
  }
  const other = hiderOf(current, host, winner, after);
  if (other) yield { ...damage, message: "hiddenBySameNamespace", other };
}

/** The rule beside this one that a client meets first. One with a narrower host that the client gets is no mistake. */
function hiderOf(
  current: LookupRule,
  host: string,
  winner: LookupRule | undefined,
  mesh: LookupMesh,
): LookupRule | undefined {
  const { namespace } = current;
  if (winner?.namespace === namespace) return winner.host === current.host ? winner : undefined;
  const [narrowest = ""] = mesh.hostsCovering(namespace, host);
  return mesh
    .destinationRules(namespace, narrowest)
    .find((rule) => rule !== current && rule.selector === undefined);
}

/** What of this rule is ignored because another one of the same host, with which Istio merges it, comes first. */
function* lossesInMerging(meeting: Meeting, current: LookupRule, { after }: RuleChange): Iterable<Damage> {
  const { chosen } = meeting.after;
  const other = chosen?.from[0];
  if (other === undefined || other === current) return;
  const effective = settingsOf(chosen);
  const names = [...settingsOf(alone(current, after))].flatMap(([name, value]) =>
    effective.get(name) === value ? [] : [name],
  );
  const ofSubsets = names.filter((name) => name.startsWith("subset "));
  const ofPolicy = names.filter((name) => !name.startsWith("subset "));
  const damage = { clients: meeting, other };
  if (ofPolicy.length > 0) yield { ...damage, settings: ofPolicy, message: "policyIgnored" };
  if (ofSubsets.length > 0) yield { ...damage, settings: ofSubsets, message: "subsetIgnored" };
}

function alone(rule: LookupRule, { settings }: LookupMesh): MergedRule | undefined {
  return mergeRules([rule], settings.era)[0];
}

const FIELDS: { readonly [M in MessageId]: FieldPath } = {
  clientsLose: ["spec"],
  hiddenByClients: ["spec", "host"],
  hiddenBySameNamespace: ["spec", "exportTo"],
  hidesSameNamespace: ["spec", "exportTo"],
  hidesServiceOwners: ["spec", "host"],
  policyIgnored: ["spec", "trafficPolicy"],
  subsetIgnored: ["spec", "subsets"],
};

/** All that has one message, in one finding. */
function findingOn(message: MessageId, alike: readonly Damage[], namespace: string) {
  const { clients, other } = alike[0] ?? {};
  const others = alike.flatMap((damage) =>
    damage.other ? [`${damage.other.namespace}/${damage.other.name}`] : [],
  );
  const data = {
    host: clients?.query.host ?? "",
    namespace,
    namespaces: { names: unique(alike.flatMap((damage) => damage.clients.namespaces())), noun: "namespace" },
    rule: other?.name ?? "",
    rules: { names: unique(others), noun: "rule" },
    settings: unique(alike.flatMap(({ settings }) => settings)).join(", "),
  };
  return { message, field: FIELDS[message], data };
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].toSorted();
}
