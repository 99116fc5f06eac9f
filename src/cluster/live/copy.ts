/** A copy of a cluster, and of the API server of its mesh's control plane if that is another one. */
import type { ApiServer } from "../../api-server/client.ts";
import { isInPlane } from "../../istio/planes.ts";
import type { Plane } from "../../istio/planes.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import type { MeshSettings } from "../../rules/policy.ts";
import { Store } from "../store.ts";
import { PlaneCopy } from "./plane-copy.ts";
import type { ReadProblem, ReflectorTimes } from "./reflector.ts";

/** The settings that decide what is copied, and under which names. */
export type CopySettings = Pick<MeshSettings, "clusterDomain" | "istioNamespace">;

export interface CopyOptions {
  readonly api: ApiServer;
  /** Of the mesh's control plane; left out if the cluster's own has the objects of both. */
  readonly meshApi?: ApiServer;
  readonly kinds: readonly Kind[];
  readonly onProblem: (copy: Copy, plane: Plane, kind: Kind, problem: ReadProblem) => void;
  readonly onRecovery: (plane: Plane, kind: Kind) => void;
  readonly times?: ReflectorTimes;
}

export class Copy {
  readonly settings: CopySettings;
  readonly store: Store;
  readonly data: PlaneCopy;
  readonly mesh: PlaneCopy | undefined;
  readonly planes: ReadonlyMap<Plane, PlaneCopy>;

  /** Shares with another copy what is the same in both. */
  constructor(settings: CopySettings, options: CopyOptions, other?: Copy) {
    const { clusterDomain, istioNamespace } = settings;
    const { api, meshApi, kinds, onProblem, onRecovery } = options;
    this.settings = { clusterDomain, istioNamespace };
    const shared = other?.settings.clusterDomain === clusterDomain ? other : undefined;
    this.store = shared?.store ?? new Store(clusterDomain);
    const start = (plane: Plane, planeApi: ApiServer, own: readonly Kind[]) =>
      new PlaneCopy(
        {
          ...options,
          api: planeApi,
          plane,
          kinds: own,
          store: this.store,
          istioNamespace,
          onProblem: (kind, problem) => onProblem(this, plane, kind, problem),
          onRecovery: (kind) => onRecovery(plane, kind),
        },
        shared?.planes.get(plane),
      );
    const kindsIn = (plane: Plane) => (meshApi ? kinds.filter((kind) => isInPlane(kind, plane)) : kinds);
    this.data = start("data", api, kindsIn("data"));
    this.mesh = meshApi && start("mesh", meshApi, kindsIn("mesh"));
    this.planes = new Map([this.data, ...(this.mesh ? [this.mesh] : [])].map((one) => [one.plane, one]));
  }

  isFor({ clusterDomain, istioNamespace }: CopySettings): boolean {
    return this.settings.clusterDomain === clusterDomain && this.settings.istioNamespace === istioNamespace;
  }

  count(plane: Plane): number {
    let objects = 0;
    for (const kind of this.planes.get(plane)?.reflectors.keys() ?? [])
      objects += this.store.countIn(kind, plane);
    return objects;
  }

  /** Ends what none of the others shares. They are asked for when it has ended. */
  async stop(others: () => readonly Copy[]): Promise<void> {
    await Promise.all(
      [...this.planes].map(async ([plane, copy]) => {
        const isShared = others().some(({ planes }) => planes.get(plane)?.sharesObjectsWith(copy));
        await copy.stop(isShared);
      }),
    );
    const { istioNamespace } = this.settings;
    if (
      others().some(
        ({ store, settings }) => store === this.store && settings.istioNamespace === istioNamespace,
      )
    )
      return;
    for (const plane of this.planes.keys()) {
      for (const [name] of this.store.list("ConfigMap", istioNamespace, plane)) {
        this.store.delete("ConfigMap", istioNamespace, name, plane);
      }
    }
  }
}
