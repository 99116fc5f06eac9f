/** Requests to one API server over one pool of connections, which are kept open. */
import { Agent, errors, ProxyAgent } from "undici";
import type { Dispatcher } from "undici";
import type { Json } from "../kubernetes/json.ts";
import { CurrentCredentials } from "./credentials.ts";
import type { Credentials, ReadCredentials } from "./credentials.ts";
import { withoutManagedFields } from "./managed-fields.ts";
import { ApiStatusError } from "./status-error.ts";

export interface ApiRequest {
  /** GET if left out. */
  readonly method?: "DELETE" | "GET" | "PATCH" | "POST" | "PUT";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Json;
  /** Of the body: application/json if left out; application/apply-patch+yaml for server-side apply. */
  readonly contentType?: string;
  /** application/json if left out. */
  readonly accept?: string;
  /** Leaves metadata.managedFields empty, which saves most of the work of reading a list. */
  readonly leaveOutManagedFields?: boolean;
  /** Until the whole answer is there. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface ApiAnswer {
  readonly status: number;
  /** Parsed JSON; undefined if there is none. */
  readonly body: unknown;
  readonly retryAfterMs?: number;
  /** What the API server and admission webhooks say besides; left out if that is nothing. */
  readonly warnings?: readonly string[];
}

export interface ApiServer {
  readonly url: string;
  /** Rejects only when there is no answer (connection, timeout, abort); every HTTP status is an answer. */
  request(request: ApiRequest): Promise<ApiAnswer>;
  /**
   * Lines of a watch, until the server ends it, `signal` aborts, or nothing came for `silenceMs`. Rejects with
   * ApiStatusError for a non-200, and when the connection breaks.
   */
  watch(
    request: ApiRequest & {
      readonly silenceMs: number;
      /** The server has agreed to tell what happens; the first line may be long in coming. */
      readonly onOpen?: () => void;
    },
  ): AsyncIterable<string>;
  /** Breaks off what is under way. */
  close(): Promise<void>;
}

export interface ApiServerOptions {
  /** With the path of a proxy in front of it, if there is one. */
  readonly url: string;
  readonly readCredentials: ReadCredentials;
  readonly proxyUrl?: string;
  /** For a connection, which the timeout of a request does not end while it is being made. */
  readonly connectTimeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** Below the 90 s after which the API server ends idle connections: the client must be the one that ends them. */
const KEEP_ALIVE_MS = 60_000;

const UNAUTHORIZED = 401;

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { url, readCredentials } = options;
  const { origin, pathname } = new URL(url);
  const prefix = pathname.replace(/\/$/, "");
  const credentials = new CurrentCredentials(readCredentials);
  const pool = new CurrentPool(options);

  async function attempt(
    request: ApiRequest,
    used: Credentials,
    timeouts: Pick<Dispatcher.RequestOptions, "bodyTimeout" | "headersTimeout" | "signal">,
  ): Promise<Dispatcher.ResponseData> {
    const { method = "GET", path, query, body, contentType = "application/json" } = request;
    const search = query === undefined ? "" : `?${new URLSearchParams(query).toString()}`;
    return pool.for(used).request({
      origin,
      method,
      path: `${prefix}${path}${search}`,
      headers: {
        "user-agent": "foresail",
        accept: request.accept ?? "application/json",
        ...(body === undefined ? {} : { "content-type": contentType }),
        ...used.headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
      ...timeouts,
    });
  }

  /** Once more if the API server refuses credentials that others have taken the place of. */
  async function send(...[request, timeouts]: [ApiRequest, Parameters<typeof attempt>[2]]) {
    const used = await credentials.get();
    const response = await attempt(request, used, timeouts);
    if (response.statusCode !== UNAUTHORIZED) return response;
    const others = await credentials.insteadOf(used);
    if (!others) return response;
    await response.body.dump();
    return attempt(request, others, timeouts);
  }

  return {
    url,
    async request(request) {
      const timeout = AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS);
      const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
      // The signal is the limit, for headers and body together.
      const response = await send(request, { signal, headersTimeout: 0, bodyTimeout: 0 });
      return answerFrom(response, request.leaveOutManagedFields);
    },
    async *watch({ silenceMs, onOpen = () => {}, ...request }) {
      const { signal } = request;
      const timeouts = {
        // The answer begins at once; only what happens may be long in coming.
        headersTimeout: Math.min(silenceMs, TIMEOUT_MS),
        bodyTimeout: silenceMs,
        ...(signal ? { signal } : {}),
      };
      try {
        const response = await send(request, timeouts);
        if (response.statusCode !== 200) throw new ApiStatusError(await answerFrom(response));
        onOpen();
        for await (const line of linesOf(response.body)) {
          yield request.leaveOutManagedFields === true ? withoutManagedFields(line) : line;
        }
      } catch (error) {
        const isEnd = signal?.aborted === true || error instanceof errors.BodyTimeoutError;
        if (!isEnd) throw error;
      }
    },
    close: () => pool.close(),
  };
}

