/** A copy of what one API server has: of its objects, and of Istio's ConfigMaps in the one namespace in which they are read. */
import type { ApiServer } from "../../api-server/client.ts";
import type { Plane } from "../../istio/planes.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import type { Store } from "../store.ts";
import { startMirror } from "./mirror.ts";
import type { Mirror, MirrorOptions } from "./mirror.ts";
import type { Reflector } from "./reflector.ts";

export interface PlaneCopyOptions extends Pick<MirrorOptions, "onProblem" | "onRecovery" | "times"> {
  readonly api: ApiServer;
  readonly plane: Plane;
  readonly kinds: readonly Kind[];
  readonly store: Store;
  readonly istioNamespace: string;
}

export class PlaneCopy {
  readonly api: ApiServer;
  readonly plane: Plane;
  readonly reflectors: ReadonlyMap<Kind, Reflector>;
  /** Resolves as soon as everything is known; never rejects. */
  readonly complete: Promise<unknown>;
  readonly #objects: Mirror;
  readonly #configMaps: Mirror;

  /** Shares the objects with another copy that is filled into the same store. */
  constructor(options: PlaneCopyOptions, other?: PlaneCopy) {
    const { api, plane, kinds, istioNamespace } = options;
    this.api = api;
    this.plane = plane;
    this.#objects = other
      ? other.#objects
      : startMirror({ ...options, kinds: kinds.filter((kind) => kind !== "ConfigMap") });
    this.#configMaps = startMirror({ ...options, kinds: ["ConfigMap"], namespace: istioNamespace });
    this.reflectors = new Map([...this.#objects.reflectors, ...this.#configMaps.reflectors]);
    this.complete = Promise.all([this.#objects.complete, this.#configMaps.complete]);
  }

  isComplete(): boolean {
    return this.#objects.isComplete() && this.#configMaps.isComplete();
  }

  /** Complete, and the API server has said something of every kind within this time. */
  isCurrent(withinMs: number): boolean {
    return this.isComplete() && [...this.reflectors.values()].every(({ ageMs }) => ageMs < withinMs);
  }

  /** Of some kind it tells what happens. */
  isReachable(): boolean {
    return [...this.reflectors.values()].some(({ isFollowing }) => isFollowing);
  }

  sharesObjectsWith(other: PlaneCopy): boolean {
    return this.#objects === other.#objects;
  }

  /** Ends all but what others share. */
  async stop(isShared: boolean): Promise<void> {
    await Promise.all([this.#configMaps.stop(), isShared ? undefined : this.#objects.stop()]);
  }
}
