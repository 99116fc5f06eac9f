/**
 * Which DestinationRule a proxy applies to a host: what it finds in its own namespace, else in the service's, else in the root
 * namespace. Sources: pilot/pkg/model/push_context.go (destinationRule), sidecar.go (SidecarScope.DestinationRule).
 */
import type { MergedRule } from "./merge.ts";
import type { LookupMesh, MeshHost } from "./mesh.ts";
import type { LookupQuery } from "./query.ts";
import { candidatesOf } from "./reasons.ts";
import type { Candidate } from "./reasons.ts";
import { ownerFor } from "./scope.ts";
import { chooseEntry, findAmong, rulesCovering } from "./tables.ts";
import type { LookupPlace } from "./tables.ts";

export interface LookupStepAnswer extends LookupPlace {
  /** `match` ends the lookup, even if no rule of that host selects the client. */
  readonly outcome: "match" | "none" | "skipped";
  /** Every rule of the namespace whose host covers the one asked for. */
  readonly candidates: readonly Candidate[];
}

export interface LookupAnswer {
  /** The client knows the host; if not, Istio looks for nothing. */
  readonly isVisible: boolean;
  /** Of several owners of the hostname the one that this client takes. */
  readonly owner: MeshHost | undefined;
  /** Istio builds no cluster for it, so that the rule applies to nothing: the target's own host counts. */
  readonly isAlias: boolean;
  readonly chosen: MergedRule | undefined;
  /** In the order of the lookup; without "service" where the host is not visible. */
  readonly steps: readonly LookupStepAnswer[];
}

export function lookUp(query: LookupQuery, cluster: LookupMesh): LookupAnswer {
  const mesh = cluster.servedTo(query.clientNamespace, query.clientLabels);
  const owner = ownerFor(query, mesh);
  const steps: LookupStepAnswer[] = [];
  let chosen: MergedRule | undefined;
  let skippedBecause = owner
    ? undefined
    : `no lookup: proxies in ${query.clientNamespace} do not know the host ${query.host}`;
  for (const place of placesOf(query, owner, mesh)) {
    const isSkipped = skippedBecause !== undefined;
    const covering = rulesCovering(place, query, mesh);
    const found = isSkipped ? undefined : findAmong(covering, place, query, mesh);
    const isMatch = found !== undefined && found.usable.length > 0;
    if (isMatch) chosen = chooseEntry(found.usable, query);
    const candidates = candidatesOf({ place, covering, found, chosen, skippedBecause }, query, mesh);
    const outcome = isSkipped ? "skipped" : isMatch ? "match" : "none";
    steps.push({ ...place, outcome, candidates });
    if (isMatch) skippedBecause = `step not reached: ${place.namespace} has a match`;
  }
  const isAlias = owner?.isExternalName === true && mesh.settings.era.hasAliases;
  return { isVisible: owner !== undefined, owner, isAlias, chosen, steps };
}

function placesOf(
  { clientNamespace }: LookupQuery,
  owner: MeshHost | undefined,
  { settings }: LookupMesh,
): readonly LookupPlace[] {
  const client: LookupPlace = { step: "client", namespace: clientNamespace };
  const root: LookupPlace = { step: "root", namespace: settings.rootNamespace };
  return owner ? [client, { step: "service", namespace: owner.namespace }, root] : [client, root];
}
