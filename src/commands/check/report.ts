/** The report of `foresail check` in the format that is asked for. */
import type { Report } from "../../report/finding.ts";
import { PLAIN } from "../../report/terminal.ts";
import type { Terminal } from "../../report/terminal.ts";
import { renderText } from "../../report/text.ts";
import type { AnyRule } from "../../rules/rule.ts";
import type { Repair } from "./check-manifests.ts";
import type { CheckOptions } from "../options.ts";
import { writeWhole } from "../write-file.ts";

interface ReportContext {
  readonly rules: readonly AnyRule[];
  readonly version: string;
  readonly docsUrl: string;
  readonly terminal: Terminal;
  /** Of the findings of the report and of others. */
  readonly repairs: readonly Repair[];
}

/** Writes it where --output says; returns what is left for standard output. */
export async function deliver(
  report: Report,
  options: CheckOptions,
  { terminal, ...context }: ReportContext,
): Promise<string> {
  const { output } = options;
  const rendered = await render(report, options, {
    ...context,
    terminal: output === undefined ? terminal : PLAIN,
  });
  if (output === undefined) return rendered;
  await writeWhole(output, rendered);
  return "";
}

async function render(
  report: Report,
  { format, failOn, audit = false }: CheckOptions,
  { rules, version, docsUrl, terminal, repairs }: ReportContext,
): Promise<string> {
  switch (format) {
    case "github": {
      const { renderGithub } = await import("../../report/github.ts");
      return renderGithub(report, audit);
    }
    case "json": {
      const { renderJson } = await import("../../report/json.ts");
      return renderJson(report);
    }
    case "junit": {
      const { renderJunit } = await import("../../report/junit.ts");
      return renderJunit(report, failOn, audit);
    }
    case "sarif": {
      const [{ renderSarif }, { replacementFor }] = await Promise.all([
        import("../../report/sarif.ts"),
        import("./replacement.ts"),
      ]);
      const byVerdict = new Map(repairs.map((repair) => [repair.verdict, repair]));
      return renderSarif(report, {
        rules,
        version,
        docsUrl,
        folder: process.cwd(),
        replacementFor({ verdict }) {
          const repair = byVerdict.get(verdict);
          return repair && replacementFor(repair);
        },
      });
    }
    default:
      return renderText(report, audit, terminal);
  }
}
