/**
 * Which hostnames a proxy knows, and whose they are. Sources: pilot/pkg/model/sidecar.go (convertIstioListenerToWrapper,
 * collectImportedServices, selectServices, appendSidecarServices), push_context.go (doGetSidecarScope).
 */
import { matchesLabels } from "../../kubernetes/selectors.ts";
import { coversHost, hostsOverlap } from "../hosts.ts";
import { compareAge } from "./age.ts";
import { parseEgressHosts } from "./egress.ts";
import type { EgressHosts } from "./egress.ts";
import type { EgressListener, LookupMesh, LookupSidecar, LookupVirtualService, MeshHost } from "./mesh.ts";
import type { LookupQuery } from "./query.ts";
import { isPublic, isVisiblePastNone, isVisibleTo } from "./visibility.ts";

const EVERYTHING: readonly EgressListener[] = [{ hosts: ["*/*"], port: undefined }];

/** The owner that this client takes for the hostname; undefined if the client does not know the hostname. */
export function ownerFor(query: LookupQuery, mesh: LookupMesh): MeshHost | undefined {
  const owners = mesh.owners(query.host);
  if (owners.length === 0) return undefined;
  if (query.proxy !== "sidecar") return firstOf(visibleOwners(owners, query.clientNamespace, mesh));
  const [only, ...others] = owners;
  const egress = egressOf(query, mesh);
  // The usual case, without the detours: no Sidecar, one owner, and everybody sees it.
  if (egress === EVERYTHING && only && others.length === 0 && isPublic(only, mesh.settings)) return only;
  return ownerIn(egress, owners, query, mesh);
}

/** The Sidecar that decides what this client knows; undefined: it knows everything that is exported to it. */
export function sidecarFor(
  { clientNamespace, clientLabels, proxy }: LookupQuery,
  mesh: LookupMesh,
): LookupSidecar | undefined {
  if (proxy !== "sidecar") return undefined;
  const own = inOrder(mesh.sidecars(clientNamespace)).find(
    ({ selector }) => selector === undefined || matchesLabels(selector, clientLabels),
  );
  const root = mesh.sidecars(mesh.settings.rootNamespace).filter(({ selector }) => selector === undefined);
  return own ?? inOrder(root)[0];
}

function inOrder(sidecars: readonly LookupSidecar[]): readonly LookupSidecar[] {
  if (sidecars.length < 2) return sidecars;
  return sidecars.toSorted(
    (one, other) =>
      Number(one.selector === undefined) - Number(other.selector === undefined) || compareAge(one, other),
  );
}

function egressOf(query: LookupQuery, mesh: LookupMesh): readonly EgressListener[] {
  const egress = sidecarFor(query, mesh)?.egress ?? [];
  return egress.length === 0 ? EVERYTHING : egress;
}

function ownerIn(
  egress: readonly EgressListener[],
  owners: readonly MeshHost[],
  query: LookupQuery,
  mesh: LookupMesh,
): MeshHost | undefined {
  const visible = visibleOwners(owners, query.clientNamespace, mesh);
  const virtualServices = mesh.virtualServicesTo(query.host);
  let owner: MeshHost | undefined;
  for (const { hosts, port } of egress) {
    const imported = parseEgressHosts(hosts, query.clientNamespace, mesh.settings.era);
    const candidates = imported.isExact ? exactCandidates(owners, query, mesh) : visible;
    const selected = candidates.filter((one) => imports(imported, one) && hasPort(one, port));
    owner = firstOf(inOneNamespace(selected, query.clientNamespace, mesh), owner);
    const routed = virtualServices.some((one) => isImported(one, imported, query.clientNamespace, mesh))
      ? destinationOwner(virtualServices, imported, owners, port, query, mesh)
      : undefined;
    owner = firstOf(routed ? [routed] : [], owner);
  }
  return owner;
}

/** Those that are exported to the client's namespace by name or privately before public ones, each from the oldest. */
function visibleOwners(
  owners: readonly MeshHost[],
  clientNamespace: string,
  { settings }: LookupMesh,
): readonly MeshHost[] {
  return owners
    .filter((owner) => isVisibleTo(owner, clientNamespace, settings))
    .toSorted(
      (one, other) =>
        Number(isPublic(one, settings)) - Number(isPublic(other, settings)) || compareOwners(one, other),
    );
}

