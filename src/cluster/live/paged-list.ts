/** All objects of a kind, a page at a time: one answer with all of them may be larger than a string can be. */
import type { ApiRequest, ApiServer } from "../../api-server/client.ts";
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

/** A page of a list. */
interface Page extends Listed {
  /** Where the next one begins; undefined after the last one. */
  readonly next: string | undefined;
}

type PageRequest = Pick<ApiRequest, "accept" | "path" | "query" | "signal" | "timeoutMs">;

/** @throws ApiStatusError for every answer but 200 */
export async function listPage(api: Pick<ApiServer, "request">, request: PageRequest): Promise<Page> {
  const answer = await api.request({ ...request, leaveOutManagedFields: true });
  if (answer.status !== 200) throw new ApiStatusError(answer);
  const { metadata, items } = isObject(answer.body) ? answer.body : {};
  const { resourceVersion, continue: next } = metadataShape.read(metadata) ?? {};
  if (!resourceVersion) throw new Error(`the answer to ${request.path} is no list`);
  // An empty list may be null.
  return { values: Array.isArray(items) ? items : [], resourceVersion, next: next || undefined };
}

/** @throws ApiStatusError also with 410, when the list takes longer than the API server remembers its beginning */
export async function listAll(
  api: ApiServer,
  path: string,
  {
    trim,
    ...request
  }: Pick<PageRequest, "accept" | "signal"> & {
    /** What shall be kept of an object, undefined for nothing: called as soon as it has come. */
    readonly trim: (value: unknown) => unknown;
  },
): Promise<Listed> {
  const values: unknown[] = [];
  let position: string | undefined;
  for (;;) {
    const query = { limit: String(PAGE_LIMIT), ...(position === undefined ? {} : { continue: position }) };
    const page = await listPage(api, { ...request, path, query, timeoutMs: PAGE_TIMEOUT_MS });
    for (const item of page.values) {
      const kept = trim(item);
      if (kept !== undefined) values.push(kept);
    }
    if (page.next === undefined) return { values, resourceVersion: page.resourceVersion };
    position = page.next;
  }
}
