/** The hosts of a Sidecar's egress listener: `namespace/host`. Source: pilot/pkg/model/sidecar.go. */
import { coversHost, hostsOverlap, isWildcard } from "../hosts.ts";
import type { LookupEra } from "./era.ts";

export interface EgressHosts {
  /** No wildcard anywhere. */
  readonly isExact: boolean;
  imports(namespace: string, hostname: string): boolean;
  /** Of a VirtualService for this host, which may be the wider of the two. */
  importsRoutesOf(namespace: string, host: string): boolean;
}

interface Scope {
  readonly hosts: string[];
  readonly excluded: string[];
}

/** `./` is the client's namespace; since 1.31 `~ns/` takes hosts away, and `~/` from all namespaces. */
export function parseEgressHosts(
  written: readonly string[],
  clientNamespace: string,
  { hasSidecarExclusions }: LookupEra,
): EgressHosts {
  const byNamespace = new Map<string, Scope>();
  let isExact = hasSidecarExclusions;
  for (const text of written) {
    const [place = "", host, ...rest] = text.split("/");
    if (host === undefined || rest.length > 0) continue;
    const isExclusion = hasSidecarExclusions && place.startsWith("~");
    const named = isExclusion ? place.slice(1) || "*" : place;
    const namespace = named === "." ? clientNamespace : named;
    const scope = byNamespace.get(namespace) ?? { hosts: [], excluded: [] };
    byNamespace.set(namespace, scope);
    (isExclusion ? scope.excluded : scope.hosts).push(host);
    if (!isExclusion && (isWildcard(host) || namespace === "*")) isExact = false;
  }
  const scopesOf = (namespace: string) =>
    [byNamespace.get(namespace), byNamespace.get("*")].flatMap((scope) => scope ?? []);
  const isExcluded = (scopes: readonly Scope[], host: string) =>
    scopes.some(({ excluded }) => excluded.some((one) => coversHost(one, host)));
  return {
    isExact,
    imports(namespace, hostname) {
      const scopes = scopesOf(namespace);
      return (
        !isExcluded(scopes, hostname) &&
        scopes.some(({ hosts }) => hosts.some((one) => coversHost(one, hostname)))
      );
    },
    importsRoutesOf(namespace, host) {
      const scopes = scopesOf(namespace);
      return (
        !isExcluded(scopes, host) && scopes.some(({ hosts }) => hosts.some((one) => hostsOverlap(one, host)))
      );
    },
  };
}
