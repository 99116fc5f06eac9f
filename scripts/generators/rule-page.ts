/** `docs/LANGUAGE/rules/ID.md`, with the rule's own messages in its bad example. */
import { annotateExample } from "../../src/commands/explain/annotate-example.ts";
import { LANGUAGES } from "../../src/report/page/words.ts";
import { renderOwnPage, renderRulePage } from "../../src/report/rule-page.ts";
import type { AnyRule } from "../../src/rules/rule.ts";

export function rulePages(rule: AnyRule): readonly (readonly [string, string])[] {
  const annotations = annotateExample(rule);
  return LANGUAGES.map((language) => [
    `docs/${language}/rules/${rule.id}.md`,
    renderRulePage(rule, language, annotations),
  ]);
}

/** Where messages under foresail's own id point to. */
export function ownPages(): readonly (readonly [string, string])[] {
  return LANGUAGES.map((language) => [`docs/${language}/rules/foresail.md`, renderOwnPage(language)]);
}
