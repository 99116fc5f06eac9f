/**
 * Shell text, bash's or that of any POSIX shell, as the commands that it runs. Wraps unbash, which no other file names.
 *
 * Variables are left alone, and so is what the shell would refuse.
 */
import { forEachChild, parse } from "unbash";
import type {
  Command,
  CommandArgument,
  DoubleQuotedChild,
  ParsedScript,
  Redirection,
  SyntaxNode,
  Word,
  WordPart,
} from "unbash";
import type { FieldPath } from "../field-path.ts";

/** A text that people wrote commands into, and the field of an object that it stands in or is run by. */
export interface CommandText {
  readonly field: FieldPath;
  readonly text: string;
  /** It does not stand in the field, but in this file that is run there: completes `docker rm in ...`. */
  readonly file?: string;
}

export interface ShellWord {
  /** What the shell makes of it; undefined where variables, files or the output of commands decide. */
  readonly value: string | undefined;
  /** What it begins with, in any case; the value where that is known. */
  readonly prefix: string;
  /** It is an item of a list, the command itself in separate words; no shell reads it. */
  readonly isItem?: true;
  /** It is what this variable holds, and nothing else. */
  readonly variable?: string;
  /** It is what these commands print, and nothing else. */
  readonly output?: Pipeline;
  readonly source: CommandText;
  /** Its end in the text, and the start of its value if it stands there as it is; undefined where the text is made first. */
  readonly end?: number;
  readonly valueStart?: number;
}

/** Commands of which each reads what the one before it prints; undefined for one that is more than a single command. */
export type Pipeline = readonly (ShellCommand | undefined)[];

export interface ShellCommand {
  /** None where only variables are set. */
  readonly words: readonly ShellWord[];
  /** The variables that are set in front of it. */
  readonly environment: ReadonlyMap<string, ShellWord>;
  /** Those before it in its pipeline. */
  readonly piped: Pipeline;
  /** What a here-document or a here-string gives it to read. */
  readonly inputText?: ShellWord;
  /** The file that it is given to read. */
  readonly inputFile?: ShellWord;
}

/** Where a text begins in its source; `start` is undefined where it does not stand there as it is. */
export interface TextPlace {
  readonly source: CommandText;
  readonly start: number | undefined;
}

/** Deeper substitutions are parsed once for each level that they stand in. */
const MAX_SUBSTITUTIONS = 8;
/** Of functions that call each other. */
const MAX_CALLS = 32;
/** What is piped through more commands is not followed. */
const MAX_PIPED = 16;
const UNCLEAR: Pipeline = [undefined];

/** How deep in substitutions and functions a node stands, and whether its positions are those of the text. */
interface Level {
  readonly depth: number;
  readonly calls: number;
  readonly isAsWritten: boolean;
}

/** In the order in which they stand there; those of a function where it is first called. None if it is no valid shell text. */
export function readShell(text: string, place: TextPlace): readonly ShellCommand[] {
  const script = parse(text);
  if (script.errors !== undefined) return [];
  const reader = new ShellReader(text, place);
  reader.visit(script, { depth: 0, calls: 0, isAsWritten: true });
  return reader.commands;
}

class ShellReader {
  readonly commands: ShellCommand[] = [];
  readonly #text: string;
  readonly #place: TextPlace;
  readonly #read = new Map<Command, ShellCommand>();
  /** By name, until it is called. */
  readonly #functions = new Map<string, SyntaxNode | undefined>();

  constructor(text: string, place: TextPlace) {
    this.#text = text;
    this.#place = place;
  }

