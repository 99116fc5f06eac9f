/**
 * Which hostnames a proxy knows, and whose they are. Sources: pilot/pkg/model/sidecar.go (convertIstioListenerToWrapper,
 * collectImportedServices, selectServices, appendSidecarServices), push_context.go (doGetSidecarScope).
 */
import { matchesLabels } from "../../kubernetes/selectors.ts";
import { compareAge } from "./age.ts";
import { parseEgressHosts } from "./egress.ts";
import type { EgressHosts } from "./egress.ts";
import type { EgressListener, LookupMesh, LookupSidecar, MeshHost } from "./mesh.ts";
import { compareOwners, firstOf, hasPort, oneOfEachNamespace, visibleOwners } from "./owners.ts";
import type { LookupQuery } from "./query.ts";
import { destinationOwner } from "./routes.ts";
import { isPublic, isVisiblePastNone } from "./visibility.ts";

const EVERYTHING: readonly EgressListener[] = [{ hosts: ["*/*"], port: undefined }];

/** The owner that this client takes for the hostname; undefined if the client does not know the hostname. */
export function ownerFor(query: LookupQuery, mesh: LookupMesh): MeshHost | undefined {
  const owners = mesh.owners(query.host).filter(({ namespace, revision }) => mesh.reads(namespace, revision));
  const [only, ...others] = owners;
  if (!only) return undefined;
  const { settings } = mesh;
  const sidecar = sidecarFor(query, mesh);
  // The usual case, without the detours: one owner, and everybody sees it.
  if (!sidecar && others.length === 0 && isPublic(only, settings)) return only;
  if (query.proxy !== "sidecar" || (!sidecar && !settings.era.hasUnifiedScopes)) {
    return firstOf(visibleOwners(owners, query.clientNamespace, settings));
  }
  const egress = sidecar && sidecar.egress.length > 0 ? sidecar.egress : EVERYTHING;
  return ownerIn(egress, owners, query, mesh);
}

/** The Sidecar that decides what this client knows; undefined: it knows everything that is exported to it. */
export function sidecarFor(
  { clientNamespace, clientLabels, proxy }: LookupQuery,
  mesh: LookupMesh,
): LookupSidecar | undefined {
  if (proxy !== "sidecar") return undefined;
  const own = sidecarsOf(clientNamespace, mesh).find(
    ({ selector }) => selector === undefined || matchesLabels(selector, clientLabels),
  );
  return own ?? sidecarsOf(mesh.settings.rootNamespace, mesh).find(({ selector }) => selector === undefined);
}

/** Those with a selector before all others, each from the oldest. */
function sidecarsOf(namespace: string, mesh: LookupMesh): readonly LookupSidecar[] {
  const sidecars = mesh.sidecars(namespace);
  if (sidecars.length === 0) return sidecars;
  return sidecars
    .filter(({ revision }) => mesh.reads(namespace, revision))
    .toSorted(
      (one, other) =>
        Number(one.selector === undefined) - Number(other.selector === undefined) || compareAge(one, other),
    );
}

/** Listener after listener; what a route leads to counts after what the listener itself imports. */
function ownerIn(
  egress: readonly EgressListener[],
  owners: readonly MeshHost[],
  query: LookupQuery,
  mesh: LookupMesh,
): MeshHost | undefined {
  const { era } = mesh.settings;
  const later = (before: MeshHost | undefined, ...next: readonly MeshHost[]) =>
    era.hasUnifiedScopes ? firstOf(next, before) : (before ?? next[0]);
  let owner: MeshHost | undefined;
  for (const { hosts, port } of egress) {
    const imported = parseEgressHosts(hosts, query.clientNamespace, era);
    const selected = importedOwners(imported, owners, query, mesh).filter((one) => hasPort(one, port));
    owner = later(owner, ...inOneNamespace(selected, query.clientNamespace, mesh));
    // Nothing takes a Kubernetes Service's place.
    if (owner?.kind === "Service") continue;
    const routed = destinationOwner({ imported, port }, owners, query, mesh);
    if (routed) owner = later(owner, routed);
  }
  return owner;
}

/** Where a Sidecar names all its hosts exactly, Istio takes one owner of each namespace, and reads past a `~`. */
function importedOwners(
  imported: EgressHosts,
  owners: readonly MeshHost[],
  { clientNamespace }: LookupQuery,
  { settings }: LookupMesh,
): readonly MeshHost[] {
  const candidates = imported.isExact
    ? oneOfEachNamespace(owners)
        .filter((owner) => isVisiblePastNone(owner, clientNamespace, settings))
        .toSorted(compareOwners)
    : visibleOwners(owners, clientNamespace, settings);
  return candidates.filter(({ namespace, hostname }) => imported.imports(namespace, hostname));
}

/** Only the owners of one namespace: the client's own, else a Kubernetes Service's, else the first's. */
function inOneNamespace(
  owners: readonly MeshHost[],
  clientNamespace: string,
  { settings: { era } }: LookupMesh,
): readonly MeshHost[] {
  const own = owners.filter(({ namespace }) => namespace === clientNamespace);
  if (own.length > 0) return own;
  const chosen = era.hasUnifiedScopes ? firstOf(owners) : owners[0];
  return owners.filter(({ namespace }) => namespace === chosen?.namespace);
}
