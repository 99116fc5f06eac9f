/** Rules in a list: all of them, or those that a search found. */
import type { AnyRule } from "../rules/rule.ts";
import type { Language } from "./page/words.ts";
import { textsOf } from "./rule-page.ts";
import { hanging, padEnd, widthOf } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

const GAP = 2;

/** Id, default action and title, a line a rule. */
export function renderRuleTable(rules: readonly AnyRule[], language: Language, terminal: Terminal): string {
  const idWidth = widest(rules.map(({ id }) => id)) + GAP;
  const actionWidth = widest(rules.map(({ action }) => action)) + GAP;
  const lines = rules.map((rule) => {
    const id = terminal.paint("bold", padEnd(rule.id, idWidth));
    return `${id}${padEnd(rule.action, actionWidth)}${textsOf(rule, language).title}\n`;
  });
  return lines.join("");
}

/** Id, title and symptoms of each, and what to do about it. */
export function renderMatches(rules: readonly AnyRule[], language: Language, terminal: Terminal): string {
  return rules
    .map((rule) => {
      const { title, symptoms, remedy } = textsOf(rule, language);
      const lines = [
        `${terminal.paint("bold", rule.id)}: ${title}`,
        ...symptoms.flatMap((symptom) => hanging("  - ", symptom, terminal.columns)),
        ...hanging("  fix: ", remedy, terminal.columns),
        `  docs: foresail explain ${rule.id}`,
      ];
      return `${lines.join("\n")}\n`;
    })
    .join("\n");
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(widthOf));
}
