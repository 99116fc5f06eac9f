/** The HTTPS server: connections, certificates, timeouts. */
import type { Server } from "node:https";
import { fastify } from "fastify";
import type { Logger } from "pino";
import { BODY_LIMITS } from "./body.ts";
import type { BodyLimits } from "./body.ts";
import { createHandlers, ENDPOINTS } from "./handlers.ts";
import { createHandshakeFailures } from "./handshake-failures.ts";
import type { Metrics } from "./metrics.ts";
import type { Reviewer } from "./reviewer.ts";

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface WebhookOptions {
  readonly reviewer: Reviewer;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly certificate: KeyPair;
  /** CAs in PEM: clients must present a certificate that one of them signed. */
  readonly clientCa?: string | undefined;
  readonly limits?: BodyLimits;
  readonly timeouts?: Timeouts;
}

/** In milliseconds, as Node names them. */
interface Timeouts {
  readonly keepAliveTimeout: number;
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly handshakeTimeout: number;
  /** How exactly the others are kept. */
  readonly connectionsCheckingInterval: number;
}

interface ListenAddress {
  /** All of the machine's addresses if undefined. */
  readonly host: string | undefined;
  /** 0 for a free one. */
  readonly port: number;
  /** Other processes may listen there as well; the kernel shares out connections. */
  readonly reusePort?: boolean;
}

export interface Webhook {
  /** For looking at it; only `close` may end it. */
  readonly server: Server;
  /** Resolves with the port. */
  listen(address: ListenAddress): Promise<number>;
  /** For connections from now on; the others stay. */
  setCertificate(certificate: KeyPair): void;
  /** Goes on answering, and asks every client to come back over another connection, which may lead elsewhere. */
  startDraining(): void;
  /** Accepts nothing new, finishes what has begun, and after `withinMs` breaks off the rest. */
  close(withinMs: number): Promise<void>;
}

const TIMEOUTS: Timeouts = {
  // Longer than the 90 s after which Go's client drops an idle connection: it must be the one that ends it.
  keepAliveTimeout: 120_000,
  headersTimeout: 15_000,
  requestTimeout: 15_000,
  handshakeTimeout: 10_000,
  connectionsCheckingInterval: 1000,
};

export function createWebhook(options: WebhookOptions): Webhook {
  const {
    reviewer,
    metrics,
    log,
    limits = BODY_LIMITS,
    timeouts = TIMEOUTS,
    certificate,
    clientCa,
  } = options;
  let isDraining = false;
  const handshakeFailures = createHandshakeFailures(log);
  const handlers = createHandlers({
    reviewer,
    metrics,
    log,
    limits,
    isDraining: () => isDraining,
    idleMs: timeouts.keepAliveTimeout,
  });

  const app = fastify({
    https: { ...timeouts, ...secureContext(certificate, clientCa), ...connectionTerms(clientCa) },
    keepAliveTimeout: timeouts.keepAliveTimeout,
    requestTimeout: timeouts.requestTimeout,
    logger: false,
    trustProxy: false,
    // Whoever connected just before the end still gets an answer.
    return503OnClosing: false,
    frameworkErrors: (_error, request, reply) => void handlers.notFound(request, reply),
    clientErrorHandler: (error, socket) => handlers.endBrokenRequest(error, socket),
  });
  // Fastify's parsers refuse keys that Kubernetes allows, and end at 413: handlers read the bodies themselves.
  app.removeAllContentTypeParsers();
  // The type is named because Fastify remembers the parser of a type, but not that of all others.
  app.addContentTypeParser(["application/json", "*"], (_request, _payload, done) => done(null));
  app.post(ENDPOINTS.mutate, (request, reply) => handlers.answer("mutate", request, reply));
  app.post(ENDPOINTS.validate, (request, reply) => handlers.answer("validate", request, reply));
  app.setNotFoundHandler((request, reply) => handlers.notFound(request, reply));
  app.setErrorHandler((error, request, reply) => handlers.fail(error, request, reply));
  // Before Node's own listener, which would have it answered in HTTP.
  app.server.prependListener("tlsClientError", (error, socket) => {
    metrics.countRejection("tls");
    handshakeFailures.add(error, socket.remoteAddress);
    socket.destroy();
  });

  return {
    server: app.server,
    async listen({ host, port, reusePort = false }) {
      await app.ready();
      return listenOn(app.server, { host, port, reusePort });
    },
    // Everything has to be said again: what is left out is reset.
    setCertificate: (changed) => app.server.setSecureContext(secureContext(changed, clientCa)),
    startDraining() {
      isDraining = true;
    },
    async close(withinMs) {
      isDraining = true;
      const timer = setTimeout(() => app.server.closeAllConnections(), withinMs);
      await app.close();
      clearTimeout(timer);
      handshakeFailures.close();
    },
  };
}

function secureContext({ cert, key }: KeyPair, clientCa: string | undefined) {
  return { cert, key, minVersion: "TLSv1.2" as const, ...(clientCa === undefined ? {} : { ca: clientCa }) };
}

/** HTTP/1.1 only: all that API servers speak to webhooks, and none of HTTP/2's ways to be attacked. */
function connectionTerms(clientCa: string | undefined) {
  const hasClientCa = clientCa !== undefined;
  return { ALPNProtocols: ["http/1.1"], requestCert: hasClientCa, rejectUnauthorized: hasClientCa };
}

function listenOn(server: Server, address: Required<ListenAddress>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => {
      server.off("error", reject);
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : address.port);
    });
  });
}
