/** The configuration's schema for editors, which know neither zod nor how foresail reads single words. */
import * as z from "zod";
import { ACTIONS } from "../rules/rule.ts";
import type { AnyRule } from "../rules/rule.ts";
import { WORDS_FOR_OFF } from "./as-written.ts";
import { configurationSchema } from "./schema.ts";

const NOT_EMPTY = { type: "object", minProperties: 1 };
const HAS_LABELS = { required: ["matchLabels"], properties: { matchLabels: NOT_EMPTY } };
const HAS_EXPRESSIONS = { required: ["matchExpressions"], properties: { matchExpressions: { minItems: 1 } } };

/** By the names that schema.ts gives: what its checks say that are code, and what is read as it stands in the text. */
const ADDITIONS: Readonly<Record<string, object>> = {
  action: {
    type: ["string", "boolean"],
    anyOf: [
      { enum: ACTIONS },
      { enum: [false] },
      { type: "string", pattern: `^(?:${[...ACTIONS, ...WORDS_FOR_OFF].map(anyCase).join("|")})$` },
    ],
    enum: undefined,
  },
  clients: {
    anyOf: [
      HAS_LABELS,
      HAS_EXPRESSIONS,
      { not: { anyOf: [{ required: ["matchLabels"] }, { required: ["matchExpressions"] }] } },
    ],
  },
  date: { pattern: "^\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])$" },
  docsUrl: { pattern: "^$|^https?://" },
  duration: { pattern: "^(?:0|(?:(?:\\d+\\.?\\d*|\\.\\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$" },
  exemption: {
    anyOf: ["namespaces", "namespaceSelector", "objectSelector"].map((key) => ({ required: [key] })),
  },
  labelSelector: { anyOf: [HAS_LABELS, HAS_EXPRESSIONS] },
  requirement: {
    anyOf: [
      {
        properties: { operator: { enum: ["In", "NotIn"] }, values: { minItems: 1 } },
        required: ["values"],
      },
      { properties: { operator: { enum: ["Exists", "DoesNotExist"] }, values: { maxItems: 0 } } },
    ],
  },
  version: {
    // 1.10 without quotes is a number, and 2.0 an integer, to those who do not see how it was written.
    type: ["string", "number"],
    pattern: "^v?\\d{1,5}\\.\\d{1,5}(?:\\.\\d{1,5})?(?:[-+.][-+.\\w]+)?$",
  },
};

/** Refuses nothing that foresail takes, but lets pass what only code can see: a day that does not exist, a key that is there twice. */
export function configurationJsonSchema(rules: readonly AnyRule[]): object {
  return z.toJSONSchema(configurationSchema(rules), {
    // The newest that the language servers of editors know in full.
    target: "draft-7",
    io: "input",
    override({ zodSchema, jsonSchema }) {
      const { id = "" } = z.globalRegistry.get(zodSchema) ?? {};
      if (Object.hasOwn(ADDITIONS, id)) Object.assign(jsonSchema, ADDITIONS[id]);
    },
  });
}

/** `[oO][fF][fF]` */
function anyCase(word: string): string {
  return word.replaceAll(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);
}
