/** The certificate that `serve` presents: given in files, or made and renewed by foresail itself. */
import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import { isInPod } from "../../api-server/in-pod.ts";
import { parseHost } from "../../certs/hosts.ts";
import { parseCertificate, readFailure } from "../../certs/key-pair.ts";
import type { CertificateFiles, ServingCertificate } from "../../certs/key-pair.ts";
import { ensureSelfSigned, startSelfSignedRenewal } from "../../certs/self-signed.ts";
import { watchCertificateFiles } from "../../certs/serving-certificate.ts";
import { ForesailError } from "../../errors.ts";
import { problemFacts } from "./problem-facts.ts";
import type { ManagedContext } from "./managed-certificates.ts";

export interface CertificateOptions {
  /** Both or none. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** The folder of the self-signed certificate; outside a Pod `certs` if nothing else is named. */
  readonly tlsSelfSigned?: string;
  /** Of a CA in a Secret, which all replicas share; in a Pod also if nothing else is named. */
  readonly tlsManaged?: boolean;
  /** What a certificate that foresail makes shall be valid for besides. */
  readonly tlsHost: readonly string[];
  /** With these no cluster is contacted that no flag asks for. */
  readonly meshState: readonly string[];
}

export interface Certificates {
  readonly current: ServingCertificate;
  /** Whoever presents the certificate. */
  onChange(listener: (certificate: ServingCertificate) => void): void;
  /** What keeps it from being served with, a line each. */
  unmetConditions(): readonly string[];
  /** In milliseconds since 1970, by what they are for: `serving`, `ca`. */
  ends(): readonly { readonly type: string; readonly notAfter: number }[];
  /** How often each caBundle was written, by the kind of its configuration. */
  bundleWrites(): Iterable<readonly [configuration: string, count: number]>;
  /** For the log. */
  readonly source: string;
  close(): void;
}

const DEFAULT_FOLDER = "certs";

export async function openCertificates(
  options: CertificateOptions,
  context: ManagedContext,
  log: Logger,
): Promise<Certificates> {
  if (!isManaged(options)) return openFiles(options, log);
  const { openManaged } = await import("./managed-certificates.ts");
  return openManaged(options, context, log);
}

function isManaged({ tlsManaged = false, tlsCert, tlsSelfSigned, meshState }: CertificateOptions): boolean {
  const isOther = tlsCert !== undefined || tlsSelfSigned !== undefined || meshState.length > 0;
  return tlsManaged || (isInPod() && !isOther);
}

/** @throws ForesailError USAGE for flags that do not go together, and for a host that is none */
export function checkCertificateFlags(options: CertificateOptions): void {
  const { tlsCert, tlsKey, tlsSelfSigned, tlsManaged = false, tlsHost } = options;
  for (const host of tlsHost) parseHost(host);
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    const [given, missing] = tlsKey === undefined ? ["--tls-cert", "--tls-key"] : ["--tls-key", "--tls-cert"];
    throw usageError(`${given} needs ${missing}`, `Name the file of the other half with ${missing}.`);
  }
  const [one, other] = [
    ...(tlsCert === undefined ? [] : ["--tls-cert"]),
    ...(tlsSelfSigned === undefined ? [] : ["--tls-self-signed"]),
    ...(tlsManaged ? ["--tls-managed"] : []),
  ];
  if (other === undefined) return;
  throw usageError(
    `${one} and ${other} exclude each other`,
    "Name a certificate, the folder of a self-signed one, or let foresail manage it.",
  );
}

async function openFiles(options: CertificateOptions, log: Logger): Promise<Certificates> {
  const { files, close } = await certificateFiles(options, log);
  let present = (_certificate: ServingCertificate): void => {};
  try {
    const watch = await watchCertificateFiles(files, {
      onChange(certificate) {
        present(certificate);
        log.info({ notAfter: new Date(certificate.notAfter) }, "certificate changed");
      },
      onProblem: (problem) => log.error(problemFacts(problem), "certificate not read; the last one stays"),
    });
    return {
      get current() {
        return watch.current;
      },
      onChange(listener) {
        present = listener;
      },
      unmetConditions: () =>
        watch.current.notAfter > Date.now() ? [] : ["the serving certificate is expired"],
      ends: () => [{ type: "serving", notAfter: watch.current.notAfter }],
      bundleWrites: () => [],
      source: files.certFile,
      close() {
        watch.close();
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Given ones, or our own, which are made and renewed. */
async function certificateFiles(
  { tlsCert, tlsKey, tlsSelfSigned, tlsHost }: CertificateOptions,
  log: Logger,
): Promise<{ readonly files: CertificateFiles; readonly close: () => void }> {
  if (tlsCert !== undefined && tlsKey !== undefined) {
    return { files: { certFile: tlsCert, keyFile: tlsKey }, close: () => {} };
  }
  const selfSigned = { directory: tlsSelfSigned ?? DEFAULT_FOLDER, hosts: tlsHost };
  const files = await ensureSelfSigned(selfSigned);
  for (const renewal of files.renewals) log.info(renewal, "certificate made");
  const renewal = startSelfSignedRenewal(selfSigned, {
    onRenewal: (renewals) => log.info({ renewals }, "certificate renewed"),
    onProblem: (problem) => log.error(problemFacts(problem), "certificate not renewed"),
  });
  return { files, close: renewal.close };
}

export async function readClientCa(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const pem = await readFile(file, "utf8").catch((error: unknown) => {
    throw readFailure("certificate", file, error);
  });
  parseCertificate(pem, file);
  return pem;
}

function usageError(message: string, hint: string): ForesailError {
  return new ForesailError({ code: "USAGE", message, hint });
}