  visit(node: SyntaxNode, level: Level): void {
    if (node.type === "Function") {
      this.#functions.set(node.name.value, node.body);
      return;
    }
    const inner = isSubstitution(node) ? levelIn(node.script, level) : level;
    if (inner === undefined) return;
    if (node.type === "Pipeline") this.#readPipeline(node.commands, level);
    if (node.type === "Command" && this.#isRun(node, level))
      this.commands.push(this.#readCommand(node, [], level));
    forEachChild(node, (child) => this.visit(child, inner));
  }

  /** False for the call of a function, which is read in its place. */
  #isRun({ name }: Command, level: Level): boolean {
    if (name === undefined || !this.#functions.has(name.value)) return true;
    const body = this.#functions.get(name.value);
    this.#functions.set(name.value, undefined);
    if (body !== undefined && level.calls < MAX_CALLS) this.visit(body, { ...level, calls: level.calls + 1 });
    return false;
  }

  #readPipeline(stages: readonly SyntaxNode[], level: Level): Pipeline {
    const read: (ShellCommand | undefined)[] = [];
    for (const stage of stages) {
      const piped = read.length > MAX_PIPED ? UNCLEAR : [...read];
      read.push(stage.type === "Command" ? this.#readCommand(stage, piped, level) : undefined);
    }
    return read;
  }

  #readCommand(command: Command, piped: Pipeline, level: Level): ShellCommand {
    const known = this.#read.get(command);
    if (known) return known;
    const { name, prefix, args, redirects } = command;
    const environment = prefix.flatMap((part): [string, ShellWord][] =>
      part.type === "Assignment" && part.value.type === "Word"
        ? [[part.name, this.#readWord(part.value, level)]]
        : [],
    );
    const read = {
      words: name === undefined ? [] : [name, ...args].map((word) => this.#readArgument(word, level)),
      environment: new Map(environment),
      piped,
      ...this.#readInput(redirects, level),
    };
    this.#read.set(command, read);
    return read;
  }

  #readInput(redirects: readonly Redirection[], level: Level): Pick<ShellCommand, "inputFile" | "inputText"> {
    const last = redirects.findLast(
      (one) => (one.descriptor === undefined && one.type !== "Redirect") || isInput(one),
    );
    if (last === undefined) return {};
    if (last.type === "HereDoc") {
      const { text, pos, end } = last.body;
      // What stands behind a backslash may be another text for the command than for people.
      const isMade = last.delimiter?.quoted !== true && text.includes("\\");
      return { inputText: this.#word(isMade ? {} : { value: text, end, valueStart: pos }, level) };
    }
    const target = last.target && this.#readWord(last.target, level);
    if (target === undefined) return {};
    return last.type === "HereString" ? { inputText: target } : { inputFile: target };
  }

  /** `export A=b` has an assignment among its arguments. */
  #readArgument(argument: CommandArgument, level: Level): ShellWord {
    if (argument.type === "Word") return this.#readWord(argument, level);
    const { name, value } = argument;
    const assigned = value.type === "Word" ? this.#readWord(value, level) : undefined;
    const text = assigned?.value === undefined ? undefined : `${name}=${assigned.value}`;
    return {
      ...this.#word({ value: text, end: argument.end }, level),
      prefix: `${name}=${assigned?.prefix ?? ""}`,
    };
  }

  #readWord(word: Word, level: Level): ShellWord {
    const { value, prefix } = knownValue(word);
    const variable = variableIn(word);
    const output = this.#outputOf(word, level);
    return {
      ...this.#word({ value, end: word.end, valueStart: startOfValue(word) }, level),
      prefix,
      ...(variable === undefined ? {} : { variable }),
      ...(output === undefined ? {} : { output }),
    };
  }

  #word(
    { value, end, valueStart }: { value?: string | undefined; end?: number; valueStart?: number | undefined },
    level: Level,
  ): ShellWord {
    const { source, start } = this.#place;
    const word = { value, prefix: value ?? "", source };
    if (start === undefined || end === undefined || !level.isAsWritten) return word;
    const isAsWritten =
      valueStart !== undefined &&
      value !== undefined &&
      this.#text.slice(valueStart, valueStart + value.length) === value;
    return { ...word, end: start + end, ...(isAsWritten ? { valueStart: start + valueStart } : {}) };
  }

  #outputOf(word: Word, level: Level): Pipeline | undefined {
    const part = onlyPart(word);
    if (part?.type !== "CommandExpansion") return undefined;
    const inner = levelIn(part.script, level);
    const [statement, ...others] = part.script?.commands ?? [];
    if (inner === undefined || statement === undefined || others.length > 0) return undefined;
    const { command } = statement;
    return this.#readPipeline(command.type === "Pipeline" ? command.commands : [command], inner);
  }
}

function isSubstitution(node: SyntaxNode) {
  return (
    node.type === "CommandExpansion" ||
    node.type === "ProcessSubstitution" ||
    node.type === "ArithmeticCommandExpansion"
  );
}

/** Undefined for what is not read: it is no valid shell text, or too deep. */
function levelIn(script: ParsedScript | undefined, level: Level): Level | undefined {
  const { depth, isAsWritten } = level;
  if (script === undefined || script.errors !== undefined || depth >= MAX_SUBSTITUTIONS) return undefined;
  return { ...level, depth: depth + 1, isAsWritten: isAsWritten && script.source === undefined };
}

function isInput(redirect: Redirection): boolean {
  const { descriptor } = redirect;
  const isStandard =
    descriptor === undefined || (descriptor.type === "FileDescriptor" && descriptor.value === 0);
  return isStandard && (redirect.type !== "Redirect" || redirect.operator === "<");
}

function knownValue(word: Word): { value: string | undefined; prefix: string } {
  if (word.parts === undefined) return { value: word.value, prefix: word.value };
  let prefix = "";
  for (const part of literalsOf(word.parts)) {
    if (part === undefined) return { value: undefined, prefix };
    prefix += part;
  }
  return { value: prefix, prefix };
}

/** The texts of the parts; undefined for one that is not known. */
function* literalsOf(parts: readonly (WordPart | DoubleQuotedChild)[]): Iterable<string | undefined> {
  for (const part of parts) {
    if (part.type === "DoubleQuoted") yield* literalsOf(part.parts);
    else if (part.type === "Literal" || part.type === "SingleQuoted" || part.type === "AnsiCQuoted")
      yield part.value;
    else yield undefined;
  }
}

/** Of a word that has no other, in double quotes or not. */
function onlyPart({ parts = [] }: Word): WordPart | DoubleQuotedChild | undefined {
  const [part, ...others] = parts;
  if (others.length > 0) return undefined;
  if (part?.type !== "DoubleQuoted") return part;
  return part.parts.length === 1 ? part.parts[0] : undefined;
}

function variableIn(word: Word): string | undefined {
  const part = onlyPart(word);
  if (part?.type === "SimpleExpansion") return part.text.slice(1);
  const isPlain = part?.type === "ParameterExpansion" && !part.prefix && !part.index && !part.operation;
  return isPlain ? part.parameter : undefined;
}

/** If it stands there as it is, in one pair of quotes or none. */
function startOfValue(word: Word): number | undefined {
  if (word.parts === undefined) return word.pos;
  const part = onlyPart(word);
  if (part?.type === "SingleQuoted") return part.pos + 1;
  return part?.type === "Literal" ? part.pos : undefined;
}
