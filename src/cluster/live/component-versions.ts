/**
 * Which versions run in a cluster, and on which cloud, asked for now and then: by the images of two Deployments, of the API server
 * itself, and by one Node. Of all other Deployments and Nodes nothing is read.
 */
import { isDeepStrictEqual } from "node:util";
import type { ApiAnswer, ApiServer } from "../../api-server/client.ts";
import { ApiStatusError } from "../../api-server/status-error.ts";
import { parseVersion } from "../../istio/versions.ts";
import type { Component, KnownVersion } from "../../istio/versions.ts";
import { isObject } from "../../kubernetes/json.ts";
import { readObject } from "../../kubernetes/objects.ts";
import { object, string } from "../../kubernetes/shape.ts";
import { startPolling } from "../../polling.ts";
import { CCM, ISTIOD, istiodVersions, versionOfDeployments } from "../mesh.ts";
import type { NamedDeployment } from "../mesh.ts";
import type { DetectedVersions } from "../store.ts";

/** What became known of a component, or why nothing is known of it. */
export type VersionNews = { readonly component: Component } & (
  | { readonly version: KnownVersion }
  | { readonly problem: Error }
);

export interface ComponentVersionsOptions {
  readonly api: ApiServer;
  /** Of the mesh's control plane, if it has one of its own: the istiod beside it counts before one in the cluster. */
  readonly meshApi?: ApiServer;
  /** Where istiod runs; asked each time. */
  readonly istioNamespace: () => string;
  readonly onChange: (detected: DetectedVersions) => void;
  /** Said once until it changes. */
  readonly onNews: (news: VersionNews) => void;
  readonly intervalMs?: number;
}

export interface ComponentVersions {
  readonly current: DetectedVersions;
  /** Everything was asked for; what had no answer is unknown. */
  readonly isAsked: boolean;
  /** Resolves as soon as that is so; never rejects. */
  readonly asked: Promise<void>;
  /** Asks now. */
  check(): Promise<void>;
  close(): void;
}

const INTERVAL_MS = 15_000;
const TIMEOUT_MS = 5000;
/** More revisions of istiod do not run side by side. */
const MAX_DEPLOYMENTS = "100";
const OK = 200;
const NOT_FOUND = 404;
const FORBIDDEN = 403;

const versionShape = object({ gitVersion: string });

export function startComponentVersions(options: ComponentVersionsOptions): ComponentVersions {
  const { api, meshApi, istioNamespace, onChange, onNews, intervalMs = INTERVAL_MS } = options;
  const versions = new Map<Component, KnownVersion>();
  const said = new Map<Component, string>();
  let istiods: ReadonlyMap<string, KnownVersion> = new Map();
  let current: DetectedVersions = { versions: {}, istiods };
  let providerId: string | undefined;
  let isAsked = false;

  let inMesh: readonly NamedDeployment[] = [];
  const findIstiods = async (namespace: string, signal: AbortSignal) => {
    const [found, inCluster] = await Promise.all([
      // It may have no such kind, or not let foresail ask for it; while it does not answer, what was there counts.
      meshApi ? readIstiods(meshApi, namespace, signal).catch(() => inMesh) : [],
      readIstiods(api, namespace, signal),
    ]);
    inMesh = found;
    return found.length > 0 ? found : inCluster;
  };

  const say = (news: VersionNews) => {
    const text = "version" in news ? JSON.stringify(news.version) : news.problem.message;
    if (said.get(news.component) === text) return;
    said.set(news.component, text);
    onNews(news);
  };
  const look = async (component: Component, find: () => Promise<KnownVersion>) => {
    try {
      const version = await find();
      versions.set(component, version);
      say({ component, version });
    } catch (error) {
      const problem = error instanceof Error ? error : new Error(String(error));
      // Without an answer, or with another one, what was known stays; without the right to ask nothing is ever known.
      if (problem instanceof NoVersion) versions.delete(component);
      if (problem instanceof NoVersion || isForbidden(problem)) say({ component, problem });
    }
  };
  const polling = startPolling(
    intervalMs,
    async (signal) => {
      const namespace = istioNamespace();
      await Promise.all([
        look("kubernetes", () => versionOfApiServer(api, signal)),
        look("istio", async () => {
          const deployments = await findIstiods(namespace, signal);
          istiods = istiodVersions(namespace, deployments);
          return known(namespace, deployments);
        }),
        look("ccm", () => versionOfCcm(api, signal)),
        (async () => {
          providerId ??= await readProviderId(api, signal);
        })(),
      ]);
      isAsked = true;
      const found = {
        versions: Object.fromEntries(versions),
        istiods,
        ...(providerId === undefined ? {} : { providerId }),
      };
      if (signal.aborted || isDeepStrictEqual(found, current)) return;
      current = found;
      onChange(found);
    },
    // Outages are said by those who cannot do without an answer.
    () => {},
  );
  return {
    get current() {
      return current;
    },
    get isAsked() {
      return isAsked;
    },
    asked: polling.check(),
    check: polling.check,
    close: polling.close,
  };
}

