import { withBelow } from "./shape.ts";
import type { CompletedCommand, CompletedFlag, Values } from "./shape.ts";

/** Both as a file `_foresail` in fpath and for `source`. */
export function completionForZsh(program: CompletedCommand): string {
  return `#compdef foresail
# Completion of foresail in zsh, behind compinit: source <(foresail completion zsh)

${withBelow(program).map(functionOf).join("\n\n")}

if [[ $funcstack[1] == _foresail ]]; then
  _foresail "$@"
else
  compdef _foresail foresail
fi
`;
}

/** A command that has others below it takes the first word for one of them, if it is one. */
function functionOf(command: CompletedCommand): string {
  const { commands, argument, flags } = command;
  const specifications = [
    ...flags.map(flagSpecification),
    ...(commands.length > 0 ? ["'1: :->first'"] : []),
    ...(argument ? [quote(`*:${argumentName(argument)}:${actionOf(argument)}`)] : []),
  ];
  const below = commands.map(
    (one) => `    ${one.path.at(-1)}) shift words; (( CURRENT-- )); ${nameOf(one)}; return ;;`,
  );
  const dispatch =
    below.length === 0 ? "" : `  (( CURRENT > 2 )) && case $words[2] in\n${below.join("\n")}\n  esac\n`;
  return `${nameOf(command)}() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
${dispatch}  _arguments -C \\
    ${specifications.join(" \\\n    ")}${firstWord(command)}
}`;
}

function firstWord({ commands, argument }: CompletedCommand): string {
  if (commands.length === 0) return "";
  const described = commands.map(({ path, about }) => quote(`${path.at(-1)}:${about}`));
  const words = argument?.kind === "words" ? argument.words.map(quote) : [];
  return `
  if [[ $state == first ]]; then
    local -a first=(
      ${[...described, ...words].join("\n      ")}
    )
    _describe -t commands command first
  fi`;
}

function nameOf({ path }: CompletedCommand): string {
  return ["_foresail", ...path].join("_");
}

function flagSpecification({ names, about, values, isRepeatable }: CompletedFlag): string {
  const shown = values === undefined ? "" : `:value:${actionOf(values)}`;
  const end = quote(`[${about.replaceAll(/[[\]\\]/g, "\\$&")}]${shown}`);
  const spelled = names.map((name) =>
    values === undefined ? name : name + (name.startsWith("--") ? "=" : "+"),
  );
  const exclusion = isRepeatable ? "*" : `(${names.join(" ")})`;
  return spelled.length === 1
    ? `${quote(exclusion + spelled.join())}${end}`
    : `${quote(exclusion)}{${spelled.join(",")}}${end}`;
}

function argumentName(values: Values): string {
  return values.kind === "files" ? "file" : "word";
}

function actionOf(values: Values): string {
  switch (values.kind) {
    case "words":
      return `(${values.words.join(" ")})`;
    case "files":
      return "_files";
    case "folders":
      return "_files -/";
    default:
      return " ";
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
