/** The arguments of a program, told apart as getopt and Go's pflag do. */
import type { ShellWord } from "./shell.ts";

/** The options that take a value. All others are taken for switches. */
export interface OptionSyntax {
  /** Letters. */
  readonly short?: string;
  readonly long?: readonly string[];
  /** Letters of options that take one only if it is attached. */
  readonly attached?: string;
}

/** As a word's. */
export type OptionValue = Pick<ShellWord, "value" | "prefix">;

export interface Arguments {
  /** In order, without dashes. A switch has a value only where one is attached: `--all=false`. */
  readonly options: readonly { readonly name: string; readonly value: OptionValue | undefined }[];
  readonly operands: readonly ShellWord[];
  /** False if a word may be an option or not, or may be any of several. */
  readonly isClear: boolean;
}

interface Reading {
  readonly options: { name: string; value: OptionValue | undefined }[];
  readonly operands: ShellWord[];
  isClear: boolean;
}

/** `isPrefix`: what follows the first operand belongs to another program, or to a subcommand, and is an operand, too. */
export function readArguments(
  words: readonly ShellWord[],
  syntax: OptionSyntax,
  { isPrefix = false } = {},
): Arguments {
  const reading: Reading = { options: [], operands: [], isClear: true };
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (word === undefined) break;
    const { prefix, value } = word;
    const isOption = prefix.startsWith("-") && value !== "-";
    if (value === "--" || (!isOption && isPrefix)) {
      const rest = words.slice(value === "--" ? index + 1 : index);
      return { ...reading, operands: [...reading.operands, ...rest] };
    }
    if (!isOption) {
      reading.operands.push(word);
      if (prefix === "" && value === undefined && word.output === undefined) reading.isClear = false;
    } else {
      const next = prefix.startsWith("--")
        ? readLong(word, syntax, reading)
        : readCluster(word, syntax, reading);
      if (next !== undefined) reading.options.push({ name: next, value: words[++index] });
    }
  }
  return reading;
}

/** The option whose value is the next word, if that is so. */
function readLong(word: ShellWord, { long = [] }: OptionSyntax, reading: Reading): string | undefined {
  const equals = word.prefix.indexOf("=");
  if (equals < 0) {
    if (word.value === undefined) reading.isClear = false;
    const name = word.prefix.slice(2);
    if (long.includes(name)) return name;
    reading.options.push({ name, value: undefined });
  } else reading.options.push({ name: word.prefix.slice(2, equals), value: behind(word, equals + 1) });
  return undefined;
}

function readCluster(
  word: ShellWord,
  { short = "", attached = "" }: OptionSyntax,
  reading: Reading,
): string | undefined {
  for (let index = 1; index < word.prefix.length; index++) {
    const name = word.prefix.charAt(index);
    const hasEquals = word.prefix[index + 1] === "=";
    const start = index + (hasEquals ? 2 : 1);
    const isLast = word.value?.length === start;
    if (short.includes(name) || hasEquals || (attached.includes(name) && !isLast)) {
      if (isLast && !hasEquals) return name;
      reading.options.push({ name, value: behind(word, start) });
      return undefined;
    }
    reading.options.push({ name, value: undefined });
  }
  if (word.value === undefined) reading.isClear = false;
  return undefined;
}

function behind({ value, prefix }: ShellWord, start: number): OptionValue {
  return { value: value?.slice(start), prefix: prefix.slice(start) };
}
