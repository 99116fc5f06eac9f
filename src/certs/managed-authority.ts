/** The CA that all replicas share, as it stands in the Secret, and when it has to be changed. All times in milliseconds since 1970. */
import type { X509Certificate } from "node:crypto";
import { ForesailError } from "../errors.ts";
import {
  authorityProblem,
  formatCertificates,
  holds,
  isIssuedBy,
  lifeOf,
  parseCertificates,
} from "./authority.ts";
import type { IssuedCertificate } from "./issue.ts";
import { parseCertificate, parsePrivateKey } from "./key-pair.ts";
import { BACKDATE_MS } from "./renewal.ts";

/** How the names of all CAs begin that foresail keeps in a Secret. */
export const AUTHORITY_NAME = "foresail CA";

export interface ManagedAuthority {
  /** `cert` is this one certificate only. */
  readonly signing: IssuedCertificate & { readonly certificate: X509Certificate };
  /** Those before it, which replicas may still serve under. */
  readonly previous: readonly X509Certificate[];
}

/** What the Secret holds. */
export type StoredAuthority =
  | ManagedAuthority
  | {
      readonly unusable: string;
      /** CAs of ours in it, which replicas may still serve under. */
      readonly previous: readonly X509Certificate[];
    };

/** What has to be written; `previous` are the certificates that follow the first one. */
export type AuthorityChange =
  | { readonly do: "nothing" }
  | { readonly do: "replace"; readonly reason: string; readonly previous: readonly X509Certificate[] }
  | { readonly do: "rewrite"; readonly reason: string; readonly previous: readonly X509Certificate[] };

export interface AuthorityCircumstances {
  /** The issuer of the certificate that this replica serves under, if it is known. */
  readonly inUse: X509Certificate | undefined;
  /** CAs of ours that API servers trust: of other replicas, perhaps. */
  readonly trusted: readonly X509Certificate[];
  readonly now: number;
  /** How long a serving certificate is valid. */
  readonly servingMs: number;
  readonly jitter: number;
}

/** Of a life, counted from the issue. The last tenth before it is drawn by lot, so that not all renew at once. */
const RENEW_AT = 2 / 3;
const JITTER = 0.1;

/** Each is a rotation; there are two at most unless someone meddles. */
const MAX_PREVIOUS = 4;

/** The texts of `tls.crt` and `tls.key`; empty if they are missing. */
export function parseAuthority(cert: string, key: string): StoredAuthority {
  const [first, ...others] = parseCertificates(cert);
  try {
    const certificate = parseCertificate(cert, "tls.crt");
    const privateKey = parsePrivateKey(key, "tls.key");
    const problem = certificate.checkPrivateKey(privateKey)
      ? authorityProblem(certificate)
      : "its key belongs to another certificate";
    if (problem !== undefined) return { unusable: problem, previous: ours([certificate, ...others]) };
    // What others make may be encoded or limited so that API servers do not accept what is signed with it.
    if (!isOurs(certificate)) return { unusable: "it is not one that foresail made", previous: ours(others) };
    return { signing: { cert: formatCertificates([certificate]), key, certificate }, previous: ours(others) };
  } catch (error) {
    if (!(error instanceof ForesailError)) throw error;
    return { unusable: error.message, previous: ours(first ? [first, ...others] : []) };
  }
}

/** The certificates of a caBundle or a Secret that foresail made as CAs. */
export function ours(certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  return certificates.filter(
    (certificate) => isOurs(certificate) && authorityProblem(certificate) === undefined,
  );
}

function isOurs({ subject }: X509Certificate): boolean {
  return subject.startsWith(`CN=${AUTHORITY_NAME} `);
}

export function authorityChange(
  stored: StoredAuthority | undefined,
  circumstances: AuthorityCircumstances,
): AuthorityChange {
  if (stored === undefined) return replace("there is none", [], circumstances);
  if ("unusable" in stored) return replace(stored.unusable, stored.previous, circumstances);
  const { signing, previous } = stored;
  const { now, jitter } = circumstances;
  const reason = ageReason(lifeOf(signing.certificate), now, jitter);
  if (reason !== undefined) return replace(reason, [signing.certificate, ...previous], circumstances);
  return keep(stored, circumstances);
}

function keep(
  { signing, previous }: ManagedAuthority,
  circumstances: AuthorityCircumstances,
): AuthorityChange {
  const { inUse, now, servingMs } = circumstances;
  // By then every certificate of a CA before it is expired.
  const isOver = now >= issuedAt(lifeOf(signing.certificate)) + servingMs;
  const needed = inUse === undefined ? [] : [inUse];
  const kept = isOver ? previous.filter((one) => holds(needed, one)) : previous;
  const wanted = limited([...kept, ...needed], signing.certificate, now);
  if (formatCertificates(wanted) === formatCertificates(previous)) return { do: "nothing" };
  const reason = wanted.some((one) => !holds(previous, one))
    ? "a CA is in use that was not in it"
    : "a CA is no longer in use";
  return { do: "rewrite", reason, previous: wanted };
}

function replace(
  reason: string,
  previous: readonly X509Certificate[],
  { inUse, trusted, now }: AuthorityCircumstances,
): AuthorityChange {
  const needed = inUse === undefined ? [] : [inUse];
  return { do: "replace", reason, previous: limited([...needed, ...previous, ...trusted], undefined, now) };
}

/** Each once, without the signing one and what is expired. */
function limited(
  certificates: readonly X509Certificate[],
  signing: X509Certificate | undefined,
  now: number,
): readonly X509Certificate[] {
  const wanted: X509Certificate[] = [];
  for (const certificate of certificates) {
    const isNeeded =
      now < lifeOf(certificate).notAfter && certificate.fingerprint256 !== signing?.fingerprint256;
    if (isNeeded && !holds(wanted, certificate)) wanted.push(certificate);
  }
  return wanted.slice(0, MAX_PREVIOUS);
}

interface Life {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Why it must be replaced, or undefined. `jitter` is from 0 to 1, and the same for one certificate. */
export function ageReason({ notBefore, notAfter }: Life, now: number, jitter: number): string | undefined {
  if (now >= notAfter) return "it is expired";
  if (now < notBefore) return "it is not valid yet";
  const issued = issuedAt({ notBefore, notAfter });
  const renewAt = issued + (notAfter - issued) * (RENEW_AT - JITTER * jitter);
  return now >= renewAt ? "two thirds of its life are nearly over" : undefined;
}

/** Whether it should have been replaced by now, whatever was drawn by lot. */
export function isOverdue(life: Life, now: number): boolean {
  return ageReason(life, now, 0) !== undefined;
}

/** Ours begin to be valid before they are made. */
export function issuedAt({ notBefore, notAfter }: Life): number {
  return Math.min(notBefore + BACKDATE_MS, notAfter);
}

/** The one of the CAs that issued the certificate. */
export function issuerOf(
  certificate: X509Certificate,
  { signing, previous }: ManagedAuthority,
): X509Certificate | undefined {
  return [signing.certificate, ...previous].find((authority) => isIssuedBy(certificate, authority));
}
