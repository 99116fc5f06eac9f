/** `foresail completion`: what shells need to complete commands, flags and their values, made from the command line itself. */
import type { Argument, Command, Option } from "commander";
import { completionForBash } from "./completion/bash.ts";
import { completionForFish } from "./completion/fish.ts";
import { completionForZsh } from "./completion/zsh.ts";
import type { CompletedCommand, CompletedFlag, Values } from "./completion/shape.ts";
import type { Shell } from "./options.ts";
import type { CommandResult } from "./result.ts";

const SCRIPTS = { bash: completionForBash, fish: completionForFish, zsh: completionForZsh };

export function completion(shell: Shell, program: Command, ruleIds: readonly string[]): CommandResult {
  const shape = shapeOf(program, [], { ruleIds, commands: program.commands.map((one) => one.name()) });
  return { report: SCRIPTS[shell](shape), problems: [], exitCode: 0 };
}

interface Known {
  readonly ruleIds: readonly string[];
  readonly commands: readonly string[];
}

function shapeOf(command: Command, path: readonly string[], known: Known): CompletedCommand {
  const [argument] = command.registeredArguments;
  return {
    path,
    about: command.description(),
    flags: [
      ...command.options.map((option) => flagOf(option, known)),
      { names: ["-h", "--help"], about: "print help", values: undefined, isRepeatable: false },
    ],
    argument: argument && valuesOf(argument.name(), argument, known),
    commands: command.commands.map((one) => shapeOf(one, [...path, one.name()], known)),
  };
}

function flagOf(option: Option, known: Known): CompletedFlag {
  const placeholder = /<(.+)>/.exec(option.flags)?.[1];
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    about: option.description,
    values: placeholder === undefined ? undefined : valuesOf(placeholder, option, known),
    isRepeatable: option.parseArg !== undefined && option.argChoices === undefined,
  };
}

/** By the choices that there are, and by what stands for the value in the help. */
function valuesOf(
  placeholder: string,
  { argChoices }: Pick<Argument | Option, "argChoices">,
  { ruleIds, commands }: Known,
): Values {
  if (argChoices !== undefined) return { kind: "words", words: argChoices };
  switch (placeholder) {
    case "ID":
    case "WORDS":
      return { kind: "words", words: ruleIds };
    case "COMMAND":
      return { kind: "words", words: commands };
    case "FILE":
    case "PATH":
      return { kind: "files" };
    case "DIR":
      return { kind: "folders" };
    default:
      return { kind: "any" };
  }
}
