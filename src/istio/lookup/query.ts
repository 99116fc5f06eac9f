import type { Labels } from "../../kubernetes/objects.ts";

/** One proxy asking for one host. */
export interface LookupQuery {
  /** Of the proxy itself: a gateway's is the namespace of its Pods, a waypoint's its own. */
  readonly clientNamespace: string;
  readonly clientLabels: Labels;
  readonly proxy: "sidecar" | "gateway" | "waypoint";
  readonly host: string;
}
