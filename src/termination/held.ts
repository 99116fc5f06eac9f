/** The objects of a namespace that wait for somebody to remove a finalizer. */
import { isBuiltIn } from "../kubernetes/finalizers.ts";
import type { RemainingObject, Resource, TerminationFacts } from "./facts.ts";

/** Objects of one kind with the same finalizers. */
export interface Held {
  readonly resource: Resource;
  readonly names: readonly string[];
  /** Those that somebody has to remove who may be missing. */
  readonly finalizers: readonly string[];
  /** Those that every cluster's own controllers remove. */
  readonly others: readonly string[];
  /** All objects of the kind that the namespace has are among them. */
  readonly isWholeKind: boolean;
}

/** What is owned comes first: its owner may wait for it. */
export function heldIn({ content }: Pick<TerminationFacts, "content">): readonly Held[] {
  const all = content.flatMap(({ resource, objects }) =>
    [...Map.groupBy(objects.filter(isHeld), keyOf).values()].map((alike) => ({
      isOwned: alike.every((one) => one.isOwned),
      held: heldAlike(resource, alike, objects.length),
    })),
  );
  return [...all.filter(({ isOwned }) => isOwned), ...all.filter(({ isOwned }) => !isOwned)].map(
    ({ held }) => held,
  );
}

function isHeld({ finalizers }: RemainingObject): boolean {
  return finalizers.some((finalizer) => !isBuiltIn(finalizer));
}

function keyOf({ finalizers, isOwned }: RemainingObject): string {
  return JSON.stringify([isOwned, finalizers]);
}

function heldAlike(resource: Resource, alike: readonly RemainingObject[], all: number): Held {
  const finalizers = alike[0]?.finalizers ?? [];
  return {
    resource,
    names: alike.map(({ name }) => name),
    finalizers: finalizers.filter((finalizer) => !isBuiltIn(finalizer)),
    others: finalizers.filter(isBuiltIn),
    isWholeKind: alike.length === all,
  };
}
