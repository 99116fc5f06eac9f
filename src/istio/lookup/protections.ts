/** The settings of a DestinationRule that a client must not lose unnoticed: without them it fails or is unprotected. */
import type { MergedRule } from "./merge.ts";
import { settingsOf } from "./rule-settings.ts";

/** `tls`, `port 443 tls`, `outlierDetection`, and `subset v1` if it is used: names as in `settingsOf`. */
export function lostProtections(
  before: MergedRule | undefined,
  after: MergedRule | undefined,
  usedSubsets: ReadonlySet<string>,
): readonly string[] {
  const kept = new Set([...settingsOf(after).keys()].flatMap((name) => [name, withoutPort(name)]));
  return [...settingsOf(before)]
    .filter(([name, value]) => isProtection(name, value, usedSubsets))
    .map(([name]) => name)
    .filter((name) => !kept.has(name) && !kept.has(withoutPort(name)));
}

function isProtection(name: string, value: string, usedSubsets: ReadonlySet<string>): boolean {
  const subset = /^subset (\S+)$/.exec(name)?.[1];
  if (subset !== undefined) return usedSubsets.has(subset);
  const setting = withoutPort(name);
  return setting === "outlierDetection" || (setting === "tls" && !/\bmode: DISABLE\b/.test(value));
}

/** A setting of one port is there for the host, too, if not for all of it. */
function withoutPort(name: string): string {
  return name.replace(/^port \d+ /, "");
}
