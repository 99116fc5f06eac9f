/** What is known of a finalizer, in words. */
import { finalizerFacts } from "../kubernetes/finalizers.ts";
import type { FinalizerSight } from "./facts.ts";

/** Who removes the finalizer, and whether that is there: a sentence without its end. */
export function whoRemoves(finalizer: string, sight: FinalizerSight | undefined): string {
  const facts = finalizerFacts(finalizer);
  if (facts?.runs === "cluster") {
    const waits = facts.waitsFor === undefined ? "" : `, as soon as these are gone: ${facts.waitsFor}`;
    return `${facts.controller} removes it${waits}`;
  }
  if (facts === undefined) return `${unknownController(sight?.manager)}${seenInWords(sight, "")}`;
  return `${facts.controller} removes it${seenInWords(sight, "; whether that runs cannot be seen from here")}`;
}

function unknownController(manager: string | undefined): string {
  const known = "foresail does not know whose it is";
  return manager === undefined ? known : `${known}; ${manager} has written it`;
}

function seenInWords(sight: FinalizerSight | undefined, unknown: string): string {
  const controller = sight?.controller ?? "unknown";
  if (controller === "unknown") return unknown;
  if (controller.seen === undefined) return ", and none of its Pods is in the cluster";
  return controller.isReady ? `, and runs: ${controller.seen}` : `; ${controller.seen} is not ready`;
}

/** What stays if somebody else removes these: completes "leaves ...". */
export function leftUndone(finalizers: readonly string[]): string {
  const left = finalizers.map(
    (finalizer) => finalizerFacts(finalizer)?.leaves ?? `undone what ${finalizer} is for`,
  );
  return [...new Set(left)].join(", and ");
}

/** What happens to what this finalizer guards if nobody ever removes it. */
export function neverDone(finalizer: string): string {
  const facts = finalizerFacts(finalizer);
  if (facts === undefined) return `${finalizer}: foresail does not know what that is`;
  return `${finalizer}: ${facts.controller} leaves ${facts.leaves}`;
}
