import { withBelow } from "./shape.ts";
import type { CompletedCommand, Values } from "./shape.ts";

/** For bash 3.2 and newer, without the package bash-completion. */
export function completionForBash(program: CompletedCommand): string {
  const commands = withBelow(program);
  return `# Completion of foresail in bash: source <(foresail completion bash)

_foresail_words() {
  COMPREPLY=($(compgen -W "$1" -- "$word"))
}

_foresail_files() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$1" -- "$word"))
}

_foresail() {
  local word="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" command="" index
  COMPREPLY=()
  # bash takes --flag=value apart.
  if [[ $word == "=" ]]; then
    word=""
  elif [[ $previous == "=" ]]; then
    previous="\${COMP_WORDS[COMP_CWORD - 2]}"
  fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$command \${COMP_WORDS[index]}" in
      ${pathsOf(commands).map(quote).join(" | ")}) command="$command \${COMP_WORDS[index]}" ;;
    esac
  done
  case "$command $previous" in
${commands.flatMap(flagCases).join("\n")}
  esac
  case "$command $word" in
${commands.map(nameCase).join("\n")}
  esac
  case "$command" in
${commands.map(argumentCase).join("\n")}
  esac
}

complete -F _foresail foresail
`;
}

function pathsOf(commands: readonly CompletedCommand[]): string[] {
  return commands.filter(({ path }) => path.length > 0).map(keyOf);
}

/** As the script builds it: each word with a space before it. */
function keyOf({ path }: CompletedCommand): string {
  return path.map((name) => ` ${name}`).join("");
}

function flagCases(command: CompletedCommand): string[] {
  return command.flags.flatMap(({ names, values }) => {
    if (values === undefined) return [];
    const patterns = names.map((name) => quote(`${keyOf(command)} ${name}`)).join(" | ");
    return [`    ${patterns}) ${complete(values)}; return ;;`];
  });
}

function nameCase(command: CompletedCommand): string {
  const names = command.flags.flatMap((flag) => flag.names).join(" ");
  return `    ${quote(`${keyOf(command)} -`)}*) _foresail_words ${quote(names)}; return ;;`;
}

function argumentCase(command: CompletedCommand): string {
  const names = command.commands.map(({ path }) => path.at(-1) ?? "");
  const { argument } = command;
  const words = argument?.kind === "words" ? [...names, ...argument.words] : names;
  const values: Values = words.length > 0 ? { kind: "words", words } : (argument ?? { kind: "any" });
  return `    ${quote(keyOf(command))}) ${complete(values)} ;;`;
}

function complete(values: Values): string {
  switch (values.kind) {
    case "words":
      return `_foresail_words ${quote(values.words.join(" "))}`;
    case "files":
      return "_foresail_files -f";
    case "folders":
      return "_foresail_files -d";
    default:
      return ":";
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
