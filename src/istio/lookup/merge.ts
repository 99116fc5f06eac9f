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
  const [only, second] = rules;
  if (only && !second) return [entryOf(only, undefined)];
  const sorted = rules.toSorted((one, other) => compareRules(one, other, era));
  const entries = era.mergesByExportTo ? new ExportedEntries() : new AllEntries();
  for (const rule of sorted) entries.add(rule, keyOf(rule.selector));
  return entries.list;
}

function compareRules(one: LookupRule, other: LookupRule, era: LookupEra): number {
  const [isFirst, isSecond] = [one.selector !== undefined, other.selector !== undefined];
  if (era.selectorsSortFirst && isFirst !== isSecond) return isFirst ? -1 : 1;
  return compareAge(one, other);
}

/** The same for equal selectors. */
function keyOf(selector: Labels | undefined): string | undefined {
  if (selector === undefined) return undefined;
  return JSON.stringify(Object.entries(selector).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** Grows while rules are merged: there may be thousands of one host. */
interface Entry {
  readonly from: LookupRule[];
  exportTo: readonly string[];
  readonly selector: Labels | undefined;
  readonly selectorKey: string | undefined;
  readonly subsets: Subset[];
  readonly subsetNames: Set<string>;
  trafficPolicy: TrafficPolicy | undefined;
}

function entryOf(rule: LookupRule, selectorKey: string | undefined): Entry {
  const { exportTo, selector, subsets, trafficPolicy } = rule;
  return {
    from: [rule],
    exportTo,
    selector,
    selectorKey,
    subsets: [...subsets],
    subsetNames: new Set(subsets.map(({ name = "" }) => name)),
    trafficPolicy,
  };
}

/** The entry takes from the rule what it lacks. */
function absorb(entry: Entry, rule: LookupRule): void {
  entry.from.push(rule);
  entry.trafficPolicy ??= rule.trafficPolicy;
  if (rule.subsets.length === 0) return;
  entry.subsets.push(...rule.subsets.filter(({ name = "" }) => !entry.subsetNames.has(name)));
  for (const { name = "" } of rule.subsets) entry.subsetNames.add(name);
}

/** Since 1.24: rules meet where their exportTo agree. */
class ExportedEntries {
  readonly list: Entry[] = [];
  /** By the first of their exportTo: a rule meets no entry that names a namespace which it does not name itself. */
  readonly #byExport = new Map<string, EntriesBySelector>();

  add(rule: LookupRule, selectorKey: string | undefined): void {
    // What it is to the last entry decides whether the rule becomes an entry of its own.
    const last = this.list.at(-1);
    let isApart = true;
    for (const first of rule.exportTo.length > 0 ? rule.exportTo : [NO_EXPORT]) {
      for (const entry of this.#byExport.get(first)?.meeting(selectorKey) ?? []) {
        const meeting = meet(entry, rule, selectorKey);
        if (meeting !== "passed by") absorb(entry, rule);
        if (entry === last) isApart = meeting !== "joined";
      }
    }
    if (isApart) this.#append(entryOf(rule, selectorKey));
  }

  #append(entry: Entry): void {
    const [first = NO_EXPORT] = entry.exportTo;
    const others = this.#byExport.get(first) ?? new EntriesBySelector();
    others.append(entry);
    this.#byExport.set(first, others);
    this.list.push(entry);
  }
}

class EntriesBySelector {
  readonly #all: Entry[] = [];
  readonly #bySelector = new Map<string | undefined, Entry[]>();

  append(entry: Entry): void {
    this.#all.push(entry);
    const others = this.#bySelector.get(entry.selectorKey);
    if (others) others.push(entry);
    else this.#bySelector.set(entry.selectorKey, [entry]);
  }

  /** Two different selectors pass each other by. */
  meeting(selectorKey: string | undefined): readonly Entry[] {
    if (selectorKey === undefined) return this.#all;
    const [same = [], none = []] = [this.#bySelector.get(selectorKey), this.#bySelector.get(undefined)];
    return [...same, ...none];
  }
}

/** No namespace is called so, and no exportTo. */
const NO_EXPORT = " ";

/** Joined: it is no entry of its own; absorbed: it may be one as well. */
function meet(
  entry: Entry,
  rule: LookupRule,
  selectorKey: string | undefined,
): "absorbed" | "joined" | "passed by" {
  const isWider = entry.exportTo.every((one) => rule.exportTo.includes(one));
  const isEqual = isWider && entry.exportTo.length === rule.exportTo.length;
  if (!isWider || (entry.exportTo.length === 0 && !isEqual)) return "passed by";
  if (entry.selectorKey === selectorKey) return "joined";
  if (entry.selectorKey !== undefined && selectorKey !== undefined) return "passed by";
  return isEqual ? "joined" : "absorbed";
}

const EMPTY_SELECTOR = keyOf({});

/** Up to 1.23: whatever their exportTo. There an empty selector was also the same as an earlier rule's without one. */
class AllEntries {
  readonly list: Entry[] = [];

  add(rule: LookupRule, selectorKey: string | undefined): void {
    let isApart = true;
    for (const entry of this.list) {
      const isSame =
        entry.selectorKey === selectorKey ||
        (entry.selectorKey === undefined && selectorKey === EMPTY_SELECTOR);
      if (!isSame && entry.selectorKey !== undefined && selectorKey !== undefined) continue;
      if (isSame) isApart = false;
      absorb(entry, rule);
      if (entry.exportTo.length === 0) entry.exportTo = rule.exportTo;
    }
    if (isApart) this.list.push(entryOf(rule, selectorKey));
  }
}
