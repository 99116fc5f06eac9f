/**
 * The destinations of VirtualServices, which a sidecar knows even where its Sidecar does not import them. Sources:
 * pilot/pkg/model/virtualservice.go (SelectVirtualServices), sidecar.go (collectImportedServices).
 */
import type { EgressHosts } from "./egress.ts";
import { mergedRoutes } from "./delegation.ts";
import type { LookupMesh, MeshHost } from "./mesh.ts";
import { firstOf, hasPort, oneOfEachNamespace } from "./owners.ts";
import type { LookupQuery } from "./query.ts";
import { destinationsOfRoute } from "./virtual-service.ts";
import type { Destination, HttpRoute, LookupVirtualService } from "./virtual-service.ts";
import { isVisiblePastNone, isVisibleTo } from "./visibility.ts";

export interface Listener {
  readonly imported: EgressHosts;
  readonly port: number | undefined;
}

/** To whom a route to the host leads, if a VirtualService that counts for the listener has one. */
export function destinationOwner(
  listener: Listener,
  owners: readonly MeshHost[],
  query: LookupQuery,
  mesh: LookupMesh,
): MeshHost | undefined {
  const routes = mesh.virtualServicesTo(query.host).filter((one) => counts(one, listener, query, mesh));
  const owner = routes.length === 0 ? undefined : pickOwner(owners, query, mesh);
  if (!owner) return undefined;
  const isReached = routes.some((one) => {
    const destinations = destinationsFor(query, one, mesh);
    return destinations.length > 0 && isReachedBy(destinations, owner, listener);
  });
  return isReached ? owner : undefined;
}

function counts(
  { namespace, revision, hosts, exportTo }: LookupVirtualService,
  { imported }: Listener,
  { clientNamespace }: LookupQuery,
  mesh: LookupMesh,
): boolean {
  const exported = exportTo.length > 0 ? exportTo : mesh.settings.defaultVirtualServiceExportTo;
  return (
    mesh.reads(namespace, revision) &&
    isVisibleTo({ namespace, exportTo: exported }, clientNamespace, { defaultServiceExportTo: [] }) &&
    hosts.some((host) => imported.importsRoutesOf(namespace, host))
  );
}

/** The client's own namespace's, exported or not; else the best that the client sees. */
function pickOwner(
  owners: readonly MeshHost[],
  { clientNamespace }: LookupQuery,
  { settings }: LookupMesh,
): MeshHost | undefined {
  const candidates = oneOfEachNamespace(owners);
  const own = candidates.find(({ namespace }) => namespace === clientNamespace);
  const visible = candidates.filter((one) => isVisiblePastNone(one, clientNamespace, settings));
  if (settings.era.picksBestDestination) return own ?? firstOf(visible);
  return own ?? visible.toSorted((one, other) => (one.namespace < other.namespace ? -1 : 1))[0];
}

/** Those that are this host, in routes that are for this client's namespace. */
function destinationsFor(
  { clientNamespace, host }: LookupQuery,
  virtualService: LookupVirtualService,
  mesh: LookupMesh,
): readonly Destination[] {
  const routed = mergedRoutes(virtualService, mesh)
    .filter((route) => isFor(clientNamespace, route))
    .flatMap(destinationsOfRoute);
  return [...routed, ...virtualService.destinations].filter((one) => one.host === host);
}

/** Once some match names a namespace, only the named ones take the route. */
function isFor(clientNamespace: string, { matches }: HttpRoute): boolean {
  const named = matches.flatMap(({ sourceNamespace = "" }) => sourceNamespace || []);
  return named.length === 0 || named.includes(clientNamespace);
}

/** A listener's port counts before the routes'. A service without ports lacks none of these. */
function isReachedBy(destinations: readonly Destination[], owner: MeshHost, { port }: Listener): boolean {
  if (port !== undefined) return hasPort(owner, port);
  return owner.ports.length === 0 || destinations.some((one) => hasPort(owner, one.port));
}
