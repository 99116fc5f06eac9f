import { writeFile } from "node:fs/promises";
import { runTool } from "./run-tool.ts";
import type { KubernetesObjectApi } from "@kubernetes/client-node";
import type { ToolResult } from "./run-tool.ts";

const KUBECTL_TIMEOUT_MS = 60_000;

/** Writes a kubeconfig file of one user, who has a token. `ca` is PEM. */
export async function writeKubeconfig(
  path: string,
  server: string,
  ca: Buffer,
  token: string,
): Promise<void> {
  const cluster = `{ server: "${server}", certificate-authority-data: "${ca.toString("base64")}" }`;
  await writeFile(
    path,
    `apiVersion: v1
kind: Config
clusters: [{ name: test, cluster: ${cluster} }]
users: [{ name: test, user: { token: "${token}" } }]
contexts: [{ name: test, context: { cluster: test, user: test } }]
current-context: test
`,
  );
}

/** Runs kubectl with nothing of the caller's environment but `PATH`; `home` takes its caches. */
export async function runKubectl(
  kubectl: string,
  options: { readonly kubeconfig: string; readonly home: string; readonly stdin: string },
  args: readonly string[],
): Promise<ToolResult> {
  const { kubeconfig, home, stdin } = options;
  const env = { PATH: process.env["PATH"], HOME: home, KUBECONFIG: kubeconfig };
  return await runTool(kubectl, args, { env, stdin, timeoutMs: KUBECTL_TIMEOUT_MS });
}

/** A client for objects of every kind, made from a kubeconfig file as users' clients are. */
export async function createObjectApi(kubeconfig: string): Promise<KubernetesObjectApi> {
  const { KubeConfig, KubernetesObjectApi: ObjectApi } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return ObjectApi.makeApiClient(config);
}
