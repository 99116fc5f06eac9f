/** A folder with a CA and a serving certificate of our own, for use on one machine. */

import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { authorityProblem, isIssuedBy, lifeOf } from "./authority.ts";
import { type Folder, LOCAL_NAME, readFolder, replaceFiles, writeFailure } from "./certificate-folder.ts";
import { type FolderLock, lockFolder } from "./folder-lock.ts";
import { certifiedHosts, missingHosts, parseHost } from "./hosts.ts";
import { issueAuthority, issueServingCertificate } from "./issue.ts";
import type { CertificateFiles } from "./key-pair.ts";
import { type Polling, startPolling } from "../polling.ts";
import { type CertificateFacts, renewalReason } from "./renewal.ts";

/** What every local certificate is valid for, beside the names given with `--tls-host`. */
export const LOCAL_HOSTS = [
  "localhost",
  "127.0.0.1",
  "::1",
  "foresail.foresail.svc",
  "foresail.foresail.svc.cluster.local",
];

const DAY_MS = 24 * 60 * 60 * 1000;

const AUTHORITY_LIFE_MS = 365 * DAY_MS;

/** Fits under every CA that is kept, which has a third of its year left; long, for a laptop may sleep for weeks. */
const SERVING_LIFE_MS = 90 * DAY_MS;

/** Timers stand still while a machine is suspended; the wall clock read every minute finds out soon after. */
const RENEWAL_INTERVAL_MS = 60 * 1000;

export interface SelfSignedOptions {
  readonly directory: string;
  /** Beside LOCAL_HOSTS. */
  readonly hosts?: readonly string[];
  readonly now?: () => number;
}

export interface Renewal {
  readonly what: "CA" | "serving certificate";
  readonly reason: string;
}

export interface SelfSignedCertificate extends CertificateFiles {
  /** For clients: what a caBundle holds. */
  readonly caFile: string;
  /** What had to be made, empty if all was good. Whoever trusts a CA that was replaced has to read `caFile` again. */
  readonly renewals: readonly Renewal[];
}

export interface RenewalOptions {
  readonly intervalMs?: number;
  readonly onRenewal: (renewals: readonly Renewal[]) => void;
  readonly onProblem: (problem: Error) => void;
}

/**
 * Makes what is missing, unusable, old or too narrow in the folder, and leaves alone what is good. Any number of
 * processes may do so at once. Throws a ForesailError for a wrong host and for a folder that cannot be written.
 */
export async function ensureSelfSigned(options: SelfSignedOptions): Promise<SelfSignedCertificate> {
  const { directory, now = Date.now } = options;
  const hosts = [...new Set([...LOCAL_HOSTS, ...(options.hosts ?? []).map(parseHost)])];
  let renewals = findRenewals(readFolder(directory), hosts, now());
  if (renewals.length > 0) {
    try {
      makeFolder(directory);
      renewals = await renewFolder(directory, hosts, now);
    } catch (error) {
      throw writeFailure(directory, error);
    }
  }
  return {
    caFile: join(directory, "ca.crt"),
    certFile: join(directory, "tls.crt"),
    keyFile: join(directory, "tls.key"),
    renewals,
  };
}

/** Node's own recursive mkdir never ends in a file system that makes nothing and says ENOENT, as /proc does. */
function makeFolder(directory: string): void {
  const parent = dirname(directory);
  if (parent !== directory && !existsSync(parent)) makeFolder(parent);
  try {
    mkdirSync(directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
  }
}

/** Keeps the folder good while a process runs; the certificate in use is swapped by `watchCertificateFiles`. */
export function startSelfSignedRenewal(
  options: SelfSignedOptions,
  { intervalMs = RENEWAL_INTERVAL_MS, onRenewal, onProblem }: RenewalOptions,
): Polling {
  return startPolling(
    intervalMs,
    async (signal) => {
      const { renewals } = await ensureSelfSigned(options);
      if (renewals.length > 0 && !signal.aborted) onRenewal(renewals);
    },
    onProblem,
  );
}

async function renewFolder(
  directory: string,
  hosts: readonly string[],
  now: () => number,
): Promise<readonly Renewal[]> {
  await import("selfsigned"); // takes longer than the work itself, for which the others wait
  for (;;) {
    const lock = await lockFolder(join(directory, ".lock"));
    try {
      const renewals = await renewLocked(directory, hosts, now(), lock);
      if (renewals !== undefined) return renewals;
    } finally {
      lock.release();
    }
  }
}

/** Undefined if the lock was lost on the way: others may have made what is needed. */
async function renewLocked(
  directory: string,
  wantedHosts: readonly string[],
  now: number,
  lock: FolderLock,
): Promise<readonly Renewal[] | undefined> {
  const folder = readFolder(directory);
  const renewals = findRenewals(folder, wantedHosts, now);
  if (renewals.length === 0) return renewals;

  const isReplaced = renewals.some(({ what }) => what === "CA");
  const authority =
    isReplaced || "unusable" in folder.authority
      ? await issueAuthority(`${LOCAL_NAME} CA`, now, AUTHORITY_LIFE_MS)
      : folder.authority;
  const hosts = isReplaced ? wantedHosts : withPresentHosts(folder, wantedHosts, now);
  const serving = await issueServingCertificate(LOCAL_NAME, hosts, authority, now, SERVING_LIFE_MS);

  if (!lock.isHeld()) return undefined;
  replaceFiles(directory, folder, isReplaced ? { authority, serving } : { serving });
  return renewals;
}

function findRenewals(folder: Folder, hosts: readonly string[], now: number): readonly Renewal[] {
  const authority = renewalReason(authorityFacts(folder), now);
  if (authority !== undefined) {
    return [
      { what: "CA", reason: authority },
      { what: "serving certificate", reason: "its CA is replaced" },
    ];
  }
  const serving = renewalReason(servingFacts(folder, hosts), now);
  return serving === undefined ? [] : [{ what: "serving certificate", reason: serving }];
}

function authorityFacts({ authority }: Folder): CertificateFacts {
  if ("unusable" in authority) return authority;
  const { certificate } = authority;
  const problem = authorityProblem(certificate);
  if (problem !== undefined) return { unusable: problem };
  return { ...lifeOf(certificate), missingHosts: [] };
}

function servingFacts({ authority, serving }: Folder, hosts: readonly string[]): CertificateFacts {
  if ("unusable" in serving) return serving;
  if ("unusable" in authority) return authority;
  const { certificate } = serving;
  if (!isIssuedBy(certificate, authority.certificate)) {
    return { unusable: "it is not issued by the CA beside it" };
  }
  return { ...lifeOf(certificate), missingHosts: missingHosts(certificate, hosts) };
}

/**
 * A good certificate that is too narrow keeps its hosts when it is widened: two processes that share the folder and
 * want different hosts would otherwise replace it in turns for ever.
 */
function withPresentHosts(folder: Folder, wanted: readonly string[], now: number): readonly string[] {
  const { serving } = folder;
  if ("unusable" in serving || renewalReason(servingFacts(folder, []), now) !== undefined) return wanted;
  return [...new Set([...wanted, ...certifiedHosts(serving.certificate)])];
}
