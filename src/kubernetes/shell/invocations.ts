/** Which programs a command starts, seen through the shells, scripts and other programs that start them. */
import { readArguments } from "./command-arguments.ts";
import type { OptionSyntax, OptionValue } from "./command-arguments.ts";
import { readShell } from "./shell.ts";
import type { ShellCommand, ShellWord, TextPlace } from "./shell.ts";

export interface Invocation {
  /** Without its folder. */
  readonly program: string;
  readonly name: ShellWord;
  /** Its arguments. */
  readonly words: readonly ShellWord[];
  /** Variables that it finds set. */
  readonly environment: Environment;
}
export type Environment = (variable: string) => OptionValue | undefined;

export interface InvocationContext {
  /** What is set for the container. */
  readonly environment: Environment;
  /** What stands in the file, and what to call it, if that is known. */
  findFile(path: string): { readonly text: string; readonly name: string } | undefined;
  /** False for shell text in which nothing can be that is looked for. */
  isWorthReading(text: string): boolean;
  /** What is beyond it is not read; may be that of several commands. */
  readonly limit: ReadingLimit;
}

/** Of all texts together, each level of nesting counted anew. */
export interface ReadingLimit {
  charactersLeft: number;
}

/** More text than people write. */
const MAX_CHARACTERS = 64 * 1024;
/** What a text costs besides its length. */
const PER_TEXT = 256;
const MAX_DEPTH = 8;
const MAX_WRAPPERS = 8;

interface Wrapper extends OptionSyntax {
  /** How many operands come before the wrapped command. */
  readonly operands?: number;
  /** With these it starts nothing, or something that is not known. */
  readonly without?: readonly string[];
}

/** Programs that start the one that their arguments name. */
const WRAPPERS: ReadonlyMap<string, Wrapper> = new Map(
  Object.entries({
    builtin: {},
    busybox: { without: ["list"] },
    chroot: { operands: 1 },
    command: { without: ["v", "V"] },
    doas: { short: "uC" },
    "dumb-init": { short: "r" },
    env: { short: "uC", long: ["unset", "chdir"], without: ["S", "split-string"] },
    exec: { short: "a" },
    flock: { short: "wE", long: ["timeout", "conflict-exit-code"], operands: 1, without: ["c", "command"] },
    gosu: { operands: 1 },
    ionice: { short: "cn", long: ["class", "classdata"], without: ["p", "P", "u"] },
    k3s: {},
    nice: { short: "n", long: ["adjustment"] },
    nohup: {},
    nsenter: { short: "tSG", attached: "CFTUimnprwu", long: ["target", "setuid", "setgid"] },
    rke2: {},
    setsid: {},
    stdbuf: { short: "ioe", long: ["input", "output", "error"] },
    "su-exec": { operands: 1 },
    sudo: {
      short: "CDghpRrtTUu",
      long: ["chdir", "chroot", "close-from", "group", "host", "prompt", "role", "type", "user"],
      without: ["e", "l", "v", "V", "edit", "list", "validate", "version"],
    },
    time: { short: "fo", long: ["format", "output"] },
    timeout: { short: "ks", long: ["kill-after", "signal"], operands: 1 },
    tini: { short: "ep" },
    unshare: { short: "SGRw" },
  }),
);

const XARGS: OptionSyntax = {
  short: "adEILnPs",
  attached: "eil",
  long: ["arg-file", "delimiter", "max-lines", "max-args", "max-chars", "max-procs", "process-slot-var"],
};
const SHELLS = new Set(["ash", "bash", "dash", "ksh", "sh", "zsh"]);
const SHELL_OPTIONS: OptionSyntax = { short: "oO", long: ["init-file", "rcfile"] };
const SU_OPTIONS: OptionSyntax = { short: "cgGsw", long: ["command", "group", "shell", "supp-group"] };
const SHEBANG = /^#![ \t]*(\S+)(?:[ \t]+(?:-S[ \t]+)?(\S+))?/;
const ASSIGNMENT = /^([A-Za-z_]\w*)=/;

