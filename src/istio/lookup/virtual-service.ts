/** VirtualServices, as far as they bring services into a Sidecar's scope: their hosts and where their routes lead. */
import type { Kinds } from "../../kubernetes/objects.ts";
import { resolveHost } from "../hosts.ts";
import type { Revised } from "./mesh.ts";
import { revisionOf } from "./revision.ts";
import { MESH_GATEWAY } from "./subset-routes.ts";

type Spec = NonNullable<Kinds["VirtualService"]["spec"]>;
type WrittenRoute = NonNullable<Spec["http"]>[number];
export type HttpMatch = NonNullable<WrittenRoute["match"]>[number];

export interface Destination {
  /** Resolved, as a DestinationRule's host is. */
  readonly host: string;
  /** Undefined: all ports. */
  readonly port: number | undefined;
}

export interface HttpRoute {
  readonly matches: readonly HttpMatch[];
  readonly destinations: readonly Destination[];
  readonly mirror: Destination | undefined;
  readonly mirrors: readonly Destination[];
  /** The VirtualService that has the routes in place of this one. */
  readonly delegate: { readonly namespace: string; readonly name: string } | undefined;
}

export interface LookupVirtualService extends Revised {
  readonly namespace: string;
  readonly name: string;
  /** Resolved. Empty: it is only there to be delegated to. */
  readonly hosts: readonly string[];
  readonly exportTo: readonly string[];
  readonly http: readonly HttpRoute[];
  /** Of the other protocols. */
  readonly destinations: readonly Destination[];
}

/** Undefined if it is for gateways only. */
export function readVirtualService(
  { metadata, spec = {} }: Kinds["VirtualService"],
  { namespace, name }: { readonly namespace: string; readonly name: string },
  clusterDomain: string,
): LookupVirtualService | undefined {
  const { hosts = [], gateways = [], exportTo = [], http = [], tcp = [], tls = [] } = spec;
  const isForGateways = gateways.length > 0 && !gateways.includes(MESH_GATEWAY);
  if (hosts.length > 0 && isForGateways) return undefined;
  const resolve = (host: string) => resolveHost(host, namespace, clusterDomain);
  const read = readerOf(resolve);
  return {
    namespace,
    name,
    revision: revisionOf(metadata),
    hosts: hosts.map(resolve),
    exportTo,
    http: http.map((route) => readHttpRoute(route, namespace, read)),
    destinations: [...tcp, ...tls].flatMap(({ route = [] }) => route.flatMap(read)),
  };
}

type Reader = (weighted: { readonly destination?: WrittenRoute["mirror"] }) => readonly Destination[];

function readerOf(resolve: (host: string) => string): Reader {
  return ({ destination: { host = "", port = {} } = {} }) =>
    host === "" ? [] : [{ host: resolve(host), port: port.number || undefined }];
}

function readHttpRoute(route: WrittenRoute, namespace: string, read: Reader): HttpRoute {
  const { match = [], route: weighted = [], mirror, mirrors = [], delegate } = route;
  return {
    matches: match.map((one) => withGateways(one, namespace)),
    destinations: weighted.flatMap(read),
    mirror: mirror && read({ destination: mirror })[0],
    mirrors: mirrors.flatMap(read),
    delegate: delegate && { namespace: delegate.namespace || namespace, name: delegate.name ?? "" },
  };
}

function withGateways(match: HttpMatch, namespace: string): HttpMatch {
  const { gateways } = match;
  if (!gateways) return match;
  return { ...match, gateways: gateways.map((name) => resolveGateway(name, namespace)) };
}

/** As `namespace/name`. Source: pilot/pkg/model/config.go (resolveGatewayName). */
function resolveGateway(name: string, namespace: string): string {
  if (name === MESH_GATEWAY) return name;
  if (name.includes("/")) return name.startsWith("./") ? `${namespace}${name.slice(1)}` : name;
  const [first, second] = name.split(".");
  return second === undefined ? `${namespace}/${name}` : `${second}/${first}`;
}

/** Every destination that is written in it, in routes that nobody takes as well. */
export function writtenDestinations({ http, destinations }: LookupVirtualService): readonly Destination[] {
  return [...http.flatMap(destinationsOfRoute), ...destinations];
}

export function destinationsOfRoute({ destinations, mirror, mirrors }: HttpRoute): readonly Destination[] {
  return [...destinations, ...mirrors, ...(mirror ? [mirror] : [])];
}
