/** The API server of a kubeconfig's current context, with every kind of authentication that client-node knows. */
import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { ForesailError } from "../errors.ts";
import type { ApiServerOptions } from "./client.ts";
import type { Credentials } from "./credentials.ts";
import { kubeconfigFiles } from "./kubeconfig-files.ts";

/** Without a file those that kubectl would take; `flag` is the one that names it. @throws ForesailError KUBECONFIG_UNREADABLE */
export function apiServerOfKubeconfig(file: string | undefined, flag = "--kubeconfig"): ApiServerOptions {
  const files = kubeconfigFiles(file);
  const unreadable = (name: string, reason: string, cause?: unknown) =>
    unreadableError(name, reason, flag, cause);
  let config = readFiles(files, flag);
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    const context = config.getCurrentContext();
    throw unreadable(
      files.join(", "),
      context ? `the context ${context} has no cluster` : "it has no current-context",
    );
  }
  if (!URL.canParse(cluster.server)) {
    throw unreadable(files.join(", "), `the cluster ${cluster.name} has no server with a URL`);
  }
  if (cluster.proxyUrl?.startsWith("socks")) {
    throw unreadable(files.join(", "), "SOCKS proxies are not supported");
  }
  return {
    url: cluster.server,
    ...(cluster.proxyUrl === undefined ? {} : { proxyUrl: cluster.proxyUrl }),
    async readCredentials(wereRefused) {
      // It remembers tokens; someone may have logged in again.
      if (wereRefused) config = readFiles(files, flag);
      return credentialsOf(config, flag);
    },
  };
}

/** Of the current context, as `apiServerOfKubeconfig` finds it; undefined if it names none. */
export function namespaceOfKubeconfig(file: string | undefined): string | undefined {
  const config = readFiles(kubeconfigFiles(file), "--kubeconfig");
  return config.getContextObject(config.getCurrentContext())?.namespace || undefined;
}

/** As kubectl merges them: what comes first counts. */
function readFiles(files: readonly string[], flag: string): KubeConfig {
  const parts = files.map((file) => readFile(file, flag));
  const merged = new KubeConfig();
  merged.loadFromOptions({
    clusters: firstOfName(parts.flatMap(({ clusters }) => clusters)),
    users: firstOfName(parts.flatMap(({ users }) => users)),
    contexts: firstOfName(parts.flatMap(({ contexts }) => contexts)),
    currentContext: parts.map(({ currentContext }) => currentContext).find(Boolean),
  });
  return merged;
}

function readFile(file: string, flag: string): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
  } catch (cause) {
    throw unreadableError(file, reasonOf(cause), flag, cause);
  }
  return config;
}

function firstOfName<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  return [...Map.groupBy(entries, ({ name }) => name).values()].flatMap(([first]) => first ?? []);
}

/** @throws ForesailError KUBECONFIG_UNREADABLE if a file it names is missing, or a program it names fails */
async function credentialsOf(config: KubeConfig, flag: string): Promise<Credentials> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (cause) {
    throw unreadableError(`of context ${config.getCurrentContext()}`, reasonOf(cause), flag, cause);
  }
  const { ca, cert, key, rejectUnauthorized, servername, headers = {}, auth } = options;
  const basic = typeof auth === "string" ? `Basic ${Buffer.from(auth).toString("base64")}` : undefined;
  return {
    headers: {
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      ...(basic === undefined ? {} : { authorization: basic }),
    },
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
      ...(servername === undefined ? {} : { servername }),
    },
  };
}

function reasonOf(cause: unknown): string {
  // What client-node stumbles over.
  if (!(cause instanceof Error) || cause instanceof TypeError) return "it is no kubeconfig";
  if ("syscall" in cause && cause.syscall === "open" && "code" in cause && cause.code === "ENOENT") {
    return `there is no file ${"path" in cause ? String(cause.path) : ""}`;
  }
  return cause.message.trim().split("\n")[0] ?? "";
}

function unreadableError(file: string, reason: string, flag: string, cause?: unknown): ForesailError {
  return new ForesailError({
    code: "KUBECONFIG_UNREADABLE",
    message: `the kubeconfig ${file} cannot be used: ${reason}`,
    hint: `Check it with \`kubectl --kubeconfig FILE version\`, or name another with ${flag}.`,
    cause,
  });
}
