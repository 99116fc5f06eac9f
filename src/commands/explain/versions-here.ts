/** The versions by which a rule judges: of files, of a cluster that is named, or of one that answers soon. */
import type { ApiServer } from "../../api-server/client.ts";
import { storeOf } from "../../cluster/files/mesh-state.ts";
import type { StateObject } from "../../cluster/files/mesh-state.ts";
import { Store } from "../../cluster/store.ts";
import { versionsOf } from "../../cluster/versions.ts";
import { ForesailError } from "../../errors.ts";
import type { VersionsHere } from "../../report/rule-page.ts";
import type { AnyRule } from "../../rules/rule.ts";
import type { MeshSettings } from "../../rules/policy.ts";
import type { ExplainOptions } from "../options.ts";
import { configurationProblems, readConfiguration } from "../read-configuration.ts";
import { readState } from "../read-state.ts";

export interface VersionsReport {
  /** Undefined for a rule that no version matters to. */
  readonly report: VersionsHere | undefined;
  readonly problems: readonly string[];
}

/** Whoever reads a page does not wait for a cluster that was not named. */
const PATIENCE_MS = 2000;
const NAMED_PATIENCE_MS = 15_000;
const NO_PROGRESS = { show: () => {}, end: () => {} };

/** @throws ForesailError for what was named and cannot be read */
export async function versionsHere(
  rule: AnyRule,
  options: ExplainOptions,
  rules: readonly AnyRule[],
): Promise<VersionsReport> {
  if (rule.gates.length === 0) return { report: undefined, problems: [] };
  const configuration = await readConfiguration(options, rules);
  const problems = configurationProblems(options, configuration);
  return { report: await readVersions(options, configuration.mesh), problems };
}

async function readVersions(options: ExplainOptions, settings: MeshSettings): Promise<VersionsHere> {
  if (options.meshState.length > 0) {
    const { istioNamespace, clusterDomain } = settings;
    const { objects } = await readState(options, { kinds: [], istioNamespace, progress: NO_PROGRESS });
    const versions = versionsOf(storeOf(objects, clusterDomain), settings);
    return { versions, asked: options.meshState.join(", "), silence: undefined };
  }
  const isNamed = options.kubeconfig !== undefined || options.meshKubeconfig !== undefined;
  try {
    return await askCluster(options, isNamed ? NAMED_PATIENCE_MS : PATIENCE_MS, settings);
  } catch (error) {
    if (isNamed || !(error instanceof ForesailError)) throw error;
    const versions = versionsOf(new Store(settings.clusterDomain), settings);
    return { versions, asked: undefined, silence: error.message };
  }
}

/** @throws ForesailError CLUSTER_UNREACHABLE, KUBECONFIG_UNREADABLE */
async function askCluster(
  { kubeconfig, meshKubeconfig }: ExplainOptions,
  timeoutMs: number,
  settings: MeshSettings,
): Promise<VersionsHere> {
  const { connectToApiServer, connectToMesh } = await import("../../api-server/connect.ts");
  const api = await connectToApiServer({ ...(kubeconfig === undefined ? {} : { kubeconfig }), timeoutMs });
  const apis: [ApiServer, ApiServer?] = [api];
  // What is under way then has no answer.
  const deadline = setTimeout(() => void closeAll(apis), timeoutMs);
  try {
    if (meshKubeconfig !== undefined) apis[1] = await connectToMesh(meshKubeconfig, { mustAnswer: true });
    const store = await storeOfVersions(apis, settings);
    if (store.detected.versions.kubernetes === undefined) throw unanswered(api, timeoutMs);
    const asked = apis.flatMap((one) => one?.url ?? []).join(", ");
    return { versions: versionsOf(store, settings), asked, silence: undefined };
  } finally {
    clearTimeout(deadline);
    await closeAll(apis);
  }
}

async function closeAll(apis: readonly (ApiServer | undefined)[]): Promise<void> {
  await Promise.all(apis.flatMap((api) => api?.close() ?? []));
}

/** With all that tells a version. */
async function storeOfVersions(
  [api, meshApi]: readonly [ApiServer, ApiServer?],
  settings: MeshSettings,
): Promise<Store> {
  const { istioNamespace, clusterDomain } = settings;
  const [{ readComponentVersions }, { readSnapshot }] = await Promise.all([
    import("../../cluster/live/component-versions.ts"),
    import("../../cluster/live/snapshot.ts"),
  ]);
  const [detected, configMaps] = await Promise.all([
    readComponentVersions(meshApi ? { api, meshApi } : { api }, istioNamespace),
    readSnapshot({ api, kinds: ["ConfigMap"], istioNamespace, onProgress: () => {} }).then(
      ({ objects }) => objects,
      // Another source may tell.
      (): readonly StateObject[] => [],
    ),
  ]);
  return storeOf(configMaps, clusterDomain, detected);
}

function unanswered({ url }: ApiServer, timeoutMs: number): ForesailError {
  return new ForesailError({
    code: "CLUSTER_UNREACHABLE",
    message: `the API server ${url} did not say its version within ${timeoutMs / 1000} s`,
    hint: "Try again, or name versions with --assume.",
  });
}
