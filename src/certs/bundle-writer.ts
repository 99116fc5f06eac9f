/** Writes caBundles, counts that, and does not fight over them. */
import type { ApiServer } from "../api-server/client.ts";
import { formatCertificates, parseCertificates } from "./authority.ts";
import { CONFIGURATION_KINDS, writeBundle } from "./managed-objects.ts";
import { decode, encode } from "./managed-serving.ts";
import type { WebhookTrust } from "./managed-serving.ts";
import { NO_WRITES, planWrite } from "./write-limit.ts";
import type { WriteHistory, WriteLimit } from "./write-limit.ts";

export interface ManagedTimes {
  readonly authorityMs: number;
  readonly servingMs: number;
  /** From a change of the configurations until every API server goes by it. */
  readonly settleMs: number;
  readonly intervalMs: number;
  readonly writeLimit: WriteLimit;
}

export interface ManagedAction {
  readonly what: "CA Secret changed" | "caBundle written" | "serving certificate made";
  readonly reason: string;
  readonly facts: Readonly<Record<string, string>>;
}

export interface BundleWriterOptions {
  readonly api: ApiServer;
  readonly times: ManagedTimes;
  /** For the log. */
  readonly onAction: (action: ManagedAction) => void;
  /** Someone writes this caBundle again and again; for a while foresail leaves it as it is. */
  readonly onFight: (kind: WebhookTrust["kind"]) => void;
}

export class BundleWriter {
  /** How often each was written. */
  readonly counts = new Map<WebhookTrust["kind"], number>(CONFIGURATION_KINDS.map((kind) => [kind, 0]));
  readonly #options: BundleWriterOptions;
  readonly #histories = new Map<WebhookTrust["kind"], WriteHistory>();

  constructor(options: BundleWriterOptions) {
    this.#options = options;
  }

  /** The configuration as it is then: as it was in a fight, and if someone else was faster. @throws ApiStatusError */
  async write(configuration: WebhookTrust, bundle: string): Promise<WebhookTrust> {
    const { api, times, onAction, onFight } = this.#options;
    const { kind, webhooks } = configuration;
    const history = this.#histories.get(kind) ?? NO_WRITES;
    const plan = planWrite(history, times.writeLimit, performance.now());
    this.#histories.set(kind, plan.history);
    if (plan.isFight) onFight(kind);
    if (!plan.mayWrite || !(await writeBundle(api, configuration, bundle))) return configuration;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    const wasEmpty = webhooks.every(({ caBundle }) => caBundle === "");
    const reason = wasEmpty ? "it was empty" : "it held something else";
    onAction({ what: "caBundle written", reason, facts: { configuration: kind } });
    const caBundle = encode(bundle);
    return { ...configuration, webhooks: webhooks.map((webhook) => ({ ...webhook, caBundle })) };
  }
}

/** Whether all its webhooks have these certificates and no others, however they are written. */
export function holdsBundle({ webhooks }: WebhookTrust, bundle: string): boolean {
  return webhooks.every(({ caBundle }) => formatCertificates(parseCertificates(decode(caBundle))) === bundle);
}
