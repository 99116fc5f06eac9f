/** Makes CAs and serving certificates that Go, OpenSSL and Node accept: EC P-256, SHA-256, explicit extensions. */

import { randomBytes, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { BACKDATE_MS } from "./renewal.ts";

/** A certificate and its key in PEM, each with a newline at the end, so that two of them can be joined. */
export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

/** selfsigned's own defaults are RSA and SHA-1, which Go refuses; a leaf needs the key type of its CA. */
const ALGORITHM = { keyType: "ec", curve: "P-256", algorithm: "sha256" } as const;

/**
 * A CA that may sign leaves only. The name gets a random end: OpenSSL and Node take the first of two CAs with one
 * name, for selfsigned writes no key identifiers. It is at most 55 characters long and has no comma (X.520: 64 in all).
 */
export async function issueAuthority(name: string, now: number, lifeMs: number): Promise<IssuedCertificate> {
  const { generate } = await import("selfsigned");
  const issued = await generate([{ name: "commonName", value: uniqueName(name) }], {
    ...ALGORITHM,
    notBeforeDate: new Date(now - BACKDATE_MS),
    notAfterDate: new Date(now + lifeMs),
    extensions: [
      { name: "basicConstraints", cA: true, pathLenConstraint: 0, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return toPem(issued);
}

/** A certificate for a TLS server, valid for no longer than its CA. Hosts as `parseHost` returns them. */
export async function issueServingCertificate(
  name: string,
  hosts: readonly string[],
  authority: IssuedCertificate,
  now: number,
  lifeMs: number,
): Promise<IssuedCertificate> {
  const { generate } = await import("selfsigned");
  const authorityNotAfter = new X509Certificate(authority.cert).validToDate.getTime();
  const issued = await generate([{ name: "commonName", value: uniqueName(name) }], {
    ...ALGORITHM,
    ca: authority,
    notBeforeDate: new Date(now - BACKDATE_MS),
    notAfterDate: new Date(Math.min(now + lifeMs, authorityNotAfter)),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: hosts.map((host) => (isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host })),
      },
    ],
  });
  return toPem(issued);
}

function uniqueName(name: string): string {
  return `${name} ${randomBytes(4).toString("hex")}`;
}

function toPem(issued: { readonly cert: string; readonly private: string }): IssuedCertificate {
  return { cert: `${issued.cert.trimEnd()}\n`, key: `${issued.private.trimEnd()}\n` };
}
