/** When a certificate has to be replaced. All times in milliseconds since 1970. */

/** Validity begins an hour before the issue, so that clocks which differ by less agree on it. */
export const BACKDATE_MS = 60 * 60 * 1000;

/** The share of its life after which a certificate is replaced, as cert-manager does by default. */
const RENEW_AT = 2 / 3;

/** What is known of a certificate and its key; `unusable` says why nothing more is. */
export type CertificateFacts =
  | { readonly unusable: string }
  | {
      readonly notBefore: number;
      readonly notAfter: number;
      /** Hosts it should be valid for and is not. */
      readonly missingHosts: readonly string[];
    };

/** Why the certificate must be replaced, or undefined while it is good. */
export function renewalReason(facts: CertificateFacts, now: number): string | undefined {
  if ("unusable" in facts) return facts.unusable;
  const { notBefore, notAfter, missingHosts } = facts;
  if (now >= notAfter) return "it is expired";
  if (now < notBefore) return "it is not valid yet";
  if (missingHosts.length > 0) return `it is not valid for ${missingHosts.join(", ")}`;
  if (now >= notBefore + (notAfter - notBefore) * RENEW_AT) return "two thirds of its life are over";
  return undefined;
}
