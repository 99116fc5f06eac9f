/**
 * Rules that this version does not know. They are no error: after going back to an older version of foresail the same
 * configuration must still be read.
 */
import type { FieldPath } from "../kubernetes/field-path.ts";
import { isObject } from "../kubernetes/json.ts";
import type { AnyRule } from "../rules/rule.ts";
import type { SettingsProblem } from "./problems.ts";
import { at, didYouMean, quote } from "./wording.ts";

/** Of settings that are valid otherwise. `homes` says where keys belong that are no rules. */
export function unknownRules(
  root: unknown,
  rules: readonly AnyRule[],
  homes: ReadonlyMap<string, string>,
): SettingsProblem[] {
  const known = new Set(rules.map(({ id }) => id));
  return [...namedRules(root)]
    .filter(({ id }) => !known.has(id))
    .map(({ id, field }) => {
      const home = homes.get(id);
      const advice = home ? `; it belongs ${home}` : didYouMean(id, known);
      return { field, message: `${at(field.slice(0, -1))}unknown rule ${quote(id)} is ignored${advice}` };
    });
}

function* namedRules(root: unknown): Generator<{ readonly id: string; readonly field: FieldPath }> {
  if (!isObject(root)) return;
  const { rules, exemptions } = root;
  if (isObject(rules)) for (const id of Object.keys(rules)) yield { id, field: ["rules", id] };
  if (!Array.isArray(exemptions)) return;
  for (const [index, exemption] of exemptions.entries()) {
    if (!isObject(exemption) || !Array.isArray(exemption["rules"])) continue;
    for (const [place, id] of exemption["rules"].entries()) {
      if (typeof id === "string") yield { id, field: ["exemptions", index, "rules", place] };
    }
  }
}
