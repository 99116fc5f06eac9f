/** What of the lookup differs between versions of Istio, from 1.8 on. */
import { holds } from "../gates.ts";
import type { GateName } from "../gates.ts";
import type { Versions } from "../versions.ts";

export interface LookupEra {
  /** workloadSelector is read, and the rule's own namespace alone in exportTo makes it private. */
  readonly hasSelectors: boolean;
  /** The rule's own namespace anywhere in exportTo makes it private. */
  readonly ownNameIsPrivate: boolean;
  readonly selectorsSortFirst: boolean;
  readonly mergesByExportTo: boolean;
  /** Else the oldest of the root namespace's private wildcards wins, not the longest. */
  readonly sortsRootPrivate: boolean;
  readonly hasAliases: boolean;
  /** One scope for clients with and without a Sidecar: of several owners of a host their own, then a Kubernetes Service's. */
  readonly hasUnifiedScopes: boolean;
  /** A VirtualService's destination with several owners is the best one's, not the alphabetically first namespace's. */
  readonly picksBestDestination: boolean;
  readonly hasSidecarExclusions: boolean;
  readonly hasServiceEntryVisibility: boolean;
}

/** Every version fact on which the lookup depends. */
export const LOOKUP_GATES = [
  "bestDestinationIsPicked",
  "destinationRuleExportsMatter",
  "destinationRuleOwnNameAmongOthersIsPrivate",
  "destinationRuleSelectors",
  "destinationRuleSelectorsSortFirst",
  "externalNameIsAlias",
  "rootPrivateHostsAreSorted",
  "serviceEntryVisibility",
  "sidecarExclusions",
  "unifiedSidecarScopes",
] as const satisfies readonly GateName[];

/** An unknown version is the newest. */
export function lookupEra(versions: Versions): LookupEra {
  const since = (gate: (typeof LOOKUP_GATES)[number]) => holds(gate, versions) ?? true;
  return {
    hasSelectors: since("destinationRuleSelectors"),
    ownNameIsPrivate: holds("destinationRuleOwnNameAmongOthersIsPrivate", versions) ?? false,
    selectorsSortFirst: since("destinationRuleSelectorsSortFirst"),
    mergesByExportTo: since("destinationRuleExportsMatter"),
    sortsRootPrivate: since("rootPrivateHostsAreSorted"),
    hasAliases: since("externalNameIsAlias"),
    hasUnifiedScopes: since("unifiedSidecarScopes"),
    picksBestDestination: since("bestDestinationIsPicked"),
    hasSidecarExclusions: since("sidecarExclusions"),
    hasServiceEntryVisibility: since("serviceEntryVisibility"),
  };
}
