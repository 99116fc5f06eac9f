/** Which API server to talk to. */
import { createApiServer } from "./client.ts";
import type { ApiServer } from "./client.ts";
import { apiServerOfPod, isInPod } from "./in-pod.ts";

/**
 * In a Pod that of its cluster, else, or if one is named, that of a kubeconfig. Contacts nobody.
 * @throws ForesailError KUBECONFIG_UNREADABLE
 */
export async function connectToApiServer({
  kubeconfig,
}: {
  /** A file. */
  readonly kubeconfig?: string;
}): Promise<ApiServer> {
  if (kubeconfig === undefined && isInPod()) return createApiServer(apiServerOfPod());
  const { apiServerOfKubeconfig } = await import("./kubeconfig.ts");
  return createApiServer(apiServerOfKubeconfig(kubeconfig));
}
