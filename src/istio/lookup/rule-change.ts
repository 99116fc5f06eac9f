/** What a change of one DestinationRule means for the clients of the hosts that it shares with others. */
import type { Kinds } from "../../kubernetes/objects.ts";
import { coversHost, isWildcard } from "../hosts.ts";
import { withRule } from "./mesh.ts";
import type { LookupMesh } from "./mesh.ts";
import { lookupRule } from "./rule.ts";
import type { LookupRule } from "./rule.ts";

export interface RuleChange {
  /** Undefined if the rule is about to be created. */
  readonly old: LookupRule | undefined;
  /** Undefined if it is about to be deleted. */
  readonly current: LookupRule | undefined;
  readonly before: LookupMesh;
  readonly after: LookupMesh;
}

interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** `others` is the mesh without the rule. One that is about to be created is the youngest of all. */
export function changeOfRule(
  place: Place,
  { object, oldObject }: { object?: Kinds["DestinationRule"]; oldObject?: Kinds["DestinationRule"] },
  others: LookupMesh,
): RuleChange {
  const old = oldObject && lookupRule(place, oldObject, others.settings);
  const isNew = object?.metadata?.creationTimestamp === undefined;
  const current = object && lookupRule(place, object, others.settings, isNew ? Infinity : undefined);
  return {
    old,
    current,
    before: old ? withRule(others, old) : others,
    after: current ? withRule(others, current) : others,
  };
}

/**
 * The hostnames for which the change can make a difference, at most `limit`: all that the rule covered until now, and those at
 * which it meets other rules from now on.
 */
export function hostsOfChange({ old, current, before, after }: RuleChange, limit: number): readonly string[] {
  const hosts = new Set<string>();
  const all = function* () {
    if (old) yield* hostnamesOf(old.host, before);
    if (current) yield* contestedHosts(current, after);
  };
  for (const hostname of all()) {
    if (hosts.size >= limit) break;
    hosts.add(hostname);
  }
  return [...hosts].toSorted();
}

function hostnamesOf(host: string, mesh: LookupMesh): Iterable<string> {
  return isWildcard(host) ? mesh.hostnamesCoveredBy(host) : [host];
}

function* contestedHosts({ namespace, host }: LookupRule, mesh: LookupMesh): Iterable<string> {
  for (const other of mesh.rulesMeeting(host)) {
    const isOwn = other.namespace === namespace && other.host === host;
    if (isOwn && mesh.destinationRules(namespace, host).length === 1) continue;
    yield* hostnamesOf(coversHost(host, other.host) ? other.host : host, mesh);
  }
}
