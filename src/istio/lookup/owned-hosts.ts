/** The hostnames of a Service or a ServiceEntry, as their owner. */
import type { Kinds } from "../../kubernetes/objects.ts";
import { serviceHostname } from "../hosts.ts";
import { createdAt } from "./age.ts";
import type { MeshHost } from "./mesh.ts";
import { revisionOf } from "./revision.ts";
import { exportOf } from "./visibility.ts";

export function hostOfService(
  { metadata, spec = {} }: Kinds["Service"],
  namespace: string,
  name: string,
  clusterDomain: string,
): MeshHost {
  return {
    hostname: serviceHostname(name, namespace, clusterDomain),
    kind: "Service",
    namespace,
    name,
    exportTo: exportOf(metadata),
    isExternalName: spec.type === "ExternalName",
    ports: (spec.ports ?? []).flatMap(({ port }) => port ?? []),
    createdAt: createdAt(metadata),
    revision: undefined,
  };
}

export function hostsOfServiceEntry(
  { metadata, spec = {} }: Kinds["ServiceEntry"],
  namespace: string,
  name: string,
): readonly MeshHost[] {
  const owner = {
    kind: "ServiceEntry",
    namespace,
    name,
    exportTo: spec.exportTo ?? [],
    isExternalName: false,
    ports: (spec.ports ?? []).flatMap(({ number }) => number ?? []),
    createdAt: createdAt(metadata),
    revision: revisionOf(metadata),
  } as const;
  const hostnames = new Set((spec.hosts ?? []).filter((host) => host !== ""));
  return [...hostnames].map((hostname) => ({ ...owner, hostname }));
}
