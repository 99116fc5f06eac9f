/**
 * What one replica does for managed certificates, round by round: it reads the Secret and both configurations, decides,
 * and writes what is missing. None is the leader: whoever writes the Secret first wins, and all decide the same from what
 * it holds.
 */
import { X509Certificate } from "node:crypto";
import { lifeOf, parseCertificates } from "./authority.ts";
import { BundleWriter, holdsBundle } from "./bundle-writer.ts";
import type { BundleWriterOptions, ManagedAction } from "./bundle-writer.ts";
import { issueAuthority, issueServingCertificate } from "./issue.ts";
import type { IssuedCertificate } from "./issue.ts";
import type { ServingCertificate } from "./key-pair.ts";
import { AUTHORITY_NAME, authorityChange, issuerOf, ours } from "./managed-authority.ts";
import type { AuthorityChange, ManagedAuthority, StoredAuthority } from "./managed-authority.ts";
import { managedHosts } from "./managed-hosts.ts";
import {
  CONFIGURATION_KINDS,
  immutableSecret,
  readConfiguration,
  readSecret,
  SECRET_NAME,
  writeSecret,
} from "./managed-objects.ts";
import { bundleOf, decode, isSettled, isTrusted, servingReason, verifies } from "./managed-serving.ts";
import type { WebhookTrust } from "./managed-serving.ts";

export interface ReplicaOptions extends BundleWriterOptions {
  readonly namespace: string;
  /** What the certificate shall be valid for besides, as `parseHost` returns them. */
  readonly hosts: readonly string[];
  /** May throw: then the last certificate stays, and it is tried again. */
  readonly onCertificate: (certificate: ServingCertificate) => void;
}

/** A round that loses so many races in a row waits for the next one. */
const ATTEMPTS = 5;

