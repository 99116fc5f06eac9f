/**
 * Which versions run in a cluster, and on which cloud, asked for now and then: of the API server itself, by the images of
 * Deployments in two namespaces, and by one Node. Of these nothing else is read.
 */
import { isDeepStrictEqual } from "node:util";
import type { ApiAnswer, ApiServer } from "../../api-server/client.ts";
import { ApiStatusError } from "../../api-server/status-error.ts";
import { parseVersion } from "../../istio/versions.ts";
import type { Component, KnownVersion, Versions } from "../../istio/versions.ts";
import { isObject } from "../../kubernetes/json.ts";
import { KIND_FACTS, readObject } from "../../kubernetes/objects.ts";
import { object, string } from "../../kubernetes/shape.ts";
import { startPolling } from "../../polling.ts";
import type { DetectedVersions } from "../store.ts";
import {
  CCM,
  componentVersions,
  gatewayVersions,
  ISTIOD,
  istiodVersions,
  versionOfWorkload,
} from "../versions.ts";
import type { NamedDeployment } from "../versions.ts";

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
  let control: ControlPlane = { istiods: new Map(), told: {}, ofGateways: {} };
  let current: DetectedVersions = { versions: {}, istiods: control.istiods };
  let providerId: string | undefined;
  let isAsked = false;

  let inMesh: readonly NamedDeployment[] = [];
  const findIstiods = async (namespace: string, signal: AbortSignal) => {
    const [found, inCluster] = await Promise.all([
      // It may have no such kind, or not let foresail ask for it; while it does not answer, what was there counts.
      meshApi ? listIstiods(meshApi, namespace, signal).catch(() => inMesh) : [],
      listIstiods(api, namespace, signal),
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
      if (problem instanceof NotThere) return;
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
          control = await readControlPlane(api, namespace, await findIstiods(namespace, signal), signal);
          return versionOfIstio(namespace, control);
        }).then(() => look("asm", () => versionOfAsm([api, ...(meshApi ? [meshApi] : [])], control, signal))),
        look("ccm", () => versionOfCcm(api, signal)),
        (async () => {
          providerId ??= await readProviderId(api, signal);
        })(),
      ]);
      isAsked = true;
      const { istiods, ofGateways } = control;
      const found = {
        versions: Object.fromEntries(versions),
        istiods,
        ofGateways,
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

/** Asks once. What has no answer is unknown. */
export async function readComponentVersions(
  apis: Pick<ComponentVersionsOptions, "api" | "meshApi">,
  istioNamespace: string,
): Promise<DetectedVersions> {
  const versions = startComponentVersions({
    ...apis,
    istioNamespace: () => istioNamespace,
    onChange: () => {},
    onNews: () => {},
  });
  await versions.asked;
  versions.close();
  return versions.current;
}

/** There is an answer, and no version in it. */
class NoVersion extends Error {
  override readonly name = "NoVersion";
}

/** Nobody expects it to be there. */
class NotThere extends NoVersion {}

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

interface ControlPlane {
  readonly istiods: ReadonlyMap<string, KnownVersion>;
  /** By all istiods together. */
  readonly told: Versions;
  /** Asked for where there is no istiod: a managed one is not to be seen. */
  readonly ofGateways: Versions;
}

async function readControlPlane(
  api: ApiServer,
  namespace: string,
  istiods: readonly NamedDeployment[],
  signal: AbortSignal,
): Promise<ControlPlane> {
  const all = istiods.length > 0 ? [] : await listDeployments(api, namespace, {}, signal);
  return {
    istiods: istiodVersions(namespace, istiods),
    told: componentVersions(namespace, istiods),
    ofGateways: gatewayVersions(namespace, all),
  };
}

function versionOfIstio(namespace: string, { istiods, told, ofGateways }: ControlPlane): KnownVersion {
  if (told.istio) return told.istio;
  if (istiods.size > 1) throw new NoVersion(`several versions of istiod run in ${namespace}`);
  const none = `no Deployment with the label app=${ISTIOD} in ${namespace} names a version`;
  const { istio } = ofGateways;
  throw new NoVersion(istio ? `${none}; ${istio.from} is of ${istio.value}` : none);
}

async function versionOfAsm(
  apis: readonly ApiServer[],
  { told, ofGateways }: ControlPlane,
  signal: AbortSignal,
): Promise<KnownVersion> {
  if (told.asm) return told.asm;
  const { group } = KIND_FACTS.IstioGateway;
  const answers = await Promise.all(
    apis.map((api) => api.request({ path: `/apis/${group}`, signal, timeoutMs: TIMEOUT_MS })),
  );
  if (answers.every(({ status }) => status !== OK)) throw new NotThere();
  const seen = ofGateways.asm ? `; ${ofGateways.asm.from} is of ${ofGateways.asm.value}` : "";
  throw new NoVersion(`${group} is served, which is Alibaba Cloud Service Mesh and names no version${seen}`);
}

async function versionOfCcm(api: ApiServer, signal: AbortSignal): Promise<KnownVersion> {
  const { namespace, name } = CCM;
  const own = async (kind: "Deployment" | "DaemonSet") => {
    const { plural } = KIND_FACTS[kind];
    const { body } = await ask(api, `/apis/apps/v1/namespaces/${namespace}/${plural}/${name}`, {}, signal);
    const version = versionOfWorkload(kind, namespace, [name, readObject("Deployment", body)]);
    if (!version) throw new NoVersion(`the image of ${kind} ${namespace}/${name} names no version`);
    return version;
  };
  try {
    return await own("Deployment");
  } catch (error) {
    if (!(error instanceof NoVersion)) throw error;
    return await own("DaemonSet").catch((other: unknown) => {
      // The Deployment is what people look for.
      throw other instanceof NoVersion ? error : other;
    });
  }
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

function listIstiods(
  api: ApiServer,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly NamedDeployment[]> {
  return listDeployments(api, namespace, { labelSelector: `app=${ISTIOD}` }, signal);
}

async function listDeployments(
  api: ApiServer,
  namespace: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<readonly NamedDeployment[]> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const { body } = await ask(api, path, { ...query, limit: MAX_DEPLOYMENTS }, signal);
  const items = isObject(body) && Array.isArray(body["items"]) ? body["items"] : [];
  return items.map((item): NamedDeployment => {
    const deployment = readObject("Deployment", item);
    return [deployment.metadata?.name ?? "", deployment];
  });
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