/** There is an answer, and no version in it. */
class NoVersion extends Error {
  override readonly name = "NoVersion";
}

function isForbidden(problem: Error): boolean {
  return problem instanceof ApiStatusError && problem.status === FORBIDDEN;
}

async function versionOfApiServer(api: ApiServer, signal: AbortSignal): Promise<KnownVersion> {
  const { body } = await ask(api, "/version", {}, signal);
  const { gitVersion = "" } = versionShape.read(body) ?? {};
  const version = parseVersion(gitVersion)?.join(".");
  if (version === undefined) throw new NoVersion(`the API server says that its version is "${gitVersion}"`);
  return { value: version, from: "the API server" };
}

async function readIstiods(
  api: ApiServer,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly NamedDeployment[]> {
  const query = { labelSelector: `app=${ISTIOD}`, limit: MAX_DEPLOYMENTS };
  const { body } = await ask(api, deploymentsPath(namespace), query, signal);
  const items = isObject(body) && Array.isArray(body["items"]) ? body["items"] : [];
  return items.map(named);
}

async function versionOfCcm(api: ApiServer, signal: AbortSignal): Promise<KnownVersion> {
  const { body } = await ask(api, `${deploymentsPath(CCM.namespace)}/${CCM.name}`, {}, signal);
  return known(CCM.namespace, [named(body)]);
}

/** A cluster stays on its cloud. Without an answer, or the right to ask, there are other signs of it. */
async function readProviderId(api: ApiServer, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { body } = await ask(api, "/api/v1/nodes", { limit: "1" }, signal);
    const [node] = isObject(body) && Array.isArray(body["items"]) ? body["items"] : [];
    return readObject("Node", node).spec?.providerID || undefined;
  } catch {
    return undefined;
  }
}

function named(value: unknown): NamedDeployment {
  const deployment = readObject("Deployment", value);
  return [deployment.metadata?.name ?? "", deployment];
}

function known(namespace: string, deployments: readonly NamedDeployment[]): KnownVersion {
  const version = versionOfDeployments(namespace, deployments);
  if (version) return version;
  if (deployments.length === 0) {
    throw new NoVersion(`there is no Deployment with the label app=${ISTIOD} in ${namespace}`);
  }
  const names = deployments.map(([name]) => `${namespace}/${name}`).join(", ");
  throw new NoVersion(`the image of Deployment ${names} names no version, or several run`);
}

async function ask(
  api: ApiServer,
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ApiAnswer> {
  const answer = await api.request({
    path,
    query,
    signal,
    timeoutMs: TIMEOUT_MS,
    leaveOutManagedFields: true,
  });
  if (answer.status === NOT_FOUND) throw new NoVersion(new ApiStatusError(answer).message);
  if (answer.status !== OK) throw new ApiStatusError(answer);
  return answer;
}

function deploymentsPath(namespace: string): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments`;
}
