/** A page for a terminal: headings in bold, texts indented and broken at its width. */
import type { Block, Page } from "./page.ts";
import { hanging, padEnd, widthOf, wrap } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

const MARGIN = "  ";
const ITEM = "  - ";
const DEEP_MARGIN = "    ";
const MIN_VALUE_WIDTH = 20;

export function renderPageForTerminal(page: Page, terminal: Terminal): string {
  const parts = [
    terminal.paint("bold", page.title),
    renderBlock(page.facts, terminal),
    ...page.sections.map(({ heading, blocks }) => {
      const body = blocks.map((block) => renderBlock(block, terminal)).join("\n\n");
      return `${terminal.paint("bold", heading)}\n${body}`;
    }),
  ];
  return `${parts.join("\n\n")}\n`;
}

function renderBlock(block: Block, terminal: Terminal): string {
  const { columns } = terminal;
  switch (block.type) {
    case "paragraph":
      return hanging(MARGIN, block.text, columns).join("\n");
    case "list":
      return block.items.flatMap((text) => hanging(ITEM, text, columns)).join("\n");
    case "links":
      return block.items
        .flatMap(({ title, url }) => [
          ...hanging(ITEM, title, columns),
          ...(url === undefined ? [] : [DEEP_MARGIN + url]),
        ])
        .join("\n");
    case "terms":
      return block.items
        .flatMap(({ term, about }) => [
          MARGIN + terminal.paint("cyan", term),
          ...about.flatMap((text) => hanging(DEEP_MARGIN, text, columns)),
        ])
        .join("\n");
    case "facts":
      return renderFacts(block.rows, columns);
    default:
      return `${MARGIN}${terminal.paint("dim", block.caption)}\n${block.text.trimEnd().replaceAll(/^(?=.)/gm, DEEP_MARGIN)}`;
  }
}

/** Labels in a column of their own, so that the values stand below each other. */
function renderFacts(rows: readonly (readonly [string, string])[], columns: number): string {
  const labelWidth = Math.max(...rows.map(([label]) => widthOf(label))) + MARGIN.length;
  const valueWidth = Math.max(MIN_VALUE_WIDTH, columns - MARGIN.length - labelWidth);
  const continuation = `\n${MARGIN}${" ".repeat(labelWidth)}`;
  return rows
    .map(([label, value]) => MARGIN + padEnd(label, labelWidth) + wrap(value, valueWidth).join(continuation))
    .join("\n");
}
