/** The line in which a finding stands, and a mark below the place. */
import { oneLine } from "../engine/render.ts";
import type { ReportedFinding } from "./finding.ts";
import { ACTION_STYLES, widthOf } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

/** What of a long line stands before the place, in characters. */
const MAX_BEFORE = 40;
const CUT = "…";

/** None for a line without content. */
export function excerptLines({ line, excerpt, verdict }: ReportedFinding, terminal: Terminal): string[] {
  if (excerpt.after === "") return [];
  const number = `  ${line} | `;
  const gutter = `${" ".repeat(number.length - 2)}| `;
  const characters = Array.from(oneLine(excerpt.before));
  const before =
    characters.length > MAX_BEFORE ? CUT + characters.slice(-MAX_BEFORE).join("") : characters.join("");
  const room = terminal.columns - number.length - widthOf(before);
  return [
    terminal.paint("dim", number) + before + cut(oneLine(excerpt.after), room),
    terminal.paint("dim", gutter) +
      " ".repeat(widthOf(before)) +
      terminal.paint(ACTION_STYLES[verdict.action], "^"),
  ];
}

function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let shown = "";
  let left = columns - widthOf(CUT);
  for (const character of text) {
    left -= widthOf(character);
    if (left < 0) break;
    shown += character;
  }
  return shown + CUT;
}
