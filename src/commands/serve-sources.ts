/** What `serve` reads and follows: certificate, configuration, the state of the mesh. */
import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import { parseCertificate, readFailure } from "../certs/key-pair.ts";
import type { CertificateFiles, ServingCertificate } from "../certs/key-pair.ts";
import { ensureSelfSigned, startSelfSignedRenewal } from "../certs/self-signed.ts";
import { watchCertificateFiles } from "../certs/serving-certificate.ts";
import { DEFAULT_CONFIGURATION } from "../config/configuration.ts";
import type { CurrentConfiguration } from "../config/last-good.ts";
import { ForesailError } from "../errors.ts";
import type { AnyRule } from "../rules/rule.ts";
import { openFileCluster } from "./file-cluster.ts";
import type { FileCluster } from "./file-cluster.ts";

export interface SourceOptions {
  readonly config?: string;
  readonly meshState: readonly string[];
  /** Both or none. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** The folder of the self-signed certificate; `certs` if no certificate is named. */
  readonly tlsSelfSigned?: string;
  /** What a self-signed certificate shall be valid for besides. */
  readonly tlsHost: readonly string[];
  readonly clientCa?: string;
}

export interface Sources {
  readonly configuration: CurrentConfiguration;
  readonly cluster: FileCluster;
  readonly certificates: { readonly current: ServingCertificate };
  /** Whoever presents the certificate. */
  onCertificate(listener: (certificate: ServingCertificate) => void): void;
  /** In PEM. */
  readonly clientCa: string | undefined;
  /** What keeps these sources from being served from, a line each. */
  unmetConditions(): readonly string[];
  /** For the log. */
  facts(): Readonly<Record<string, string>>;
  close(): void;
}

/** Below the 2 s within which a change has to count. */
const INTERVAL_MS = 1000;
const DEFAULT_FOLDER = "certs";

/** @throws ForesailError for everything that is wrong at the start */
export async function openSources(
  options: SourceOptions,
  rules: readonly AnyRule[],
  log: Logger,
): Promise<Sources> {
  const { meshState } = options;
  if (meshState.length === 0) {
    throw usageError(
      "serve needs --mesh-state PATH",
      "Name a file or folder with the manifests of the cluster that reviews are judged by.",
    );
  }
  const clientCa = await readClientCa(options.clientCa);
  const closers: (() => void)[] = [];
  const close = () => {
    for (const closer of closers.splice(0)) closer();
  };
  try {
    const files = await certificateFiles(options, log, closers);
    let present = (_certificate: ServingCertificate): void => {};
    const certificates = await watchCertificateFiles(files, {
      onChange(certificate) {
        present(certificate);
        log.info({ notAfter: new Date(certificate.notAfter) }, "certificate changed");
      },
      onProblem: (problem) => log.error(problemFacts(problem), "certificate not read; the last one stays"),
    });
    closers.push(certificates.close);

    let onSettings = (): void => {};
    const configuration = await openConfiguration(options.config, rules, log, closers, () => onSettings());
    const cluster = await openFileCluster({
      paths: meshState,
      rules,
      settings: () => configuration.current.mesh,
      onChange: (objects) => log.info({ objects }, "mesh state read again"),
      onProblem: (problem) => log.error(problemFacts(problem), "mesh state not read; the last one stays"),
    });
    closers.push(() => cluster.close());
    onSettings = () => void cluster.rereadIfDomainChanged();

    return {
      configuration,
      cluster,
      certificates,
      onCertificate(listener) {
        present = listener;
      },
      clientCa,
      unmetConditions: () =>
        certificates.current.notAfter > Date.now() ? [] : ["the serving certificate is expired"],
      facts: () => ({ certificate: files.certFile, config: configuration.current.hash }),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Given ones, or our own, which are made and renewed. */
async function certificateFiles(
  { tlsCert, tlsKey, tlsSelfSigned, tlsHost }: SourceOptions,
  log: Logger,
  closers: (() => void)[],
): Promise<CertificateFiles> {
  if (tlsCert !== undefined && tlsKey !== undefined) {
    if (tlsSelfSigned === undefined) return { certFile: tlsCert, keyFile: tlsKey };
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
  closers.push(renewal.close);
  return files;
}

/** A file that cannot be read is a wrong flag; one with mistakes in it is waited for, with the defaults and without Deny. */
async function openConfiguration(
  file: string | undefined,
  rules: readonly AnyRule[],
  log: Logger,
  closers: (() => void)[],
  onChange: () => void,
): Promise<CurrentConfiguration> {
  if (file === undefined) return { current: DEFAULT_CONFIGURATION, isValid: true, lastSuccess: new Date() };
  const [{ readConfigurationFile }, { watchConfigurationFile }] = await Promise.all([
    import("../config/file.ts"),
    import("../config/file-watch.ts"),
  ]);
  const first = await readConfigurationFile(file);
  if (first instanceof ForesailError) throw first;
  let hasGood = false;
  const watch = await watchConfigurationFile(file, rules, {
    intervalMs: INTERVAL_MS,
    onChange({ hash, warnings }) {
      hasGood = true;
      log.info({ config: hash }, "configuration read");
      for (const warning of warnings) log.warn({ file, ...warning }, "part of the configuration is ignored");
      onChange();
    },
    onInvalid: (problem) =>
      log.error(
        problemFacts(problem),
        hasGood
          ? "configuration not read; the last good one stays"
          : "configuration not read; the defaults apply, without Deny",
      ),
  });
  closers.push(() => watch.close());
  return watch;
}

async function readClientCa(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const pem = await readFile(file, "utf8").catch((error: unknown) => {
    throw readFailure("certificate", file, error);
  });
  parseCertificate(pem, file);
  return pem;
}

function problemFacts(problem: unknown) {
  return {
    problem: problem instanceof Error ? problem.message : String(problem),
    ...(problem instanceof ForesailError ? { hint: problem.hint } : {}),
  };
}

function usageError(message: string, hint: string): ForesailError {
  return new ForesailError({ code: "USAGE", message, hint });
}
