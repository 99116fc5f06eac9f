/** Which ports of a Pod its Services send to. */
import type { Kinds, PodSpec } from "./objects.ts";

type ServicePort = NonNullable<NonNullable<Kinds["Service"]["spec"]>["ports"]>[number];

/** The TCP ports that the Services target, each with the first of them by name. */
export function targetPortsOf(
  services: readonly Kinds["Service"][],
  spec: PodSpec,
): ReadonlyMap<number, string> {
  const targets = new Map<number, string>();
  for (const { metadata, spec: service } of services) {
    for (const port of service?.ports ?? []) {
      const target = isTcp(port.protocol) ? resolve(port, spec) : undefined;
      if (target !== undefined && !targets.has(target)) targets.set(target, metadata?.name ?? "");
    }
  }
  return targets;
}

/** A name is looked for in all containers that keep running (k8s.io/kubernetes/pkg/api/v1/pod: FindPort). */
function resolve({ port, targetPort = port }: ServicePort, spec: PodSpec): number | undefined {
  if (typeof targetPort !== "string") return targetPort;
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...(spec.containers ?? []), ...sidecars]
    .flatMap(({ ports = [] }) => ports)
    .find(({ name, protocol }) => name === targetPort && isTcp(protocol))?.containerPort;
}

function isTcp(protocol: string | undefined): boolean {
  return (protocol ?? "TCP") === "TCP";
}
