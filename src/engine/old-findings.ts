/** What an update finds but does not bring. */
import { isObject } from "../kubernetes/json.ts";
import { sameJson } from "../kubernetes/json-patch.ts";
import type { AnyFinding, AnyRule } from "../rules/rule.ts";
import { optionsOf, reviewOf } from "./review.ts";
import type { Circumstances, ReviewRequest } from "./verdict.ts";

/** An object with more different findings is beyond comparison. */
const MAX_KEYS = 10_000;

/** By key of the finding, how often the old object has it. */
type Counts = Map<string, number>;

/** The findings of an update that its object had before, or that are about parts which the update leaves alone. */
export class OldFindings {
  readonly #request: ReviewRequest;
  readonly #circumstances: Circumstances;
  /** By rule id; undefined where it cannot be known. */
  readonly #counts = new Map<string, Counts | undefined>();
  #isMetadataOnly: boolean | undefined;

  constructor(request: ReviewRequest, circumstances: Circumstances) {
    this.#request = request;
    this.#circumstances = circumstances;
  }

  /**
   * True also where it cannot be known. To be asked once for each finding: each of the old object answers for one.
   * @throws what the rule throws on the old object
   */
  includes(rule: AnyRule, finding: AnyFinding): boolean {
    const { object, oldObject } = this.#request;
    this.#isMetadataOnly ??= isMetadataOnly(object, oldObject);
    if (this.#isMetadataOnly && finding.field[0] !== "metadata") return true;
    const counts = this.#countsOf(rule);
    if (counts === undefined) return true;
    const key = keyOf(finding);
    const count = counts.get(key) ?? 0;
    counts.set(key, count - 1);
    return count > 0;
  }

  #countsOf(rule: AnyRule): Counts | undefined {
    if (this.#counts.has(rule.id)) return this.#counts.get(rule.id);
    // It stays so if the rule throws or time runs out.
    this.#counts.set(rule.id, undefined);
    const { cluster, policy, expired } = this.#circumstances;
    // As an update that changes nothing: a rule that reports changes has nothing to say about it.
    const before = reviewOf({ ...this.#request, object: this.#request.oldObject });
    const counts: Counts = new Map();
    for (const finding of rule.check(before, cluster, optionsOf(rule, policy))) {
      if (expired() || counts.size > MAX_KEYS) return undefined;
      const key = keyOf(finding);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    this.#counts.set(rule.id, counts);
    return counts;
  }
}

/** Equal for the same finding of two versions of an object, wherever in a list it stands. */
function keyOf({ message, field, data }: AnyFinding): string {
  return JSON.stringify([
    message,
    field.map((segment) => (typeof segment === "number" ? 0 : segment)),
    data ?? {},
  ]);
}

/** Whether nothing but metadata and status differs. */
function isMetadataOnly(object: unknown, oldObject: unknown): boolean {
  if (!isObject(object) || !isObject(oldObject)) return false;
  const keys = new Set([...Object.keys(object), ...Object.keys(oldObject)]);
  for (const key of ["apiVersion", "kind", "metadata", "status"]) keys.delete(key);
  return [...keys].every((key) => sameJson(object[key], oldObject[key]));
}
