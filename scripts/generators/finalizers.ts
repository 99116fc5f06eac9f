/** The table of finalizers in `docs/en/namespaces.md`. */
import { knownFinalizers } from "../../src/kubernetes/finalizers.ts";
import { between } from "./between.ts";

export function pageWithFinalizers(page: string): string {
  const rows = knownFinalizers().map(
    ([finalizer, { controller, leaves, source }]) =>
      `| \`${finalizer}\` | ${controller} | ${leaves} | ${linked(source)} |`,
  );
  const head = ["| finalizer | removed by | by hand it leaves | source |", "|---|---|---|---|"];
  return between(page, "finalizers", ["", ...head, ...rows, ""].join("\n"));
}

/** Of `"title, URL"`. */
function linked(source: string): string {
  const at = source.lastIndexOf(", ");
  return `[${source.slice(0, at)}](${source.slice(at + 2)})`;
}
