/** Who looks DestinationRules up, in words. */
import type { LookupQuery } from "../../istio/lookup/query.ts";
import type { Labels } from "../../kubernetes/objects.ts";

export const PROXIES = ["sidecar", "gateway", "waypoint"] as const satisfies readonly LookupQuery["proxy"][];

/** `a sidecar in shop with app=cart` */
export function clientInWords({ proxy, clientNamespace, clientLabels }: Omit<LookupQuery, "host">): string {
  const labels = labelsInWords(clientLabels);
  return `a ${proxy} in ${clientNamespace}${labels === "" ? "" : ` with ${labels}`}`;
}

/** `app=cart,version=v1`; empty without labels. */
export function labelsInWords(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
}
