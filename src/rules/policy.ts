/** What the configuration says: about rules, for the engine; about the mesh, for the cluster's view. */
import type { Component } from "../istio/versions.ts";
import type { LabelSelector } from "../kubernetes/objects.ts";
import type { Action, OptionValue } from "./rule.ts";

export interface RulePolicy {
  readonly action: Action;
  /** Every option of the rule. */
  readonly options: Readonly<Record<string, OptionValue>>;
}

/** All criteria that are given must match; at least one is. */
export interface Exemption {
  readonly rules: readonly string[];
  readonly namespaces?: readonly string[];
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
  readonly reason: string;
  /** `YYYY-MM-DD`, UTC, the last day included. */
  readonly until?: string;
}

export interface Policy {
  /** By rule id; a rule that is not in it has its defaults. */
  readonly rules: ReadonlyMap<string, RulePolicy>;
  readonly exemptions: readonly Exemption[];
  /** Where the annotation foresail.io/exempt counts: everywhere, nowhere, or in these namespaces. */
  readonly exemptionAnnotations: boolean | readonly string[];
  /** What a review gets that is too large or took too long. */
  readonly onInternalError: "Allow" | "Deny";
  /** How messages speak of objects in other namespaces than the object under review. */
  readonly crossNamespaceDetails: "names" | "count" | "none";
  /** With `{rule}` in place of the id; empty: messages point to `foresail explain`. */
  readonly docsUrl: string;
  /** At most Warn, whatever a rule's action: the configuration at start could not be read. */
  readonly denyIsWeakened: boolean;
}

export interface MeshSettings {
  /** Undefined: as the mesh's own configuration says. */
  readonly rootNamespace: string | undefined;
  readonly istioNamespace: string;
  readonly clusterDomain: string;
  readonly multiCluster: boolean;
  readonly clientNamespaces: {
    readonly names: readonly string[];
    readonly selector: LabelSelector | undefined;
  };
  readonly assume: Readonly<Partial<Record<Component, string>>>;
}

export const DEFAULT_POLICY: Policy = {
  rules: new Map(),
  exemptions: [],
  exemptionAnnotations: true,
  onInternalError: "Allow",
  crossNamespaceDetails: "names",
  docsUrl: "",
  denyIsWeakened: false,
};

export const DEFAULT_MESH_SETTINGS: MeshSettings = {
  rootNamespace: undefined,
  istioNamespace: "istio-system",
  clusterDomain: "cluster.local",
  multiCluster: false,
  clientNamespaces: { names: [], selector: undefined },
  assume: {},
};
