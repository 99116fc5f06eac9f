/** What foresail says about its own input, under its own id: a page like a rule's. */
import { EXEMPTION_MESSAGES } from "../engine/exemptions.ts";
import type { Message } from "../rules/rule.ts";

/** About the files of `check`. */
export const INPUT_MESSAGES = {
  duplicateKey: {
    text: "The key {{key}} stands here again, and the last value counts",
    action: "Warn",
    remedy: "Keep one of the two: kubectl says nothing and drops the others.",
  },
  duplicateObject: {
    text: "{{kind}} {{object}} is defined again at {{place}}, and the last one counts",
    action: "Audit",
    remedy: "Keep one of the two, or give them different names or namespaces.",
  },
  repeatedKey: {
    text: "The key {{key}} stands here again, with the same value",
    action: "Audit",
    remedy: "Keep one of the two.",
  },
} as const satisfies Readonly<Record<string, Message>>;

/** By message id. */
export const OWN_MESSAGES: Readonly<Record<string, Message>> = { ...INPUT_MESSAGES, ...EXEMPTION_MESSAGES };