type Call = Pick<ShellCommand, "words" | "piped" | "inputText" | "inputFile"> & {
  readonly environment: Environment;
};

/** Of a command as a container has it, a word an argument. */
export function* invocationsOf(
  words: readonly ShellWord[],
  context: InvocationContext,
): Iterable<Invocation> {
  const { environment } = context;
  yield* new InvocationReader(context).read({ words, environment, piped: [] }, 0);
}

/** What a single command starts, if that is clear; shells and scripts are programs here. */
export function invocationBy(command: ShellCommand): Invocation | undefined {
  const call = unwrap({ ...command, environment: (name) => command.environment.get(name) });
  const [name, ...words] = call?.words ?? [];
  if (call === undefined || name?.value === undefined) return undefined;
  return { program: baseName(name.value), name, words, environment: call.environment };
}

export function readingLimit(): ReadingLimit {
  return { charactersLeft: MAX_CHARACTERS };
}

class InvocationReader {
  readonly #context: InvocationContext;

  constructor(context: InvocationContext) {
    this.#context = context;
  }

  *read(command: Call, depth: number): Iterable<Invocation> {
    const call = unwrap(command);
    const [name, ...words] = call?.words ?? [];
    if (call === undefined || name?.value === undefined) return;
    const program = baseName(name.value);
    if (SHELLS.has(program)) yield* this.#readShell(call, words, depth);
    else if (program === "eval") yield* this.#readEval(words, call.environment, depth);
    else if (program === "." || program === "source") yield* this.#readFile(words[0], call, depth);
    else if (program === "su" || program === "runuser") yield* this.#readSu(words, call, depth);
    else if (name.value.includes("/") && this.#context.findFile(name.value))
      yield* this.#readFile(name, call, depth, { isProgram: true });
    else yield { program, name, words, environment: call.environment };
  }

  *#readShell(call: Call, words: readonly ShellWord[], depth: number): Iterable<Invocation> {
    const { options, operands } = readArguments(words, SHELL_OPTIONS, { isPrefix: true });
    const has = (option: string) => options.some(({ name }) => name === option);
    const [operand] = operands;
    // With -n it only looks at what it reads.
    if (has("n")) return;
    if (has("c")) yield* this.#readWord(operand, call.environment, depth);
    else if (operand !== undefined && !has("s") && operand.value !== "-")
      yield* this.#readFile(operand, call, depth);
    else if (call.inputText) yield* this.#readWord(call.inputText, call.environment, depth);
    else yield* this.#readFile(call.inputFile, call, depth);
  }

  *#readEval(words: readonly ShellWord[], environment: Environment, depth: number): Iterable<Invocation> {
    const [word, ...others] = words;
    if (word === undefined || others.length === 0) yield* this.#readWord(word, environment, depth);
    else if (words.every(({ value }) => value !== undefined)) {
      const text = words.map(({ value }) => value).join(" ");
      yield* this.#readText(text, { source: word.source, start: undefined }, environment, depth);
    }
  }

  *#readSu(words: readonly ShellWord[], call: Call, depth: number): Iterable<Invocation> {
    const { options, operands } = readArguments(words, SU_OPTIONS);
    const index = words.findIndex(({ value }) => value === "-c" || value === "--command");
    if (index >= 0) yield* this.#readWord(words[index + 1], call.environment, depth);
    else if (options.some(({ name }) => name === "u"))
      yield* this.read({ ...call, words: operands.slice(1) }, depth);
  }

  *#readFile(
    path: ShellWord | undefined,
    { environment }: Call,
    depth: number,
    { isProgram = false } = {},
  ): Iterable<Invocation> {
    const file = path?.value === undefined ? undefined : this.#context.findFile(path.value);
    if (path === undefined || file === undefined || (isProgram && !isShellScript(file.text))) return;
    const source = { field: path.source.field, text: file.text, file: file.name };
    yield* this.#readText(file.text, { source, start: 0 }, environment, depth);
  }

  /** As the text of commands. */
  *#readWord(word: ShellWord | undefined, environment: Environment, depth: number): Iterable<Invocation> {
    if (word?.value !== undefined) {
      yield* this.#readText(word.value, { source: word.source, start: word.valueStart }, environment, depth);
    } else if (word?.variable !== undefined) {
      const text = environment(word.variable)?.value ?? "";
      yield* this.#readText(text, { source: word.source, start: undefined }, environment, depth);
    }
  }

  *#readText(text: string, place: TextPlace, environment: Environment, depth: number): Iterable<Invocation> {
    const { limit } = this.#context;
    const cost = text.length + PER_TEXT;
    if (depth >= MAX_DEPTH || cost > limit.charactersLeft || !this.#context.isWorthReading(text)) return;
    limit.charactersLeft -= cost;
    const variables = new Map<string, OptionValue>();
    const set: Environment = (name) => variables.get(name) ?? environment(name);
    for (const command of readShell(text, place)) {
      const { words, environment: own } = command;
      if (words.length === 0 || words[0]?.value === "export")
        for (const assignment of assignmentsIn(command)) variables.set(...assignment);
      else yield* this.read({ ...command, environment: (name) => own.get(name) ?? set(name) }, depth + 1);
    }
  }
}

