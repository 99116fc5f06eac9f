/**
 * Reads the part of an object that rules look at, and only that, out of unknown JSON.
 *
 * A missing, null or wrongly typed value reads as missing, so that no rule has to expect one. Elements of a list keep
 * their index: a wrongly typed one reads as the shape's blank. Nothing deeper than the shape is visited, so neither depth
 * nor size of the rest of an object matters.
 */
import { isObject } from "./json.ts";

export interface Shape<T> {
  /** What stands for a wrongly typed element of a list. */
  readonly blank: T;
  /** In an object: the field that is read, if it is not the one of the same name. */
  readonly from?: string;
  read(value: unknown): T | undefined;
  /** Nothing in it that is read is of a wrong type; null counts as missing where a field may be missing. Left out: nothing is. */
  isWellTyped?(value: unknown): boolean;
}

export type Shaped<S> = S extends Shape<infer T> ? T : never;

export const string: Shape<string> = {
  blank: "",
  read: (value) => (typeof value === "string" ? value : undefined),
  isWellTyped: (value) => typeof value === "string",
};

export const number: Shape<number> = {
  blank: Number.NaN,
  read: (value) => (typeof value === "number" ? value : undefined),
  isWellTyped: (value) => typeof value === "number",
};

export const boolean: Shape<boolean> = {
  blank: false,
  read: (value) => (typeof value === "boolean" ? value : undefined),
  isWellTyped: (value) => typeof value === "boolean",
};

/** Any JSON, as it is; for what is only compared or shown. */
export const anything: Shape<unknown> = {
  blank: undefined,
  read: (value) => value ?? undefined,
};

/** Kubernetes' IntOrString: a port number or a port name. */
export const intOrString: Shape<number | string> = {
  blank: "",
  read: (value) => (typeof value === "number" || typeof value === "string" ? value : undefined),
  isWellTyped: (value) => typeof value === "number" || typeof value === "string",
};

export function list<T>(element: Shape<T>): Shape<readonly T[]> {
  return {
    blank: [],
    read: (value) =>
      Array.isArray(value) ? value.map((one) => element.read(one) ?? element.blank) : undefined,
    isWellTyped: (value) => Array.isArray(value) && value.every((one) => isWellTyped(element, one)),
  };
}

/** Labels, annotations and their like. Values of another type are left out. */
export function mapOf<T>(element: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return {
    blank: {},
    read(value) {
      if (!isObject(value)) return undefined;
      const result: Record<string, T> = {};
      for (const key of Object.keys(value)) {
        const read = element.read(value[key]);
        // No Kubernetes key can be named so, and on a plain object it would be the prototype.
        if (read !== undefined && key !== "__proto__") result[key] = read;
      }
      return result;
    },
    isWellTyped: (value) => isObject(value) && Object.values(value).every((one) => isWellTyped(element, one)),
  };
}

/**
 * The entries of the map in this field whose values are no text, and what they are: `"a number"`. Under "" the field itself, if
 * it is no map. Undefined where there is nothing of the kind.
 */
export function strayIn(field: string): Shape<Readonly<Record<string, string>>> {
  return {
    blank: {},
    from: field,
    read(value) {
      if (value === null) return undefined;
      if (!isObject(value)) return { "": typeInWords(value) };
      let strays: Record<string, string> | undefined;
      for (const key of Object.keys(value)) {
        if (typeof value[key] === "string" || key === "__proto__") continue;
        strays ??= {};
        strays[key] = typeInWords(value[key]);
      }
      return strays;
    },
  };
}

function typeInWords(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return isObject(value) ? "a map" : `a ${typeof value}`;
}

type Fields = { readonly [name: string]: Shape<unknown> };
type ObjectOf<F extends Fields> = { readonly [Name in keyof F]?: Shaped<F[Name]> };

export function object<const F extends Fields>(fields: F): Shape<ObjectOf<F>> {
  const names = Object.keys(fields);
  return {
    blank: {},
    read(value) {
      if (!isObject(value)) return undefined;
      const result: { [Name in keyof F]?: Shaped<F[Name]> } = {};
      for (const name of names) readField(fields, name, value, result);
      return result;
    },
    isWellTyped: (value) =>
      isObject(value) &&
      names.every((name) => {
        const one = Object.hasOwn(value, name) ? value[name] : undefined;
        const field = fields[name];
        return one === undefined || one === null || field === undefined || isWellTyped(field, one);
      }),
  };
}

/** All or nothing: with anything wrongly typed in it the whole reads as missing, as it does to who parses it strictly. */
export function strict<T>(shape: Shape<T>): Shape<T> {
  return { ...shape, read: (value) => (isWellTyped(shape, value) ? shape.read(value) : undefined) };
}

function isWellTyped(shape: Shape<unknown>, value: unknown): boolean {
  return shape.isWellTyped?.(value) ?? true;
}

function readField<F extends Fields>(
  fields: F,
  name: keyof F & string,
  value: { readonly [key: string]: unknown },
  result: { [Name in keyof F]?: unknown },
): void {
  const { from = name } = fields[name] ?? {};
  // Own properties only: an object without `constructor` has one all the same.
  if (!Object.hasOwn(value, from)) return;
  const read = fields[name]?.read(value[from]);
  if (read !== undefined) result[name] = read;
}
