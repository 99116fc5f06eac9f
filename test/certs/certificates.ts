/** What several tests of certificates share. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type IssuedCertificate, issueAuthority, issueServingCertificate } from "../../src/certs/issue.ts";

export const DAY_MS = 24 * 60 * 60 * 1000;

/** An empty folder that is gone after the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "foresail-certs-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A serving certificate for the hosts and the CA that issued it, both valid for thirty days. */
export async function issuePair(
  hosts: readonly string[] = ["localhost"],
): Promise<{ authority: IssuedCertificate; serving: IssuedCertificate }> {
  const authority = await issueAuthority("test CA", Date.now(), 30 * DAY_MS);
  return {
    authority,
    serving: await issueServingCertificate("test", hosts, authority, Date.now(), 30 * DAY_MS),
  };
}

export function readCertificate(...path: string[]): X509Certificate {
  return new X509Certificate(readFileSync(join(...path)));
}

/** An HTTPS server on a free port of 127.0.0.1 that answers every request with "ok". */
export async function startServer(t: TestContext, { cert, key }: IssuedCertificate) {
  const server: Server = createServer({ cert, key }, (_request, response) => void response.end("ok"));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  t.after(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return { server, port: address.port };
}

/** Runs openssl, or returns undefined if there is none. Throws if it fails. */
export function openssl(...args: string[]): string | undefined {
  try {
    return execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
