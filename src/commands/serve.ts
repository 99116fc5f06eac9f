/** `foresail serve`: the webhook over HTTPS, with its probes and metrics on a plain port. */
import { once } from "node:events";
import type { Server } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import type { Logger } from "pino";
import { createHealthServer } from "../webhook/health.ts";
import { createMetrics } from "../webhook/metrics.ts";
import { createReviewer } from "../webhook/reviewer.ts";
import { createWebhook } from "../webhook/server.ts";
import type { Webhook } from "../webhook/server.ts";
import { checkFree, formatAddress, listenFailure, parseAddress } from "./serve/listen-address.ts";
import type { HostAndPort } from "./serve/listen-address.ts";
import { policyInDoubt } from "./serve/policy-in-doubt.ts";
import { openSources } from "./serve/sources.ts";
import type { SourceContext, SourceOptions, Sources } from "./serve/sources.ts";
import { watchSignals } from "./serve/signals.ts";

export interface ServeOptions extends SourceOptions {
  /** `HOST:PORT` of the webhook. */
  readonly listen: string;
  /** `HOST:PORT` of probes and metrics. */
  readonly metrics: string;
  readonly reusePort?: boolean;
}

export interface ServeContext extends SourceContext {
  readonly version: string;
  /** Ends the process at once: after an error that nobody caught, and at the second signal. */
  readonly exit: (code: number) => void;
  /** How long to go on serving after SIGTERM, while the cluster learns that this replica is leaving. */
  readonly lameDuckMs?: number;
}

const LAME_DUCK_MS = 10_000;
const CLOSE_WITHIN_MS = 5000;

/** Resolves with the exit code when a signal has ended it. @throws ForesailError before it serves, never after */
export async function serve(options: ServeOptions, context: ServeContext): Promise<number> {
  const addresses = {
    webhook: parseAddress(options.listen, "--listen"),
    health: parseAddress(options.metrics, "--metrics"),
  };
  const { health, webhook } = addresses;
  // A shared port is served by others, whose connections may come here instead.
  await checkFree({ "--metrics": health, ...(options.reusePort === true ? {} : { "--listen": webhook }) });
  const log = createLog();
  const signals = watchSignals(log, context.exit);
  try {
    const sources = await openSources(options, context, log);
    try {
      const service = await startService(addresses, options, context, sources, log);
      const signal = await signals.stop;
      log.info({ signal }, "stopping");
      // Ctrl-C is for those who wait at a terminal: there is no other replica to wait for.
      await service.stop(signal === "SIGTERM" ? (context.lameDuckMs ?? LAME_DUCK_MS) : 0);
      log.info("stopped");
      return 0;
    } finally {
      sources.close();
    }
  } finally {
    signals.close();
  }
}

interface Service {
  stop(lameDuckMs: number): Promise<void>;
}

async function startService(
  addresses: { readonly webhook: HostAndPort; readonly health: HostAndPort },
  { reusePort = false }: ServeOptions,
  context: ServeContext,
  sources: Sources,
  log: Logger,
): Promise<Service> {
  let phase: "draining" | "serving" | "starting" = "starting";
  const { webhook, metrics } = createServer(context, sources, log);
  const health = createHealthServer({
    metrics,
    unmetConditions: () => [...(phase === "serving" ? [] : [phase]), ...sources.unmetConditions()],
  });

  const healthPort = await listenOnHealth(health, addresses.health);
  try {
    const port = await webhook.listen({ ...addresses.webhook, reusePort });
    phase = "serving";
    const address = `https://${formatAddress({ ...addresses.webhook, port })}`;
    const probes = `http://${formatAddress({ ...addresses.health, port: healthPort })}`;
    log.info({ address, probes, ...sources.facts() }, "listening");
  } catch (error) {
    health.close();
    throw listenFailure(addresses.webhook, "--listen", error);
  }

  return {
    async stop(lameDuckMs) {
      phase = "draining";
      webhook.startDraining();
      await delay(lameDuckMs);
      await webhook.close(CLOSE_WITHIN_MS);
      health.close();
      health.closeAllConnections();
    },
  };
}

function createServer(
  { rules, version }: ServeContext,
  sources: Sources,
  log: Logger,
): { readonly webhook: Webhook; readonly metrics: ReturnType<typeof createMetrics> } {
  const { configuration, cluster, certificates, clientCa } = sources;
  const metrics = createMetrics(
    {
      version,
      configuration: () => ({
        isValid: configuration.isValid,
        lastSuccess: configuration.lastSuccess?.getTime() ?? 0,
        warnings: configuration.current.warnings.length,
      }),
      caches: () => cluster.caches(),
      planes: () => cluster.reachability(),
      certificates: () => certificates.ends(),
      bundleWrites: () => certificates.bundleWrites(),
    },
    new Set(rules.flatMap(({ kinds }) => kinds)),
  );
  const reviewer = createReviewer({
    rules,
    configuration: () => ({
      policy: policyInDoubt(configuration.current.policy, rules, cluster.knowledge()),
      hash: configuration.current.hash,
    }),
    viewFor: (subject, note) => cluster.viewFor(subject, note),
    ...(cluster.confirm ? { confirm: cluster.confirm } : {}),
    now: Date.now,
    log,
    metrics,
  });
  const webhook = createWebhook({ reviewer, metrics, log, certificate: certificates.current, clientCa });
  certificates.onChange((changed) => webhook.setCertificate(changed));
  return { webhook, metrics };
}

async function listenOnHealth(server: Server, address: HostAndPort): Promise<number> {
  try {
    server.listen(address);
    await once(server, "listening");
  } catch (error) {
    throw listenFailure(address, "--metrics", error);
  }
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : address.port;
}

/** Of lines that nobody reads. More are dropped: a collector that hangs may not keep reviews waiting, nor eat the memory. */
const MAX_LOG_BYTES = 4 * 1024 * 1024;

/** To standard error. What is left of it is written when the process ends, also after an error. */
function createLog(): Logger {
  return pino(
    {
      timestamp: pino.stdTimeFunctions.isoTime,
      // Only these: an error may carry what it is about.
      serializers: { err: (error: unknown) => (error instanceof Error ? factsOf(error) : String(error)) },
    },
    pino.destination({ fd: 2, sync: false, maxLength: MAX_LOG_BYTES }),
  );
}

function factsOf({ name, message, stack }: Error) {
  return { type: name, message, stack };
}
