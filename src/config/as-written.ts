/**
 * Actions, versions and dates as they stand in the text. YAML makes `false` of an unquoted `off`, and the number 1.1 of
 * an unquoted `1.10`.
 */
import type { FieldPath } from "../kubernetes/field-path.ts";
import { isObject } from "../kubernetes/json.ts";
import { ACTIONS } from "../rules/rule.ts";
import type { AnyRule } from "../rules/rule.ts";

/** The text of the scalar that stands there. */
export type Source = (path: FieldPath) => string | undefined;

export const WORDS_FOR_OFF = ["false", "no"];

/** A copy of the settings in which these scalars are texts; everything else is as it was. */
export function asWritten(settings: unknown, source: Source, rules: readonly AnyRule[]): unknown {
  return mapValues(settings, (value, key) => {
    if (key === "rules") return mapValues(value, (setting, id) => ruleAsWritten(setting, id, source, rules));
    if (key === "assume") return mapValues(value, (version, name) => textOf(version, [key, name], source));
    if (key !== "exemptions" || !Array.isArray(value)) return value;
    return value.map((exemption: unknown, index) =>
      mapValues(exemption, (part, name) =>
        name === "until" ? textOf(part, [key, index, name], source) : part,
      ),
    );
  });
}

function ruleAsWritten(setting: unknown, id: string, source: Source, rules: readonly AnyRule[]): unknown {
  if (!isObject(setting)) return actionOf(setting, ["rules", id], source);
  const options = rules.find((rule) => rule.id === id)?.options ?? {};
  return mapValues(setting, (value, name) => {
    const path = ["rules", id, name];
    if (name === "action") return actionOf(value, path, source);
    // A value such as `off` would be a truth value otherwise.
    const values = Object.hasOwn(options, name) ? options[name]?.values : undefined;
    const text = textOf(value, path, source);
    return typeof text === "string" && values?.includes(text) ? text : value;
  });
}

/** In any case; what is no action stays as it is. */
function actionOf(value: unknown, path: FieldPath, source: Source): unknown {
  const text = textOf(value, path, source);
  if (typeof text !== "string") return text;
  const word = text.toLowerCase();
  if (value === false || WORDS_FOR_OFF.includes(word)) return "Off";
  return ACTIONS.find((action) => action.toLowerCase() === word) ?? text;
}

function textOf(value: unknown, path: FieldPath, source: Source): unknown {
  if (typeof value !== "number" && typeof value !== "boolean") return value;
  return source(path) ?? String(value);
}

function mapValues(value: unknown, change: (value: unknown, key: string) => unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, change(one, key)]));
}
