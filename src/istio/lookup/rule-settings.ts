/** What a DestinationRule sets, one by one, so that it can be shown and compared. */
import { isObject } from "../../kubernetes/json.ts";
import type { MergedRule } from "./merge.ts";
import type { TrafficPolicy } from "./rule.ts";

/**
 * By name, in Istio's words: `subset v1`, `tls`, `subset v1 tls`, `port 80 tls`. The value is a line: a subset's labels,
 * or `mode: SIMPLE, sni: example.org`. Empty without a rule, and for one that sets nothing.
 */
export function settingsOf(rule: MergedRule | undefined): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const { name = "", labels = {}, trafficPolicy } of rule?.subsets ?? []) {
    if (name === "") continue;
    const pairs = Object.entries(labels).toSorted(byKey);
    settings.set(`subset ${name}`, pairs.map(([key, value]) => `${key}=${value}`).join(", "));
    addPolicy(settings, `subset ${name} `, trafficPolicy);
  }
  addPolicy(settings, "", rule?.trafficPolicy);
  return settings;
}

function addPolicy(settings: Map<string, string>, prefix: string, policy: TrafficPolicy | undefined): void {
  for (const [name, value] of Object.entries(policy ?? {}).toSorted(byKey)) {
    if (name === "portLevelSettings" && Array.isArray(value)) {
      for (const ofPort of value) addPort(settings, prefix, ofPort);
    } else settings.set(`${prefix}${name}`, inOneLine(value));
  }
}

function addPort(settings: Map<string, string>, prefix: string, ofPort: unknown): void {
  if (!isObject(ofPort)) return;
  const { port, ...policy } = ofPort;
  const number = isObject(port) ? port["number"] : undefined;
  addPolicy(settings, `${prefix}port ${String(number)} `, policy);
}

/** `tcp.maxConnections: 100, http.http2MaxRequests: 10` */
function inOneLine(value: unknown): string {
  if (!isObject(value)) return scalar(value);
  const parts = flatten(value, "").map(([path, one]) => (path === "" ? one : `${path}: ${one}`));
  return parts.length > 0 ? parts.join(", ") : "{}";
}

function flatten(value: unknown, path: string): (readonly [string, string])[] {
  if (!isObject(value) || Object.keys(value).length === 0) return path === "" ? [] : [[path, scalar(value)]];
  return Object.entries(value)
    .toSorted(byKey)
    .flatMap(([key, one]) => flatten(one, path === "" ? key : `${path}.${key}`));
}

function scalar(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function byKey([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}
/** What one rule sets and the other does not, or otherwise, by name. */
export interface SettingChanges {
  readonly gained: readonly Setting[];
  readonly lost: readonly Setting[];
  readonly changed: readonly { readonly name: string; readonly before: string; readonly after: string }[];
}

interface Setting {
  readonly name: string;
  readonly value: string;
}

export function compareSettings(
  before: MergedRule | undefined,
  after: MergedRule | undefined,
): SettingChanges {
  const [old, current] = [settingsOf(before), settingsOf(after)];
  const changed = [...old].flatMap(([name, value]) => {
    const other = current.get(name);
    return other === undefined || other === value ? [] : [{ name, before: value, after: other }];
  });
  return { gained: missingIn(old, current), lost: missingIn(current, old), changed };
}

function missingIn(
  settings: ReadonlyMap<string, string>,
  others: ReadonlyMap<string, string>,
): readonly Setting[] {
  return [...others].flatMap(([name, value]) => (settings.has(name) ? [] : [{ name, value }]));
}
