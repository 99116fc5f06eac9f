/** Files as a cluster: `--mesh-state`, read again when they change. */
import { stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ForesailError } from "../../errors.ts";
import type { Plane } from "../../istio/planes.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import { startPolling } from "../../polling.ts";
import type { Polling } from "../../polling.ts";
import { findFiles } from "./files.ts";
import type { Manifest } from "./manifest.ts";
import { readManifests } from "./manifests.ts";
import type { ReadProblem } from "./manifests.ts";
import type { ReadText } from "./read-text.ts";
import { Store } from "../store.ts";
import type { DetectedVersions } from "../store.ts";

/** Below the 2 s within which a change has to count. */
const MESH_STATE_INTERVAL_MS = 1000;

export interface MeshState {
  readonly store: Store;
  /** How many objects of kinds that foresail knows. */
  readonly objects: number;
}

/** @throws ForesailError STATE_UNREADABLE if a path is missing or any document cannot be read: half a cluster would make wrong findings */
export async function loadMeshState(paths: readonly string[], clusterDomain: string): Promise<MeshState> {
  const objects = await readMeshState(paths);
  return { store: storeOf(objects, clusterDomain), objects: objects.length };
}

/** An object of a cluster, as it came. */
export interface StateObject {
  readonly kind: Kind;
  readonly value: unknown;
  /** `data` if left out. */
  readonly plane?: Plane;
}

/**
 * Those of kinds that foresail knows; `standardInput` is what the path `-` stands for.
 * @throws ForesailError STATE_UNREADABLE, as `loadMeshState`
 */
export async function readMeshState(
  paths: readonly string[],
  standardInput?: ReadText,
): Promise<readonly StateObject[]> {
  const manifests = await readWholeState(paths, standardInput);
  return manifests.flatMap(({ kind, object: value }) => (kind === undefined ? [] : [{ kind, value }]));
}

/** `detected`: what is known besides of the versions that run. */
/**
 * Objects of all kinds.
 * @throws ForesailError STATE_UNREADABLE, as `loadMeshState`
 */
export async function readWholeState(
  paths: readonly string[],
  standardInput?: ReadText,
): Promise<readonly Manifest[]> {
  const { manifests, problems } = await readManifests(
    paths,
    standardInput === undefined ? {} : { standardInput },
  );
  const [problem] = problems;
  if (problem) throw unreadable(problem, problems.length);
  return manifests;
}

export function storeOf(
  objects: Iterable<StateObject>,
  clusterDomain: string,
  detected?: DetectedVersions,
): Store {
  const store = new Store(clusterDomain);
  for (const { kind, value, plane } of objects) store.put(kind, value, plane);
  if (detected) store.setDetected(detected);
  return store;
}

function unreadable({ file, line, column, message }: ReadProblem, count: number): ForesailError {
  const more = count > 1 ? ` (and ${count - 1} more)` : "";
  return new ForesailError({
    code: "STATE_UNREADABLE",
    message: `the mesh state cannot be read: ${file}:${line}:${column}: ${message}${more}`,
    hint: "Repair the file; nothing can be said about a cluster that is known in part.",
  });
}

/** Polls, because the kubelet and editors replace files in ways that no file watcher reports alike. The last good state stays. */
export function watchMeshState(
  paths: readonly string[],
  clusterDomain: string,
  {
    intervalMs = MESH_STATE_INTERVAL_MS,
    initial,
    onChange,
    onProblem,
  }: {
    readonly intervalMs?: number;
    /** The fingerprint of the state that is in use. */
    readonly initial: string;
    /** Also when the files are as before, after they could not be read. */
    readonly onChange: (state: MeshState) => void;
    /** Said once for each problem. */
    readonly onProblem: (problem: Error) => void;
  },
): Polling {
  let known: string | undefined = initial;
  let failure: Failure | undefined;

  const look = async (signal: AbortSignal) => {
    const current = await fingerprintOf(paths);
    if (current === known) return;
    if (failure?.fingerprint === current && failure.checksToSkip-- > 0) throw failure.problem;
    const { fingerprint, outcome } = await loadSettled(paths, clusterDomain);
    if (signal.aborted) return;
    if (outcome instanceof Error) {
      failure = failureAfter(failure, fingerprint, outcome);
      throw outcome;
    }
    failure = undefined;
    onChange(outcome);
    known = fingerprint;
  };
  return startPolling(
    intervalMs,
    async (signal) => {
      try {
        await look(signal);
      } catch (error) {
        known = undefined;
        throw error;
      }
    },
    onProblem,
  );
}

interface Failure {
  readonly fingerprint: string;
  readonly problem: Error;
  /** What kept files from being read need not show in their fingerprint; but reading a large state costs much. */
  checksToSkip: number;
  readonly count: number;
}

const MAX_CHECKS_TO_SKIP = 30;

function failureAfter(earlier: Failure | undefined, fingerprint: string, problem: Error): Failure {
  const count = earlier?.fingerprint === fingerprint ? earlier.count + 1 : 1;
  return { fingerprint, problem, count, checksToSkip: Math.min(2 ** count - 1, MAX_CHECKS_TO_SKIP) };
}

/** More than the granularity of a file's times: what is written later shows in the fingerprint. */
const SETTLE_MS = 20;
const MAX_ATTEMPTS = 3;

/** The files as they were while nobody wrote them, or after some attempts with the fingerprint from before. */
async function loadSettled(
  paths: readonly string[],
  clusterDomain: string,
): Promise<{ fingerprint: string; outcome: MeshState | Error }> {
  let fingerprint = await fingerprintOf(paths);
  for (let attempt = 1; ; attempt++) {
    await delay(SETTLE_MS);
    const outcome = await loadMeshState(paths, clusterDomain).catch(asError);
    const after = await fingerprintOf(paths);
    if (after === fingerprint || attempt === MAX_ATTEMPTS) return { fingerprint, outcome };
    fingerprint = after;
  }
}

function asError(problem: unknown): Error {
  return problem instanceof Error ? problem : new Error(String(problem));
}

/** Differs whenever a file was added, removed, written, or made readable. */
export async function fingerprintOf(paths: readonly string[]): Promise<string> {
  const { files, closed } = await findFiles(paths);
  const parts = closed.map(({ path, reason }) => `${path} ${reason}`);
  for (const { path } of files) {
    const facts = await stat(path, { bigint: true }).catch(() => undefined);
    parts.push(`${path} ${facts?.ino} ${facts?.size} ${facts?.mtimeNs} ${facts?.ctimeNs}`);
  }
  return parts.join("\n");
}
