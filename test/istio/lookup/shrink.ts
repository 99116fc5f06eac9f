import { isObject } from "../../../src/kubernetes/json.ts";
import type { Json, JsonObject } from "../../../src/kubernetes/json.ts";

/** Without these no object is one. */
const KEPT = new Set(["apiVersion", "kind", "name", "namespace", "metadata"]);

/**
 * Takes away objects, fields and elements one by one, as long as what is left is still interesting; `isInteresting` has seen the
 * smallest last among those that it has said yes to.
 */
export async function shrink(
  objects: readonly JsonObject[],
  isInteresting: (objects: readonly JsonObject[]) => Promise<boolean>,
): Promise<void> {
  let current = objects;
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const smaller of smallerThan(current)) {
      if (!(await isInteresting(smaller))) continue;
      current = smaller;
      isSmaller = true;
      break;
    }
  }
}

/** The large steps first. */
function* smallerThan(objects: readonly JsonObject[]): Generator<readonly JsonObject[]> {
  for (const index of objects.keys()) yield objects.toSpliced(index, 1);
  for (const [index, one] of objects.entries()) {
    for (const smaller of smallerValues(one)) {
      if (isJsonObject(smaller)) yield objects.with(index, smaller);
    }
  }
}

/** The value with one part less. */
function* smallerValues(value: Json): Generator<Json> {
  if (Array.isArray(value)) {
    for (const [index, element] of value.entries()) {
      yield value.toSpliced(index, 1);
      for (const smaller of smallerValues(element)) yield value.with(index, smaller);
    }
  } else if (isJsonObject(value)) {
    for (const [key, member] of Object.entries(value)) {
      if (!KEPT.has(key)) yield Object.fromEntries(Object.entries(value).filter(([other]) => other !== key));
      for (const smaller of smallerValues(member)) yield { ...value, [key]: smaller };
    }
  }
}

function isJsonObject(value: Json): value is JsonObject {
  return isObject(value);
}
