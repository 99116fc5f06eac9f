/** CAs: which of them foresail signs with, which issued a certificate, and several of them as one text. */
import { X509Certificate } from "node:crypto";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Why foresail does not sign with it, or undefined. selfsigned gives leaves the key type of their CA. */
export function authorityProblem(certificate: X509Certificate): string | undefined {
  if (!certificate.ca) return "it is no CA";
  if (!certificate.verify(certificate.publicKey)) return "it is not its own issuer";
  const { namedCurve } = certificate.publicKey.asymmetricKeyDetails ?? {};
  return namedCurve === "prime256v1" ? undefined : "its key is not EC P-256";
}

export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** In milliseconds since 1970. */
export function lifeOf(certificate: X509Certificate): {
  readonly notBefore: number;
  readonly notAfter: number;
} {
  return { notBefore: certificate.validFromDate.getTime(), notAfter: certificate.validToDate.getTime() };
}

/** The certificates in a PEM text, without those that are damaged. */
export function parseCertificates(pem: string): readonly X509Certificate[] {
  return [...pem.matchAll(CERTIFICATE)].flatMap(([text]) => {
    try {
      return [new X509Certificate(text)];
    } catch {
      return [];
    }
  });
}

/** The same text for the same certificates in the same order. */
export function formatCertificates(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => `${certificate.toString().trimEnd()}\n`).join("");
}

export function holds(certificates: readonly X509Certificate[], wanted: X509Certificate): boolean {
  return certificates.some(({ fingerprint256 }) => fingerprint256 === wanted.fingerprint256);
}
