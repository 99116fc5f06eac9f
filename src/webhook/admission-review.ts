/** The AdmissionReview protocol, v1 and v1beta1: what is asked out of unknown JSON, and the answer's envelope. */
import type { ReviewRequest } from "../engine/verdict.ts";
import { isObject } from "../kubernetes/json.ts";
import { findKind, KIND_FACTS, readObject } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { SUBRESOURCES } from "../rules/rule.ts";

/** The two webhooks, named as their paths. */
export type Endpoint = "mutate" | "validate";

export type ReviewVersion = "admission.k8s.io/v1" | "admission.k8s.io/v1beta1";

/** What is needed to answer at all. */
export interface ReviewHead {
  readonly apiVersion: ReviewVersion;
  readonly uid: string;
}

const OPERATIONS = ["CREATE", "UPDATE", "DELETE", "CONNECT"] as const;

/** An AdmissionRequest; whatever of it is missing or wrongly typed reads as empty. */
export interface AdmissionRequest extends ReviewHead {
  /** Undefined for kinds foresail does not know. */
  readonly kind: Kind | undefined;
  readonly operation: (typeof OPERATIONS)[number] | "other";
  readonly subresource: string;
  /** "" for cluster-scoped objects: for a Namespace the API server sends its name. */
  readonly namespace: string;
  /** `PREFIX*` while an object with generateName has no name. */
  readonly name: string;
  readonly object: unknown;
  readonly oldObject: unknown;
  readonly isDryRun: boolean;
  /** Who asks the API server. */
  readonly username: string;
}

/** Undefined unless there is a uid to answer to: nothing else can keep a review from its decision. */
export function parseReview(body: unknown): AdmissionRequest | undefined {
  if (!isObject(body) || !isObject(body["request"])) return undefined;
  const { request } = body;
  const uid = textOf(request["uid"]);
  if (uid === "") return undefined;

  const kind = kindOf(request["kind"]);
  const object = request["object"] ?? undefined;
  const oldObject = request["oldObject"] ?? undefined;
  return {
    apiVersion: parseReviewVersion(body["apiVersion"]),
    uid,
    kind,
    operation: OPERATIONS.find((one) => one === request["operation"]) ?? "other",
    subresource: textOf(request["subResource"]),
    namespace: kind && !KIND_FACTS[kind].namespaced ? "" : textOf(request["namespace"]),
    name: textOf(request["name"]) || nameOf(object ?? oldObject),
    object,
    oldObject,
    isDryRun: request["dryRun"] === true,
    username: isObject(request["userInfo"]) ? textOf(request["userInfo"]["username"]) : "",
  };
}

/** The version to answer in: what is asked in an unknown one can be told so in none. */
export function parseReviewVersion(apiVersion: unknown): ReviewVersion {
  return apiVersion === "admission.k8s.io/v1beta1" ? apiVersion : "admission.k8s.io/v1";
}

/**
 * What there is for rules to look at; undefined if nothing is: a kind foresail does not know, a subresource that no rule can
 * be about, no object.
 */
export function reviewRequestOf(request: AdmissionRequest): ReviewRequest | undefined {
  const { kind, operation, subresource, namespace, name, object, oldObject, username } = request;
  if (kind === undefined || operation === "CONNECT" || operation === "other") return undefined;
  const known = SUBRESOURCES.find((one) => one === subresource);
  if (known === undefined && subresource !== "") return undefined;
  if (!isObject(operation === "DELETE" ? oldObject : object)) return undefined;
  return {
    operation,
    kind,
    ...(known === undefined ? {} : { subresource: known }),
    namespace,
    name,
    object: operation === "DELETE" ? undefined : object,
    oldObject: operation === "CREATE" ? undefined : oldObject,
    username,
  };
}

export interface AdmissionStatus {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: {
    readonly causes: readonly {
      readonly reason: string;
      readonly field: string;
      readonly message: string;
    }[];
  };
}

export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: AdmissionStatus;
  /** Base64 of a JSON Patch; never without its type. */
  readonly patch?: string;
  readonly patchType?: "JSONPatch";
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

/** The body of the answer. */
export function formatReview(apiVersion: ReviewVersion, response: AdmissionResponse): string {
  return `{"apiVersion":"${apiVersion}","kind":"AdmissionReview","response":${JSON.stringify(response)}}`;
}

/** `request.kind` is what the objects are in: with matchPolicy Equivalent `requestKind` may be another version. */
function kindOf(kind: unknown): Kind | undefined {
  return isObject(kind) ? findKind(textOf(kind["group"]), textOf(kind["kind"])) : undefined;
}

function nameOf(object: unknown): string {
  const { name, generateName } = readObject("Namespace", object).metadata ?? {};
  if (name) return name;
  return generateName ? `${generateName}*` : "";
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
