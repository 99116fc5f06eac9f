/** The fixes of one review, on one object. */
import { losesAnything, patchFor, sameJson } from "../kubernetes/json-patch.ts";
import type { Change, JsonPatch, PatchOperation } from "../kubernetes/json-patch.ts";

type Fix = readonly Change[];

/** Makes fixes one after the other. Findings that share a fix cost no more than one. */
export class Fixes {
  readonly #original: unknown;
  readonly #patches = new Map<Fix, JsonPatch>();
  readonly #isMade = new Map<Fix, boolean>();
  readonly #operations: PatchOperation[] = [];
  #object: unknown;

  /** `object` is as it came; undefined if there is none to change. */
  constructor(object: unknown) {
    this.#original = object;
    this.#object = object;
  }

  /** All that were made. */
  get patch(): JsonPatch {
    return this.#operations;
  }

  /** The object with all that were made. */
  get patched(): unknown {
    return this.#object;
  }

  /** What the fix would do to the object as it came; empty if nothing, or if something would be lost by it. */
  alone(fix: Fix): JsonPatch {
    if (this.#original === undefined) return [];
    const patch = this.#patches.get(fix) ?? patchOf(this.#original, fix);
    this.#patches.set(fix, patch);
    return patch;
  }

  /** False if it would undo one that was made before, or lose what is there: then it is not made. */
  make(fix: Fix): boolean {
    const isMade = this.#isMade.get(fix) ?? this.#try(fix);
    this.#isMade.set(fix, isMade);
    return isMade;
  }

  #try(fix: Fix): boolean {
    if (losesAnything(this.#object, fix)) return false;
    const { patch, object } = patchFor(this.#object, fix);
    if (patch.length === 0) return true;
    for (const [earlier, isMade] of this.#isMade)
      if (isMade && !sameJson(patchFor(object, earlier).object, object)) return false;
    this.#operations.push(...patch);
    this.#object = object;
    return true;
  }
}

function patchOf(object: unknown, fix: Fix): JsonPatch {
  return losesAnything(object, fix) ? [] : patchFor(object, fix).patch;
}
