/** The plain port: is the process alive, may it be sent reviews, what has it counted. */
import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import type { Metrics } from "./metrics.ts";

export interface HealthOptions {
  readonly metrics: Pick<Metrics, "contentType" | "format">;
  /** What keeps foresail from answering reviews, a line each; empty if nothing does. */
  readonly unmetConditions: () => readonly string[];
}

const PLAIN_TEXT = "text/plain; charset=utf-8";

/** Probes and scrapes are a few bytes each; nobody has a reason to be slow. */
const TIMEOUT_MS = 10_000;

/** Without HTTPS and without a client certificate, for the kubelet and Prometheus have none. */
export function createHealthServer({ metrics, unmetConditions }: HealthOptions): Server {
  const pages: Readonly<Record<string, (response: ServerResponse) => void | Promise<void>>> = {
    // That there is an answer says it all: the event loop turns.
    "/livez": (response) => send(response, 200, "ok\n"),
    "/readyz": (response) => {
      const unmet = unmetConditions();
      if (unmet.length === 0) send(response, 200, "ok\n");
      else send(response, 503, unmet.map((condition) => `${condition}\n`).join(""));
    },
    "/metrics": async (response) => {
      const text = await metrics.format();
      send(response, 200, text, metrics.contentType);
    },
  };

  const timeouts = { headersTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS };
  return createServer(timeouts, (request, response) => {
    const [path = ""] = (request.url ?? "").split("?");
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (page === undefined) send(response, 404, "not found\n");
    else if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      send(response, 405, "method not allowed\n");
    } else void Promise.resolve(page(response)).catch(() => send(response, 500, "internal error\n"));
  });
}

function send(response: ServerResponse, status: number, body: string, contentType = PLAIN_TEXT): void {
  response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
