/** Follows one object, whether it is there or not. */
import { setTimeout as delay } from "node:timers/promises";
import { isObject } from "../kubernetes/json.ts";
import { object, string } from "../kubernetes/shape.ts";
import type { ApiServer } from "./client.ts";
import { ApiStatusError } from "./status-error.ts";

export interface FollowOptions {
  /** Of the objects of this kind: `/api/v1/namespaces/foresail/configmaps`. */
  readonly path: string;
  readonly name: string;
  readonly signal: AbortSignal;
  /** It cannot be followed for now: said each time; it is tried again. */
  readonly onProblem: (problem: Error) => void;
}

const TIMEOUT_MS = 10_000;
/** API servers send a bookmark every minute: who is silent for longer is gone. */
const SILENCE_MS = 90_000;
/** As client-go's: not all watches of a cluster shall end at once. */
const WATCH_SECONDS = { from: 300, to: 600 };
const BACKOFF_MS = { first: 1000, last: 30_000 };

const metadataShape = object({ metadata: object({ resourceVersion: string }) });
const eventShape = object({ type: string });

/** The object as it is, then again whenever it changed; undefined when there is none. Ends when the signal aborts. */
export async function* followObject(
  api: ApiServer,
  { path, name, signal, onProblem }: FollowOptions,
): AsyncIterable<unknown> {
  const one = { fieldSelector: `metadata.name=${name}` };
  let backoffMs = BACKOFF_MS.first;
  while (!signal.aborted) {
    try {
      const answer = await api.request({ path, query: one, signal, timeoutMs: TIMEOUT_MS });
      if (answer.status !== 200 || !isObject(answer.body)) throw new ApiStatusError(answer);
      const { items } = answer.body;
      yield Array.isArray(items) ? items[0] : undefined;
      const resourceVersion = metadataShape.read(answer.body)?.metadata?.resourceVersion ?? "";
      const query = { ...one, watch: "true", resourceVersion, timeoutSeconds: randomSeconds() };
      backoffMs = BACKOFF_MS.first;
      yield* changes(
        api.watch({
          path,
          query: { ...query, allowWatchBookmarks: "true" },
          signal,
          silenceMs: SILENCE_MS,
        }),
      );
    } catch (error) {
      if (signal.aborted) return;
      onProblem(error instanceof Error ? error : new Error(String(error)));
    }
    await delay(backoffMs * (0.5 + Math.random() / 2), undefined, { signal, ref: false }).catch(() => {});
    backoffMs = Math.min(backoffMs * 2, BACKOFF_MS.last);
  }
}

/** Until something comes that is no news of the object: then it has to be read anew. */
async function* changes(lines: AsyncIterable<string>): AsyncIterable<unknown> {
  for await (const line of lines) {
    const event: unknown = JSON.parse(line);
    const type = eventShape.read(event)?.type;
    if (type === "BOOKMARK") continue;
    if (type === "DELETED") yield undefined;
    else if ((type === "ADDED" || type === "MODIFIED") && isObject(event)) yield event["object"];
    else return;
  }
}

function randomSeconds(): string {
  const { from, to } = WATCH_SECONDS;
  return String(Math.round(from + Math.random() * (to - from)));
}
