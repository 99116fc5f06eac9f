/**
 * Certificates that nobody has to think about: a CA in a Secret, which all replicas share and any of them makes or
 * rotates; a serving certificate in the memory of each; the CA in the caBundle of both webhook configurations.
 */
import { startPolling } from "../polling.ts";
import type { Polling } from "../polling.ts";
import { lifeOf } from "./authority.ts";
import { issueAuthority, issueServingCertificate } from "./issue.ts";
import type { ServingCertificate } from "./key-pair.ts";
import { isOverdue } from "./managed-authority.ts";
import { managedHosts } from "./managed-hosts.ts";
import { ManagedReplica, presentable } from "./managed-replica.ts";
import type { ReplicaOptions } from "./managed-replica.ts";
import type { ManagedTimes } from "./bundle-writer.ts";
import type { WebhookTrust } from "./managed-serving.ts";
import { WRITE_LIMIT } from "./write-limit.ts";

export interface ManagedOptions extends Omit<ReplicaOptions, "times"> {
  readonly times?: Partial<ManagedTimes>;
  /** Said rarely while it is the same; it is tried again. */
  readonly onProblem: (problem: Error) => void;
  /** Said after each round while it is so: something keeps it from being replaced, which is the problem if that is known. */
  readonly onOverdue: (certificate: OverdueCertificate, problem: Error | undefined) => void;
}

interface OverdueCertificate {
  readonly type: "ca" | "serving";
  /** In milliseconds since 1970. */
  readonly notAfter: number;
}

export interface ManagedCertificates extends Polling {
  /** At a start without the API server one that nobody trusts, until there is another. */
  readonly current: ServingCertificate;
  /** Of the CA, in milliseconds since 1970; undefined while it is not known. */
  readonly authorityNotAfter: number | undefined;
  /** How often this replica has written each caBundle. */
  readonly bundleWrites: ReadonlyMap<WebhookTrust["kind"], number>;
  /** What keeps this replica from being called, a line each. */
  unmetConditions(): readonly string[];
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * As cert-manager's: a year, and a week. "It might take a few seconds for the API server to honor" a caBundle, says the
 * documentation of Kubernetes. Three small requests every three seconds repair a caBundle within five.
 */
export const MANAGED_TIMES: ManagedTimes = {
  authorityMs: 365 * DAY_MS,
  servingMs: 7 * DAY_MS,
  settleMs: 10_000,
  intervalMs: 3000,
  writeLimit: WRITE_LIMIT,
};

/** Serves from the start, also without the API server: what keeps it from being called is an unmet condition. */
export async function openManagedCertificates(options: ManagedOptions): Promise<ManagedCertificates> {
  const times = { ...MANAGED_TIMES, ...options.times };
  const replica = new ManagedReplica({ ...options, times });
  let problem: Error | undefined;
  const sayOverdue = (now: number) => {
    const { authority, serving } = replica;
    const certificates = [
      ...(authority ? [{ type: "ca", certificate: authority.signing.certificate } as const] : []),
      ...(serving ? [{ type: "serving", certificate: serving.certificate } as const] : []),
    ];
    for (const { type, certificate } of certificates) {
      const life = lifeOf(certificate);
      if (isOverdue(life, now)) options.onOverdue({ type, notAfter: life.notAfter }, problem);
    }
  };
  const polling = startPolling(
    times.intervalMs,
    async (signal) => {
      // By then the round has seen that it is so.
      const startedAt = Date.now();
      try {
        await replica.round(signal);
        problem = undefined;
      } catch (error) {
        problem = error instanceof Error ? error : new Error(String(error));
        throw problem;
      } finally {
        if (!signal.aborted) sayOverdue(startedAt);
      }
    },
    options.onProblem,
  );
  await polling.check();
  const first = replica.serving ?? (await issuePlaceholder(options, times));
  return {
    ...polling,
    get current() {
      return replica.serving ?? first;
    },
    get authorityNotAfter() {
      return replica.authority && lifeOf(replica.authority.signing.certificate).notAfter;
    },
    bundleWrites: replica.bundleWrites,
    unmetConditions() {
      const condition = replica.unmetCondition();
      if (condition === undefined) return [];
      return [problem === undefined ? condition : `${condition}: ${problem.message}`];
    },
  };
}

/** Of a CA that is thrown away at once. */
async function issuePlaceholder({ namespace, hosts }: ManagedOptions, { servingMs }: ManagedTimes) {
  const now = Date.now();
  const authority = await issueAuthority("foresail placeholder", now, servingMs);
  const names = managedHosts(namespace, [], hosts);
  return presentable(await issueServingCertificate("foresail", names, authority, now, servingMs));
}