/** Another one after the certificates have changed; requests that are under way keep theirs. */
class CurrentPool {
  readonly #options: PoolOptions;
  readonly #open = new Set<Dispatcher>();
  #current: Dispatcher | undefined;
  #tls: string | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  for({ tls }: Credentials): Dispatcher {
    const text = JSON.stringify(tls);
    if (this.#current && this.#tls === text) return this.#current;
    const replaced = this.#current;
    this.#current = createPool(tls, this.#options);
    this.#tls = text;
    this.#open.add(this.#current);
    if (replaced) void replaced.close().then(() => this.#open.delete(replaced));
    return this.#current;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((pool) => pool.destroy()));
  }
}

type PoolOptions = Pick<ApiServerOptions, "proxyUrl" | "connectTimeoutMs">;

function createPool(tls: Credentials["tls"], { proxyUrl, connectTimeoutMs }: PoolOptions): Dispatcher {
  // A connection for each watch: over HTTP/2 one broken connection would be all of them.
  const options = { allowH2: false, keepAliveTimeout: KEEP_ALIVE_MS };
  const connect = { timeout: connectTimeoutMs ?? CONNECT_TIMEOUT_MS };
  if (proxyUrl !== undefined) return new ProxyAgent({ ...options, uri: proxyUrl, requestTls: tls, connect });
  return new Agent({ ...options, connect: { ...connect, ...tls } });
}

async function answerFrom(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  leaveOutManagedFields = false,
): Promise<ApiAnswer> {
  const text = await body.text();
  const retryAfterMs = retryAfter(headers["retry-after"]);
  const warnings = warningsIn(headers["warning"]);
  return {
    status: statusCode,
    body: parseJson(leaveOutManagedFields ? withoutManagedFields(text) : text),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}

/** RFC 7234, section 5.5, as the API server writes it: `299 - "TEXT"`, with quotes and backslashes escaped. */
function warningsIn(header: string | string[] = []): readonly string[] {
  return [header]
    .flat()
    .flatMap((value) =>
      [...value.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = ""]) =>
        text.replaceAll(/\\(.)/g, "$1"),
      ),
    );
}

/** The API server gives seconds, never a date. */
function retryAfter(header: string | string[] | undefined): number | undefined {
  const seconds = typeof header === "string" ? Number(header) : Number.NaN;
  return seconds >= 0 ? seconds * 1000 : undefined;
}

/** Paths that the API server does not know are answered in plain text. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function* linesOf(body: Dispatcher.ResponseData["body"]): AsyncIterable<string> {
  body.setEncoding("utf8");
  let parts: string[] = [];
  for await (const chunk of body) {
    const [end = "", ...rest] = String(chunk).split("\n");
    parts.push(end);
    for (const part of rest) {
      yield parts.join("");
      parts = [part];
    }
  }
  // What follows the last line break was cut off.
}
