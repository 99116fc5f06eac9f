/**
 * The destinations of VirtualServices, which a sidecar knows even where its Sidecar does not import them. Sources:
 * pilot/pkg/model/virtualservice.go (SelectVirtualServices), sidecar.go (collectImportedServices).
 */
import type { EgressHosts } from "./egress.ts";
import type { LookupMesh, LookupVirtualService, MeshHost } from "./mesh.ts";
import { firstOf, hasPort, oneOfEachNamespace } from "./owners.ts";
import type { LookupQuery } from "./query.ts";
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
  return routes.some((one) => hasPortOfRoute(owner, one, listener, query)) ? owner : undefined;
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

/** Routes for clients of other namespaces lead nowhere; a listener's port counts before the route's. */
function hasPortOfRoute(
  owner: MeshHost,
  { destinations }: LookupVirtualService,
  { port }: Listener,
  { clientNamespace, host }: LookupQuery,
): boolean {
  return destinations.some(
    (destination) =>
      destination.host === host &&
      (destination.sourceNamespaces?.includes(clientNamespace) ?? true) &&
      hasPort(owner, port ?? destination.port),
  );
}
