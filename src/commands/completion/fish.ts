import { withBelow } from "./shape.ts";
import type { CompletedCommand, CompletedFlag, Values } from "./shape.ts";

/** For fish 3.0 and newer. */
export function completionForFish(program: CompletedCommand): string {
  const commands = withBelow(program);
  const paths = commands.filter(({ path }) => path.length > 0).map(keyOf);
  return `# Completion of foresail in fish: foresail completion fish | source

function __foresail_at --argument-names wanted
    set -l command ""
    for word in (commandline -opc)[2..-1]
        contains -- "$command $word" ${paths.map(quote).join(" ")}
        and set command "$command $word"
    end
    test "$command" = "$wanted"
end

complete -c foresail -f
${commands.flatMap(linesOf).join("\n")}
`;
}

/** As the script builds it: each word with a space before it. */
function keyOf({ path }: CompletedCommand): string {
  return path.map((name) => ` ${name}`).join("");
}

function linesOf(command: CompletedCommand): string[] {
  const start = `complete -c foresail -n ${quote(`__foresail_at ${quote(keyOf(command))}`)}`;
  const { argument } = command;
  return [
    ...command.commands.map(({ path, about }) => `${start} -a ${path.at(-1)} -d ${quote(about)}`),
    ...command.flags.map((flag) => `${start} ${flagOptions(flag)}`),
    ...(argument === undefined || argument.kind === "any" ? [] : [`${start} ${argumentOptions(argument)}`]),
  ];
}

function flagOptions({ names, about, values }: CompletedFlag): string {
  const named = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value = values === undefined ? [] : [values.kind === "files" ? "-r -F" : `-x ${wordOptions(values)}`];
  return [...named, ...value.map((one) => one.trim()), `-d ${quote(about)}`].join(" ");
}

function argumentOptions(values: Values): string {
  // With -F, files would be offered for the flags, too.
  return values.kind === "files" ? "-a '(__fish_complete_path (commandline -ct))'" : wordOptions(values);
}

function wordOptions(values: Values): string {
  if (values.kind === "words") return `-a ${quote(values.words.join(" "))}`;
  return values.kind === "folders" ? "-a '(__fish_complete_directories)'" : "";
}

/** Fish knows two escapes between single quotes. */
function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
