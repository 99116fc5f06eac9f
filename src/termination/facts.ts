/** What is known about a namespace that shall end, as the cluster says it. All times are in milliseconds since 1970. */
import type { NamespaceReport } from "../kubernetes/namespace-conditions.ts";
import type { Labels } from "../kubernetes/objects.ts";

export interface NamespaceFacts {
  readonly name: string;
  readonly uid: string;
  /** Undefined while it is not being deleted. */
  readonly deletedAt: number | undefined;
  /** `spec.finalizers`: the namespace controller's, and perhaps others. */
  readonly specFinalizers: readonly string[];
  /** `metadata.finalizers`, as every object may have them. */
  readonly finalizers: readonly string[];
  readonly report: NamespaceReport;
}

/** A kind as the API server serves it. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
}

export interface RemainingObject {
  readonly name: string;
  readonly finalizers: readonly string[];
  /** When its grace period ends or ended; undefined while it is not being deleted. */
  readonly deletedAt: number | undefined;
  readonly isOwned: boolean;
}

/** What could not be asked, and why. */
export interface Refusal {
  /** Of HTTP; undefined without an answer. */
  readonly status: number | undefined;
  readonly message: string;
}

export interface Content {
  readonly resource: Resource;
  readonly objects: readonly RemainingObject[];
  /** The list has no end, or no beginning, for this reason. */
  readonly refusal?: Refusal;
}

/** An aggregated API that does not answer. */
export interface LostApi {
  /** Of its APIService. */
  readonly name: string;
  /** `NAMESPACE/NAME` of the Service that should answer for it. */
  readonly service: string;
  readonly reason: string;
}

/** A CustomResourceDefinition whose objects cannot be read because nobody converts them. */
export interface LostConversion {
  /** Of its CustomResourceDefinition. */
  readonly name: string;
  /** `Service NAMESPACE/NAME`, or a URL. */
  readonly converter: string;
  /** False only where that is known. */
  readonly isConverterThere: boolean;
}

/** An admission webhook that stands in the way of a deletion. */
export interface RefusingWebhook {
  readonly name: string;
  /** `validatingwebhookconfiguration NAME`; undefined if none has it. */
  readonly configuration: string | undefined;
  /** It does not answer; else it says no. */
  readonly isLost: boolean;
}

/** A program that removes a finalizer. */
export type ControllerSight =
  /** Pods, or a Deployment, as `pod NAMESPACE/NAME`. */
  | { readonly seen: string; readonly isReady: boolean }
  /** Looked for and not found. */
  | { readonly seen: undefined }
  /** Not looked for, because nobody could see it or may look. */
  | "unknown";

export interface FinalizerSight {
  readonly controller: ControllerSight;
  /** Who wrote the finalizer, by metadata.managedFields; undefined if that does not say. */
  readonly manager: string | undefined;
}

export interface TerminationFacts {
  readonly namespace: NamespaceFacts;
  /** Kinds of which something is there, or of which nobody could look. */
  readonly content: readonly Content[];
  /** Undefined if nobody may know. */
  readonly lostApis: readonly LostApi[] | undefined;
  /** `GROUP/VERSION` of APIs that could not be asked for their kinds. */
  readonly undiscovered: readonly { readonly api: string; readonly refusal: Refusal }[];
  readonly lostConversions: readonly LostConversion[];
  readonly webhooks: readonly RefusingWebhook[];
  readonly finalizers: ReadonlyMap<string, FinalizerSight>;
}

const FORBIDDEN = 403;

/** For want of rights; others may look. */
export function isForbidden({ status }: Refusal): boolean {
  return status === FORBIDDEN;
}

/** `pods`, `virtualservices.networking.istio.io`: as kubectl reads it. */
export function resourceName({ plural, group }: Resource): string {
  return group === "" ? plural : `${plural}.${group}`;
}

/** As `kubectl --selector` reads it. */
export function selectorOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}
