/** Which kinds the CustomResourceDefinitions in a store define. */
import { KIND_FACTS } from "../kubernetes/objects.ts";
import type { Kind, Kinds } from "../kubernetes/objects.ts";
import type { Store } from "./store.ts";
import type { ObjectId } from "./view.ts";

/**
 * Undefined if none of them is the kind's: there may be others. Of those that came after the excluded one nothing is known; the
 * store has them in the order in which they came.
 */
export function definesKind(store: Store, kind: Kind, excluded: ObjectId | undefined): boolean | undefined {
  for (const [, name] of store.namesOf("CustomResourceDefinition")) {
    if (excluded?.kind === "CustomResourceDefinition" && excluded.name === name) return undefined;
    const definition = store.get("CustomResourceDefinition", "", name)?.object;
    if (definition && isOf(definition, kind)) return isServed(definition);
  }
  return undefined;
}

function isOf({ spec = {} }: Kinds["CustomResourceDefinition"], kind: Kind): boolean {
  const { group, plural } = KIND_FACTS[kind];
  return spec.group === group && spec.names?.plural === plural;
}

/** Until something else is said; versions have been a list only since Kubernetes 1.11. */
function isServed({ spec = {}, status = {} }: Kinds["CustomResourceDefinition"]): boolean {
  const { versions = [] } = spec;
  const isEstablished = (status.conditions ?? []).every(
    ({ type, status: value }) => type !== "Established" || value === "True",
  );
  return isEstablished && (versions.length === 0 || versions.some(({ served }) => served !== false));
}
