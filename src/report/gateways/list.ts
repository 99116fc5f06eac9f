/** What `foresail gateways` shows, before it is text or JSON. */
import type { GatewayFacts } from "../../istio/gateway-facts.ts";
import type { GatewayKind } from "../../kubernetes/gateway-kinds.ts";

export interface GatewayKindFacts {
  readonly kind: GatewayKind;
  /** Undefined where nobody knows. */
  readonly isServed: boolean | undefined;
  /** False if that was forbidden. */
  readonly isListed: boolean;
}

export interface ListedGateway extends GatewayFacts {
  readonly kind: GatewayKind;
  readonly namespace: string;
  readonly name: string;
}

export interface GatewayList {
  /** Of all if undefined. */
  readonly namespace: string | undefined;
  readonly kinds: readonly GatewayKindFacts[];
  /** By namespace, then name, then group. */
  readonly gateways: readonly ListedGateway[];
  /** How many there are in other namespaces, as far as that is known. */
  readonly elsewhere: number;
}
