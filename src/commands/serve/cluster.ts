/** The cluster that `serve` judges reviews by: files, or that of an API server. */
import type { Logger } from "pino";
import type { ApiServer } from "../../api-server/client.ts";
import { startLiveCluster } from "../../cluster/live/live-cluster.ts";
import type { ObjectId } from "../../cluster/view.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import type { ClusterView, Ground } from "../../rules/cluster-view.ts";
import { DEFAULT_MESH_SETTINGS } from "../../rules/policy.ts";
import type { MeshSettings } from "../../rules/policy.ts";
import type { AnyRule } from "../../rules/rule.ts";
import type { CacheFacts } from "../../webhook/metrics.ts";
import { openFileCluster } from "./file-cluster.ts";
import { isRefusal, problemFacts } from "./problem-facts.ts";

export interface ServedCluster {
  viewFor(subject: ObjectId, note: (ground: Ground) => void): ClusterView<Kind>;
  /** Undefined where views have all there is. */
  readonly confirm?: (grounds: readonly Ground[], deadline: number) => Promise<boolean>;
  /** Whether enough is known to refuse anything. */
  isTrustworthy(): boolean;
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
    isTrustworthy: () => true,
    unmetConditions: () => [],
    caches: () => cluster.caches(),
    applySettings: () => void cluster.rereadIfDomainChanged(),
    close: () => cluster.close(),
  };
}

/** Is filled while it is served from: `unmetConditions` says when it is complete. */
export function openLiveCluster(api: ApiServer, { log, ...context }: Context): ServedCluster {
  /** What manifests/ gives is for the default. */
  const rightsOfIstio = () => {
    const { istioNamespace } = context.settings();
    if (istioNamespace === DEFAULT_MESH_SETTINGS.istioNamespace) return undefined;
    return `Apply foresail's Role and RoleBinding of ${DEFAULT_MESH_SETTINGS.istioNamespace} in ${istioNamespace} as well. No restart is needed.`;
  };
  const cluster = startLiveCluster({
    ...context,
    api,
    onProblem(kind, { error, verb, isWait }, heldBack) {
      const facts = {
        kind,
        verb,
        ...problemFacts(error, kind === "ConfigMap" ? rightsOfIstio() : undefined),
      };
      if (isWait) log.info(facts, "the API server asks to wait; objects are read then");
      else if (heldBack !== undefined)
        log.error({ ...facts, ...heldBack }, "setting not applied; the one before stays");
      else if (isRefusal(error)) log.error(facts, "objects may not be read; what is known stays");
      else log.error(facts, "objects not read; what is known stays");
    },
    onRecovery: (kind) => log.info({ kind }, "objects read again"),
    onVersion(news) {
      const { component } = news;
      if ("version" in news) log.info({ component, ...news.version }, "version detected");
      else {
        const facts = problemFacts(news.problem, component === "istio" ? rightsOfIstio() : undefined);
        log.info({ component, ...facts }, "version not known; assume can name it");
      }
    },
    onComplete: (objects) => log.info({ objects }, "cluster read"),
  });
  return { ...cluster, close: () => void cluster.close() };
}
