/** What a text can look like where it is going: colours, and the columns that its characters take. */
import { styleText } from "node:util";
import type { ReportedAction } from "./finding.ts";

export type Style = "bold" | "cyan" | "dim" | "red" | "yellow";

export const ACTION_STYLES: { readonly [A in ReportedAction]: Style } = {
  Audit: "dim",
  Deny: "red",
  Fix: "cyan",
  Warn: "yellow",
};

export interface Terminal {
  readonly columns: number;
  paint(style: Style, text: string): string;
}

/** Lines longer than this are hard to read, however wide the window is. */
const MAX_COLUMNS = 100;
const DEFAULT_COLUMNS = 80;

/** For files and pipes. */
export const PLAIN: Terminal = { columns: DEFAULT_COLUMNS, paint: (_, text) => text };

/** Colours only on a terminal; NO_COLOR and FORCE_COLOR are heeded. */
export function terminalOf(stream: NodeJS.WriteStream): Terminal {
  return {
    columns: Math.min(stream.columns || DEFAULT_COLUMNS, MAX_COLUMNS),
    paint: (style, text) => styleText(style, text, { stream }),
  };
}

// Unicode, UAX 11: East Asian wide and fullwidth, as far as texts in English and Chinese use them.
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
const ZERO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** The columns that a line takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    if (WIDE.test(character)) width += 2;
    else if (!ZERO_WIDTH.test(character)) width += 1;
  }
  return width;
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** A word, or a Chinese character, each with the punctuation that may not begin a line. */
const UNIT =
  /(?:[\p{Script=Han}\u3000-\u303e\uff01-\uff60]|[^\s\p{Script=Han}\u3000-\u303e\uff01-\uff60]+)[，。；：、！？）》」”]*|\s+/gu;

/** Breaks a text into lines of at most `width` columns; a word that is longer gets a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const [unit] of text.matchAll(UNIT)) {
    if (line !== "" && unit.trim() !== "" && widthOf(line) + widthOf(unit) > width) {
      lines.push(line.trimEnd());
      line = "";
    }
    line += unit.trim() === "" ? (line === "" ? "" : " ") : unit;
  }
  return [...lines, line.trimEnd()];
}

/** A text after a mark, broken at the width; the later lines begin below the first one's text. */
export function hanging(mark: string, text: string, width: number): string[] {
  const margin = " ".repeat(widthOf(mark));
  return wrap(text, width - margin.length).map((line, index) => (index === 0 ? mark : margin) + line);
}
