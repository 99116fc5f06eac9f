/** The kinds that are all named Gateway. */
import type { Kind } from "./objects.ts";

export const GATEWAY_KINDS = [
  "AlphaKubernetesGateway",
  "Gateway",
  "KubernetesGateway",
] as const satisfies readonly Kind[];
export type GatewayKind = (typeof GATEWAY_KINDS)[number];
