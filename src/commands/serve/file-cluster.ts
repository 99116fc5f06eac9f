/** The cluster that `serve` sees when it stands in files. */
import { fingerprintOf, loadMeshState, watchMeshState } from "../../cluster/files/mesh-state.ts";
import { createView } from "../../cluster/view.ts";
import type { ObjectId } from "../../cluster/view.ts";
import type { Store } from "../../cluster/store.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import { MESH_READS } from "../../rules/cluster-view.ts";
import type { ClusterView } from "../../rules/cluster-view.ts";
import type { MeshSettings } from "../../rules/policy.ts";
import type { AnyRule } from "../../rules/rule.ts";
import type { CacheFacts } from "../../webhook/metrics.ts";

export interface FileClusterOptions {
  readonly paths: readonly string[];
  readonly rules: readonly AnyRule[];
  /** Asked whenever they are needed. */
  readonly settings: () => MeshSettings;
  readonly onChange: (objects: number) => void;
  /** The files cannot be read: said once for each problem. What was read last stays. */
  readonly onProblem: (problem: unknown) => void;
}

export interface FileCluster {
  viewFor(subject: ObjectId): ClusterView<Kind>;
  caches(): readonly CacheFacts[];
  /** To be called when the settings have changed: hosts are kept under their full names. */
  rereadIfDomainChanged(): Promise<void>;
  close(): void;
}

/** @throws ForesailError STATE_UNREADABLE if the files cannot be read now */
export async function openFileCluster(options: FileClusterOptions): Promise<FileCluster> {
  const { paths, settings, onChange, onProblem } = options;
  const kinds = [...new Set([...options.rules.flatMap(({ reads }) => reads), ...MESH_READS])];
  let { clusterDomain } = settings();
  let store: Store;
  let counts: ReadonlyMap<Kind, number>;
  let staleSince: number | undefined;
  let relists = -1;

  const use = (loaded: Store) => {
    store = loaded;
    counts = new Map(kinds.map((kind) => [kind, loaded.countOf(kind)]));
    relists++;
    staleSince = undefined;
  };
  const startWatch = (domain: string, initial: string) =>
    watchMeshState(paths, domain, {
      initial,
      onChange(changed) {
        // It may have been reading while the domain changed.
        if (domain !== clusterDomain) return;
        use(changed.store);
        onChange(changed.objects);
      },
      onProblem(problem) {
        staleSince ??= Date.now();
        onProblem(problem);
      },
    });

  // Taken first: what changes while it is read is read again.
  const initial = await fingerprintOf(paths);
  use((await loadMeshState(paths, clusterDomain)).store);
  let watch = startWatch(clusterDomain, initial);

  return {
    viewFor: (subject) => createView({ store, settings: settings(), isComplete: true }, subject),
    caches: () =>
      [...counts].map(([kind, objects]) => ({
        kind,
        objects,
        isSynced: true,
        relists,
        ageSeconds: staleSince === undefined ? 0 : (Date.now() - staleSince) / 1000,
      })),
    async rereadIfDomainChanged() {
      if (settings().clusterDomain === clusterDomain) return;
      ({ clusterDomain } = settings());
      watch.close();
      watch = startWatch(clusterDomain, "");
      await watch.check();
    },
    close: () => watch.close(),
  };
}
