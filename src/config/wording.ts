/** How messages about a configuration show what a person wrote or might have meant. */
import { nearest } from "../errors.ts";
import { formatField } from "../kubernetes/field-path.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";

const MAX_SHOWN_CHARACTERS = 60;
/** Would break the line, or the terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** In quotes, on one line, of a bearable length. */
export function quote(text: string): string {
  return oneLine(JSON.stringify(shorten(text)));
}

export function shorten(text: string): string {
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}...` : text;
}

export function oneLine(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** `; did you mean "Warn"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = word.length > MAX_SHOWN_CHARACTERS ? undefined : nearest(word, candidates);
  return meant === undefined ? "" : `; did you mean ${quote(meant)}?`;
}

/** `"a, b or c"`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** `exemptions[0]: ` before what is wrong there. */
export function at(field: FieldPath): string {
  return field.length === 0 ? "" : `${oneLine(formatField(field))}: `;
}
