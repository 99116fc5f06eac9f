/**
 * Ports on which a sidecar listens for all addresses at once, so that the port alone tells for which hostname a connection
 * is. Sources: pilot/pkg/networking/core/listener.go (buildSidecarOutboundListeners), pilot/pkg/model/service.go
 * (GetAddressForProxy), pilot/pkg/serviceregistry/serviceentry/conversion.go (convertServices).
 */
import type { Kinds } from "../../kubernetes/objects.ts";
import { isWildcard, serviceHostname } from "../hosts.ts";
import { createdAt } from "../lookup/age.ts";
import { canBeOpaque, parseProtocol, protocolOfServicePort } from "./protocol.ts";

/** A port of an object that gives its hosts no address. */
export interface PortClaim {
  readonly kind: "Service" | "ServiceEntry";
  readonly namespace: string;
  readonly name: string;
  /** Seconds since 1970; infinite where it is not known. */
  readonly createdAt: number;
  readonly port: number;
  /** Of the port in `spec.ports`. */
  readonly index: number;
  /** Istio looks whether it is HTTP, which it can tell apart. */
  readonly isSniffed: boolean;
  /** Connections go to the address that the client has asked for. */
  readonly isPassthrough: boolean;
  readonly hosts: readonly ClaimedHost[];
}

export interface ClaimedHost {
  readonly hostname: string;
  /** The name that clients end up resolving. */
  readonly resolvesTo: string;
  /** Where its connections go: equal for two that go to the same place. */
  readonly destination: string;
  /** The agent of each proxy can give it an address of its own. */
  readonly isAllocatable: boolean;
  /** Istio's controller, too: nobody has opted out. */
  readonly isAllocatableByController: boolean;
}

type Entry = NonNullable<Kinds["ServiceEntry"]["spec"]>;
type EntryPort = NonNullable<Entry["ports"]>[number];

const OPT_OUT = "networking.istio.io/enable-autoallocate-ip";

export function claimsOfServiceEntry(
  { metadata, spec = {} }: Kinds["ServiceEntry"],
  namespace: string,
  name: string,
): readonly PortClaim[] {
  const { hosts = [], addresses = [], ports = [], resolution = "NONE" } = spec;
  const isPassthrough = resolution === "NONE";
  // With a selector and no resolution there is a listener for each of the selected instead.
  if (addresses.length > 0 || (isPassthrough && spec.workloadSelector)) return [];
  const isOptedOut = metadata?.labels?.[OPT_OUT]?.toLowerCase() === "false";
  const hostnames = [...new Set(hosts)].filter((host) => host !== "");
  return ports.flatMap((port, index): PortClaim[] => {
    const { number = 0 } = port;
    const protocol = parseProtocol(port.protocol ?? "");
    if (number === 0 || !canBeOpaque(protocol) || hostnames.length === 0) return [];
    const claimed = hostnames.map((hostname): ClaimedHost => {
      const isAllocatable = !isPassthrough && !isWildcard(hostname);
      return {
        hostname,
        resolvesTo: hostname,
        destination: destinationOf(hostname, spec, port, namespace),
        isAllocatable,
        isAllocatableByController: isAllocatable && !isOptedOut,
      };
    });
    return [
      {
        kind: "ServiceEntry",
        namespace,
        name,
        createdAt: createdAt(metadata) || Number.POSITIVE_INFINITY,
        port: number,
        index,
        isSniffed: protocol === "",
        isPassthrough,
        hosts: claimed,
      },
    ];
  });
}

function destinationOf(hostname: string, spec: Entry, port: EntryPort, namespace: string): string {
  const { endpoints = [], resolution = "NONE", workloadSelector } = spec;
  const { number = 0, name = "", targetPort = number } = port;
  if (endpoints.length > 0) {
    const places = endpoints.map(
      ({ address = "", ports = {}, network = "" }) => `${address}:${ports[name] ?? targetPort} ${network}`,
    );
    return places.toSorted().join(",");
  }
  if (workloadSelector) {
    const labels = Object.entries(workloadSelector.labels ?? {}).map(([label, value]) => `${label}=${value}`);
    return `${targetPort} of ${namespace} ${labels.toSorted().join(",")}`;
  }
  // Without endpoints nothing answers, or the hostname itself is resolved.
  return `${hostname}:${targetPort} ${resolution === "STATIC" ? "nowhere" : ""}`;
}

/** Of an ExternalName Service, as long as Istio makes it a service of its own. */
export function claimsOfExternalName(
  { metadata, spec = {} }: Kinds["Service"],
  namespace: string,
  name: string,
  clusterDomain: string,
): readonly PortClaim[] {
  const target = externalNameOf(spec);
  if (target === undefined) return [];
  const hostname = serviceHostname(name, namespace, clusterDomain);
  return (spec.ports ?? []).flatMap((servicePort, index): PortClaim[] => {
    const { port = 0 } = servicePort;
    const protocol = protocolOfServicePort(servicePort);
    if (port === 0 || !canBeOpaque(protocol)) return [];
    const host = { hostname, resolvesTo: target, destination: `${target}:${port} ` };
    return [
      {
        kind: "Service",
        namespace,
        name,
        createdAt: createdAt(metadata) || Number.POSITIVE_INFINITY,
        port,
        index,
        isSniffed: protocol === "",
        isPassthrough: false,
        hosts: [{ ...host, isAllocatable: false, isAllocatableByController: false }],
      },
    ];
  });
}

/** In lower case and without the root's dot; undefined for every other type of Service. */
export function externalNameOf({
  type,
  externalName = "",
}: NonNullable<Kinds["Service"]["spec"]>): string | undefined {
  if (type !== "ExternalName" || externalName === "") return undefined;
  return externalName.toLowerCase().replace(/\.$/, "");
}
