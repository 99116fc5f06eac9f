/** The certificate a TLS server presents, read from files and read again when they change. */

import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import {
  type CertificateFiles,
  parseServingCertificate,
  readFailure,
  type ServingCertificate,
} from "./key-pair.ts";
import { type Polling, startPolling } from "../polling.ts";

/**
 * Reading two small files costs less than missing an event: fs.watch loses the link swaps of the kubelet, and knows
 * nothing of network file systems.
 */
const CHECK_INTERVAL_MS = 1000;

export interface ServingCertificateOptions {
  readonly intervalMs?: number;
  /** Applies a new certificate. If it throws, that is a problem, the last one stays and it is tried again. */
  readonly onChange: (certificate: ServingCertificate) => void;
  /** The files have been unusable for two checks: said once for each problem. The last good certificate stays. */
  readonly onProblem: (problem: Error) => void;
}

export interface ServingCertificateWatch extends Polling {
  /** The last good certificate. */
  readonly current: ServingCertificate;
}

/**
 * Rejects with a ForesailError if the files cannot be read, or are still unusable one interval later: they may just be
 * being replaced. Later changes are found by content, however they come about: in place, by rename, by links swapped.
 */
export async function watchCertificateFiles(
  files: CertificateFiles,
  { intervalMs = CHECK_INTERVAL_MS, onChange, onProblem }: ServingCertificateOptions,
): Promise<ServingCertificateWatch> {
  let current = await loadFirst(files, intervalMs);
  /** The unusable state seen by the last check: one that is seen only once is a change half-way. */
  let unusable: string | undefined;

  const polling = startPolling(
    intervalMs,
    async (signal) => {
      try {
        const { cert, key } = await readFiles(files);
        if (!signal.aborted && (cert !== current.cert || key !== current.key)) {
          const changed = parseServingCertificate(cert, key, files);
          onChange(changed);
          current = changed;
        }
        unusable = undefined;
      } catch (error) {
        const seen = String(error);
        if (seen === unusable) throw error;
        unusable = seen;
      }
    },
    onProblem,
  );
  return {
    ...polling,
    get current() {
      return current;
    },
  };
}

async function loadFirst(files: CertificateFiles, retryMs: number): Promise<ServingCertificate> {
  const first = await readFiles(files);
  try {
    return parseServingCertificate(first.cert, first.key, files);
  } catch {
    await delay(retryMs);
    const second = await readFiles(files);
    return parseServingCertificate(second.cert, second.key, files);
  }
}

async function readFiles({ certFile, keyFile }: CertificateFiles): Promise<{ cert: string; key: string }> {
  const [cert, key] = await Promise.all([readText("certificate", certFile), readText("key", keyFile)]);
  return { cert, key };
}

async function readText(what: "certificate" | "key", file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw readFailure(what, file, error);
  }
}
