/** What Istio's Gateways and those of the Gateway API have in common: where they listen, under which addresses, whether they work. */
import type { Kinds, Labels } from "../kubernetes/objects.ts";
import { matchesLabels } from "../kubernetes/selectors.ts";

interface GatewayListener {
  /** "" if it has none. */
  readonly name: string;
  /** As written, of Istio also `namespace/host`; none stands for all. */
  readonly hosts: readonly string[];
  readonly port: number | undefined;
  readonly protocol: string;
}

export interface GatewayFacts {
  /** Of the Gateway API; "" without one. */
  readonly className: string;
  readonly listeners: readonly GatewayListener[];
  readonly addresses: readonly string[];
  /** `namespace/name`, of Services before the Pods of Istio's Gateway. */
  readonly services: readonly string[];
  /** Istio does not say it of its own; undefined too while nobody has said it. */
  readonly isProgrammed: boolean | undefined;
  /** Why it is not; "" where nobody says. */
  readonly reason: string;
}

type KubernetesGateway = Kinds["AlphaKubernetesGateway" | "KubernetesGateway"];
export type NamedService = readonly [namespace: string, name: string, service: Kinds["Service"]];

export function factsOfKubernetesGateway({ spec = {}, status = {} }: KubernetesGateway): GatewayFacts {
  const conditions = status.conditions ?? [];
  // What tells that it works was called otherwise before Gateway API 0.6, and otherwise again in its first group.
  const condition = ["Programmed", "Ready", "Scheduled"]
    .map((wanted) => conditions.find(({ type }) => type === wanted))
    .find((found) => found !== undefined);
  return {
    className: spec.gatewayClassName ?? "",
    listeners: (spec.listeners ?? []).map(({ name: own = "", hostname = "", port, protocol = "" }) => ({
      name: own,
      hosts: hostname === "" ? [] : [hostname],
      port,
      protocol,
    })),
    addresses: unique((status.addresses ?? []).map(({ value = "" }) => value)),
    services: [],
    isProgrammed: truthOf(condition?.status),
    reason: condition?.status === "True" ? "" : (condition?.reason ?? ""),
  };
}

/** The addresses are those of LoadBalancer Services whose Pods are all of this Gateway. */
export function factsOfGateway(
  { spec = {} }: Kinds["Gateway"],
  services: readonly NamedService[],
): GatewayFacts {
  const before = services.filter(([, , service]) => leadsTo(service, spec.selector ?? {}));
  return {
    className: "",
    listeners: (spec.servers ?? []).map(({ name: own = "", hosts = [], port = {} }) => ({
      name: own || (port.name ?? ""),
      hosts,
      port: port.number,
      protocol: port.protocol ?? "",
    })),
    addresses: unique(before.flatMap(([, , { status = {} }]) => ingressOf(status))),
    services: before.map(([place, service]) => `${place}/${service}`).toSorted(),
    isProgrammed: undefined,
    reason: "",
  };
}

/** Every Pod that the Service selects has the Gateway's labels, too. Pods of other Services may have them as well. */
function leadsTo({ spec = {} }: Kinds["Service"], selector: Labels): boolean {
  return Object.keys(selector).length > 0 && matchesLabels(selector, spec.selector ?? {});
}

function ingressOf({ loadBalancer = {} }: NonNullable<Kinds["Service"]["status"]>): readonly string[] {
  return (loadBalancer.ingress ?? []).map(({ ip = "", hostname = "" }) => ip || hostname);
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].filter((text) => text !== "");
}

function truthOf(status: string | undefined): boolean | undefined {
  if (status === "True") return true;
  return status === "False" ? false : undefined;
}
