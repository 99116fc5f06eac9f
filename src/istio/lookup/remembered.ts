/** The lookup for many clients: what cannot differ between them is computed once. */
import { lookUp } from "./lookup.ts";
import type { LookupAnswer } from "./lookup.ts";
import type { LookupMesh } from "./mesh.ts";
import type { LookupQuery } from "./query.ts";

/** What a client gets; the steps would name another client. */
export type LookupResult = Pick<LookupAnswer, "chosen" | "isAlias" | "isVisible" | "owner">;

/** For as long as the mesh stays as it is. */
export function rememberingLookUp(mesh: LookupMesh): (query: LookupQuery) => LookupResult {
  const distinct = new Map<string, ReadonlySet<string> | undefined>();
  const known = new Map<string, LookupResult>();
  return (query) => {
    const { clientNamespace, clientLabels, host, proxy } = query;
    const served = mesh.servedTo(clientNamespace, clientLabels);
    const place = `${served.revision} ${host}`;
    if (!distinct.has(place)) distinct.set(place, distinctNamespaces(host, served));
    const isDistinct =
      (distinct.get(place)?.has(clientNamespace) ?? true) || mesh.sidecars(clientNamespace).length > 0;
    if (isDistinct) return lookUp(query, mesh);
    const key = `${proxy} ${place}`;
    const answer = known.get(key) ?? lookUp(query, mesh);
    known.set(key, answer);
    return answer;
  };
}

/** Namespaces whose clients may get another answer than those of any other; undefined: all. Sidecars aside. */
function distinctNamespaces(host: string, mesh: LookupMesh): ReadonlySet<string> | undefined {
  const { rootNamespace, defaultServiceExportTo } = mesh.settings;
  // A Sidecar for all can name `./`, and VirtualServices widen it for those to whom they are exported.
  if (mesh.sidecars(rootNamespace).length > 0) return undefined;
  const owners = mesh.owners(host);
  const namespaces = new Set([rootNamespace, ...defaultServiceExportTo]);
  for (const { namespace, exportTo } of owners)
    for (const one of [namespace, ...exportTo]) namespaces.add(one);
  for (const { namespace, host: ruleHost } of mesh.rulesMeeting(host)) {
    namespaces.add(namespace);
    for (const { exportTo } of mesh.destinationRules(namespace, ruleHost)) {
      for (const one of exportTo) namespaces.add(one);
    }
  }
  return namespaces;
}
