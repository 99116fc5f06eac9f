/** Sentences from what zod found: what was expected, what stands there instead, and what was probably meant. */
import type { core } from "zod";

import type { FieldPath } from "../kubernetes/field-path.ts";
import { isObject } from "../kubernetes/json.ts";
import type { Source } from "./as-written.ts";
import { DURATION } from "./schema.ts";
import { at, didYouMean, listed, quote, shorten } from "./wording.ts";

/** The settings as YAML read them, and how they were written. */
interface Settings {
  readonly root: unknown;
  readonly source: Source;
  /** Where keys belong that may stand in the wrong place: `under "rules"`. */
  readonly homes: ReadonlyMap<string, string>;
}

export interface SettingsProblem {
  /** Where it stands; the last segment may be a key that should not be there. */
  readonly field: FieldPath;
  readonly message: string;
}

const NAME = /^[-\w.]+$/;
const QUOTED_BOOLEAN = /^(?:true|false|yes|no|on|off)$/i;

export function* explainIssue(
  issue: core.$ZodIssue,
  settings: Settings,
  parent: FieldPath = [],
): Generator<SettingsProblem> {
  const field = [...parent, ...issue.path.filter((segment) => typeof segment !== "symbol")];
  if (issue.code === "unrecognized_keys") {
    for (const key of issue.keys) yield unknownKey(field, key, issue.message.split(" "), settings);
    return;
  }
  const value = valueAt(settings.root, field);
  const branch = issue.code === "invalid_union" && issue.errors.find((one) => !refusesType(one, value));
  if (branch) for (const inner of branch) yield* explainIssue(inner, settings, field);
  else yield { field, message: sentence(issue, field, value, settings.source) };
}

function unknownKey(parent: FieldPath, key: string, known: readonly string[], settings: Settings) {
  const home = parent.length === 0 ? settings.homes.get(key) : undefined;
  const advice = home ? `; it belongs ${home}` : didYouMean(key, known) || `, expected ${listed(known)}`;
  return { field: [...parent, key], message: `${at(parent)}unknown key ${quote(key)}${advice}` };
}

function sentence(issue: core.$ZodIssue, field: FieldPath, value: unknown, source: Source): string {
  const parent = field.slice(0, -1);
  const key = String(field.at(-1));
  if (issue.code === "invalid_key") {
    return `${at(parent)}expected ${issue.issues[0]?.message}, found ${quote(key)}`;
  }
  if (value === undefined) return `${at(parent)}${quote(key)} is missing, expected ${issue.message}`;
  if (issue.code === "custom" && isObject(value)) return `${at(field)}${issue.message}`;
  return `${at(field)}expected ${issue.message}, found ${found(value, source(field))}${hint(issue, value)}`;
}

function found(value: unknown, source: string | undefined): string {
  if (value === null) return "nothing";
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value !== "number" && typeof value !== "boolean") return "a mapping";
  const text = String(value);
  return source === undefined || source === text ? text : `${shorten(source)} (${text} in YAML)`;
}

function hint(issue: core.$ZodIssue, value: unknown): string {
  if (issue.message === DURATION && typeof value === "number") return `; write ${value}s`;
  const types = expectedTypes(issue);
  if (typeof value === "number" || typeof value === "boolean") {
    return types.includes("string") ? "; put it in quotes" : "";
  }
  if (typeof value !== "string") return "";
  if (issue.code === "invalid_value") return didYouMean(value, issue.values.map(String));
  if (types.includes("boolean") && QUOTED_BOOLEAN.test(value)) return "; leave out the quotes";
  return types.includes("array") && NAME.test(value) ? `; write [${value}]` : "";
}

/** In zod's words. */
function expectedTypes(issue: core.$ZodIssue): readonly string[] {
  if (issue.code === "invalid_type") return [issue.expected];
  if (issue.code !== "invalid_union") return [];
  return issue.errors.flatMap((branch) => branch.flatMap(expectedTypes));
}

/** True if this branch of a union is about another kind of value than the one that stands there. */
function refusesType(branch: readonly core.$ZodIssue[], value: unknown): boolean {
  return branch.some(({ code, path }) => {
    if (path.length > 0) return false;
    return code === "invalid_type" || (code === "invalid_value" && typeof value !== "string");
  });
}

/** Undefined if nothing stands there. */
function valueAt(root: unknown, field: FieldPath): unknown {
  let value = root;
  for (const segment of field) {
    if (Array.isArray(value)) value = value[Number(segment)];
    else if (isObject(value) && Object.hasOwn(value, segment)) value = value[segment];
    else return undefined;
  }
  return value;
}
