/**
 * What a port speaks, as Istio reads it. Sources: pkg/config/protocol/instance.go (Parse), pkg/config/kube/conversion.go
 * (ConvertProtocol).
 */
import type { Kinds } from "../../kubernetes/objects.ts";

/** In capitals as a ServiceEntry has it: `"MYSQL"`; `""` where Istio finds out by what is sent. */
export type PortProtocol = (typeof PROTOCOLS)[number] | "";

const PROTOCOLS = [
  "GRPC",
  "GRPC-WEB",
  "HTTP",
  "HTTP2",
  "HTTPS",
  "HTTP_PROXY",
  "MONGO",
  "MYSQL",
  "REDIS",
  "TCP",
  "TLS",
  "UDP",
] as const;

/** Connections of these are told apart by nothing that is sent. */
const OPAQUE: readonly PortProtocol[] = ["MONGO", "MYSQL", "REDIS", "TCP"];

/** Where the server speaks first, Istio does not wait for what the client sends: SMTP, DNS, MySQL, MongoDB. */
const SERVER_FIRST_PORTS: readonly number[] = [25, 53, 3306, 27017];

const APP_PROTOCOLS: Readonly<Record<string, PortProtocol>> = {
  "kubernetes.io/h2c": "HTTP2",
  "kubernetes.io/ws": "HTTP",
  "kubernetes.io/wss": "HTTPS",
};

type ServicePort = NonNullable<NonNullable<Kinds["Service"]["spec"]>["ports"]>[number];

/** Of a ServiceEntry's port, whose name does not count. */
export function parseProtocol(written: string): PortProtocol {
  const capitals = written.toUpperCase();
  return PROTOCOLS.find((one) => one === capitals) ?? "";
}

/** `appProtocol` goes before the name, of which the part before the first hyphen counts. */
export function protocolOfServicePort({ name = "", port, protocol, appProtocol }: ServicePort): PortProtocol {
  if (protocol === "UDP") return "UDP";
  const own = APP_PROTOCOLS[appProtocol ?? ""];
  if (own !== undefined) return own;
  const said = appProtocol ?? name;
  if (/^grpc-web/i.test(said)) return "GRPC-WEB";
  const parsed = parseProtocol(said.split("-", 1)[0] ?? "");
  return parsed === "" && SERVER_FIRST_PORTS.includes(port ?? 0) ? "TCP" : parsed;
}

/** Whether all that goes there can be TCP of which nothing tells for whom it is. */
export function canBeOpaque(protocol: PortProtocol): boolean {
  return protocol === "" || OPAQUE.includes(protocol);
}
