/** From HTTP requests to answers: every review with a uid gets 200 and a decision, everything else an error of 4xx. */
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { printable } from "../engine/render.ts";
import { parseReview } from "./admission-review.ts";
import type { Endpoint } from "./admission-review.ts";
import { readBody } from "./body.ts";
import type { Body, BodyLimits, InFlight } from "./body.ts";
import { timeToDecide } from "./deadline.ts";
import type { Metrics, RejectionReason } from "./metrics.ts";
import type { Reviewer, Timing } from "./reviewer.ts";

export interface HandlerOptions {
  readonly reviewer: Reviewer;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly limits: BodyLimits;
  /** Whether every answer shall ask its client to come back over another connection. */
  readonly isDraining: () => boolean;
  /** For how long a connection may stay on which nothing is asked, in milliseconds. */
  readonly idleMs: number;
}

export interface Handlers {
  /** Replies later. */
  answer(endpoint: Endpoint, request: FastifyRequest, reply: FastifyReply): void;
  /** For every method and path but the ones that are answered. */
  notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply;
  /** Fastify's own refusals, and what should never happen. */
  fail(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply;
  /** What is no HTTP, or came too slowly: there is no request to reply to. */
  endBrokenRequest(error: Error, socket: Socket): void;
}

export const ENDPOINTS: { readonly [E in Endpoint]: `/${E}` } = { mutate: "/mutate", validate: "/validate" };
const PATHS: readonly string[] = Object.values(ENDPOINTS);

const JSON_TYPE = "application/json; charset=utf-8";
/** RFC 9110, section 8.3.1: the type in any case, parameters after a semicolon. JSON knows no charset but UTF-8. */
const IS_JSON = /^application\/json[ \t]*(?:;[^,]*)?$/i;

/** Why a request is no review: the status and the text of the answer. */
const REJECTIONS = {
  empty: [400, "the body is empty"],
  json: [400, "the body is no JSON"],
  mediaType: [415, "the content type must be application/json"],
  method: [405, "the method must be POST"],
  oversize: [413, "the body is too large, and has no request.uid"],
  path: [404, "not found"],
  uid: [400, "the body is no AdmissionReview: it has no request.uid"],
} as const satisfies { readonly [R in RejectionReason]?: readonly [status: number, error: string] };

export function createHandlers(options: HandlerOptions): Handlers {
  const { reviewer, metrics, log, limits, isDraining, idleMs } = options;
  const inFlight: InFlight = { bytes: 0 };

  function send(reply: FastifyReply, status: number, body: string): FastifyReply {
    if (isDraining()) void reply.header("connection", "close");
    return reply.code(status).header("content-type", JSON_TYPE).send(body);
  }

  function reject(
    request: FastifyRequest,
    reply: FastifyReply,
    reason: keyof typeof REJECTIONS,
  ): FastifyReply {
    const [status, error] = REJECTIONS[reason];
    metrics.countRejection(reason);
    log.warn({ ...factsOf(request), status, reason }, "request rejected");
    return send(reply, status, JSON.stringify({ error }));
  }

  function review(
    endpoint: Endpoint,
    bytes: Buffer,
    request: FastifyRequest,
    reply: FastifyReply,
    timing: Timing,
  ): FastifyReply {
    if (bytes.length === 0) return reject(request, reply, "empty");
    const json = parseJson(bytes);
    if (json === undefined) return reject(request, reply, "json");
    const admissionRequest = parseReview(json.value);
    if (admissionRequest === undefined) return reject(request, reply, "uid");
    const answer = reviewer.review(endpoint, admissionRequest, timing);
    if (typeof answer === "string") return send(reply, 200, answer);
    void sendLater(answer, request, reply);
    return reply;
  }

  async function sendLater(
    answer: Promise<string>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    try {
      send(reply, 200, await answer);
    } catch (error) {
      fail(error, request, reply);
    }
  }

  function answerBody(
    endpoint: Endpoint,
    body: Body,
    request: FastifyRequest,
    reply: FastifyReply,
    timing: Timing,
  ): FastifyReply {
    if (body.outcome === "read") return review(endpoint, body.bytes, request, reply, timing);
    if (body.outcome === "oversize") {
      if (body.head === undefined) return reject(request, reply, "oversize");
      return send(reply, 200, reviewer.refuseOversize(endpoint, body.head, timing));
    }
    if (body.outcome === "shed") {
      metrics.countShed();
      // With Retry-After the API server tries again within its timeout, and elsewhere over a new connection.
      void reply.header("retry-after", "1").header("connection", "close");
      return send(reply, 503, JSON.stringify({ error: "too much at once, try again" }));
    }
    metrics.countRejection("aborted");
    log.warn(factsOf(request), "request broken off");
    return reply.hijack();
  }

  function fail(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (statusOf(error) === 415) return reject(request, reply, "mediaType");
    log.error({ ...factsOf(request), err: error }, "request failed");
    metrics.countRejection("internal");
    return send(reply, 500, JSON.stringify({ error: "internal error" }));
  }

  return {
    fail,

    answer(endpoint, request, reply) {
      const arrivedAt = performance.now();
      const { headers, raw, url } = request;
      if (!isPlainJson(headers)) {
        reject(request, reply, "mediaType");
        return;
      }
      const timing = { arrivedAt, decideUntil: arrivedAt + timeToDecide(url) };
      readBody(raw, Number(headers["content-length"] ?? 0), limits, inFlight, (body) => {
        try {
          answerBody(endpoint, body, request, reply, timing);
        } catch (error) {
          fail(error, request, reply);
        }
      });
    },

    notFound(request, reply) {
      if (!PATHS.includes(pathOf(request.url))) return reject(request, reply, "path");
      return reject(request, reply.header("allow", "POST"), "method");
    },

    endBrokenRequest(error, socket) {
      if (socket.destroyed) return;
      const code = "code" in error ? String(error.code) : "";
      const isLate = code === "ERR_HTTP_REQUEST_TIMEOUT";
      // API servers open more connections than they use at once, and keep them. To end one in the moment in which its first
      // review is sent would lose the review; Node asks only once.
      if (isLate && socket.bytesRead === 0) {
        socket.setTimeout(idleMs);
        return;
      }
      metrics.countRejection(isLate ? "timeout" : "http");
      log.warn({ code }, "connection broken off");
      socket.end(brokenRequestAnswer(isLate), () => socket.destroy());
    },
  };
}

function brokenRequestAnswer(isLate: boolean): string {
  const status = isLate ? "408 Request Timeout" : "400 Bad Request";
  const body = JSON.stringify({ error: isLate ? "the request came too slowly" : "this is no HTTP request" });
  const head = [
    `HTTP/1.1 ${status}`,
    `Content-Type: ${JSON_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

function isPlainJson(headers: IncomingHttpHeaders): boolean {
  const { "content-type": type = "", "content-encoding": encoding = "identity" } = headers;
  return (type === "application/json" || IS_JSON.test(type)) && encoding.toLowerCase() === "identity";
}

/** Undefined if it is none. The parser's message would quote the text, which may hold secrets. */
function parseJson(bytes: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(bytes.toString("utf8")) };
  } catch {
    return undefined;
  }
}

function factsOf({ method, url }: FastifyRequest) {
  return { method, path: printable(pathOf(url)) };
}

function pathOf(url: string): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

function statusOf(error: unknown): unknown {
  return error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
}
