/** The table of rules in `README.md`. */
import type { AnyRule } from "../../src/rules/rule.ts";
import { between } from "./between.ts";

export function readmeWithRules(readme: string, rules: readonly AnyRule[]): string {
  const rows = rules.map(
    ({ id, action, title }) => `| [${id}](docs/en/rules/${id}.md) | ${action} | ${title} |`,
  );
  const table = ["", "| rule | default | what holds when all is well |", "|---|---|---|", ...rows, ""].join(
    "\n",
  );
  return between(readme, "rules", table);
}
