/** A cluster as it is now: all objects of some kinds, listed once and not watched. */
import { setTimeout as delay } from "node:timers/promises";
import type { ApiServer } from "../../api-server/client.ts";
import { ApiStatusError } from "../../api-server/status-error.ts";
import { ForesailError } from "../../errors.ts";
import { readObject, resourceOf } from "../../kubernetes/objects.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import type { StateObject } from "../files/mesh-state.ts";
import { findList } from "./discovery.ts";
import { METADATA_ONLY } from "./metadata-only.ts";
import { listAll } from "./paged-list.ts";
import { trimFor } from "./trim.ts";

/** Whether an object is wanted untrimmed. */
export type IsWhole = (kind: Kind, object: { readonly namespace: string; readonly name: string }) => boolean;

interface ListOptions {
  readonly api: ApiServer;
  readonly kinds: readonly Kind[];
  /** The only namespace in which the kind is listed; undefined for all. */
  readonly namespaceOf: (kind: Kind) => string | undefined;
  readonly isWhole?: IsWhole;
  /** Told after each kind, how many objects there are until now. */
  readonly onProgress: (objects: number) => void;
}

export interface SnapshotOptions extends Omit<ListOptions, "namespaceOf"> {
  /** The only namespace whose ConfigMaps are read. */
  readonly istioNamespace: string;
}

export interface ListedKind {
  readonly kind: Kind;
  readonly outcome: "listed" | "forbidden" | "absent";
  readonly objects: readonly StateObject[];
}

export interface Snapshot {
  readonly objects: readonly StateObject[];
  /** The API server does not serve these. */
  readonly absent: readonly Kind[];
}

const FORBIDDEN = 403;
/** The list took longer than the API server remembers its beginning. */
const GONE = 410;
const TOO_MANY_REQUESTS = 429;
const SERVER_ERROR = 500;
const MAX_ATTEMPTS = 4;
const RETRY_AFTER_MS = 1000;

/** @throws ForesailError CLUSTER_FORBIDDEN with every kind that may not be listed, CLUSTER_UNREACHABLE */
export async function readSnapshot({ istioNamespace, ...options }: SnapshotOptions): Promise<Snapshot> {
  const namespaceOf = (kind: Kind) => (kind === "ConfigMap" ? istioNamespace : undefined);
  const lists = await listKinds({ ...options, namespaceOf });
  const kindsWith = (wanted: ListedKind["outcome"]) =>
    lists.filter(({ outcome }) => outcome === wanted).map(({ kind }) => kind);
  const forbidden = kindsWith("forbidden");
  if (forbidden.length > 0) throw forbiddenError(options.api, forbidden);
  return { objects: lists.flatMap(({ objects }) => objects), absent: kindsWith("absent") };
}

/** In the order of the kinds. @throws ForesailError CLUSTER_UNREACHABLE */
export async function listKinds(options: ListOptions): Promise<readonly ListedKind[]> {
  const stopping = new AbortController();
  let count = 0;
  const lists = options.kinds.map(async (kind): Promise<ListedKind> => {
    try {
      const values = await listKind(kind, options, stopping.signal);
      if (values === undefined) return { kind, outcome: "absent", objects: [] };
      count += values.length;
      options.onProgress(count);
      return { kind, outcome: "listed", objects: values.map((value) => ({ kind, value })) };
    } catch (error) {
      if (error instanceof ApiStatusError && error.status === FORBIDDEN)
        return { kind, outcome: "forbidden", objects: [] };
      stopping.abort();
      throw error;
    }
  });
  return Promise.all(lists).catch((cause: unknown) => {
    throw unreadable(options.api, cause);
  });
}

/** Undefined if the kind is not served. */
async function listKind(
  kind: Kind,
  { api, namespaceOf, isWhole = () => false }: ListOptions,
  signal: AbortSignal,
): Promise<readonly unknown[] | undefined> {
  const trimmed = trimFor(kind);
  const trim = (value: unknown) => {
    const { namespace = "", name = "" } = readObject("Namespace", value).metadata ?? {};
    return isWhole(kind, { namespace, name }) ? value : trimmed(value);
  };
  for (let attempt = 1; ; attempt++) {
    try {
      const path = await findList(api, kind, namespaceOf(kind), signal);
      if (path === undefined) return undefined;
      const accept = kind === "Pod" ? { accept: METADATA_ONLY.list } : {};
      return (await listAll(api, path, { ...accept, trim, signal })).values;
    } catch (error) {
      if (!isPassing(error) || attempt === MAX_ATTEMPTS) throw error;
      await delay(error.retryAfterMs ?? RETRY_AFTER_MS, undefined, { signal });
    }
  }
}

function isPassing(error: unknown): error is ApiStatusError {
  if (!(error instanceof ApiStatusError)) return false;
  return error.status === GONE || error.status === TOO_MANY_REQUESTS || error.status >= SERVER_ERROR;
}

function unreadable({ url }: ApiServer, cause: unknown): ForesailError {
  if (cause instanceof ForesailError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ForesailError({
    code: "CLUSTER_UNREACHABLE",
    message: `the cluster of ${url} could not be read to its end: ${reason}`,
    hint: "Try again, or give what `kubectl get ... -A -o yaml` writes with --mesh-state.",
    cause,
  });
}

function forbiddenError({ url }: ApiServer, kinds: readonly Kind[]): ForesailError {
  const names = kinds.map(resourceOf);
  return new ForesailError({
    code: "CLUSTER_FORBIDDEN",
    message: `the API server ${url} does not let you list ${names.toSorted().join(", ")}`,
    hint: "Ask for the right to list them, or have somebody write them to a file for --mesh-state.",
  });
}
