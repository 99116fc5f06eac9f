/** The Pods that files hold or will make, as `explain drain` and `explain probes` look at them. */
import { readManifests } from "../../cluster/files/manifests.ts";
import type { Manifest } from "../../cluster/files/manifests.ts";
import { storeOf } from "../../cluster/files/mesh-state.ts";
import { createView } from "../../cluster/view.ts";
import type { ClusterState } from "../../cluster/view.ts";
import type { Configuration } from "../../config/configuration.ts";
import { evaluate } from "../../engine/evaluate.ts";
import { printable } from "../../engine/render.ts";
import { ForesailError } from "../../errors.ts";
import { isObject } from "../../kubernetes/json.ts";
import { readObject } from "../../kubernetes/objects.ts";
import { isPodKind, podTemplateOf } from "../../kubernetes/pod-template.ts";
import type { PodKind } from "../../kubernetes/pod-template.ts";
import type { Terminal } from "../../report/terminal.ts";
import { MESH_READS } from "../../rules/cluster-view.ts";
import type { ClusterView } from "../../rules/cluster-view.ts";
import type { AnyRule } from "../../rules/rule.ts";
import { namespaceOf } from "../check-options.ts";
import type { ExplainPodOptions } from "../options.ts";
import { configurationProblems, readConfiguration } from "../read-configuration.ts";
import { readState } from "../read-state.ts";
import type { ReadState, StateQuestion } from "../read-state.ts";
import type { Progress } from "../result.ts";
import { standardInputFor } from "../standard-input.ts";

/** A Pod, or that which a workload would make. */
export interface PodInFile {
  readonly manifest: Manifest;
  readonly kind: PodKind;
  readonly namespace: string;
  /** As its controller would send it to the API server. */
  readonly object: unknown;
  readonly cluster: ClusterView<"ConfigMap" | "Namespace" | "PeerAuthentication" | "Pod" | "Service">;
  /** What the mutating webhook would make of this object in the Pod's place. */
  readonly repaired: (object: unknown) => unknown;
}

export interface PodsInFiles {
  readonly pods: readonly PodInFile[];
  /** For standard error, a line each. */
  readonly problems: readonly string[];
}

export interface ExplainPodContext {
  readonly rules: readonly AnyRule[];
  readonly terminal: Terminal;
  readonly progress: Progress;
}

/** @throws ForesailError */
export async function readPods(
  path: string,
  options: ExplainPodOptions,
  { rules, progress }: ExplainPodContext,
): Promise<PodsInFiles> {
  const configuration = await readConfiguration(options, rules);
  const defaultNamespace = namespaceOf(options.namespace);
  const { manifests, problems } = await readManifests([path], await standardInputFor([path]));
  const [problem] = problems;
  if (problem) throw unreadable(problem);
  const ofPods = rules.filter(({ kinds }) => kinds.includes("Pod"));
  const { istioNamespace, clusterDomain } = configuration.mesh;
  const { objects, told, detected, notes } = await stateAround(options, {
    kinds: [...new Set([...ofPods.flatMap(({ reads }) => reads), ...MESH_READS])],
    istioNamespace,
    progress,
  });
  const store = storeOf(objects, clusterDomain, detected);
  for (const { kind, object } of manifests) if (kind !== undefined) store.put(kind, object);
  const state = { store, settings: configuration.mesh, isComplete: false, ...told };
  const pods = manifests.flatMap(
    (manifest) => podIn(manifest, { defaultNamespace, state, configuration, rules }) ?? [],
  );
  if (pods.length === 0) throw withoutPods(path);
  return { pods, problems: [...configurationProblems(options, configuration), ...notes] };
}

/** A Pod can be explained by itself: a cluster that nobody named is not missed. */
async function stateAround(options: ExplainPodOptions, question: StateQuestion): Promise<ReadState> {
  try {
    return await readState(options, question);
  } catch (error) {
    const { meshState, kubeconfig, meshKubeconfig } = options;
    const isNamed = meshState.length > 0 || kubeconfig !== undefined || meshKubeconfig !== undefined;
    if (isNamed || !(error instanceof ForesailError)) throw error;
    const note = `foresail: no cluster was asked, so only the file counts: ${error.message}`;
    return { objects: [], told: {}, detected: undefined, notes: [note] };
  }
}

function unreadable({
  file,
  line,
  column,
  message,
}: {
  file: string;
  line: number;
  column: number;
  message: string;
}): ForesailError {
  return new ForesailError({
    code: "STATE_UNREADABLE",
    message: `${printable(file)}:${line}:${column}: ${printable(message)}`,
    hint: "Repair the file.",
  });
}

function withoutPods(path: string): ForesailError {
  return new ForesailError({
    code: "USAGE",
    message: `${printable(path)} holds no Pod, and nothing that makes Pods`,
    hint: "Name a file with a Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or CronJob.",
  });
}

interface Surroundings {
  readonly defaultNamespace: string;
  readonly state: ClusterState;
  readonly configuration: Configuration;
  readonly rules: readonly AnyRule[];
}

function podIn(manifest: Manifest, surroundings: Surroundings): PodInFile | undefined {
  const { kind, name } = manifest;
  if (kind === undefined || !isPodKind(kind)) return undefined;
  const namespace = manifest.namespace || surroundings.defaultNamespace;
  const cluster = createView(surroundings.state, { kind, namespace, name });
  const podName = kind === "Pod" ? name : `${name}-*`;
  return {
    manifest,
    kind,
    namespace,
    object: kind === "Pod" ? manifest.object : podFrom(manifest.object, kind, podName),
    cluster,
    repaired(object) {
      const { rules, configuration } = surroundings;
      const request = {
        operation: "CREATE",
        kind: "Pod",
        namespace,
        name: podName,
        object,
        oldObject: undefined,
      } as const;
      const today = new Date().toISOString().slice(0, "YYYY-MM-DD".length);
      const { policy } = configuration;
      return evaluate(request, { moment: "mutate", rules, cluster, policy, today, expired: () => false })
        .patched;
    },
  };
}

/** With the owner that tells Pods of Jobs from others. */
function podFrom(workload: unknown, kind: PodKind, generateName: string): unknown {
  const { path } = podTemplateOf(kind, readObject(kind, workload));
  const template = path.reduce<unknown>(
    (node, segment) => (isObject(node) ? node[segment] : undefined),
    workload,
  );
  const { metadata, spec } = isObject(template) ? template : {};
  const owner = kind === "Job" || kind === "CronJob" ? "Job" : kind;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...(isObject(metadata) ? metadata : {}),
      generateName,
      ownerReferences: [{ kind: owner, controller: true }],
    },
    spec,
  };
}
