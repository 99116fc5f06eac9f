/** Which control plane an object is for. Source: pkg/config/model.go (LabelsInRevision). */
import type { Metadata } from "../../kubernetes/objects.ts";

const REVISION = "istio.io/rev";

/** Undefined: for all. A tag is no revision here. */
export function revisionOf(metadata: Metadata | undefined): string | undefined {
  return metadata?.labels?.[REVISION];
}

/** `servedBy`: the control plane's revision, "" for the default one, which the label calls `default`. */
export function isInRevision(revision: string | undefined, servedBy: string): boolean {
  return revision === undefined || revision === (servedBy || "default");
}
