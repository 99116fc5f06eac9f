/** The cluster that `serve` judges reviews by: files, or that of an API server. */
import type { Logger } from "pino";
import type { ApiServer } from "../../api-server/client.ts";
import { startLiveCluster } from "../../cluster/live/live-cluster.ts";
import type { LiveCluster, LiveClusterOptions } from "../../cluster/live/live-cluster.ts";
import type { Plane } from "../../istio/planes.ts";
import type { ObjectId } from "../../cluster/view.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import type { ClusterView, Ground } from "../../rules/cluster-view.ts";
import { DEFAULT_MESH_SETTINGS } from "../../rules/policy.ts";
import type { MeshSettings } from "../../rules/policy.ts";
import type { AnyRule } from "../../rules/rule.ts";
import type { CacheFacts } from "../../webhook/metrics.ts";
import { openFileCluster } from "./file-cluster.ts";
import { MeshOutage } from "./mesh-outage.ts";
import { rulesThatNeedMesh } from "./policy-in-doubt.ts";
import type { Knowledge } from "./policy-in-doubt.ts";
import { isRefusal, problemFacts } from "./problem-facts.ts";

export interface ServedCluster {
  viewFor(subject: ObjectId, note: (ground: Ground) => void): ClusterView<Kind>;
  /** Undefined where views have all there is. */
  readonly confirm?: (grounds: readonly Ground[], deadline: number) => Promise<boolean>;
  /** How much of it is known: whether enough to refuse anything. */
  knowledge(): Knowledge;
  /** Whether each API server that is asked answers. */
  reachability(): readonly { readonly plane: Plane; readonly isReachable: boolean }[];
  /** What is still to be known, a line each. */
  unmetConditions(): readonly string[];
  caches(): readonly CacheFacts[];
  /** To be called when the settings have changed. */
  applySettings(): void;
  close(): void;
}

interface Context {
  readonly rules: readonly AnyRule[];
  /** Asked whenever they are needed. */
  readonly settings: () => MeshSettings;
  readonly log: Logger;
}

/** @throws ForesailError STATE_UNREADABLE if the files cannot be read now */
export async function openFiles(
  paths: readonly string[],
  { log, ...context }: Context,
): Promise<ServedCluster> {
  const cluster = await openFileCluster({
    ...context,
    paths,
    onChange: (objects) => log.info({ objects }, "mesh state read again"),
    onProblem: (problem) => log.error(problemFacts(problem), "mesh state not read; the last one stays"),
  });
  return {
    viewFor: (subject) => cluster.viewFor(subject),
    knowledge: () => ({ isTrustworthy: true, meshPlane: undefined }),
    reachability: () => [],
    unmetConditions: () => [],
    caches: () => cluster.caches(),
    applySettings: () => void cluster.rereadIfDomainChanged(),
    close: () => cluster.close(),
  };
}

export interface ApiServers {
  readonly api: ApiServer;
  /** Of the mesh's control plane, if it has one of its own. */
  readonly meshApi: ApiServer | undefined;
}

/** Is filled while it is served from: `unmetConditions` says when it is complete. */
export function openLiveCluster({ api, meshApi }: ApiServers, context: Context): ServedCluster {
  const { log } = context;
  const outage = outageOfMesh(meshApi, context, () => cluster.meshPlane());
  const cluster = startLiveCluster({
    ...context,
    api,
    ...(meshApi ? { meshApi } : {}),
    onProblem(place, problem, heldBack) {
      const { kind, plane } = place;
      const { error, verb, isWait } = problem;
      if (plane === "mesh" && outage.covers(kind, problem)) return;
      const missingRights = plane === "mesh" ? RIGHTS_IN_MESH : rightsOfIstio(kind, context);
      const facts = { ...factsOf(place), verb, ...problemFacts(error, missingRights) };
      if (isWait) log.info(facts, "the API server asks to wait; objects are read then");
      else if (heldBack !== undefined)
        log.error({ ...facts, ...heldBack }, "setting not applied; the one before stays");
      else if (isRefusal(error)) log.error(facts, "objects may not be read; what is known stays");
      else log.error(facts, "objects not read; what is known stays");
    },
    onRecovery(place) {
      if (place.plane === "mesh" && outage.endsFor(place.kind)) return;
      log.info(factsOf(place), "objects read again");
    },
    onVersion(news) {
      const { component } = news;
      if ("version" in news) log.info({ component, ...news.version }, "version detected");
      else {
        const missingRights = component === "istio" ? rightsOfIstio("ConfigMap", context) : undefined;
        const facts = problemFacts(news.problem, missingRights);
        log.info({ component, ...facts }, "version not known; assume can name it");
      }
    },
    onComplete: (objects, plane) =>
      log.info({ objects }, plane === "mesh" ? "the mesh's API server read" : "cluster read"),
  });
  return {
    ...cluster,
    knowledge: () => ({ isTrustworthy: cluster.isTrustworthy(), meshPlane: cluster.meshPlane() }),
    close: () => void cluster.close(),
  };
}

const RIGHTS_IN_MESH =
  "Give the user of --mesh-kubeconfig the rights of manifests/mesh-plane in the mesh's API server. No restart is needed.";

/** What manifests/ gives is for the default. */
function rightsOfIstio(kind: Kind, { settings }: Context): string | undefined {
  const { istioNamespace } = settings();
  if (kind !== "ConfigMap" || istioNamespace === DEFAULT_MESH_SETTINGS.istioNamespace) return undefined;
  return `Apply foresail's Role and RoleBinding of ${DEFAULT_MESH_SETTINGS.istioNamespace} in ${istioNamespace} as well. No restart is needed.`;
}

function factsOf({ kind, plane }: Parameters<LiveClusterOptions["onRecovery"]>[0]) {
  return plane === "mesh" ? { plane, kind } : { kind };
}

function outageOfMesh(
  meshApi: ApiServer | undefined,
  { rules, log }: Context,
  state: LiveCluster["meshPlane"],
): MeshOutage {
  const facts = { plane: "mesh", url: meshApi?.url };
  return new MeshOutage({
    onBegin(error) {
      const known = { ...facts, ...problemFacts(error) };
      if (state() === "unknown") {
        const off = rulesThatNeedMesh(rules).map(({ id }) => id);
        log.error(
          { ...known, rules: off },
          "the mesh's API server does not answer; these rules are off until it does",
        );
      } else log.error(known, "the mesh's API server does not answer; what is known of it stays");
    },
    onEnd: () => log.info(facts, "the mesh's API server answers again"),
  });
}
