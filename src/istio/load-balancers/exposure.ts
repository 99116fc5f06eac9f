/** What has a load balancer, or stands for a Service that has one: Services and the gateways from which controllers make them. */
import type { FieldPath } from "../../kubernetes/field-path.ts";
import { KIND_FACTS } from "../../kubernetes/objects.ts";
import type { Kinds, Labels } from "../../kubernetes/objects.ts";
import { isOwnedByIstioGateway, serviceOfIstioGateway } from "../gateways.ts";
import { addressesIn, hasTraceOfCcm, isKept, isOfCcm, loadBalancerOf } from "./load-balancers.ts";
import type { LoadBalancer } from "./load-balancers.ts";
import type { Versions } from "../versions.ts";

export const EXPOSED_KINDS = [
  "Service",
  "IstioGateway",
  "KubernetesGateway",
  "AlphaKubernetesGateway",
] as const;

interface Place {
  readonly kind: (typeof EXPOSED_KINDS)[number];
  readonly namespace: string;
  readonly name: string;
}

export interface Exposure extends Place {
  /** The type of its Service; undefined where nothing says it. */
  readonly type: string | undefined;
  readonly typeField: FieldPath;
  /** For the cloud's controller, as they stand here. */
  readonly settings: Labels;
  readonly settingsField: FieldPath;
  /** Itself, or the one that was made for it; undefined if none is seen. */
  readonly service: Kinds["Service"] | undefined;
  /** One that there is. */
  readonly loadBalancer: LoadBalancer | undefined;
}

export function exposureOfService({ kind, namespace, name }: Place, service: Kinds["Service"]): Exposure {
  const { metadata = {}, spec = {} } = service;
  return {
    kind,
    namespace,
    name,
    service,
    // As the API server has it where nothing is written.
    type: spec.type || "ClusterIP",
    typeField: ["spec", "type"],
    settings: metadata.annotations ?? {},
    settingsField: ["metadata", "annotations"],
    loadBalancer: loadBalancerOf(service),
  };
}

/** `services` are those of its namespace. None need be seen: with ASM they may be in another cluster than the IstioGateway. */
export function exposureOfIstioGateway(
  { kind, namespace, name }: Place,
  { spec = {}, status = {} }: Kinds["IstioGateway"],
  services: readonly Kinds["Service"][],
): Exposure {
  const service =
    services.find(({ metadata = {} }) => isOwnedByIstioGateway(metadata, name)) ??
    services.find(({ metadata }) => metadata?.name === serviceOfIstioGateway(name));
  const unseen = spec.serviceType === "LoadBalancer" ? { id: "", addresses: addressesIn(status) } : undefined;
  return {
    kind,
    namespace,
    name,
    service,
    type: spec.serviceType,
    typeField: ["spec", "serviceType"],
    settings: spec.serviceAnnotations ?? {},
    settingsField: ["spec", "serviceAnnotations"],
    loadBalancer: service ? loadBalancerOf(service) : unseen,
  };
}

/** The label of what is made for a Gateway. */
export const GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name";
/** What type the Service of one of Istio's Gateways gets; LoadBalancer without it. */
const SERVICE_TYPE = "networking.istio.io/service-type";

/** `services` are those of its namespace. Other controllers than Istio's may make one, too. */
export function exposureOfKubernetesGateway(
  { kind, namespace, name }: Place,
  { metadata = {}, spec = {}, status = {} }: Kinds["KubernetesGateway"],
  services: readonly Kinds["Service"][],
): Exposure {
  const made = services.filter((one) => one.metadata?.labels?.[GATEWAY_NAME] === name);
  const service = made.find((one) => one.spec?.type === "LoadBalancer") ?? made[0];
  const { annotations = {} } = metadata;
  // With addresses of its own it is for a Service that is there already.
  const isMadeByIstio = spec.gatewayClassName === "istio" && (spec.addresses ?? []).length === 0;
  const hasType = annotations[SERVICE_TYPE] !== undefined;
  const type = annotations[SERVICE_TYPE] ?? (isMadeByIstio ? "LoadBalancer" : undefined);
  return {
    kind,
    namespace,
    name,
    service,
    type,
    typeField: hasType ? ["metadata", "annotations", SERVICE_TYPE] : ["spec", "gatewayClassName"],
    settings: { ...annotations, ...spec.infrastructure?.annotations },
    settingsField: ["metadata", "annotations"],
    loadBalancer: service ? loadBalancerOf(service) : type === "LoadBalancer" ? unseenOne(status) : undefined,
  };
}

/** Istio writes an IP there only if the Service's load balancer has it; a hostname may be that of the Service itself. */
function unseenOne({
  addresses = [],
}: NonNullable<Kinds["KubernetesGateway"]["status"]>): LoadBalancer | undefined {
  const ips = addresses
    .filter(({ type = "IPAddress" }) => type === "IPAddress")
    .map(({ value = "" }) => value);
  return ips.length > 0 ? { id: "", addresses: ips } : undefined;
}

/** `"Service shop/web"`. */
export function titleOf({ kind, namespace, name }: Place): string {
  return `${KIND_FACTS[kind].kind} ${namespace}/${name}`;
}

/** Whether CCM makes its load balancer, and deletes it. */
export function isForCcm({ kind, settings, service }: Exposure, isOnAlibabaCloud: boolean): boolean {
  if (service && !isOfCcm(service)) return false;
  return (
    isOnAlibabaCloud ||
    kind === "IstioGateway" ||
    hasTraceOfCcm({ annotations: settings }) ||
    hasTraceOfCcm(service?.metadata ?? {})
  );
}

/** By what stands on it, or on its Service, which may be ahead or behind. */
export function isKeptByCcm({ settings, service }: Exposure, versions: Versions): boolean {
  return isKept(settings, versions) || isKept(service?.metadata?.annotations ?? {}, versions);
}
