/** What `serve` reads and follows: certificate, configuration, the state of the mesh. */
import type { Logger } from "pino";
import type { ApiServer } from "../../api-server/client.ts";
import { namespaceOfPod } from "../../api-server/in-pod.ts";
import type { ManagedTimes } from "../../certs/bundle-writer.ts";
import type { CurrentConfiguration } from "../../config/last-good.ts";
import { ForesailError } from "../../errors.ts";
import type { AnyRule } from "../../rules/rule.ts";
import { checkCertificateFlags, openCertificates, readClientCa } from "./certificates.ts";
import type { CertificateOptions, Certificates } from "./certificates.ts";
import { openFiles, openLiveCluster } from "./cluster.ts";
import type { ServedCluster } from "./cluster.ts";
import { checkConfigurationFlags, openConfiguration } from "./configuration.ts";
import type { ConfigurationOptions } from "./configuration.ts";

export interface SourceOptions extends CertificateOptions, ConfigurationOptions {
  /** Files instead of a cluster. */
  readonly meshState: readonly string[];
  /** A file; else in a Pod its cluster, elsewhere the kubeconfig that kubectl would take. */
  readonly kubeconfig?: string;
  /** Of the API server of the mesh's control plane, if it has one of its own. */
  readonly meshKubeconfig?: string;
  readonly clientCa?: string;
}

export interface SourceContext {
  readonly rules: readonly AnyRule[];
  /** Others than a year and a week, for tests. */
  readonly certificateTimes?: Partial<ManagedTimes>;
}

export interface Sources {
  readonly configuration: CurrentConfiguration;
  readonly cluster: ServedCluster;
  readonly certificates: Certificates;
  /** In PEM. */
  readonly clientCa: string | undefined;
  /** What keeps these sources from being served from, a line each. */
  unmetConditions(): readonly string[];
  /** For the log. */
  facts(): Readonly<Record<string, string>>;
  close(): void;
}

/** Of foresail itself, where it does not run in a Pod. */
const NAMESPACE = "foresail";

/** @throws ForesailError for everything that is wrong at the start */
export async function openSources(
  options: SourceOptions,
  { rules, certificateTimes }: SourceContext,
  log: Logger,
): Promise<Sources> {
  checkFlags(options);
  const { meshState, kubeconfig, meshKubeconfig } = options;
  const clientCa = await readClientCa(options.clientCa);
  const closers: (() => void)[] = [];
  const close = () => {
    for (const closer of closers.splice(0).toReversed()) closer();
  };
  try {
    const api = connectOnce(kubeconfig, closers);
    const namespace = namespaceOfPod() ?? NAMESPACE;
    let onChange = (): void => {};
    const followed = await openConfiguration(options, {
      rules,
      api,
      namespace,
      log,
      onChange: () => onChange(),
    });
    closers.push(() => followed.close());
    const { configuration } = followed;
    const context = { rules, settings: () => configuration.current.mesh, log };
    const cluster =
      meshState.length > 0
        ? await openFiles(meshState, context)
        : openLiveCluster({ api: await api(), meshApi: await connectMesh(meshKubeconfig, closers) }, context);
    closers.push(() => cluster.close());
    onChange = () => cluster.applySettings();

    // Last, since they are written: nothing is made for a file that is missing or a cluster that does not answer.
    const certificates = await openCertificates(options, { api, namespace, certificateTimes }, log);
    closers.push(() => certificates.close());

    return {
      configuration,
      cluster,
      certificates,
      clientCa,
      unmetConditions: () => [
        ...certificates.unmetConditions(),
        ...followed.unmetConditions(),
        ...cluster.unmetConditions(),
      ],
      facts: () => ({ certificate: certificates.source, config: configuration.current.hash }),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** @throws ForesailError USAGE for flags that do not go together or say nothing */
function checkFlags(options: SourceOptions): void {
  const { meshState, kubeconfig, meshKubeconfig, tlsManaged, configMap } = options;
  if (meshState.length > 0 && meshKubeconfig !== undefined) {
    throw new ForesailError({
      code: "USAGE",
      message: "--mesh-state and --mesh-kubeconfig exclude each other",
      hint: "Name the files that stand for a cluster, or the API servers of the cluster and its mesh.",
    });
  }
  const isForMoreThanState = tlsManaged === true || configMap !== undefined;
  if (meshState.length > 0 && kubeconfig !== undefined && !isForMoreThanState) {
    throw new ForesailError({
      code: "USAGE",
      message: "--mesh-state and --kubeconfig exclude each other",
      hint: "Name the files that stand for a cluster, or the cluster.",
    });
  }
  checkCertificateFlags(options);
  checkConfigurationFlags(options);
}

/** It need not answer: rules that can do without it go on. */
async function connectMesh(
  meshKubeconfig: string | undefined,
  closers: (() => void)[],
): Promise<ApiServer | undefined> {
  if (meshKubeconfig === undefined) return undefined;
  const { connectToMesh } = await import("../../api-server/connect.ts");
  const api = await connectToMesh(meshKubeconfig, { mustAnswer: false });
  closers.push(() => void api.close());
  return api;
}

/** The connection that all share, made when the first asks for it: files alone contact no cluster. */
function connectOnce(kubeconfig: string | undefined, closers: (() => void)[]): () => Promise<ApiServer> {
  let connection: Promise<ApiServer> | undefined;
  const connect = async () => {
    const { connectToApiServer } = await import("../../api-server/connect.ts");
    const api = await connectToApiServer(kubeconfig === undefined ? {} : { kubeconfig });
    closers.push(() => void api.close());
    return api;
  };
  return () => (connection ??= connect());
}
