/** The certificate that `serve` presents when foresail manages certificates in the cluster. */
import type { Logger } from "pino";
import type { ApiServer } from "../../api-server/client.ts";
import { createEventWriter } from "../../api-server/events.ts";
import { parseHost } from "../../certs/hosts.ts";
import type { ServingCertificate } from "../../certs/key-pair.ts";
import { openManagedCertificates } from "../../certs/managed-certificates.ts";
import { CONFIGURATION_NAME, SECRET_NAME } from "../../certs/managed-objects.ts";
import type { ManagedTimes } from "../../certs/bundle-writer.ts";
import { problemFacts } from "./problem-facts.ts";
import type { Certificates } from "./certificates.ts";

export interface ManagedContext {
  readonly api: () => Promise<ApiServer>;
  /** Of foresail itself. */
  readonly namespace: string;
  /** Others than a year and a week, for tests. */
  readonly certificateTimes?: Partial<ManagedTimes> | undefined;
}

export async function openManaged(
  { tlsHost }: { readonly tlsHost: readonly string[] },
  { api, namespace, certificateTimes = {} }: ManagedContext,
  log: Logger,
): Promise<Certificates> {
  const hosts = tlsHost.map(parseHost);
  const server = await api();
  const secret = { apiVersion: "v1", kind: "Secret", namespace, name: SECRET_NAME };
  const events = createEventWriter(server, {
    onProblem: (problem) => log.warn(problemFacts(problem), "Event not written"),
  });
  let present = (_certificate: ServingCertificate): void => {};
  const managed = await openManagedCertificates({
    api: server,
    namespace,
    hosts,
    times: certificateTimes,
    onCertificate: (certificate) => present(certificate),
    onAction: ({ what, reason, facts }) => log.info({ reason, ...facts }, what),
    onFight(kind) {
      log.error(
        { configuration: kind },
        "someone else writes caBundle again and again; it is left for a while",
      );
      // An Event about an object without a namespace would need rights in another one.
      const note = `Someone else writes caBundle of ${kind} ${CONFIGURATION_NAME} again and again; foresail pauses. Leave the field out of what you apply.`;
      events.warn(secret, "CaBundleOverwritten", note);
    },
    onProblem: (problem) => log.error(problemFacts(problem), "certificates not looked after"),
    onOverdue({ type, notAfter }, problem) {
      const name = type === "ca" ? "CA" : "serving certificate";
      const { problem: reason, hint = "" } = problemFacts(problem ?? "API servers do not trust the CA yet");
      const end = new Date(notAfter).toISOString();
      const note = `The ${name} ends at ${end} and should have been replaced by now: ${reason}. ${hint}`;
      events.warn(secret, type === "ca" ? "CaNotReplaced" : "ServingCertificateNotReplaced", note.trim());
    },
  });
  return {
    get current() {
      return managed.current;
    },
    onChange(listener) {
      present = listener;
    },
    unmetConditions: () => managed.unmetConditions(),
    ends() {
      const { current, authorityNotAfter } = managed;
      const serving = { type: "serving", notAfter: current.notAfter };
      return authorityNotAfter === undefined
        ? [serving]
        : [serving, { type: "ca", notAfter: authorityNotAfter }];
    },
    bundleWrites: () => managed.bundleWrites,
    source: `Secret ${namespace}/${SECRET_NAME}`,
    close() {
      managed.close();
      events.close();
    },
  };
}
