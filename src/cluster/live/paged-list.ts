/** All objects of a kind, a page at a time: one answer with all of them may be larger than a string can be. */
import type { ApiServer } from "../../api-server/client.ts";
import { ApiStatusError } from "../../api-server/status-error.ts";
import { isObject } from "../../kubernetes/json.ts";
import { object, string } from "../../kubernetes/shape.ts";

export interface Listed {
  readonly values: readonly unknown[];
  /** From where to watch. */
  readonly resourceVersion: string;
}

/** As client-go's. Together with a resourceVersion the API server would ignore it. */
const PAGE_LIMIT = 500;
const PAGE_TIMEOUT_MS = 60_000;

const metadataShape = object({ resourceVersion: string, continue: string });

/** @throws ApiStatusError also with 410, when the list takes longer than the API server remembers its beginning */
export async function listAll(
  api: ApiServer,
  path: string,
  {
    accept = "application/json",
    trim,
    signal,
  }: {
    readonly accept?: string;
    /** What shall be kept of an object, undefined for nothing: called as soon as it has come. */
    readonly trim: (value: unknown) => unknown;
    readonly signal: AbortSignal;
  },
): Promise<Listed> {
  const values: unknown[] = [];
  let position: string | undefined;
  for (;;) {
    const query = { limit: String(PAGE_LIMIT), ...(position === undefined ? {} : { continue: position }) };
    const answer = await api.request({
      path,
      query,
      accept,
      leaveOutManagedFields: true,
      timeoutMs: PAGE_TIMEOUT_MS,
      signal,
    });
    if (answer.status !== 200) throw new ApiStatusError(answer);
    const { metadata, items } = isObject(answer.body) ? answer.body : {};
    const { resourceVersion, continue: next } = metadataShape.read(metadata) ?? {};
    if (!resourceVersion) throw new Error(`the answer to ${path} is no list`);
    // An empty list may be null.
    for (const item of Array.isArray(items) ? items : []) {
      const kept = trim(item);
      if (kept !== undefined) values.push(kept);
    }
    if (!next) return { values, resourceVersion };
    position = next;
  }
}
