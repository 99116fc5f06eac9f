/** The files of a folder of self-signed certificates: `ca.crt`, `ca.key`, `tls.crt`, `tls.key`. */

import { randomUUID, type X509Certificate } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ForesailError } from "../errors.ts";
import type { IssuedCertificate } from "./issue.ts";
import { parseCertificate, parsePrivateKey, readFailure, userName } from "./key-pair.ts";

/** A certificate and its key as found in the folder, or why they cannot be used. */
type Pair = (IssuedCertificate & { readonly certificate: X509Certificate }) | { readonly unusable: string };

export interface Folder {
  readonly authority: Pair;
  readonly serving: Pair;
}

const FILE_NAMES = { authority: "ca", serving: "tls" } as const;

/** How the names of all certificates begin that foresail makes for such a folder. */
export const LOCAL_NAME = "foresail local";

export function readFolder(directory: string): Folder {
  return { authority: readPair(join(directory, "ca")), serving: readPair(join(directory, "tls")) };
}

/**
 * Writes the pairs into the folder, each file by a rename, so that none is ever seen half written. Synchronous, so that
 * the moment in which the files do not belong together is short. What was there and was not made by foresail is kept
 * under a name ending in `.replaced`: the folder may be someone's only copy of a key.
 */
export function replaceFiles(
  directory: string,
  found: Folder,
  made: Partial<Record<keyof Folder, IssuedCertificate>>,
) {
  const files = (["authority", "serving"] as const).flatMap((part) => {
    const pair = made[part];
    if (pair === undefined) return [];
    const path = join(directory, FILE_NAMES[part]);
    const isForeign = !isOurs(found[part]);
    return [
      { path: `${path}.key`, text: pair.key, mode: 0o600, isForeign },
      { path: `${path}.crt`, text: pair.cert, mode: 0o644, isForeign },
    ];
  });
  const temporary = files.map((file) => ({ ...file, written: `${file.path}.${randomUUID()}.tmp` }));
  try {
    for (const { written, text, mode } of temporary)
      writeFileSync(written, text, { mode, flag: "wx", flush: true });
    for (const { written, path, isForeign } of temporary) {
      if (isForeign && existsSync(path) && !existsSync(`${path}.replaced`))
        renameSync(path, `${path}.replaced`);
      renameSync(written, path);
    }
  } finally {
    for (const { written } of temporary) rmSync(written, { force: true });
  }
}

/** What to tell someone in whose folder no certificates can be written. Other errors are returned as they are. */
export function writeFailure(directory: string, error: unknown): unknown {
  if (!(error instanceof Error && "syscall" in error && "code" in error)) return error;
  const [problem, hint] = explainWriteFailure(String(error.code), error.message);
  return new ForesailError({
    code: "CERTIFICATE_UNREADABLE",
    message: `Cannot make certificates in the folder ${directory}: ${problem}`,
    hint,
    cause: error,
  });
}

function explainWriteFailure(code: string, message: string): [problem: string, hint: string] {
  const elsewhere = "name another folder with --tls-self-signed";
  switch (code) {
    case "EACCES":
    case "EPERM":
      return ["permission denied", `Let ${userName()} write into it, or ${elsewhere}`];
    case "EROFS":
      return ["the file system is read-only", `Mount a volume that can be written, or ${elsewhere}`];
    case "EEXIST":
    case "ENOTDIR":
      return ["a file of this name is in the way", `Remove the file, or ${elsewhere}`];
    case "ENOSPC":
    case "EDQUOT":
      return ["no space is left", `Make space, or ${elsewhere}`];
    default:
      return [message, `Check the folder, or ${elsewhere}`];
  }
}

function readPair(path: string): Pair {
  const [certFile, keyFile] = [`${path}.crt`, `${path}.key`];
  try {
    const cert = readText("certificate", certFile);
    const key = readText("key", keyFile);
    const certificate = parseCertificate(cert, certFile);
    if (certificate.checkPrivateKey(parsePrivateKey(key, keyFile))) return { cert, key, certificate };
    return { unusable: `The key ${keyFile} does not belong to the certificate ${certFile}` };
  } catch (error) {
    if (error instanceof ForesailError) return { unusable: error.message };
    throw error;
  }
}

function readText(what: "certificate" | "key", file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw readFailure(what, file, error);
  }
}

function isOurs(pair: Pair): boolean {
  return !("unusable" in pair) && pair.certificate.subject.startsWith(`CN=${LOCAL_NAME} `);
}