export class ManagedReplica {
  readonly #options: ReplicaOptions;
  /** Draws from the time before a renewal is due, so that replicas do not all renew at once. */
  readonly #jitter = Math.random();
  readonly #bundles: BundleWriter;
  /** As read last, those that there are. */
  readonly #configurations = new Map<WebhookTrust["kind"], WebhookTrust>();
  #authority: ManagedAuthority | undefined;
  #serving: (ServingCertificate & { readonly certificate: X509Certificate }) | undefined;
  /** Since when the configurations have been seen to hold the CA, by `performance.now()`. */
  #trusted: { readonly fingerprint: string; readonly since: number } | undefined;
  #isSettled = false;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#bundles = new BundleWriter(options);
  }

  get bundleWrites(): ReadonlyMap<WebhookTrust["kind"], number> {
    return this.#bundles.counts;
  }

  get authority(): ManagedAuthority | undefined {
    return this.#authority;
  }

  get serving(): (ServingCertificate & { readonly certificate: X509Certificate }) | undefined {
    return this.#serving;
  }

  /** What keeps API servers from calling this replica; once nothing did, only an expired certificate does. */
  unmetCondition(): string | undefined {
    if (!this.#serving) return "the CA of the serving certificate is not known";
    if (this.#serving.notAfter <= Date.now()) return "the serving certificate is expired";
    return this.#isSettled
      ? undefined
      : "the webhook configurations do not trust the serving certificate yet";
  }

  /** What it can do it does, also if something else fails. @throws the problem of the first step that has one */
  async round(signal: AbortSignal): Promise<void> {
    const steps: Promise<void>[] = [];
    const attempt = async (step: () => Promise<void>) => {
      if (signal.aborted) return;
      const done = step();
      // In the order in which steps begin: whose answer comes first differs from round to round.
      steps.push(done);
      await done.catch(() => {});
    };
    const readable = new Set<WebhookTrust["kind"]>();
    const read = async (kind: WebhookTrust["kind"]) => {
      await this.#readConfiguration(kind);
      readable.add(kind);
    };
    await Promise.all(CONFIGURATION_KINDS.map((kind) => attempt(() => read(kind))));
    await attempt(() => this.#agreeOnAuthority());
    // By the CA known last: the API server may be down for long.
    await attempt(() => this.#renewServing());
    for (const kind of CONFIGURATION_KINDS) if (readable.has(kind)) await attempt(() => this.#publish(kind));
    for (const done of steps) await done;
    this.#observe();
  }

  async #readConfiguration(kind: WebhookTrust["kind"]): Promise<void> {
    const found = await readConfiguration(this.#options.api, kind);
    if (found) this.#configurations.set(kind, found);
    else this.#configurations.delete(kind);
  }

  async #agreeOnAuthority(): Promise<void> {
    const { api, namespace } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const secret = await readSecret(api, namespace);
      const change = authorityChange(secret?.authority, this.#circumstances());
      const wanted = await this.#changed(secret?.authority, change);
      if (wanted === undefined) return;
      if (change.do !== "nothing" && secret?.isImmutable === true)
        throw immutableSecret(namespace, change.reason);
      const pair = { cert: bundleOf(wanted), key: wanted.signing.key };
      if (change.do === "nothing" || (await writeSecret(api, namespace, secret, pair))) {
        this.#authority = wanted;
        if (change.do !== "nothing")
          this.#report("CA Secret changed", change.reason, wanted.signing.certificate);
        return;
      }
    }
    throw new Error(`the Secret ${namespace}/${SECRET_NAME} changes faster than it can be read`);
  }

  #circumstances() {
    const { times } = this.#options;
    const bundles = [...this.#configurations.values()].flatMap(({ webhooks }) => webhooks);
    const serving = this.#serving;
    const isNeeded = serving !== undefined && serving.notAfter > Date.now();
    return {
      inUse: isNeeded && this.#authority ? issuerOf(serving.certificate, this.#authority) : undefined,
      trusted: bundles.flatMap(({ caBundle }) => ours(parseCertificates(decode(caBundle)))),
      now: Date.now(),
      servingMs: times.servingMs,
      jitter: this.#jitter,
    };
  }

  /** What the Secret shall hold. */
  async #changed(
    stored: StoredAuthority | undefined,
    change: AuthorityChange,
  ): Promise<ManagedAuthority | undefined> {
    if (change.do === "replace") {
      const made = await issueAuthority(AUTHORITY_NAME, Date.now(), this.#options.times.authorityMs);
      return { signing: { ...made, certificate: new X509Certificate(made.cert) }, previous: change.previous };
    }
    if (stored === undefined || "unusable" in stored) return undefined;
    return change.do === "nothing" ? stored : { ...stored, previous: change.previous };
  }

  async #renewServing(): Promise<void> {
    const authority = this.#authority;
    if (!authority) return;
    const { namespace, times, onCertificate } = this.#options;
    const hosts = managedHosts(namespace, [...this.#configurations.values()], this.#options.hosts);
    const now = Date.now();
    const reason = servingReason(this.#serving?.certificate, {
      authority,
      hosts,
      trustedForMs: this.#trustedForMs(authority),
      settleMs: times.settleMs,
      now,
      jitter: this.#jitter,
    });
    if (reason === undefined) return;
    const made = await issueServingCertificate("foresail", hosts, authority.signing, now, times.servingMs);
    const serving = presentable(made);
    onCertificate(serving);
    this.#serving = serving;
    this.#report("serving certificate made", reason, serving.certificate);
  }

  async #publish(kind: WebhookTrust["kind"]): Promise<void> {
    const configuration = this.#configurations.get(kind);
    if (!configuration || !this.#authority || !this.#serving) return;
    const bundle = bundleOf(this.#authority);
    if (holdsBundle(configuration, bundle)) return;
    if (!verifies(bundle, this.#serving.certificate, Date.now())) {
      throw new Error(
        "the CAs in the Secret do not verify the serving certificate, so no caBundle is written",
      );
    }
    this.#configurations.set(kind, await this.#bundles.write(configuration, bundle));
  }

  #observe(): void {
    const authority = this.#authority;
    if (!authority || !this.#serving) return;
    const { certificate } = authority.signing;
    const { fingerprint256: fingerprint } = certificate;
    if (!isTrusted([...this.#configurations.values()], certificate)) this.#trusted = undefined;
    else if (this.#trusted?.fingerprint !== fingerprint)
      this.#trusted = { fingerprint, since: performance.now() };
    const trustedForMs = this.#trustedForMs(authority);
    const { settleMs } = this.#options.times;
    this.#isSettled ||= isSettled({ authority, trustedForMs, settleMs, now: Date.now() });
  }

  #trustedForMs({ signing }: ManagedAuthority): number | undefined {
    if (this.#trusted?.fingerprint !== signing.certificate.fingerprint256) return undefined;
    return performance.now() - this.#trusted.since;
  }

  #report(what: ManagedAction["what"], reason: string, certificate: X509Certificate): void {
    const { subject, validToDate } = certificate;
    this.#options.onAction({ what, reason, facts: { subject, notAfter: validToDate.toISOString() } });
  }
}

export function presentable({ cert, key }: IssuedCertificate) {
  const certificate = new X509Certificate(cert);
  return { cert, key, notAfter: lifeOf(certificate).notAfter, certificate };
}
