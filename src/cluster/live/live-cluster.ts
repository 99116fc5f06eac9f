/** The cluster of an API server, as rules see it. */
import type { ApiServer } from "../../api-server/client.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import { MESH_READS } from "../../rules/cluster-view.ts";
import type { ClusterView, Miss } from "../../rules/cluster-view.ts";
import type { MeshSettings } from "../../rules/policy.ts";
import type { AnyRule } from "../../rules/rule.ts";
import { createConfirm } from "./confirmation.ts";
import type { Confirm } from "./confirmation.ts";
import { startMirror } from "./mirror.ts";
import type { Mirror } from "./mirror.ts";
import type { ReflectorTimes } from "./reflector.ts";
import { createView } from "../view.ts";
import type { ObjectId } from "../view.ts";

export interface LiveClusterOptions {
  readonly api: ApiServer;
  readonly rules: readonly AnyRule[];
  /** Asked at the start, and when `applySettings` is called. */
  readonly settings: () => MeshSettings;
  /** Said once for each problem; what is known stays. */
  readonly onProblem: (kind: Kind, problem: Error) => void;
  /** After a problem: all is well again. */
  readonly onRecovery: (kind: Kind) => void;
  /** Everything is known; again after settings have changed what is to be known. */
  readonly onComplete: (objects: number) => void;
  readonly times?: ReflectorTimes;
  readonly staleAfterMs?: number;
}

interface LiveCacheFacts {
  readonly kind: Kind;
  readonly isSynced: boolean;
  readonly objects: number;
  readonly ageSeconds: number;
  readonly relists: number;
}

export interface LiveCluster {
  viewFor(subject: ObjectId, missed: (miss: Miss) => void): ClusterView<Kind>;
  readonly confirm: Confirm;
  /** Everything is known, and was up to date some minutes ago: the least for a refusal. */
  isTrustworthy(): boolean;
  /** What is still to be known, a line a kind; empty for ever once everything was known. */
  unmetConditions(): readonly string[];
  caches(): readonly LiveCacheFacts[];
  /** To be called when the settings have changed. */
  applySettings(): void;
  close(): Promise<void>;
}

const STALE_AFTER_MS = 5 * 60_000;

/** A mirror, and the settings that it was started with. */
interface Run {
  readonly mirror: Mirror;
  readonly settings: MeshSettings;
}

export function startLiveCluster(options: LiveClusterOptions): LiveCluster {
  const { api, staleAfterMs = STALE_AFTER_MS } = options;
  const kinds = kindsFor(options.rules);
  const start = (settings: MeshSettings): Run => {
    const { clusterDomain, istioNamespace } = settings;
    const mirror = startMirror({ ...options, kinds, plane: "data", clusterDomain, istioNamespace });
    return { settings, mirror };
  };

  let current = start(options.settings());
  /** What takes its place when it is complete. */
  let next: Run | undefined;
  const stopped = new Set<Promise<void>>();
  const stop = ({ mirror }: Run) => {
    const stopping: Promise<void> = mirror.stop().finally(() => stopped.delete(stopping));
    stopped.add(stopping);
  };
  const useWhenComplete = async (run: Run) => {
    await run.mirror.complete;
    if (run === next) {
      stop(current);
      [current, next] = [run, undefined];
    }
    if (run.mirror !== current.mirror) return;
    let objects = 0;
    for (const kind of kinds) objects += run.mirror.store.countOf(kind);
    options.onComplete(objects);
  };
  void useWhenComplete(current);

  return {
    viewFor: (subject, missed) => {
      const { settings, mirror } = current;
      return createView({ store: mirror.store, settings, isComplete: mirror.isComplete() }, subject, missed);
    },
    confirm: createConfirm(api, () => current.mirror.reflectors),
    isTrustworthy: () =>
      current.mirror.isComplete() &&
      [...current.mirror.reflectors.values()].every(({ ageMs }) => ageMs < staleAfterMs),
    unmetConditions: () =>
      [...current.mirror.reflectors]
        .filter(([, { state }]) => state === "pending")
        .map(([kind, { problem }]) => `${kind} not yet read${problem ? `: ${problem.message}` : ""}`),
    caches: () =>
      [...current.mirror.reflectors].map(([kind, { state, ageMs, relists }]) => ({
        kind,
        isSynced: state !== "pending",
        objects: current.mirror.store.countOf(kind),
        ageSeconds: ageMs / 1000,
        relists,
      })),
    applySettings() {
      const settings = options.settings();
      if (next) stop(next);
      next = undefined;
      if (mirrorsAlike(settings, current.settings)) {
        current = { ...current, settings };
        return;
      }
      next = start(settings);
      void useWhenComplete(next);
    },
    async close() {
      stop(current);
      if (next) stop(next);
      await Promise.all(stopped);
    },
  };
}

function kindsFor(rules: readonly AnyRule[]): readonly Kind[] {
  return [...new Set<Kind>([...rules.flatMap(({ reads }) => reads), ...MESH_READS, "Namespace"])].toSorted();
}

function mirrorsAlike(one: MeshSettings, other: MeshSettings): boolean {
  return one.clusterDomain === other.clusterDomain && one.istioNamespace === other.istioNamespace;
}
