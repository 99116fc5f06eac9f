/**
 * A DestinationRule as istiod keeps it: whose tables it is in, and for which host.
 * Source: pilot/pkg/model/push_context.go (setDestinationRules).
 */
import type { Kinds, Labels } from "../../kubernetes/objects.ts";
import { resolveHost } from "../hosts.ts";
import { createdAt } from "./age.ts";
import { revisionOf } from "./revision.ts";
import type { LookupSettings } from "./mesh.ts";

/** Where a rule reaches, whatever it sets. */
export interface RuleReach {
  readonly namespace: string;
  /** Resolved: a short host is that Service of the rule's own namespace. */
  readonly host: string;
  /** Each once; `["."]` with a selector. */
  readonly exportTo: readonly string[];
  /** It is in the table of its own namespace. */
  readonly isOwn: boolean;
  /** It is in no table that others read. */
  readonly isPrivate: boolean;
  /** Undefined without a selector; an empty one selects all proxies of the namespace. */
  readonly selector: Labels | undefined;
}

export type RuleSpec = NonNullable<Kinds["DestinationRule"]["spec"]>;
export type Subset = NonNullable<RuleSpec["subsets"]>[number];
export type TrafficPolicy = NonNullable<RuleSpec["trafficPolicy"]>;

export interface LookupRule extends RuleReach {
  readonly name: string;
  /** Seconds since 1970; 0 where unknown; Infinity for one that is only about to be created. */
  readonly createdAt: number;
  /** The label istio.io/rev; undefined: for all revisions. */
  readonly revision: string | undefined;
  readonly subsets: readonly Subset[];
  readonly trafficPolicy: TrafficPolicy | undefined;
}

export type ReachSettings = Pick<LookupSettings, "clusterDomain" | "defaultDestinationRuleExportTo" | "era">;

export function reachOf(namespace: string, spec: RuleSpec, settings: ReachSettings): RuleReach {
  const { clusterDomain, era } = settings;
  const selector = era.hasSelectors && spec.workloadSelector ? spec.workloadSelector : undefined;
  // A selector, even an empty one, makes a rule private, whatever exportTo says.
  const exportTo = selector ? ["."] : [...new Set(spec.exportTo)];
  return {
    namespace,
    host: resolveHost(spec.host ?? "", namespace, clusterDomain),
    exportTo,
    isOwn: exportTo.length === 0 || ["*", ".", namespace].some((one) => exportTo.includes(one)),
    isPrivate: isPrivate(namespace, exportTo, settings),
    selector: selector && (selector.matchLabels ?? {}),
  };
}

function isPrivate(
  namespace: string,
  exportTo: readonly string[],
  { defaultDestinationRuleExportTo, era }: ReachSettings,
): boolean {
  if (exportTo.length === 0) return defaultDestinationRuleExportTo.includes(".");
  if (era.ownNameIsPrivate && exportTo.includes(namespace)) return true;
  if (exportTo.length > 1) return false;
  return exportTo[0] === "." || (era.hasSelectors && exportTo[0] === namespace);
}

/** `age`: of a rule that is about to be created, which has no creationTimestamp yet, `Infinity`. */
export function lookupRule(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { metadata, spec = {} }: Kinds["DestinationRule"],
  settings: ReachSettings,
  age: number = createdAt(metadata),
): LookupRule {
  return {
    ...reachOf(namespace, spec, settings),
    name,
    createdAt: age,
    revision: revisionOf(metadata),
    subsets: spec.subsets ?? [],
    trafficPolicy: spec.trafficPolicy,
  };
}
