/** Fills marks into messages. */
import type { MessageData, Names } from "../rules/rule.ts";
import type { Policy } from "../rules/policy.ts";

/** More names than this are counted instead of printed. */
const MAX_NAMES = 3;
/** DNS names end at 253 characters; longer values are nothing anyone can read in a line. */
const MAX_VALUE_LENGTH = 253;
/**
 * What ends a line, commands a terminal, turns the direction of writing, cannot be encoded or cannot be seen. The two joiners
 * stay: words of some languages need them.
 */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]|(?![\u200c\u200d])\p{Cf}/gu;
/** As rule.ts has it; everything between the braces is the mark's name. */
const MARK = /\{\{([^{}]*)\}\}/g;

/**
 * `"Service {{name}}"` with its marks filled in.
 * @throws if a mark has no value: a bug in the rule.
 */
export function render(text: string, data: MessageData, details: Policy["crossNamespaceDetails"]): string {
  return text.replaceAll(MARK, (_, mark: string) => {
    const value = Object.hasOwn(data, mark) ? data[mark] : undefined;
    if (value === undefined) throw new Error(`no value for {{${mark}}} in "${text}"`);
    return typeof value === "object" ? renderNames(value, details) : printable(String(value));
  });
}

function renderNames({ names, noun }: Names, details: Policy["crossNamespaceDetails"]): string {
  if (details === "none") return names.length === 1 ? `another ${noun}` : `other ${noun}s`;
  if (details === "count") return `${names.length} ${noun}${names.length === 1 ? "" : "s"}`;
  const shown = names.slice(0, MAX_NAMES).map(printable);
  const more = names.length - shown.length;
  if (more > 0) return `${shown.join(", ")} and ${more} more`;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`;
}

/** A user's text that can do no harm to a terminal or a log, in one line of bounded length. */
export function printable(value: string): string {
  return oneLine(value.length > MAX_VALUE_LENGTH ? `${value.slice(0, MAX_VALUE_LENGTH - 1)}…` : value);
}

/** A text of any length with a space for every character that a line had better not hold. */
export function oneLine(text: string): string {
  return text.replaceAll(UNPRINTABLE, " ");
}
