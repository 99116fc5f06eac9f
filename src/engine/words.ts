/** A finding in words. */
import type { Policy } from "../rules/policy.ts";
import type { AnyFinding, Message } from "../rules/rule.ts";
import { render } from "./render.ts";
import type { Verdict } from "./verdict.ts";

interface Speaker {
  readonly rule: string;
  /** Where the message has none of its own. */
  readonly remedy: string;
  readonly messageId: string;
  readonly message: Message;
}

/** @throws if a mark has no value */
export function inWords(
  { rule, messageId, message, ...speaker }: Speaker,
  { field, data = {}, suggestion }: Pick<AnyFinding, "field" | "data" | "suggestion">,
  { crossNamespaceDetails, docsUrl }: Policy,
): Omit<Verdict, "action" | "patch"> {
  const { text, remedy } = typeof message === "string" ? { text: message, remedy: undefined } : message;
  return {
    rule,
    messageId,
    message: render(text, data, crossNamespaceDetails),
    remedy: remedy === undefined ? speaker.remedy : render(remedy, data, crossNamespaceDetails),
    docs: docsUrl === "" ? `foresail explain ${rule}` : docsUrl.replaceAll("{rule}", rule),
    field,
    ...(suggestion ? { suggestion } : {}),
  };
}
