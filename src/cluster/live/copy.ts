/** A copy of a cluster: of its objects, and of Istio's ConfigMaps in the one namespace in which they are read. */
import type { ApiServer } from "../../api-server/client.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import type { MeshSettings } from "../../rules/policy.ts";
import { Store } from "../store.ts";
import { startMirror } from "./mirror.ts";
import type { Mirror } from "./mirror.ts";
import type { ReadProblem, Reflector, ReflectorTimes } from "./reflector.ts";

/** The settings that decide what is copied, and under which names. */
export type CopySettings = Pick<MeshSettings, "clusterDomain" | "istioNamespace">;

export interface CopyOptions {
  readonly api: ApiServer;
  readonly kinds: readonly Kind[];
  readonly onProblem: (copy: Copy, kind: Kind, problem: ReadProblem) => void;
  readonly onRecovery: (kind: Kind) => void;
  readonly times?: ReflectorTimes;
}

export class Copy {
  readonly settings: CopySettings;
  readonly store: Store;
  readonly reflectors: ReadonlyMap<Kind, Reflector>;
  /** Resolves as soon as everything is known; never rejects. */
  readonly complete: Promise<unknown>;
  readonly #objects: Mirror;
  readonly #configMaps: Mirror;

  /** Shares with another copy what is the same in both. */
  constructor(settings: CopySettings, options: CopyOptions, other?: Copy) {
    const { clusterDomain, istioNamespace } = settings;
    const { kinds, onProblem } = options;
    this.settings = { clusterDomain, istioNamespace };
    const isOfSameDomain = other?.settings.clusterDomain === clusterDomain;
    this.store = isOfSameDomain ? other.store : new Store(clusterDomain);
    const common = {
      ...options,
      plane: "data",
      store: this.store,
      onProblem: (kind: Kind, problem: ReadProblem) => onProblem(this, kind, problem),
    } as const;
    this.#objects = isOfSameDomain
      ? other.#objects
      : startMirror({ ...common, kinds: kinds.filter((kind) => kind !== "ConfigMap") });
    this.#configMaps = startMirror({ ...common, kinds: ["ConfigMap"], namespace: istioNamespace });
    this.reflectors = new Map([...this.#objects.reflectors, ...this.#configMaps.reflectors]);
    this.complete = Promise.all([this.#objects.complete, this.#configMaps.complete]);
  }

  isComplete(): boolean {
    return this.#objects.isComplete() && this.#configMaps.isComplete();
  }

  isFor({ clusterDomain, istioNamespace }: CopySettings): boolean {
    return this.settings.clusterDomain === clusterDomain && this.settings.istioNamespace === istioNamespace;
  }

  count(): number {
    let objects = 0;
    for (const kind of this.reflectors.keys()) objects += this.store.countOf(kind);
    return objects;
  }

  /** Ends what none of the others shares. They are asked for when it has ended. */
  async stop(others: () => readonly Copy[]): Promise<void> {
    const isShared = others().some((other) => other.#objects === this.#objects);
    await Promise.all([this.#configMaps.stop(), isShared ? undefined : this.#objects.stop()]);
    const { istioNamespace } = this.settings;
    if (
      others().some(
        ({ store, settings }) => store === this.store && settings.istioNamespace === istioNamespace,
      )
    )
      return;
    for (const [name] of this.store.list("ConfigMap", istioNamespace)) {
      this.store.delete("ConfigMap", istioNamespace, name);
    }
  }
}
