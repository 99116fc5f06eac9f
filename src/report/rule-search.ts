/** Finds rules by what a person sees: in symptoms, title and cause, in both languages. */
import type { AnyRule } from "../rules/rule.ts";

/** Words of this length and more match by their beginning, so that "fails" finds "failing". */
const MIN_STEM = 4;
const MAX_ENDING = 3;

/** They say nothing about what is wrong. */
const STOP_WORDS = new Set(
  "a an and are at but by do does for from has have i in is it my no not of on or the this to when why with".split(
    " ",
  ),
);

/** The best matches first; rules without any are left out. A word counts the more, the fewer rules have it. */
export function searchRules(query: string, rules: readonly AnyRule[], limit: number): AnyRule[] {
  const words = wordsOf(query);
  const texts = rules.map((rule) => ({ rule, words: [...wordsOf(searchedText(rule))] }));
  const scores = new Map<AnyRule, number>();
  for (const word of words) {
    const having = texts.filter((text) => text.words.some((one) => isSameWord(one, word)));
    for (const { rule } of having) scores.set(rule, (scores.get(rule) ?? 0) + 1 / having.length);
  }
  return [...scores]
    .toSorted(([one, score], [other, otherScore]) => otherScore - score || (one.id < other.id ? -1 : 1))
    .slice(0, limit)
    .map(([rule]) => rule);
}

function searchedText(rule: AnyRule): string {
  return [rule, rule.zh].flatMap(({ symptoms, title, why }) => [...symptoms, title, why]).join("\n");
}

/** Words in Latin letters and digits, and pairs of Chinese characters, which need no dictionary. */
function wordsOf(text: string): Set<string> {
  const words = new Set(
    text
      .toLowerCase()
      .match(/[a-z0-9]+/g)
      ?.filter((word) => !STOP_WORDS.has(word)),
  );
  for (const [run] of text.matchAll(/\p{Script=Han}+/gu)) {
    const characters = Array.from(run);
    if (characters.length === 1) words.add(run);
    for (const [index, character] of characters.slice(1).entries()) {
      words.add(`${characters[index]}${character}`);
    }
  }
  return words;
}

function isSameWord(one: string, other: string): boolean {
  if (one === other) return true;
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  let common = 0;
  while (common < short.length && short[common] === long[common]) common++;
  return common >= MIN_STEM && long.length - common <= MAX_ENDING;
}
