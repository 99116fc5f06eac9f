/** Which Services belong to a mesh gateway, told without looking at running Pods. */
import type { Labels, Metadata } from "../kubernetes/objects.ts";

const GATEWAY_APPS = ["istio-ingressgateway", "istio-egressgateway"];
/** Keys that only gateways made from Gateway API's Gateways carry. */
const GATEWAY_API_KEYS = ["gateway.networking.k8s.io/gateway-name", "gateway.istio.io/managed"];

/** By a Service's labels or its selector. */
export function hasGatewayLabels(labels: Labels): boolean {
  return (
    (labels["istio"] ?? "").endsWith("gateway") ||
    GATEWAY_APPS.includes(labels["app"] ?? "") ||
    GATEWAY_API_KEYS.some((key) => labels[key] !== undefined)
  );
}

/** ASM's controller makes the Service of an IstioGateway and owns it; of that name, if one is given. */
export function isOwnedByIstioGateway({ ownerReferences = [] }: Metadata, gateway?: string): boolean {
  return ownerReferences.some(
    ({ kind, name }) => kind === "IstioGateway" && (gateway === undefined || name === gateway),
  );
}

/** The Service that ASM makes for an IstioGateway: `istio-ingressgateway` for `ingressgateway`. */
export function serviceOfIstioGateway(name: string): string {
  return name.startsWith("istio-") ? name : `istio-${name}`;
}
