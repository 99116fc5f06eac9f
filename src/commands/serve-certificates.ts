/** The certificate that `serve` presents: given in files, or made and renewed by foresail itself. */
import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import { parseCertificate, readFailure } from "../certs/key-pair.ts";
import type { CertificateFiles, ServingCertificate } from "../certs/key-pair.ts";
import { ensureSelfSigned, startSelfSignedRenewal } from "../certs/self-signed.ts";
import { watchCertificateFiles } from "../certs/serving-certificate.ts";
import { ForesailError } from "../errors.ts";
import { problemFacts } from "./problem-facts.ts";

export interface CertificateOptions {
  /** Both or none. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** The folder of the self-signed certificate; `certs` if no certificate is named. */
  readonly tlsSelfSigned?: string;
  /** What a self-signed certificate shall be valid for besides. */
  readonly tlsHost: readonly string[];
}

export interface Certificates {
  readonly current: ServingCertificate;
  /** Whoever presents the certificate. */
  onChange(listener: (certificate: ServingCertificate) => void): void;
  /** What keeps it from being served with, a line each. */
  unmetConditions(): readonly string[];
  /** For the log. */
  readonly source: string;
  close(): void;
}

const DEFAULT_FOLDER = "certs";

export async function openCertificates(options: CertificateOptions, log: Logger): Promise<Certificates> {
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
    if (tlsSelfSigned === undefined) {
      return { files: { certFile: tlsCert, keyFile: tlsKey }, close: () => {} };
    }
    throw usageError(
      "--tls-cert and --tls-self-signed exclude each other",
      "Name a certificate, or the folder of a self-signed one.",
    );
  }
  if (tlsCert !== undefined || tlsKey !== undefined) {
    const [given, missing] = tlsKey === undefined ? ["--tls-cert", "--tls-key"] : ["--tls-key", "--tls-cert"];
    throw usageError(`${given} needs ${missing}`, `Name the file of the other half with ${missing}.`);
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
