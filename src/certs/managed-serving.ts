/** When the certificate of this replica has to be replaced, and what API servers must trust. */
import type { X509Certificate } from "node:crypto";
import { formatCertificates, holds, isIssuedBy, lifeOf, parseCertificates } from "./authority.ts";
import { missingHosts } from "./hosts.ts";
import { ageReason, issuedAt } from "./managed-authority.ts";
import type { ManagedAuthority } from "./managed-authority.ts";

/** A webhook configuration as far as certificates are concerned. */
export interface WebhookTrust {
  readonly kind: "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration";
  readonly resourceVersion: string;
  readonly webhooks: readonly {
    readonly name: string;
    /** In base64; empty if there is none. */
    readonly caBundle: string;
    /** By which API servers call it, as it stands there; empty if nothing can be made of it. */
    readonly host: string;
    readonly port: number;
  }[];
}

export interface ServingCircumstances {
  readonly authority: ManagedAuthority;
  readonly hosts: readonly string[];
  /** For how long all configurations have held the signing CA, as far as was seen; undefined if they do not. */
  readonly trustedForMs: number | undefined;
  /** How long API servers may take to go by a configuration. */
  readonly settleMs: number;
  readonly now: number;
  readonly jitter: number;
}

/** Why there must be another certificate now, or undefined. */
export function servingReason(
  serving: X509Certificate | undefined,
  { authority, hosts, trustedForMs, settleMs, now, jitter }: ServingCircumstances,
): string | undefined {
  if (!serving) return "there is none";
  const ageProblem = ageReason(lifeOf(serving), now, jitter);
  if (ageProblem === "it is expired") return ageProblem;
  if (!isIssuedBy(serving, authority.signing.certificate)) {
    // Until then API servers would refuse what the signing CA issues.
    return trustedForMs !== undefined && trustedForMs >= settleMs ? "its CA was replaced" : undefined;
  }
  const missing = missingHosts(serving, hosts);
  return missing.length > 0 ? `it is not valid for ${missing.join(", ")}` : ageProblem;
}

/** A CA that is older than this has long been known to API servers that have it. */
const KNOWN_AFTER_MS = 60_000;

/** Whether a replica that starts may be called: until then API servers might refuse its certificate. */
export function isSettled({
  authority,
  trustedForMs,
  settleMs,
  now,
}: Pick<ServingCircumstances, "authority" | "now" | "settleMs" | "trustedForMs">): boolean {
  if (trustedForMs === undefined) return false;
  // Without an earlier CA nobody could be called before.
  const isFirst = authority.previous.length === 0;
  const isOld = now >= issuedAt(lifeOf(authority.signing.certificate)) + KNOWN_AFTER_MS;
  return isFirst || isOld || trustedForMs >= settleMs;
}

/** What every caBundle shall hold. */
export function bundleOf({ signing, previous }: ManagedAuthority): string {
  return formatCertificates([signing.certificate, ...previous]);
}

/** Whether a client that trusts the bundle accepts the certificate. */
export function verifies(bundle: string, serving: X509Certificate, now: number): boolean {
  const isInForce = (certificate: X509Certificate) => {
    const { notBefore, notAfter } = lifeOf(certificate);
    return notBefore <= now && now < notAfter;
  };
  return (
    isInForce(serving) &&
    parseCertificates(bundle).some((authority) => isInForce(authority) && isIssuedBy(serving, authority))
  );
}

/** Whether all webhooks of all configurations trust the CA. True without any: nobody calls. */
export function isTrusted(configurations: readonly WebhookTrust[], authority: X509Certificate): boolean {
  return configurations.every(({ webhooks }) =>
    webhooks.every(({ caBundle }) => holds(parseCertificates(decode(caBundle)), authority)),
  );
}

/** The text of a caBundle. */
export function decode(base64: string): string {
  return Buffer.from(base64, "base64").toString("latin1");
}

export function encode(bundle: string): string {
  return Buffer.from(bundle, "latin1").toString("base64");
}