/** Undefined where it is not clear what is started. */
function unwrap(command: Call): Call | undefined {
  let call: Call | undefined = command;
  for (let count = 0; call !== undefined && count < MAX_WRAPPERS; count++) {
    const program = baseName(call.words[0]?.value ?? "");
    const wrapper = WRAPPERS.get(program);
    if (program === "xargs") call = unwrapXargs(call);
    else if (wrapper) call = unwrapOnce(call, wrapper);
    else return call;
  }
  return undefined;
}

function unwrapOnce(
  call: Call,
  { operands: before = 0, without = [], ...syntax }: Wrapper,
): Call | undefined {
  const { options, operands, isClear } = readArguments(call.words.slice(1), syntax, { isPrefix: true });
  if (!isClear || options.some(({ name }) => without.includes(name))) return undefined;
  const words = operands.slice(before);
  const first = words.findIndex(({ prefix }) => !ASSIGNMENT.test(prefix));
  const set = new Map(words.slice(0, first < 0 ? words.length : first).flatMap(assignmentIn));
  return {
    ...call,
    words: first < 0 ? [] : words.slice(first),
    environment: (name) => set.get(name) ?? call.environment(name),
  };
}

/** What it reads becomes arguments: behind all others, or in the place that -I names. */
function unwrapXargs(call: Call): Call | undefined {
  const { options, operands, isClear } = readArguments(call.words.slice(1), XARGS, { isPrefix: true });
  const [name] = operands;
  if (!isClear || name === undefined || options.some((one) => one.name === "a" || one.name === "arg-file"))
    return undefined;
  const input: ShellWord = { value: undefined, prefix: "", source: name.source, output: call.piped };
  const place = options.find((one) => one.name === "I")?.value?.value;
  const words =
    place === undefined ? [...operands, input] : operands.map((one) => (one.value === place ? input : one));
  return { ...call, words, piped: [] };
}

function assignmentsIn({ words, environment }: ShellCommand): readonly [string, OptionValue][] {
  return [...environment, ...words.flatMap(assignmentIn)];
}

function assignmentIn({ value, prefix }: ShellWord): [string, OptionValue][] {
  const [start, name] = ASSIGNMENT.exec(prefix) ?? [];
  if (start === undefined || name === undefined) return [];
  return [[name, { value: value?.slice(start.length), prefix: prefix.slice(start.length) }]];
}

/** Without a first line that names a program, a shell reads it. */
function isShellScript(text: string): boolean {
  const [, program, argument = ""] = SHEBANG.exec(text) ?? [];
  if (program === undefined) return true;
  const isIndirect = baseName(program) === "env" || baseName(program) === "busybox";
  return SHELLS.has(baseName(isIndirect ? argument : program));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
