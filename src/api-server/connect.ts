/** Which API server to talk to. */
import { ForesailError } from "../errors.ts";
import { createApiServer } from "./client.ts";
import type { ApiServer } from "./client.ts";
import { apiServerOfPod, isInPod, namespaceOfPod } from "./in-pod.ts";
import { kubeconfigFiles } from "./kubeconfig-files.ts";
import { ApiStatusError } from "./status-error.ts";
import { tlsProblemOf } from "./tls-problem.ts";

/** Of a person who waits for the first answer. */
const CHECK_TIMEOUT_MS = 10_000;

const NO_ANSWER = { what: "does not answer", hint: "Is the cluster running, and is this its address?" };

/**
 * In a Pod that of its cluster, else, or if one is named, that of a kubeconfig, which must answer.
 * @throws ForesailError KUBECONFIG_UNREADABLE, CLUSTER_UNREACHABLE
 */
export async function connectToApiServer({
  kubeconfig,
  timeoutMs = CHECK_TIMEOUT_MS,
}: {
  /** A file. */
  readonly kubeconfig?: string;
  /** For the first answer. */
  readonly timeoutMs?: number;
}): Promise<ApiServer> {
  // Nobody waits in a Pod, and the API server may be on its way, too.
  if (kubeconfig === undefined && isInPod()) return createApiServer(apiServerOfPod());
  // What reads them is slow to load, in vain if there is none.
  kubeconfigFiles(kubeconfig);
  const { apiServerOfKubeconfig } = await import("./kubeconfig.ts");
  const api = createApiServer({ ...apiServerOfKubeconfig(kubeconfig), connectTimeoutMs: timeoutMs });
  return checked(api, timeoutMs);
}

const MESH_FLAG = "--mesh-kubeconfig";

/**
 * That of the mesh's control plane. `mustAnswer`: somebody waits for it; else that it is out is no reason not to start.
 * @throws ForesailError KUBECONFIG_UNREADABLE, and CLUSTER_UNREACHABLE if it must answer and does not
 */
export async function connectToMesh(
  kubeconfig: string,
  { mustAnswer }: { readonly mustAnswer: boolean },
): Promise<ApiServer> {
  const { apiServerOfKubeconfig } = await import("./kubeconfig.ts");
  const api = createApiServer(apiServerOfKubeconfig(kubeconfig, MESH_FLAG));
  return mustAnswer ? checked(api) : api;
}

async function checked(api: ApiServer, timeoutMs = CHECK_TIMEOUT_MS): Promise<ApiServer> {
  try {
    await check(api, timeoutMs);
    return api;
  } catch (error) {
    await api.close();
    throw error;
  }
}

/**
 * Where kubectl would look if no namespace is named.
 * @throws ForesailError KUBECONFIG_UNREADABLE
 */
export async function currentNamespace({ kubeconfig }: { readonly kubeconfig?: string }): Promise<string> {
  const ofPod = kubeconfig === undefined ? namespaceOfPod() : undefined;
  if (ofPod !== undefined) return ofPod;
  const { namespaceOfKubeconfig } = await import("./kubeconfig.ts");
  return namespaceOfKubeconfig(kubeconfig) ?? "default";
}

async function check(api: ApiServer, timeoutMs: number): Promise<void> {
  const answer = await api.request({ path: "/version", timeoutMs }).catch((cause: unknown) => {
    if (cause instanceof ForesailError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const { what, hint } = tlsProblemOf(cause) ?? NO_ANSWER;
    throw unreachable(api, `${what}: ${reason}`, hint, cause);
  });
  if (answer.status !== 401) return;
  const reason = `does not accept the credentials of the kubeconfig: ${new ApiStatusError(answer).message}`;
  throw unreachable(api, reason, "They may have expired: log in again, and try `kubectl version`.");
}

function unreachable({ url }: ApiServer, reason: string, hint: string, cause?: unknown): ForesailError {
  return new ForesailError({
    code: "CLUSTER_UNREACHABLE",
    message: `the API server ${url} ${reason}`,
    hint,
    cause,
  });
}
