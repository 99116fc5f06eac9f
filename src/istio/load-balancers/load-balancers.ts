/** Load balancers that cloud controllers make for Services, and what the one of Alibaba Cloud, CCM, reads about them. */
import type { Kinds, Labels, Metadata } from "../../kubernetes/objects.ts";
import { holds } from "../gates.ts";
import type { Versions } from "../versions.ts";

const PREFIX = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-";
/** Until September 2019; still read where the newer key is not there. */
const OLDER_PREFIX = "service.beta.kubernetes.io/alicloud-loadbalancer-";

export const ID_ANNOTATION = `${PREFIX}id`;
export const PRESERVE_ANNOTATION = `${PREFIX}preserve-lb-on-delete`;
const ID_LABEL = "service.k8s.alibaba/loadbalancer-id";
const NETWORK_CLASS = "alibabacloud.com/nlb";

type Setting = "delete-protection" | "id" | "preserve-lb-on-delete";

interface Annotation {
  readonly key: string;
  readonly value: string;
}

/** As CCM reads it: any value counts but the empty one. */
export function ccmSetting(annotations: Labels, setting: Setting): Annotation | undefined {
  const key = [PREFIX, OLDER_PREFIX]
    .map((prefix) => `${prefix}${setting}`)
    .find((one) => annotations[one] !== undefined);
  const value = key === undefined ? undefined : annotations[key];
  return key === undefined || value === undefined || value === "" ? undefined : { key, value };
}

/** Whether CCM leaves the load balancer when its Service goes. */
export function isKept(annotations: Labels, versions: Versions): boolean {
  if (ccmSetting(annotations, "id")) return true;
  return (
    ccmSetting(annotations, "preserve-lb-on-delete") !== undefined &&
    holds("loadBalancersPreserved", versions) !== false
  );
}

/** Only CCM makes such keys, and those who speak to it. */
export function hasTraceOfCcm({ labels = {}, annotations = {} }: Metadata): boolean {
  return (
    Object.keys(labels).some((key) => key.startsWith("service.k8s.alibaba/")) ||
    Object.keys(annotations).some((key) => key.includes("/alibaba-cloud-") || key.includes("/alicloud-"))
  );
}

/** Those of other classes are for other controllers. */
export function isOfCcm({ spec = {} }: Kinds["Service"]): boolean {
  return [undefined, "", NETWORK_CLASS].includes(spec.loadBalancerClass);
}

/** One that was made. */
export interface LoadBalancer {
  /** "" where nothing says it: CCM writes it on the Service since its version 2.4. */
  readonly id: string;
  readonly addresses: readonly string[];
}

/** Undefined for a Service that has none, or none yet. */
export function loadBalancerOf({ metadata, spec, status = {} }: Kinds["Service"]): LoadBalancer | undefined {
  if (spec?.type !== "LoadBalancer") return undefined;
  const id = metadata?.labels?.[ID_LABEL] ?? "";
  const addresses = addressesIn(status);
  return id === "" && addresses.length === 0 ? undefined : { id, addresses };
}

export function addressesIn({ loadBalancer }: NonNullable<Kinds["Service"]["status"]>): readonly string[] {
  return (loadBalancer?.ingress ?? [])
    .map(({ ip = "", hostname = "" }) => ip || hostname)
    .filter((address) => address !== "");
}

/** More of them say nothing more. */
const MAX_ADDRESSES = 2;

/** `lb-2ze1 (192.0.2.1)`; "" where nothing is known of it. */
export function describeLoadBalancer({ id, addresses }: LoadBalancer): string {
  const shown = addresses.slice(0, MAX_ADDRESSES).join(", ");
  return id === "" || shown === "" ? id || shown : `${id} (${shown})`;
}
