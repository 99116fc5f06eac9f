/** ServiceEntries whose hosts have addresses of their own, so that no other host's connections go there. */
import { isObject } from "../../kubernetes/json.ts";
import type { Json, JsonObject } from "../../kubernetes/json.ts";
import type { Kinds, Metadata } from "../../kubernetes/objects.ts";
import { serviceHostname } from "../hosts.ts";
import { exportOf } from "../lookup/visibility.ts";
import { externalNameOf } from "./claims.ts";
import { protocolOfServicePort } from "./protocol.ts";

export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** Which versions of the API are served: `v1` since Istio 1.22. */
type ApiVersion = "networking.istio.io/v1" | "networking.istio.io/v1beta1";

type Entry = NonNullable<Kinds["ServiceEntry"]["spec"]>;

/** As long as the CRD lets an address be. */
const MAX_ADDRESS = 64;
const KUBECTL_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * In place of the one that is there. Istio refuses several hosts with a TCP port unless all that is resolved is the address,
 * so that each gets one of its own. `port`: speaks TCP if it does not say what.
 */
export function addressedServiceEntries(
  { metadata, spec = {} }: Kinds["ServiceEntry"],
  { namespace, name }: ObjectName,
  port: number,
  apiVersion: ApiVersion,
): readonly JsonObject[] {
  const { hosts = [], resolution = "NONE" } = spec;
  const groups = resolution === "NONE" ? [hosts] : hosts.map((host) => [host]);
  return groups.map((own, index) => ({
    apiVersion,
    kind: "ServiceEntry",
    metadata: metadataOf(metadata, namespace, index === 0 ? name : nameOf(own[0] ?? "")),
    spec: addressedSpec({ ...spec, hosts: own, resolution }, port),
  }));
}

/** What an ExternalName Service stands for. */
export function serviceEntryOfExternalName(
  { metadata, spec = {} }: Kinds["Service"],
  { namespace, name }: ObjectName,
  clusterDomain: string,
  apiVersion: ApiVersion,
): JsonObject {
  const target = externalNameOf(spec) ?? "";
  const host = isIp(target) ? serviceHostname(name, namespace, clusterDomain) : target;
  const address = isIp(target) ? target : placeholderFor(host);
  const exportTo = exportOf(metadata);
  const numbers = new Set<number>();
  const ports = (spec.ports ?? []).flatMap((servicePort): JsonObject[] => {
    const { port = 0, name: portName = "" } = servicePort;
    const protocol = protocolOfServicePort(servicePort) || "TCP";
    if (port === 0 || protocol === "UDP" || numbers.has(port)) return [];
    numbers.add(port);
    return [{ number: port, name: portName || `${protocol.toLowerCase()}-${port}`, protocol }];
  });
  return {
    apiVersion,
    kind: "ServiceEntry",
    metadata: { name, namespace },
    spec: {
      hosts: [host],
      addresses: [address],
      ...(exportTo.length > 0 ? { exportTo } : {}),
      location: "MESH_EXTERNAL",
      ports,
      resolution: "STATIC",
      endpoints: [{ address }],
    },
  };
}

function addressedSpec(spec: Entry, reportedPort: number): JsonObject {
  const { hosts = [], endpoints = [], resolution = "NONE", exportTo = [], subjectAltNames = [] } = spec;
  const placeholder = placeholderFor(hosts[0] ?? "");
  const known = endpoints.map(({ address = "" }) => address);
  const isKnown = known.length > 0 && known.every(isIp);
  const isResolvedHere = resolution !== "NONE" && known.length === 0 && spec.workloadSelector === undefined;
  return {
    hosts,
    addresses: isKnown ? [...new Set(known)] : [placeholder],
    ...(exportTo.length > 0 ? { exportTo } : {}),
    location: spec.location ?? "MESH_EXTERNAL",
    ports: (spec.ports ?? []).map(({ number = 0, name = "", protocol = "", targetPort }) => ({
      number,
      name: name || `tcp-${number}`,
      ...(protocol !== "" ? { protocol } : number === reportedPort ? { protocol: "TCP" } : {}),
      ...(targetPort === undefined ? {} : { targetPort }),
    })),
    resolution: isKnown || isResolvedHere ? "STATIC" : resolution,
    ...(isResolvedHere ? { endpoints: [{ address: placeholder }] } : {}),
    ...(known.length > 0 ? { endpoints: endpoints.map(plain) } : {}),
    ...(spec.workloadSelector ? { workloadSelector: { labels: spec.workloadSelector.labels ?? {} } } : {}),
    ...(subjectAltNames.length > 0 ? { subjectAltNames } : {}),
  };
}

/** The person who knows the address puts it there; Istio refuses it as it is. */
function placeholderFor(host: string): string {
  const text = `<IP address of ${host}>`;
  return text.length <= MAX_ADDRESS ? text : "<IP address>";
}

function isIp(text: string): boolean {
  const isV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) && text.split(".").every((part) => Number(part) <= 255);
  return isV4 || (text.includes(":") && /^[\da-f:]{2,39}$/i.test(text));
}

/** A hostname is a name that Kubernetes takes, but for its wildcard. */
function nameOf(host: string): string {
  return host.toLowerCase().replace(/^\*\.?/, "");
}

function metadataOf(metadata: Metadata | undefined, namespace: string, name: string): JsonObject {
  const { labels = {}, annotations = {} } = metadata ?? {};
  const kept = Object.fromEntries(Object.entries(annotations).filter(([key]) => key !== KUBECTL_ANNOTATION));
  return {
    name,
    namespace,
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...(Object.keys(kept).length > 0 ? { annotations: kept } : {}),
  };
}

/** Without what is not there. */
function plain(value: object): JsonObject {
  const entries = Object.entries(value).flatMap(([key, one]): [string, Json][] => {
    if (typeof one === "string" || typeof one === "number") return [[key, one]];
    return isObject(one) ? [[key, plain(one)]] : [];
  });
  return Object.fromEntries(entries);
}
