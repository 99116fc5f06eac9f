/** What `serve` reads and follows: certificate, configuration, the state of the mesh. */
import type { Logger } from "pino";
import type { CurrentConfiguration } from "../config/last-good.ts";
import { ForesailError } from "../errors.ts";
import type { AnyRule } from "../rules/rule.ts";
import { openFileCluster } from "./file-cluster.ts";
import type { FileCluster } from "./file-cluster.ts";
import { problemFacts } from "./problem-facts.ts";
import { openCertificates, readClientCa } from "./serve-certificates.ts";
import type { CertificateOptions, Certificates } from "./serve-certificates.ts";
import { openConfiguration } from "./serve-configuration.ts";
import type { ConfigurationOptions } from "./serve-configuration.ts";

export interface SourceOptions extends CertificateOptions, ConfigurationOptions {
  readonly meshState: readonly string[];
  readonly clientCa?: string;
}

export interface Sources {
  readonly configuration: CurrentConfiguration;
  readonly cluster: FileCluster;
  readonly certificates: Certificates;
  /** In PEM. */
  readonly clientCa: string | undefined;
  /** What keeps these sources from being served from, a line each. */
  unmetConditions(): readonly string[];
  /** For the log. */
  facts(): Readonly<Record<string, string>>;
  close(): void;
}

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
    const certificates = await openCertificates(options, log);
    closers.push(certificates.close);

    let onSettings = (): void => {};
    const { configuration, ...followed } = await openConfiguration(options, rules, log, () => onSettings());
    closers.push(followed.close);
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
      clientCa,
      unmetConditions: () => certificates.unmetConditions(),
      facts: () => ({ certificate: certificates.source, config: configuration.current.hash }),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function usageError(message: string, hint: string): ForesailError {
  return new ForesailError({ code: "USAGE", message, hint });
}
