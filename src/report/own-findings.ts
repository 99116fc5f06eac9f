/** What foresail says about its own input, under its own id: a page like a rule's. */
import { EXEMPTION_MESSAGES } from "../engine/exemptions.ts";
import type { Message } from "../rules/rule.ts";

export const DUPLICATE_OBJECT = {
  id: "duplicateObject",
  text: "{{kind}} {{object}} is defined again at {{place}}, and the last one counts",
  remedy: "Keep one of the two, or give them different names or namespaces.",
} as const;

/** By message id. */
export const OWN_MESSAGES: Readonly<Record<string, Message>> = {
  [DUPLICATE_OBJECT.id]: { text: DUPLICATE_OBJECT.text, action: "Audit", remedy: DUPLICATE_OBJECT.remedy },
  ...EXEMPTION_MESSAGES,
};
