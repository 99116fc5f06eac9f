/** The routes of VirtualServices that lead to subsets, which only a DestinationRule can define. */
import type { FieldPath } from "../../kubernetes/field-path.ts";
import type { Kinds } from "../../kubernetes/objects.ts";
import { resolveHost } from "../hosts.ts";
import type { LookupSettings } from "./mesh.ts";
import { isVisibleTo } from "./visibility.ts";

type VirtualService = Kinds["VirtualService"];
type Spec = NonNullable<VirtualService["spec"]>;
type Destination = NonNullable<NonNullable<Spec["http"]>[number]["mirror"]>;

export interface SubsetRoute {
  /** Of the VirtualService. */
  readonly namespace: string;
  readonly name: string;
  /** As written; empty: the mesh's default. */
  readonly exportTo: readonly string[];
  /** As written, `mesh` for sidecars; empty for one that others delegate to, and whose clients are theirs. */
  readonly gateways: readonly string[];
  /** Resolved, as a DestinationRule's host is. */
  readonly host: string;
  readonly subset: string;
  /** The only namespaces whose clients take this route; undefined: all. */
  readonly sourceNamespaces: readonly string[] | undefined;
  /** Of the subset. */
  readonly field: FieldPath;
}

/** The gateway that stands for all sidecars. */
export const MESH_GATEWAY = "mesh";

export function subsetRoutesOf(
  { spec = {} }: VirtualService,
  { namespace, name }: Pick<SubsetRoute, "namespace" | "name">,
  clusterDomain: string,
): readonly SubsetRoute[] {
  const { exportTo = [], hosts = [], gateways = [] } = spec;
  const named = gateways.length > 0 ? gateways : [MESH_GATEWAY];
  return [...destinationsIn(spec)].flatMap(({ destination, field, sourceNamespaces }) => {
    const { host = "", subset = "" } = destination;
    if (host === "" || subset === "") return [];
    const resolved = resolveHost(host, namespace, clusterDomain);
    const where = { field: [...field, "subset"], gateways: hosts.length > 0 ? named : [], sourceNamespaces };
    return { namespace, name, exportTo, host: resolved, subset, ...where };
  });
}

/** Whether the route is there for clients of the namespace. */
export function isRouteOf(
  { namespace, exportTo, sourceNamespaces }: SubsetRoute,
  clientNamespace: string,
  { defaultVirtualServiceExportTo }: Pick<LookupSettings, "defaultVirtualServiceExportTo">,
): boolean {
  const defaults = { defaultServiceExportTo: defaultVirtualServiceExportTo };
  return (
    isVisibleTo({ namespace, exportTo }, clientNamespace, defaults) &&
    (sourceNamespaces?.includes(clientNamespace) ?? true)
  );
}

interface PlacedDestination {
  readonly destination: Destination;
  readonly field: FieldPath;
  readonly sourceNamespaces: readonly string[] | undefined;
}

function* destinationsIn({ http = [], tcp = [], tls = [] }: Spec): Iterable<PlacedDestination> {
  for (const [index, { match = [], route = [], mirror, mirrors = [] }] of http.entries()) {
    const place: FieldPath = ["spec", "http", index];
    const sourceNamespaces = namespacesIn(match);
    yield* inList(route, [...place, "route"], sourceNamespaces);
    yield* inList(mirrors, [...place, "mirrors"], sourceNamespaces);
    if (mirror) yield { destination: mirror, field: [...place, "mirror"], sourceNamespaces };
  }
  for (const [protocol, routes] of [["tcp", tcp] as const, ["tls", tls] as const]) {
    for (const [index, { match = [], route = [] }] of routes.entries()) {
      yield* inList(route, ["spec", protocol, index, "route"], namespacesIn(match));
    }
  }
}

function* inList(
  list: readonly { readonly destination?: Destination }[],
  place: FieldPath,
  sourceNamespaces: readonly string[] | undefined,
): Iterable<PlacedDestination> {
  for (const [index, { destination = {} }] of list.entries()) {
    yield { destination, field: [...place, index, "destination"], sourceNamespaces };
  }
}

/** The route is for others as well as soon as one of its alternatives names no namespace. */
function namespacesIn(
  match: readonly { readonly sourceNamespace?: string }[],
): readonly string[] | undefined {
  const named = match.map(({ sourceNamespace = "" }) => sourceNamespace);
  return named.length === 0 || named.includes("") ? undefined : named;
}
