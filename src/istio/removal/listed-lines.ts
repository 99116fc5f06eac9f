/** What programs in a pipeline do with the line of a finished istio-init in a list of containers. */
import type { ShellCommand } from "../../kubernetes/shell/shell.ts";

/** They change lines, or their order, or take away the first. */
const NEUTRAL = new Set(["cat", "cut", "nl", "sort", "tac", "tee", "tr", "uniq"]);

/** Its container ended; what it is called and how old it is, is no more than its Pod's business. */
const IN_LINE =
  /^(?:\^?Exit(?:ed)?(?: ?\\?\((?:0\\?\)?)?)?|(?:second|minute|hour|day|week|month|year)s?(?: ago)?|istio(?:-init)?|k8s_?|proxyv2)$/i;
const ALTERNATIVE = /\\?\|/;
const NOT_IN_LINE = /^\^?(?:CONTAINER(?: ID)?|Up|NAMES|STATUS|Created|Running|k8s_POD|POD|pause)\b/;
const AWK = /^\s*(?:NR\s*>\s*1\s*(?:&&\s*)?)?(?:\/([^/]*)\/\s*)?\{\s*print\s+\$(?:1|NF)\s*;?\s*\}\s*$/;

/** False where that is not clear. */
export function keepsLine({ words }: ShellCommand): boolean {
  const [program, ...others] = words.map(({ value }) => value);
  if (program === undefined || others.includes(undefined)) return false;
  const name = program.slice(program.lastIndexOf("/") + 1);
  if (NEUTRAL.has(name)) return true;
  const values = others.filter((value) => value !== undefined);
  switch (name) {
    case "awk":
    case "gawk":
    case "mawk":
      return keptByAwk(values);
    case "egrep":
    case "fgrep":
    case "grep":
      return keptByGrep(values);
    case "sed":
      return values.length === 1 && values[0] === "1d";
    case "tail":
      return /^(?:-n ?)?\+\d+$/.test(values.join(" "));
    default:
      return false;
  }
}

function keptByAwk(values: readonly string[]): boolean {
  const match = values.length === 1 ? AWK.exec(values[0] ?? "") : null;
  return match !== null && (match[1] === undefined || selectsLine(match[1]));
}

/** Its options are letters alone, but for -e. */
function keptByGrep(values: readonly string[]): boolean {
  const [pattern, ...others] = values.filter((value) => !/^-[a-zA-Z]+$/.test(value));
  if (pattern === undefined || others.length > 0 || values.some((value) => value.startsWith("--")))
    return false;
  const isInverted = values.some((value) => /^-[a-zA-Z]*v/.test(value));
  return isInverted ? NOT_IN_LINE.test(pattern) : selectsLine(pattern);
}

/** One of the alternatives is enough. */
function selectsLine(pattern: string): boolean {
  return pattern.split(ALTERNATIVE).some((one) => IN_LINE.test(one));
}
