/** The cluster of an API server, as rules see it. */
import type { ApiServer } from "../../api-server/client.ts";
import { planeOfKind } from "../../istio/planes.ts";
import type { Plane } from "../../istio/planes.ts";
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
import type { ClusterState, ObjectId } from "../view.ts";

export interface LiveClusterOptions {
  readonly api: ApiServer;
  /** Of the mesh's control plane, if it has one of its own: Istio's objects are read there, and nowhere else. */
  readonly meshApi?: ApiServer;
  readonly rules: readonly AnyRule[];
  /** Asked at the start, and when `applySettings` is called. */
  readonly settings: () => MeshSettings;
  /** Said rarely while it is the same; what is known stays. */
  readonly onProblem: (
    place: KindInPlane,
    problem: ReadProblem,
    heldBack: HeldBackSetting | undefined,
  ) => void;
  /** After a problem: all is well again. */
  readonly onRecovery: (place: KindInPlane) => void;
  /** Said once until it changes. */
  readonly onVersion: (news: VersionNews) => void;
  /** Everything is known of a plane; of the data plane again after settings have changed what is to be known. */
  readonly onComplete: (objects: number, plane: Plane) => void;
  readonly times?: ReflectorTimes;
  readonly staleAfterMs?: number;
  readonly versionIntervalMs?: number;
}

interface KindInPlane {
  readonly kind: Kind;
  readonly plane: Plane;
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
  /** Everything is known, and was up to date some minutes ago: the least for a refusal. Of the data plane alone. */
  isTrustworthy(): boolean;
  /** As far as that is so of the mesh's own API server; undefined if it has none. */
  meshPlane(): "stale" | "trustworthy" | "unknown" | undefined;
  /** Whether an API server answers, if only for some kinds. */
  reachability(): readonly { readonly plane: Plane; readonly isReachable: boolean }[];
  /**
   * What is still to be known, a line a kind; empty for ever once everything was known. The mesh's own API server is waited
   * for only until it fails to answer.
   */
  unmetConditions(): readonly string[];
  caches(): readonly LiveCacheFacts[];
  /** To be called when the settings have changed. All count at once but those that need other objects. */
  applySettings(): void;
  close(): Promise<void>;
}

const STALE_AFTER_MS = 5 * 60_000;

export function startLiveCluster(options: LiveClusterOptions): LiveCluster {
  const { api, meshApi, staleAfterMs = STALE_AFTER_MS } = options;
  const copyOptions: CopyOptions = {
    ...options,
    kinds: kindsFor(options.rules),
    onProblem(copy, plane, kind, problem) {
      const place = { kind, plane };
      options.onProblem(place, problem, copy === next ? heldBack(kind, copy, current) : undefined);
    },
    onRecovery: (plane, kind) => options.onRecovery({ kind, plane }),
  };
  let settings = options.settings();
  let current = new Copy(settings, copyOptions);
  /** What takes its place when it is complete. */
  let next: Copy | undefined;
  /** Of the last settings all but those that `next` is awaited for. */
  let applied = settings;

  const versions = startComponentVersions({
    api,
    ...(meshApi ? { meshApi } : {}),
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
    await Promise.all([copy.data.complete, versions.asked]);
    // What is known of the mesh's own API server is not given up for less.
    if (copy !== current && current.mesh?.isComplete()) await copy.mesh?.complete;
    if (copy === next) {
      const replaced = current;
      [current, next] = [copy, undefined];
      stop(replaced);
      apply();
      current.store.setDetected(versions.current);
      void versions.check();
    }
    if (copy === current) options.onComplete(copy.count("data"), "data");
  };
  const followMesh = async (copy: Copy) => {
    await copy.mesh?.complete;
    if (copy.mesh && copy === current) options.onComplete(copy.count("mesh"), "mesh");
  };
  void useWhenComplete(current);
  void followMesh(current);

  const isServed = (kind: Kind) =>
    (current.mesh && planeOfKind(kind) === "mesh" ? current.mesh : current.data).reflectors.get(kind)
      ?.isServed;
  const stateNow = (): ClusterState => ({
    store: current.store,
    settings: applied,
    isComplete: current.data.isComplete(),
    serves: isServed,
    ...(current.mesh ? { meshPlane: current.mesh.isComplete() ? "known" : "unknown" } : {}),
  });

  return {
    viewFor: (subject, note) => createView(stateNow(), subject, note),
    confirm: createConfirm(() => current.planes),
    isTrustworthy: () => current.data.isCurrent(staleAfterMs),
    meshPlane() {
      if (current.mesh?.isCurrent(staleAfterMs)) return "trustworthy";
      return current.mesh && (current.mesh.isComplete() ? "stale" : "unknown");
    },
    reachability: () =>
      [...current.planes.values()].map((copy) => ({ plane: copy.plane, isReachable: copy.isReachable() })),
    unmetConditions: () => [
      ...[...current.data.reflectors]
        .filter(([, { state }]) => state === "pending")
        .map(([kind, { problem }]) => `${kind} not yet read${problem ? `: ${problem.message}` : ""}`),
      ...[...(current.mesh?.reflectors ?? [])]
        .filter(([, { state, problem }]) => state === "pending" && !problem)
        .map(([kind]) => `${kind} not yet read from the mesh's API server`),
      ...(versions.isAsked ? [] : ["the versions of Istio and Kubernetes not yet asked for"]),
    ],
    caches: () => cachesOf(current, next),
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

/** Of a kind that is read from both planes, what holds for both. */
function cachesOf(current: Copy, next: Copy | undefined): readonly LiveCacheFacts[] {
  const facts = new Map<Kind, LiveCacheFacts>();
  for (const [plane, { reflectors }] of current.planes) {
    for (const [kind, { state, ageMs, relists }] of reflectors) {
      const isNextKnown = next?.planes.get(plane)?.reflectors.get(kind)?.state !== "pending";
      const other = facts.get(kind);
      facts.set(kind, {
        kind,
        isSynced: state !== "pending" && isNextKnown && (other?.isSynced ?? true),
        objects: current.store.countOf(kind),
        ageSeconds: Math.max(ageMs / 1000, other?.ageSeconds ?? 0),
        relists: relists + (other?.relists ?? 0),
      });
    }
  }
  return [...facts.values()];
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
