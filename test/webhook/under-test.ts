/** The whole webhook on a free port, and clients that talk to it as an API server does. */
import assert from "node:assert/strict";
import { Agent, request as requestOver } from "node:https";
import type { RequestOptions } from "node:https";
import type { IncomingHttpHeaders } from "node:http";
import { json, text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { pino } from "pino";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import { isObject } from "../../src/kubernetes/json.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../../src/rules/policy.ts";
import type { Policy } from "../../src/rules/policy.ts";
import { createMetrics } from "../../src/webhook/metrics.ts";
import { createReviewer } from "../../src/webhook/reviewer.ts";
import { createWebhook } from "../../src/webhook/server.ts";
import type { KeyPair, Webhook, WebhookOptions } from "../../src/webhook/server.ts";
import { issuePair } from "../certs/certificates.ts";
import { SMALL_RULES } from "./small-rules.ts";

/** Made once: it takes longer than most tests. */
const PAIR = issuePair();

/** Of every time a test asks for: 2026-03-04, in the evening. */
export const NOW = Date.UTC(2026, 2, 4, 20);

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes as they are, or anything that becomes JSON. */
  readonly body?: unknown;
}

export interface UnderTest {
  readonly webhook: Webhook;
  readonly port: number;
  readonly ca: string;
  readonly certificate: KeyPair;
  readonly policy: { current: Policy };
  /** One object a line. */
  readonly log: readonly unknown[];
  readonly metrics: () => Promise<string>;
  readonly send: (path: string, sent?: Sent, connection?: RequestOptions) => Promise<Answered>;
  /** Posts the review, which must be answered with 200, and returns the response in it. */
  readonly review: (path: string, request: object) => Promise<unknown>;
}

export async function startWebhook(
  t: TestContext,
  options: Partial<WebhookOptions> & { readonly level?: string } = {},
): Promise<UnderTest> {
  const { authority, serving } = await PAIR;
  const policy = { current: DEFAULT_POLICY };
  const log: unknown[] = [];
  const logger = pino(
    { level: options.level ?? "info", base: null, timestamp: false },
    { write: (line: string) => void log.push(JSON.parse(line)) },
  );
  const metrics = metricsUnderTest();
  const store = new Store("cluster.local");
  store.put("ConfigMap", { metadata: { namespace: "shop", name: "other" } });
  const reviewer = createReviewer({
    rules: SMALL_RULES,
    configuration: () => ({ policy: policy.current, hash: "c0ffee" }),
    viewFor: (subject) => createView({ store, settings: DEFAULT_MESH_SETTINGS, isComplete: true }, subject),
    now: () => NOW,
    log: logger,
    metrics,
  });
  const webhook = createWebhook({ reviewer, metrics, log: logger, certificate: serving, ...options });
  const port = await webhook.listen({ host: "127.0.0.1", port: 0 });
  const agent = new Agent({ keepAlive: true, ca: authority.cert });
  t.after(async () => {
    agent.destroy();
    await webhook.close(0);
  });

  const send = (path: string, sent: Sent = {}, connection: RequestOptions = {}) =>
    exchange({ agent, host: "localhost", port, path, ca: authority.cert, ...connection }, sent);
  return {
    webhook,
    port,
    ca: authority.cert,
    certificate: serving,
    policy,
    log,
    metrics: () => metrics.format(),
    send,
    review: async (path, reviewed) => {
      const { status, body } = await send(path, { body: reviewOf(reviewed) });
      assert.equal(status, 200);
      assert(isObject(body));
      return body["response"];
    },
  };
}

export function metricsUnderTest() {
  return createMetrics(
    {
      version: "1.2.3",
      configuration: () => ({ isValid: true, lastSuccess: NOW, warnings: 0 }),
      caches: () => [{ kind: "ConfigMap", isSynced: true, objects: 1, ageSeconds: 0.5, relists: 2 }],
      planes: () => [{ plane: "data", isReachable: true }],
      certificates: () => [{ type: "serving", notAfter: NOW }],
      bundleWrites: () => [["ValidatingWebhookConfiguration", 1]],
    },
    new Set(SMALL_RULES.flatMap(({ kinds }) => kinds)),
  );
}

export function reviewOf(reviewed: object, version = "v1"): object {
  const request = { uid: "u-1", operation: "CREATE", namespace: "shop", name: "web", ...reviewed };
  return { apiVersion: `admission.k8s.io/${version}`, kind: "AdmissionReview", request };
}

/** As in `request.kind`. */
export const GVK = {
  ConfigMap: { group: "", version: "v1", kind: "ConfigMap" },
  DestinationRule: { group: "networking.istio.io", version: "v1", kind: "DestinationRule" },
  Namespace: { group: "", version: "v1", kind: "Namespace" },
  Pod: { group: "", version: "v1", kind: "Pod" },
  Secret: { group: "", version: "v1", kind: "Secret" },
  Service: { group: "", version: "v1", kind: "Service" },
  ServiceEntry: { group: "networking.istio.io", version: "v1", kind: "ServiceEntry" },
  WorkloadEntry: { group: "networking.istio.io", version: "v1", kind: "WorkloadEntry" },
} as const;

function exchange(connection: RequestOptions, { method = "POST", headers, body }: Sent): Promise<Answered> {
  const bytes = body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body);
  const length = { "content-length": String(bytes === undefined ? 0 : Buffer.byteLength(bytes)) };
  const isChunked = headers?.["transfer-encoding"] !== undefined;
  const own = { "content-type": "application/json", ...(isChunked ? {} : length) };
  return new Promise((resolve, reject) => {
    const sending = requestOver({ ...connection, method, headers: { ...own, ...headers } }, (response) => {
      const isJson =
        method !== "HEAD" && response.headers["content-type"]?.startsWith("application/json") === true;
      const read: Promise<unknown> = isJson ? json(response) : text(response);
      const { statusCode: status = 0, headers: answeredHeaders } = response;
      read.then((answered) => resolve({ status, headers: answeredHeaders, body: answered }), reject);
    });
    sending.once("error", reject);
    sending.end(bytes);
  });
}
