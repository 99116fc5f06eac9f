/** What is said of files that are passed over because they are no manifests yet. */
import type { Manifests } from "../cluster/files/manifests.ts";
import type { SkippedPatches } from "../cluster/files/patches.ts";
import type { SkippedTemplates } from "../cluster/files/templates.ts";
import { printable } from "../engine/render.ts";

export function skippedLines({ templates, patches }: Manifests): readonly string[] {
  return [...templates.map(templateLine), ...patches.map(patchLine)];
}

function templateLine({ origin, isChart, count }: SkippedTemplates): string {
  const skipped = `foresail: skipped ${count} Helm template${count === 1 ? "" : "s"}`;
  if (isChart) {
    return `${skipped} of the chart ${printable(origin)}: check what becomes of it with helm template ${printable(origin)} | foresail check -`;
  }
  const place = origin === "-" ? "on standard input" : `in ${printable(origin)}`;
  return `${skipped} ${place}: render it first, and pipe the result to foresail check -`;
}

function patchLine({ root, count }: SkippedPatches): string {
  const patches = count === 1 ? "1 Kustomize patch" : `${count} Kustomize patches`;
  return `foresail: skipped ${patches} of ${printable(root)}: check what becomes of it with kubectl kustomize ${printable(root)} | foresail check -`;
}
