/** What is left in a namespace and may not be listed, as far as the namespace controller tells. */
import { isBuiltIn } from "../kubernetes/finalizers.ts";
import { resourceName } from "./facts.ts";
import type { TerminationFacts } from "./facts.ts";

export interface Hidden {
  /** As kubectl reads them. */
  readonly kinds: readonly string[];
  readonly finalizers: readonly string[];
}

/** Undefined if what can be seen explains what the controller waits for. */
export function hiddenIn({
  namespace: { report },
  content,
}: Pick<TerminationFacts, "namespace" | "content">): Hidden | undefined {
  const unlisted = new Set(
    content.filter(({ refusal }) => refusal !== undefined).map(({ resource }) => resourceName(resource)),
  );
  const seen = new Set(content.flatMap(({ objects }) => objects.flatMap((one) => one.finalizers)));
  const kinds = report.content.map(({ resource }) => resource).filter((kind) => unlisted.has(kind));
  const finalizers = report.finalizers.filter((one) => !seen.has(one) && !isBuiltIn(one));
  return kinds.length === 0 || finalizers.length === 0 ? undefined : { kinds, finalizers };
}
