/** Which PeerAuthentication decides whether a port of a Pod takes plain text. */
import type { Kinds, Labels } from "../kubernetes/objects.ts";
import { matchesLabels } from "../kubernetes/selectors.ts";

type PeerAuthentication = Kinds["PeerAuthentication"];

/**
 * The policy that makes mTLS STRICT on a port, or undefined if none does. `own` are those of the Pod's namespace,
 * `root` those of the mesh's root namespace (pilot/pkg/security/authn: ComposePeerAuthentication).
 */
export function findStrictPolicy(
  port: number,
  labels: Labels,
  own: readonly PeerAuthentication[],
  root: readonly PeerAuthentication[],
): PeerAuthentication | undefined {
  const levels = [
    oldest(own.filter((policy) => hasSelector(policy) && matchesLabels(selectorOf(policy), labels))),
    oldest(own.filter((policy) => !hasSelector(policy))),
    oldest(root.filter((policy) => !hasSelector(policy))),
  ];
  for (const policy of levels) {
    const mode = policy ? modeOf(policy, port) : UNSET;
    if (mode !== UNSET) return mode === "STRICT" ? policy : undefined;
  }
  return undefined;
}

/** Inherits from the level above. */
const UNSET = "UNSET";

/** Only a policy with a selector may set the mode of a port. */
function modeOf(policy: PeerAuthentication, port: number): string {
  const ports = hasSelector(policy) ? (policy.spec?.portLevelMtls ?? {}) : {};
  const key = String(port);
  const portMode = Object.hasOwn(ports, key) ? (ports[key]?.mode ?? UNSET) : UNSET;
  return portMode === UNSET ? (policy.spec?.mtls?.mode ?? UNSET) : portMode;
}

function selectorOf({ spec }: PeerAuthentication): Labels {
  return spec?.selector?.matchLabels ?? {};
}

function hasSelector(policy: PeerAuthentication): boolean {
  return Object.keys(selectorOf(policy)).length > 0;
}

/** Of two equally old ones the first by name. */
function oldest(policies: readonly PeerAuthentication[]): PeerAuthentication | undefined {
  const [first] = policies.toSorted((one, other) => compare(ageKey(one), ageKey(other)));
  return first;
}

/** Times in Kubernetes sort as text; one without is equally old as all others without, and older than none. */
function ageKey({ metadata }: PeerAuthentication): string {
  return `${metadata?.creationTimestamp ?? ""} ${metadata?.name ?? ""}`;
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
