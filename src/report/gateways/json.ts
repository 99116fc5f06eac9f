/** Gateways for programs. Its shape is versioned: keys are only ever added within a version. */
import { KIND_FACTS } from "../../kubernetes/objects.ts";
import type { GatewayList, ListedGateway } from "./list.ts";

const VERSION = 1;

export function renderGatewaysJson({ namespace, kinds, gateways }: GatewayList): string {
  const json = {
    version: VERSION,
    namespace: namespace ?? null,
    kinds: kinds.map(({ kind, isServed, isListed }) => ({
      group: KIND_FACTS[kind].group,
      served: isServed ?? null,
      listed: isListed,
    })),
    gateways: gateways.map(gatewayJson),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

function gatewayJson(gateway: ListedGateway): object {
  const { kind, namespace, name, className, listeners, addresses, services } = gateway;
  return {
    group: KIND_FACTS[kind].group,
    namespace,
    name,
    class: className || null,
    hosts: [...new Set(listeners.flatMap(({ hosts }) => hosts))],
    listeners: listeners.map(({ name: own, hosts, port, protocol }) => ({
      name: own || null,
      hosts,
      port: port ?? null,
      protocol: protocol || null,
    })),
    addresses,
    services,
    programmed: gateway.isProgrammed ?? null,
    reason: gateway.reason || null,
  };
}
