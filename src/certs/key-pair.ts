/** Certificates and keys in PEM, read with messages that say what to do about a wrong one. */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { ForesailError } from "../errors.ts";

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate and its key in PEM, which belong together and which TLS accepts. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
  /** In milliseconds since 1970. */
  readonly notAfter: number;
}

const CERTIFICATE_MARK = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g;
const REQUEST_MARK = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----/;
const KEY_MARK = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/;
const ENCRYPTED_MARK = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/** How an ASN.1 sequence of more than 127 bytes begins, read as UTF-8: certificates and most keys in DER. */
const DER_START = /^0\u{FFFD}/u;

/** The first certificate of a PEM text; those that follow are its chain. `file` is for messages only. */
export function parseCertificate(pem: string, file: string): X509Certificate {
  const refuse = refusal("certificate", file);
  if (pem.trim() === "") throw refuse("it is empty", "Write a PEM certificate into it");
  if (pem.search(CERTIFICATE_MARK) === -1) {
    if (KEY_MARK.test(pem))
      throw refuse("it holds a private key", "Perhaps the certificate and the key are swapped");
    if (REQUEST_MARK.test(pem)) {
      throw refuse(
        "it holds a certificate request",
        "Give the certificate that the CA made from this request",
      );
    }
    if (DER_START.test(pem)) {
      throw refuse("it is binary", `Convert it: openssl x509 -inform der -in ${file} -out tls.crt`);
    }
    throw refuse("it holds no certificate", "A PEM certificate begins with -----BEGIN CERTIFICATE-----");
  }
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw refuse(
      "its first certificate is damaged",
      `Look at it with: openssl x509 -text -in ${file}`,
      error,
    );
  }
}

/** The private key of a PEM text. `file` is for messages only. */
export function parsePrivateKey(pem: string, file: string): KeyObject {
  const refuse = refusal("key", file);
  if (pem.trim() === "") throw refuse("it is empty", "Write a PEM key into it");
  if (ENCRYPTED_MARK.test(pem)) {
    throw refuse("it is encrypted", `Decrypt it: openssl pkey -in ${file} -out tls.key`);
  }
  if (!KEY_MARK.test(pem)) {
    if (pem.search(CERTIFICATE_MARK) !== -1) {
      throw refuse("it holds a certificate", "Perhaps the certificate and the key are swapped");
    }
    if (DER_START.test(pem)) {
      throw refuse("it is binary", `Convert it: openssl pkey -inform der -in ${file} -out tls.key`);
    }
    throw refuse("it holds no private key", "A PEM key begins with -----BEGIN PRIVATE KEY-----");
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw refuse("its key is damaged", `Look at it with: openssl pkey -noout -check -in ${file}`, error);
  }
}

/** Throws unless both texts are good, belong together and are accepted by TLS. */
export function parseServingCertificate(
  cert: string,
  key: string,
  files: CertificateFiles,
): ServingCertificate {
  const { certFile, keyFile } = files;
  const certificate = parseCertificate(cert, certFile);
  if (!certificate.checkPrivateKey(parsePrivateKey(key, keyFile))) throw mismatch(cert, key, files);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new ForesailError({
      code: "CERTIFICATE_UNREADABLE",
      message: `TLS refuses the certificate ${certFile}: ${error instanceof Error ? error.message : String(error)}`,
      hint: "Check the rest of its chain, and use RSA from 2048 bits or EC P-256, with SHA-256",
      cause: error,
    });
  }
  return { cert, key, notAfter: certificate.validToDate.getTime() };
}

function mismatch(cert: string, key: string, { certFile, keyFile }: CertificateFiles): ForesailError {
  return new ForesailError({
    code: "CERTIFICATE_UNREADABLE",
    message: `The key ${keyFile} does not belong to the certificate ${certFile}`,
    hint: isKeyOfChain(cert, key)
      ? `Put the certificate of the server first in ${certFile}, its issuers after it`
      : "Replace both files by a pair that was made together",
  });
}

/** True if the key belongs to a later certificate of the chain, which is then in the wrong order. */
function isKeyOfChain(cert: string, key: string): boolean {
  const privateKey = createPrivateKey(key);
  return [...cert.matchAll(CERTIFICATE_MARK)].some(({ index }) => {
    try {
      return new X509Certificate(cert.slice(index)).checkPrivateKey(privateKey);
    } catch {
      return false;
    }
  });
}

/** What to tell someone whose certificate or key file cannot be read. */
export function readFailure(what: "certificate" | "key", file: string, error: unknown): ForesailError {
  const refuse = refusal(what, file);
  switch (errorCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return refuse(
        "no such file",
        "Check the path; without --tls-cert and --tls-key foresail makes a certificate itself",
        error,
      );
    case "EISDIR":
      return refuse(
        "it is a folder",
        `Give the file in it, such as ${file}/${what === "key" ? "tls.key" : "tls.crt"}`,
        error,
      );
    case "EACCES":
    case "EPERM":
      return refuse("permission denied", `Let ${userName()} read it`, error);
    default:
      return refuse(
        error instanceof Error ? error.message : String(error),
        "Check that the file can be read",
        error,
      );
  }
}

/** The `ENOENT` of an error by the file system, or undefined. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Who has to be given a permission. */
export function userName(): string {
  const uid = process.getuid?.();
  return uid === undefined ? "the user that runs foresail" : `the user that runs foresail (uid ${uid})`;
}

function refusal(what: "certificate" | "key", file: string) {
  return (problem: string, hint: string, cause?: unknown) =>
    new ForesailError({
      code: "CERTIFICATE_UNREADABLE",
      message: `Cannot use the ${what} ${file}: ${problem}`,
      hint,
      cause,
    });
}
