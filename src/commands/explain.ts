/** `foresail explain`: the table of rules, a rule's page, or the rules that a symptom speaks of. */
import { OWN_ID } from "../engine/evaluate.ts";
import { ForesailError, nearest } from "../errors.ts";
import { renderPageForTerminal } from "../report/page/terminal.ts";
import { ownPage, rulePage } from "../report/rule-page.ts";
import type { Language } from "../report/page/words.ts";
import { searchRules } from "../report/rule-search.ts";
import { renderMatches, renderRuleTable } from "../report/rule-table.ts";
import type { Terminal } from "../report/terminal.ts";
import type { AnyRule } from "../rules/rule.ts";
import { annotateExample } from "./explain/annotate-example.ts";
import { versionsHere } from "./explain/versions-here.ts";
import type { ExplainOptions } from "./options.ts";
import type { CommandResult } from "./result.ts";

const MAX_MATCHES = 3;
const RULE_ID = /^[a-z0-9]+(?:-[a-z0-9]+)+$/;

export interface ExplainContext {
  readonly rules: readonly AnyRule[];
  readonly terminal: Terminal;
}

/**
 * `question` is a rule's id, the id of one of its messages, or a symptom in words; empty for the table of all rules.
 * @throws ForesailError
 */
export async function explain(
  question: string,
  options: ExplainOptions,
  context: ExplainContext,
): Promise<CommandResult> {
  const { rules, terminal } = context;
  const asked = question.trim();
  const rule = rules.find(({ id, messages }) => id === asked || Object.hasOwn(messages, asked));
  if (!rule) return { report: answer(asked, options.lang, context), problems: [], exitCode: 0 };
  const { report, problems } = await versionsHere(rule, options, rules);
  const page = rulePage(rule, options.lang, annotateExample(rule), report);
  return { report: renderPageForTerminal(page, terminal), problems, exitCode: 0 };
}

function answer(question: string, language: Language, { rules, terminal }: ExplainContext): string {
  if (question === "") return renderRuleTable(rules, language, terminal);
  if (question === OWN_ID) return renderPageForTerminal(ownPage(language), terminal);
  if (RULE_ID.test(question)) throw unknownRule(question, rules);
  const matches = searchRules(question, rules, MAX_MATCHES);
  if (matches.length > 0) return renderMatches(matches, language, terminal);
  throw unknownRule(question, rules);
}

function unknownRule(question: string, rules: readonly AnyRule[]): ForesailError {
  const ids = rules.map(({ id }) => id);
  const meant = ids.find((id) => id.startsWith(question)) ?? nearest(question, ids);
  return new ForesailError({
    code: "USAGE",
    message: `no rule is called ${JSON.stringify(question)} or speaks of it`,
    hint: `${meant === undefined ? "" : `Did you mean ${meant}? `}\`foresail explain\` lists the rules.`,
  });
}
