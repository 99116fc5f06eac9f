/** Helm's templates, which become manifests only when they are rendered. */
import { stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";

/** A line that only a template engine reads. */
const CONTROL_LINE = /^[ \t]*\{\{/m;

export interface TemplateSigns {
  readonly text: string;
  /** From 1: where the text is not YAML. */
  readonly problemLines: readonly number[];
  /** Of its objects: names and namespaces. */
  readonly names: readonly string[];
}

/** By the text alone: no name holds braces, and what breaks where an action stands is no YAML yet. */
export function looksLikeTemplate({ text, problemLines, names }: TemplateSigns): boolean {
  if (!hasAction(text)) return false;
  if (names.some(hasAction)) return true;
  if (problemLines.length === 0) return false;
  if (CONTROL_LINE.test(text)) return true;
  const lines = text.split("\n");
  return problemLines.some((line) => hasAction(lines[line - 1] ?? ""));
}

/** The folder of the chart among whose templates the file is; undefined if it is among none, or holds no action. */
export async function chartOf(file: string, text: string): Promise<string | undefined> {
  if (!hasAction(text)) return undefined;
  const parts = resolve(file).split(sep);
  for (const [index, part] of parts.entries()) {
    if (part !== "templates") continue;
    const chart = parts.slice(0, index).join(sep);
    if (await isFile(join(chart, "Chart.yaml"))) return relative(".", chart) || ".";
  }
  return undefined;
}

function hasAction(text: string): boolean {
  const start = text.indexOf("{{");
  return start >= 0 && text.includes("}}", start);
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

/** Templates that were passed over. */
export interface SkippedTemplates {
  /** Their chart, or the folder they are in, or `-`. */
  readonly origin: string;
  readonly isChart: boolean;
  readonly count: number;
}

export function countTemplates(
  templates: readonly { readonly file: string; readonly chart: string | undefined }[],
): SkippedTemplates[] {
  const byOrigin = Map.groupBy(templates, ({ file, chart }) => chart ?? (file === "-" ? "-" : dirname(file)));
  return [...byOrigin].map(([origin, ofOrigin]) => ({
    origin,
    isChart: ofOrigin[0]?.chart !== undefined,
    count: ofOrigin.length,
  }));
}
