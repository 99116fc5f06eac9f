/** The API server of the cluster that foresail runs in: every Pod is told where it is and by what it is known. */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import type { ApiServerOptions } from "./client.ts";

const FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

export function isInPod(): boolean {
  return process.env["KUBERNETES_SERVICE_HOST"] !== undefined && existsSync(join(FOLDER, "token"));
}

/** Undefined outside a Pod. */
export function namespaceOfPod(): string | undefined {
  return isInPod() ? readFileSync(join(FOLDER, "namespace"), "utf8").trim() : undefined;
}

export function apiServerOfPod(): ApiServerOptions {
  const host = process.env["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = process.env["KUBERNETES_SERVICE_PORT"] ?? "443";
  return {
    url: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    readCredentials: async () => {
      const [token, ca] = await Promise.all(
        ["token", "ca.crt"].map((file) => readFile(join(FOLDER, file), "utf8")),
      );
      return { headers: { authorization: `Bearer ${(token ?? "").trim()}` }, tls: { ca } };
    },
  };
}
