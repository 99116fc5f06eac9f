/** The hosts of a Sidecar's egress listener: `namespace/host`. Source: pilot/pkg/model/sidecar.go. */
import { isWildcard } from "../hosts.ts";
import type { LookupEra } from "./era.ts";

interface ImportedHosts {
  readonly hosts: string[];
  readonly excluded: string[];
}

export interface EgressHosts {
  /** Under "*" what is imported from every namespace. */
  readonly byNamespace: ReadonlyMap<string, ImportedHosts>;
  /** No wildcard anywhere. */
  readonly isExact: boolean;
}

/** `./` is the client's namespace; since 1.31 `~ns/` takes hosts away, and `~/` from all namespaces. */
export function parseEgressHosts(
  written: readonly string[],
  clientNamespace: string,
  { hasSidecarExclusions }: LookupEra,
): EgressHosts {
  const byNamespace = new Map<string, ImportedHosts>();
  let isExact = hasSidecarExclusions;
  for (const text of written) {
    const [place = "", host, ...rest] = text.split("/");
    if (host === undefined || rest.length > 0) continue;
    const isExclusion = hasSidecarExclusions && place.startsWith("~");
    const named = isExclusion ? place.slice(1) || "*" : place;
    const namespace = named === "." ? clientNamespace : named;
    const scope = byNamespace.get(namespace) ?? { hosts: [], excluded: [] };
    byNamespace.set(namespace, scope);
    if (isExclusion) scope.excluded.push(host);
    else {
      scope.hosts.push(host);
      isExact &&= !isWildcard(host) && namespace !== "*";
    }
  }
  return { byNamespace, isExact };
}
