/**
 * Several rules for one host in one table. Source: pilot/pkg/model/destination_rule.go (mergeDestinationRule) and, up to 1.23,
 * push_context.go.
 */
import type { Labels } from "../../kubernetes/objects.ts";
import { compareAge } from "./age.ts";
import type { LookupEra } from "./era.ts";
import type { LookupRule, Subset, TrafficPolicy } from "./rule.ts";

/** What Istio applies: one rule, or several of one host that it has made into one. */
export interface MergedRule {
  /** In the order in which they were merged. */
  readonly from: readonly LookupRule[];
  readonly exportTo: readonly string[];
  readonly selector: Labels | undefined;
  /** Of the same name only the first. */
  readonly subsets: readonly Subset[];
  /** Of the first rule that has one, whole. */
  readonly trafficPolicy: TrafficPolicy | undefined;
}

/** The entries of one host in one table, in Istio's order, from the rules in any order. */
export function mergeRules(rules: readonly LookupRule[], era: LookupEra): readonly MergedRule[] {
  const entries: Entry[] = [];
  const sorted = rules.length < 2 ? rules : rules.toSorted((one, other) => compareRules(one, other, era));
  for (const rule of sorted) {
    let isApart = true;
    for (const entry of entries) {
      const meeting = era.mergesByExportTo ? meet(entry, rule) : meetWhateverExport(entry, rule);
      if (meeting.isAbsorbed) absorb(entry, rule, era);
      isApart = meeting.isApart ?? isApart;
    }
    if (isApart) entries.push(entryOf(rule));
  }
  return entries;
}

/** Grows while rules are merged: there may be thousands of one host. */
interface Entry {
  readonly from: LookupRule[];
  exportTo: readonly string[];
  readonly selector: Labels | undefined;
  readonly subsets: Subset[];
  trafficPolicy: TrafficPolicy | undefined;
}

function entryOf(rule: LookupRule): Entry {
  const { exportTo, selector, subsets, trafficPolicy } = rule;
  return { from: [rule], exportTo, selector, subsets: [...subsets], trafficPolicy };
}

function compareRules(one: LookupRule, other: LookupRule, era: LookupEra): number {
  const [isFirst, isSecond] = [one.selector !== undefined, other.selector !== undefined];
  if (era.selectorsSortFirst && isFirst !== isSecond) return isFirst ? -1 : 1;
  return compareAge(one, other);
}

interface Meeting {
  /** The entry takes from the rule what it lacks. */
  readonly isAbsorbed: boolean;
  /** The last entry that says so decides whether the rule also becomes an entry of its own; undefined: leaves it as it was. */
  readonly isApart: boolean | undefined;
}

const PASSED_BY: Meeting = { isAbsorbed: false, isApart: true };

function meet(entry: Entry, rule: LookupRule): Meeting {
  const isWider = entry.exportTo.length > 0 && entry.exportTo.every((one) => rule.exportTo.includes(one));
  const isEqual = entry.exportTo.length === rule.exportTo.length && (isWider || rule.exportTo.length === 0);
  if (!isEqual && !isWider) return PASSED_BY;
  const selectors = compareSelectors(entry, rule);
  if (selectors === "differ") return PASSED_BY;
  return { isAbsorbed: true, isApart: selectors === "agree" ? false : !isEqual };
}

/** Up to 1.23. There an empty selector was also the same as an earlier rule's without one. */
function meetWhateverExport(entry: Entry, rule: LookupRule): Meeting {
  const isEmpty = rule.selector !== undefined && Object.keys(rule.selector).length === 0;
  const selectors = entry.selector === undefined && isEmpty ? "agree" : compareSelectors(entry, rule);
  if (selectors === "differ") return { isAbsorbed: false, isApart: undefined };
  return { isAbsorbed: true, isApart: selectors === "agree" ? false : undefined };
}

/** `"one"`: only one of them has a selector. */
function compareSelectors({ selector }: Entry, rule: LookupRule): "agree" | "differ" | "one" {
  if (selector === undefined || rule.selector === undefined)
    return selector === rule.selector ? "agree" : "one";
  return isSameLabels(selector, rule.selector) ? "agree" : "differ";
}

function isSameLabels(one: Labels, other: Labels): boolean {
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && one[key] === other[key])
  );
}

function absorb(entry: Entry, rule: LookupRule, era: LookupEra): void {
  entry.from.push(rule);
  if (!era.mergesByExportTo && entry.exportTo.length === 0) entry.exportTo = rule.exportTo;
  entry.trafficPolicy ??= rule.trafficPolicy;
  if (rule.subsets.length === 0) return;
  const names = new Set(entry.subsets.map(({ name = "" }) => name));
  entry.subsets.push(...rule.subsets.filter(({ name = "" }) => !names.has(name)));
}