/** A ServiceEntry's service is named as its host. */
function compareOwners(one: MeshHost, other: MeshHost): number {
  const named = (owner: MeshHost) => (owner.kind === "Service" ? owner : { ...owner, name: owner.hostname });
  return compareAge(named(one), named(other)) || compareAge(one, other);
}

/** The first, unless a Kubernetes Service comes after something else: nobody can take a Service's name from it. */
function firstOf(owners: readonly MeshHost[], before?: MeshHost): MeshHost | undefined {
  let first = before;
  for (const owner of owners) {
    if (!first || (first.kind !== "Service" && owner.kind === "Service")) first = owner;
  }
  return first;
}

/** Only the owners of one namespace: the client's own, else a Kubernetes Service's, else the first's. */
function inOneNamespace(
  owners: readonly MeshHost[],
  clientNamespace: string,
  { settings: { era } }: LookupMesh,
): readonly MeshHost[] {
  const own = owners.filter(({ namespace }) => namespace === clientNamespace);
  if (own.length > 0) return own;
  const chosen = era.prefersKubernetesServices ? firstOf(owners) : owners[0];
  return owners.filter(({ namespace }) => namespace === chosen?.namespace);
}

/** Where a Sidecar names all its hosts exactly, Istio takes one owner of each namespace, and reads past a `~`. */
function exactCandidates(
  owners: readonly MeshHost[],
  { clientNamespace }: LookupQuery,
  { settings }: LookupMesh,
): readonly MeshHost[] {
  return oneOfEachNamespace(owners)
    .filter((owner) => isVisiblePastNone(owner, clientNamespace, settings))
    .toSorted(compareOwners);
}

function oneOfEachNamespace(owners: readonly MeshHost[]): readonly MeshHost[] {
  const groups = Map.groupBy(owners.toSorted(compareOwners), ({ namespace }) => namespace);
  return [...groups.values()].flatMap((group) => firstOf(group) ?? []);
}

function imports({ byNamespace }: EgressHosts, { hostname, namespace }: MeshHost): boolean {
  const scopes = [byNamespace.get(namespace), byNamespace.get("*")];
  if (scopes.some((scope) => scope?.excluded.some((host) => coversHost(host, hostname)))) return false;
  return scopes.some((scope) => scope?.hosts.some((host) => coversHost(host, hostname)));
}

function hasPort({ ports }: MeshHost, port: number | undefined): boolean {
  return port === undefined || ports.includes(port);
}

/** Whether the VirtualService counts for a listener with these hosts. */
function isImported(
  { namespace, hosts, exportTo }: LookupVirtualService,
  { byNamespace }: EgressHosts,
  clientNamespace: string,
  { settings }: LookupMesh,
): boolean {
  const exported = exportTo.length > 0 ? exportTo : settings.defaultVirtualServiceExportTo;
  if (!isVisibleTo({ namespace, exportTo: exported }, clientNamespace, { defaultServiceExportTo: [] })) {
    return false;
  }
  const scopes = [byNamespace.get(namespace), byNamespace.get("*")];
  const isExcluded = (host: string) =>
    scopes.some((scope) => scope?.excluded.some((one) => coversHost(one, host)));
  return hosts.some(
    (host) =>
      !isExcluded(host) && scopes.some((scope) => scope?.hosts.some((one) => hostsOverlap(one, host))),
  );
}

/** Whom a route to this host leads to: the client's own namespace's, else the best that it sees. */
function destinationOwner(
  virtualServices: readonly LookupVirtualService[],
  imported: EgressHosts,
  owners: readonly MeshHost[],
  listenerPort: number | undefined,
  { clientNamespace, host }: LookupQuery,
  mesh: LookupMesh,
): MeshHost | undefined {
  const candidates = oneOfEachNamespace(owners);
  const owner =
    candidates.find(({ namespace }) => namespace === clientNamespace) ??
    firstOf(candidates.filter((one) => isVisiblePastNone(one, clientNamespace, mesh.settings)));
  if (!owner) return undefined;
  const leadsThere = (one: LookupVirtualService) => {
    if (!isImported(one, imported, clientNamespace, mesh)) return false;
    const destinations = one.destinations.filter(
      (destination) =>
        destination.host === host && (destination.sourceNamespaces?.includes(clientNamespace) ?? true),
    );
    if (destinations.length === 0) return false;
    if (listenerPort !== undefined) return hasPort(owner, listenerPort);
    return destinations.some(({ port }) => hasPort(owner, port));
  };
  return virtualServices.some(leadsThere) ? owner : undefined;
}
