/** Files as a cluster: `--mesh-state`, read again when they change. */
import { stat } from "node:fs/promises";
import { ForesailError } from "../errors.ts";
import { listFiles, readManifests } from "./manifests.ts";
import type { ReadProblem } from "./manifests.ts";
import { Store } from "./store.ts";

/** Below the 2 s within which a change has to count. */
export const MESH_STATE_INTERVAL_MS = 1000;

export interface MeshState {
  readonly store: Store;
  /** How many objects of kinds that foresail knows. */
  readonly objects: number;
}

/** @throws ForesailError STATE_UNREADABLE if a path is missing or any document cannot be read: half a cluster would make wrong findings */
export async function loadMeshState(paths: readonly string[], clusterDomain: string): Promise<MeshState> {
  const { manifests, problems } = await readManifests(paths);
  const [problem] = problems;
  if (problem) throw unreadable(problem, problems.length);
  const store = new Store(clusterDomain);
  let objects = 0;
  for (const { kind, object } of manifests) {
    if (kind === undefined) continue;
    store.put(kind, object);
    objects++;
  }
  return { store, objects };
}

function unreadable({ file, line, column, message }: ReadProblem, count: number): ForesailError {
  const more = count > 1 ? ` (and ${count - 1} more)` : "";
  return new ForesailError({
    code: "STATE_UNREADABLE",
    message: `the mesh state cannot be read: ${file}:${line}:${column}: ${message}${more}`,
    hint: "Repair the file; nothing can be said about a cluster that is known in part.",
  });
}

export interface MeshStateWatch {
  /** Reads again now if anything changed. */
  check(): Promise<void>;
  close(): void;
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
    readonly onChange: (state: MeshState) => void;
    readonly onProblem: (problem: unknown) => void;
  },
): MeshStateWatch {
  let known = initial;
  let running: Promise<void> | undefined;
  const reread = async () => {
    try {
      const fingerprint = await fingerprintOf(paths);
      if (fingerprint === known) return;
      known = fingerprint;
      onChange(await loadMeshState(paths, clusterDomain));
    } catch (error) {
      onProblem(error);
    }
  };
  const check = () => {
    running ??= reread().finally(() => {
      running = undefined;
    });
    return running;
  };
  const timer = setInterval(() => void check(), intervalMs);
  timer.unref();
  return { check, close: () => clearInterval(timer) };
}

/** Differs whenever a file was added, removed or written. */
export async function fingerprintOf(paths: readonly string[]): Promise<string> {
  const parts: string[] = [];
  for (const path of paths) {
    for (const file of await listFiles(path)) {
      const facts = await stat(file, { bigint: true });
      parts.push(`${file} ${facts.ino} ${facts.size} ${facts.mtimeNs}`);
    }
  }
  return parts.join("\n");
}
