/** The cluster of an API server, as rules see it. */
import type { ApiServer } from "../../api-server/client.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import { MESH_READS } from "../../rules/cluster-view.ts";
import type { ClusterView, Ground } from "../../rules/cluster-view.ts";
import type { MeshSettings } from "../../rules/policy.ts";
import type { AnyRule } from "../../rules/rule.ts";
import { startComponentVersions } from "./component-versions.ts";
import type { VersionNews } from "./component-versions.ts";
import { createConfirm } from "./confirmation.ts";
import type { Confirm } from "./confirmation.ts";
import { Copy } from "./copy.ts";
import type { CopyOptions, CopySettings } from "./copy.ts";
import type { ReadProblem, ReflectorTimes } from "./reflector.ts";
import { createView } from "../view.ts";
import type { ObjectId } from "../view.ts";

export interface LiveClusterOptions {
  readonly api: ApiServer;
  readonly rules: readonly AnyRule[];
  /** Asked at the start, and when `applySettings` is called. */
  readonly settings: () => MeshSettings;
  /** Said rarely while it is the same; what is known stays. */
  readonly onProblem: (kind: Kind, problem: ReadProblem, heldBack: HeldBackSetting | undefined) => void;
  /** After a problem: all is well again. */
  readonly onRecovery: (kind: Kind) => void;
  /** Said once until it changes. */
  readonly onVersion: (news: VersionNews) => void;
  /** Everything is known; again after settings have changed what is to be known. */
  readonly onComplete: (objects: number) => void;
  readonly times?: ReflectorTimes;
  readonly staleAfterMs?: number;
  readonly versionIntervalMs?: number;
}

/** What stays as it was until the objects are known that it needs. */
interface HeldBackSetting {
  readonly name: keyof CopySettings;
  readonly wanted: string;
  readonly applied: string;
}

interface LiveCacheFacts {
  readonly kind: Kind;
  readonly isSynced: boolean;
  readonly objects: number;
  readonly ageSeconds: number;
  readonly relists: number;
}

export interface LiveCluster {
  viewFor(subject: ObjectId, note: (ground: Ground) => void): ClusterView<Kind>;
  readonly confirm: Confirm;
  /** Everything is known, and was up to date some minutes ago: the least for a refusal. */
  isTrustworthy(): boolean;
  /** What is still to be known, a line a kind; empty for ever once everything was known. */
  unmetConditions(): readonly string[];
  caches(): readonly LiveCacheFacts[];
  /** To be called when the settings have changed. All count at once but those that need other objects. */
  applySettings(): void;
  close(): Promise<void>;
}

const STALE_AFTER_MS = 5 * 60_000;

export function startLiveCluster(options: LiveClusterOptions): LiveCluster {
  const { api, staleAfterMs = STALE_AFTER_MS } = options;
  const copyOptions: CopyOptions = {
    ...options,
    kinds: kindsFor(options.rules),
    onProblem(copy, kind, problem) {
      options.onProblem(kind, problem, copy === next ? heldBack(kind, copy, current) : undefined);
    },
  };
  let settings = options.settings();
  let current = new Copy(settings, copyOptions);
  /** What takes its place when it is complete. */
  let next: Copy | undefined;
  /** Of the last settings all but those that `next` is awaited for. */
  let applied = settings;

  const versions = startComponentVersions({
    api,
    istioNamespace: () => current.settings.istioNamespace,
    onChange: (found) => current.store.setDetected(found),
    onNews: options.onVersion,
    ...(options.versionIntervalMs === undefined ? {} : { intervalMs: options.versionIntervalMs }),
  });

  const stopped = new Set<Promise<void>>();
  const inUse = () => (next === undefined ? [current] : [current, next]);
  const stop = (copy: Copy) => {
    const stopping: Promise<void> = copy.stop(inUse).finally(() => stopped.delete(stopping));
    stopped.add(stopping);
  };
  const apply = () => {
    applied = { ...settings, ...current.settings };
  };
  const useWhenComplete = async (copy: Copy) => {
    await Promise.all([copy.complete, versions.asked]);
    if (copy === next) {
      const replaced = current;
      [current, next] = [copy, undefined];
      stop(replaced);
      apply();
      current.store.setDetected(versions.current);
      void versions.check();
    }
    if (copy === current) options.onComplete(copy.count());
  };
  void useWhenComplete(current);

  const isServed = (kind: Kind) => current.reflectors.get(kind)?.isServed;

  return {
    viewFor: (subject, note) =>
      createView(
        { store: current.store, settings: applied, isComplete: current.isComplete(), serves: isServed },
        subject,
        note,
      ),
    confirm: createConfirm(api, () => current.reflectors),
    isTrustworthy: () =>
      current.isComplete() && [...current.reflectors.values()].every(({ ageMs }) => ageMs < staleAfterMs),
    unmetConditions: () => [
      ...[...current.reflectors]
        .filter(([, { state }]) => state === "pending")
        .map(([kind, { problem }]) => `${kind} not yet read${problem ? `: ${problem.message}` : ""}`),
      ...(versions.isAsked ? [] : ["the versions of Istio and Kubernetes not yet asked for"]),
    ],
    caches: () =>
      [...current.reflectors].map(([kind, { state, ageMs, relists }]) => ({
        kind,
        isSynced: state !== "pending" && next?.reflectors.get(kind)?.state !== "pending",
        objects: current.store.countOf(kind),
        ageSeconds: ageMs / 1000,
        relists,
      })),
    applySettings() {
      settings = options.settings();
      apply();
      const last = next ?? current;
      if (last.isFor(settings)) return;
      const dropped = next;
      next = current.isFor(settings) ? undefined : new Copy(settings, copyOptions, current);
      if (dropped) stop(dropped);
      if (next) void useWhenComplete(next);
    },
    async close() {
      versions.close();
      const copies = inUse();
      for (const copy of copies) {
        stopped.add(copy.stop(() => []));
      }
      await Promise.all(stopped);
    },
  };
}

/** The setting that cannot be applied before this kind is read. */
function heldBack(kind: Kind, copy: Copy, current: Copy): HeldBackSetting {
  const isOfIstio = kind === "ConfigMap" && copy.settings.istioNamespace !== current.settings.istioNamespace;
  const name = isOfIstio ? "istioNamespace" : "clusterDomain";
  return { name, wanted: copy.settings[name], applied: current.settings[name] };
}

function kindsFor(rules: readonly AnyRule[]): readonly Kind[] {
  return [...new Set<Kind>([...rules.flatMap(({ reads }) => reads), ...MESH_READS, "Namespace"])].toSorted();
}
