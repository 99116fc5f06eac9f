/** The diagram of imports in `docs/architecture.md`. */
import { ARROWS } from "../../test/architecture.ts";
import { between } from "./between.ts";

export function architectureWithArrows(text: string): string {
  const arrows = Object.entries(ARROWS).flatMap(([from, targets]) =>
    targets.map((to) => `  ${from} --> ${to}`),
  );
  return between(text, "arrows", ["", "```mermaid", "flowchart LR", ...arrows, "```", ""].join("\n"));
}
