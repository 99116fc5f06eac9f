/** Lines of a YAML text: where those of a node end, and how they are indented. */
import type { BlockStyle } from "./emit.ts";
import type { Layout } from "./layout.ts";
import { skip } from "./split.ts";

const REST_OF_LINE = /[^\r\n]*/y;
export const BLOCK_INDICATORS = /[|>][-+0-9]*/y;
const BLANK_LINES = /(?:(?:\r\n|\n|\r)[ \t]*)*$/;
const LAST_LINE_BREAK = /(?:\r\n|\n|\r)$/;
const INDENT = 2;

/** Of a text's first line, if it is a block. */
export function indentOfText(text: string, node: Layout): string | undefined {
  if (node.kind !== "scalar" || (node.style !== "literal" && node.style !== "folded")) return undefined;
  return /^[^\r\n]*\s*[\r\n]( +)\S/.exec(text.slice(node.contentStart, node.end))?.[1];
}

/** Where the last line that belongs to the node ends, without its line break; a comment on it belongs to it. */
export function endOfLines(text: string, node: Layout): number {
  if ((node.kind === "list" || node.kind === "map") && !node.isFlow) {
    const last = node.kind === "list" ? node.items.at(-1) : node.entries.at(-1)?.value;
    return last ? endOfLines(text, last) : endOfLine(text, node.end);
  }
  if (node.kind !== "scalar" || (node.style !== "literal" && node.style !== "folded")) {
    return endOfLine(text, node.end);
  }
  const header = skip(BLOCK_INDICATORS, text, node.contentStart);
  const keepsBlankLines = text.slice(node.contentStart, header).includes("+");
  const content = text.slice(node.contentStart, node.end);
  const length = content.replace(keepsBlankLines ? LAST_LINE_BREAK : BLANK_LINES, "").length;
  return Math.max(node.contentStart + length, endOfLine(text, header));
}

export function endOfLine(text: string, offset: number): number {
  return skip(REST_OF_LINE, text, offset);
}

export function columnOf(text: string, { contentStart }: Layout): number {
  let lineStart = contentStart;
  while (lineStart > 0 && !"\r\n".includes(text.charAt(lineStart - 1))) lineStart--;
  return contentStart - lineStart;
}

/** As the text has it where it first has it, or as kubectl prints it. */
export function blockStyleOf(text: string, nodes: readonly Layout[]): BlockStyle {
  let step: number | undefined;
  let listStep: number | undefined;
  for (const node of nodes) {
    if (node.kind !== "map" || node.isFlow) continue;
    for (const { value } of node.entries) {
      if (step !== undefined && listStep !== undefined) break;
      if ((value.kind !== "map" && value.kind !== "list") || value.isFlow) continue;
      const distance = columnOf(text, value) - columnOf(text, node);
      if (value.kind === "map") step ??= distance;
      else listStep ??= distance;
    }
  }
  return {
    step: " ".repeat(step ?? INDENT),
    listStep: " ".repeat(listStep ?? 0),
    isFollowed: true,
  };
}

/** The node and all that is in it. */
export function nodesIn(root: Layout): readonly Layout[] {
  const nodes: Layout[] = [root];
  for (const node of nodes) {
    if (node.kind === "list") for (const item of node.items) nodes.push(item);
    if (node.kind === "map") for (const { key, value } of node.entries) nodes.push(key, value);
  }
  return nodes;
}
