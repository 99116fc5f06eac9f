/** What becomes of connections to two hostnames of which a sidecar knows nothing but the same port. */
import { isTrue } from "../drain/drain.ts";
import { holds } from "../gates.ts";
import type { ClaimedHost, PortClaim } from "./claims.ts";
import type { ProxySettings } from "../proxy-config.ts";
import type { Versions } from "../versions.ts";

/** Who gives hosts without an address one of their own, which their sidecar then answers DNS queries with. */
type Allocation = "none" | "agent" | "controller";

export function allocationOf({ proxyMetadata }: ProxySettings, versions: Versions): Allocation {
  if (!isTrue(proxyMetadata["ISTIO_META_DNS_CAPTURE"])) return "none";
  if (holds("addressesAllocatedByController", versions) ?? true) return "controller";
  return isTrue(proxyMetadata["ISTIO_META_DNS_AUTO_ALLOCATE"]) ? "agent" : "none";
}

/** Without the hosts that get an address; undefined if none is left. */
export function withoutAllocated(claim: PortClaim, allocation: Allocation): PortClaim | undefined {
  if (allocation === "none") return claim;
  const hosts = claim.hosts.filter(({ isAllocatable, isAllocatableByController }) =>
    allocation === "agent" ? !isAllocatable : !isAllocatableByController,
  );
  return hosts.length === 0 ? undefined : { ...claim, hosts };
}

/**
 * `misrouted`: connections for one go to the other. `counted`: they go where they should, under the other's name and by its
 * DestinationRule. Undefined: they are of the same object or hostname, or go to the same place.
 */
export type Mixture = "misrouted" | "counted" | undefined;

/** The listener is the older one's: the other's, unless it is known to be younger. `isReached`: by a listener with an address. */
export function mixtureOf(
  [one, oneHost]: readonly [PortClaim, ClaimedHost],
  [other, otherHost]: readonly [PortClaim, ClaimedHost],
  isReached: (host: ClaimedHost) => boolean,
): Mixture {
  if (oneHost.destination === otherHost.destination) return undefined;
  const [winner, lost] = one.createdAt < other.createdAt ? [one, otherHost] : [other, oneHost];
  if (isReached(lost)) return undefined;
  return winner.isPassthrough ? "counted" : "misrouted";
}

/**
 * Not with a hostname in common, which makes them one service to Istio, or lets one hide the other; nor with the same
 * destinations only.
 */
export function isApart(one: PortClaim, other: PortClaim): boolean {
  return (
    !other.hosts.some(({ hostname }) => one.hosts.some((host) => host.hostname === hostname)) &&
    other.hosts.some(({ destination }) => one.hosts.some((host) => host.destination !== destination))
  );
}

/** The same for every pair, whichever of the two is asked about: by age, namespace, name and kind. */
export function compareClaims(one: PortClaim, other: PortClaim): number {
  if (one.createdAt !== other.createdAt) return one.createdAt < other.createdAt ? -1 : 1;
  return (
    compare(one.namespace, other.namespace) || compare(one.name, other.name) || compare(one.kind, other.kind)
  );
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
