/** What manifests would change if they were applied to a cluster, or deleted from it. */
import { storeOf } from "../cluster/files/mesh-state.ts";
import type { DetectedVersions } from "../cluster/store.ts";
import type { ClusterState } from "../cluster/view.ts";
import type { MeshSettings } from "../rules/policy.ts";
import type { Client } from "../rules/cluster-view.ts";
import { isChanged } from "./change.ts";
import type { Change, ChangedObject } from "./change.ts";
import { findingChanges } from "./findings.ts";
import type { FindingChanges } from "./findings.ts";
import type { Judging } from "./judging.ts";
import { lookupChanges } from "./lookups.ts";
import type { LookupChange } from "./lookups.ts";
import { podChanges } from "./pods.ts";
import type { PodChange } from "./pods.ts";
import { suspectsOf } from "./suspects.ts";
import { momentOf, touchedBy } from "./touched.ts";
import type { Moment, Moments } from "./touched.ts";

/** A namespace that has clients at only one of the two moments. */
interface ClientNamespace {
  readonly namespace: string;
  /** Completes "is a client because of ...". */
  readonly because: string;
}

export interface Impact {
  readonly objects: readonly ChangedObject[];
  readonly lookups: readonly LookupChange[];
  readonly clients: {
    readonly gained: readonly ClientNamespace[];
    readonly lost: readonly ClientNamespace[];
  };
  readonly pods: readonly PodChange[];
  readonly findings: FindingChanges;
}

/** Of before the change: what a view has to know besides, and the versions that run. */
interface Told {
  readonly told: Pick<ClusterState, "meshPlane" | "serves">;
  readonly detected: DetectedVersions | undefined;
}

export function impactOf(
  change: Change,
  settings: MeshSettings,
  judging: Judging,
  { told, detected }: Told,
): Impact {
  const momentWith = (objects: Change["before"]) =>
    momentOf({
      ...told,
      store: storeOf(objects, settings.clusterDomain, detected),
      settings,
      isComplete: true,
    });
  const after = momentWith(change.after);
  const moments: Moments = {
    before: momentWith(change.before),
    after,
    deletion: change.contents.length === 0 ? after : momentWith([...change.after, ...change.contents]),
  };
  const changed = change.objects.filter(isChanged);
  const touched = touchedBy(changed, moments);
  const lookups = lookupChanges(touched.hosts, moments);
  const isSuspect = suspectsOf(changed, moments, touched, lookups);
  return {
    objects: change.objects,
    lookups,
    clients: {
      gained: clientsMissingIn(moments.before, moments.after),
      lost: clientsMissingIn(moments.after, moments.before),
    },
    pods: podChanges(change, moments, isSuspect, judging),
    findings: findingChanges(change, moments, isSuspect, judging),
  };
}

function clientsMissingIn(moment: Moment, other: Moment): readonly ClientNamespace[] {
  const known = new Set(moment.view.clients.namespaces());
  return other.view.clients.namespaces().flatMap((namespace) => {
    const [first]: readonly Client[] = known.has(namespace) ? [] : other.view.clients.inNamespace(namespace);
    return first ? [{ namespace, because: first.because }] : [];
  });
}
