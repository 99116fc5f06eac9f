/** The same values in the many ways in which people write them. */
import fc from "fast-check";
import type { FieldPath } from "../../src/kubernetes/field-path.ts";
import { isObject } from "../../src/kubernetes/json.ts";
import type { Json } from "../../src/kubernetes/json.ts";

/** Picks of a writer, one after the other and over again. */
type Picks = readonly number[];

const TEXTS = [
  "a",
  "8087",
  "true",
  "it's",
  'say "a"',
  "a: b",
  "a #b",
  "",
  " a",
  "- x",
  "*x",
  "{a}",
  "x, y",
  "one\ntwo\n",
  "one\n\n  two",
  "one\ntwo\n\n",
  "日本 é",
];
const KEYS = ["a", "b", "c", "app.io/name", "proxy.istio.io/config", "on", "1", "x y", "name", "metadata"];

/** Mappings at the top, as every manifest is one. */
export function documents(): fc.Arbitrary<Json> {
  const { value, map } = fc.letrec<{ value: Json; map: Json; list: Json }>((tie) => ({
    value: fc.oneof({ depthSize: "medium", maxDepth: 4 }, scalars(), tie("map"), tie("list")),
    map: fc.dictionary(fc.constantFrom(...KEYS), tie("value"), { maxKeys: 4 }),
    list: fc.array(tie("value"), { maxLength: 3 }),
  }));
  return fc.tuple(map, value).map(([root, last]) => (isObject(root) ? { ...root, z: last } : { z: last }));
}

export function scalars(): fc.Arbitrary<Json> {
  return fc.oneof(fc.constantFrom<Json>(null, true, 0, 15021, 1.5), fc.constantFrom(...TEXTS));
}

export function picks(): fc.Arbitrary<Picks> {
  return fc.array(fc.nat(11), { minLength: 20, maxLength: 60 });
}

/** A path to something that is there, or to what could be beside it. */
export function paths(root: Json): FieldPath[] {
  const found: FieldPath[] = [];
  const visit = (value: Json, path: FieldPath): void => {
    if (path.length > 0) found.push(path);
    if (isList(value)) {
      for (const [index, item] of value.entries()) visit(item, [...path, index]);
      found.push([...path, value.length]);
    } else if (isMap(value)) {
      for (const [key, item] of Object.entries(value)) visit(item, [...path, key]);
      found.push([...path, "new.io/key"], [...path, "parent", "child"]);
    } else found.push([...path, "below"]);
  };
  visit(root, []);
  return found;
}

/** A text that reads as the value, written as the picks say, with comments and blank lines. */
export function writeInStyle(value: Json, given: Picks): string {
  return new Writer(given).write(value);
}

class Writer {
  readonly #picks: Picks;
  readonly #step: number;
  readonly #lineBreak: string;
  #next = 0;

  constructor(given: Picks) {
    this.#picks = given;
    this.#step = this.#pick(3) === 0 ? 4 : 2;
    this.#lineBreak = this.#pick(4) === 0 ? "\r\n" : "\n";
  }

  write(value: Json): string {
    const isJson = this.#pick(6) === 0;
    const indentation = [undefined, 2, "\t"][this.#pick(3)];
    const text = isJson ? JSON.stringify(value, null, indentation) : this.#collection(value, "").slice(1);
    const end = this.#pick(4) === 0 ? "" : "\n";
    return `${text}${end}`.replaceAll("\n", this.#lineBreak);
  }

  #pick(count: number): number {
    return (this.#picks[this.#next++ % this.#picks.length] ?? 0) % count;
  }

  /** What follows a colon or a dash. */
  #value(value: Json, indent: string): string {
    const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
    if (typeof value !== "object" || value === null) return this.#scalar(value, indent);
    if (isEmpty || this.#pick(4) === 0) return ` ${this.#flow(value, indent)}${this.#comment()}`;
    return `${this.#comment()}${this.#collection(value, indent)}`;
  }

  /** With a line break first. */
  #collection(value: Json, indent: string): string {
    if (isList(value)) {
      const own = indent + " ".repeat(this.#pick(2) * 2);
      return value.map((item) => `${this.#gap(own)}\n${own}-${this.#item(item, `${own}  `)}`).join("");
    }
    const entries = isMap(value) ? Object.entries(value) : [];
    return entries
      .map(([key, item]) => `${this.#gap(indent)}\n${indent}${this.#key(key)}:${this.#inner(item, indent)}`)
      .join("");
  }

  #inner(item: Json, indent: string): string {
    return this.#value(item, isList(item) ? indent : indent + " ".repeat(this.#step));
  }

  #item(item: Json, indent: string): string {
    const text = this.#value(item, indent);
    const isCompact =
      text.startsWith(`\n${indent}`) && !text.startsWith(`\n${indent} `) && this.#pick(2) === 0;
    return isCompact ? ` ${text.slice(1 + indent.length)}` : text;
  }

  #scalar(value: Json, indent: string): string {
    if (value === null) return [` null${this.#comment()}`, ` ~`, this.#comment()][this.#pick(3)] ?? "";
    if (typeof value !== "string") return ` ${JSON.stringify(value)}${this.#comment()}`;
    const lines = value.split("\n");
    if (lines.length > 1 && !/^\s/.test(value) && indent !== "" && this.#pick(3) > 0) {
      const chomping = value.endsWith("\n\n") ? "+" : value.endsWith("\n") ? "" : "-";
      const shown = value.endsWith("\n") ? lines.slice(0, -1) : lines;
      return ` |${chomping}${this.#comment()}${shown.map((line) => `\n${line === "" ? "" : indent + line}`).join("")}`;
    }
    return ` ${this.#quoted(value)}${this.#comment()}`;
  }

  #quoted(text: string): string {
    const style = this.#pick(3);
    if (style === 0 && /^[a-z][a-z/]*$/.test(text) && !["true", "on"].includes(text)) return text;
    return style === 1 && !text.includes("\n") ? `'${text.replaceAll("'", "''")}'` : JSON.stringify(text);
  }

  #key(key: string): string {
    return /^[a-z][a-z./]*$/.test(key) && key !== "on" && this.#pick(4) > 0 ? key : this.#quoted(key);
  }

  #flow(value: Json, indent: string): string {
    if (typeof value === "string") return this.#quoted(value);
    if (typeof value !== "object" || value === null) return JSON.stringify(value);
    const [open = "", close = ""] = isList(value) ? "[]" : "{}";
    const parts = isList(value)
      ? value.map((item) => this.#flow(item, indent))
      : Object.entries(value).map(([key, item]) => `${this.#key(key)}: ${this.#flow(item, indent)}`);
    const [comma = ", ", end = ""] =
      [
        [", ", ""],
        [" ,  ", " "],
        [`,\n ${indent}`, `\n${indent}`],
        [", # c\n", `, # d\n ${indent}`],
      ][this.#pick(4)] ?? [];
    if (parts.length === 0) return open + close;
    // Brackets need to be further to the right than what they are in.
    const inner = comma.includes("#") ? `${comma} ${indent}` : comma;
    return ` ${open}${comma.startsWith(",\n") ? `\n ${indent}` : ""}${parts.join(inner)}${end}${close}`.trimStart();
  }

  #comment(): string {
    return this.#pick(4) === 0 ? " # it's: {a} [comment" : "";
  }

  #gap(indent: string): string {
    return ["", "", "", "", "\n", `\n${indent}# - a: comment`][this.#pick(6)] ?? "";
  }
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isMap(value: Json): value is { readonly [key: string]: Json } {
  return isObject(value);
}
