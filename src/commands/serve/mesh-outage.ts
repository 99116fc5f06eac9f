/** That the mesh's own API server does not answer: said once, and not for each of its kinds. */
import { ApiStatusError } from "../../api-server/status-error.ts";
import type { ReadProblem } from "../../cluster/live/reflector.ts";
import type { Kind } from "../../kubernetes/objects.ts";

export interface OutageEvents {
  readonly onBegin: (error: Error) => void;
  readonly onEnd: () => void;
}

export class MeshOutage {
  /** The kinds that are without an answer. */
  readonly #waiting = new Set<Kind>();
  readonly #events: OutageEvents;

  constructor(events: OutageEvents) {
    this.#events = events;
  }

  /** Whether the problem is that there is no answer; then all has been said about it. */
  covers(kind: Kind, { error, verb }: ReadProblem): boolean {
    if (verb === undefined || error instanceof ApiStatusError) return false;
    if (this.#waiting.size === 0) this.#events.onBegin(error);
    this.#waiting.add(kind);
    return true;
  }

  /** Whether the kind was without an answer until now. */
  endsFor(kind: Kind): boolean {
    const wasWaiting = this.#waiting.delete(kind);
    if (wasWaiting && this.#waiting.size === 0) this.#events.onEnd();
    return wasWaiting;
  }
}
