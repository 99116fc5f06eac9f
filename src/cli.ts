/** From the command line to a command. Nothing else reads process.argv, prints, or sets the exit code. */
import { CommanderError } from "commander";
import type { Command } from "commander";
import { createProgram } from "./commands/program.ts";
import type { CommandResult } from "./commands/result.ts";
import { ForesailError, nearest } from "./errors.ts";

const FAILED = 2;
/** 128 and the number of SIGINT, as shells report it. */
const INTERRUPTED = 130;

export async function run(): Promise<void> {
  // A reader such as `head` that has seen enough is no failure.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", endQuietly);
  const program: Command = createProgram({
    async certs(options) {
      const { certs } = await import("./commands/certs.ts");
      finish(await certs(options));
    },
    async check(paths, options) {
      process.once("SIGINT", () => process.exit(INTERRUPTED));
      const [{ check }, { RULES }, { terminalOf }, { default: manifest }] = await Promise.all([
        import("./commands/check.ts"),
        import("./rules/index.ts"),
        import("./report/terminal.ts"),
        import("../package.json", { with: { type: "json" } }),
      ]);
      const { version } = manifest;
      finish(await check(paths, options, { rules: RULES, version, terminal: terminalOf(process.stdout) }));
    },
    async explain(question, language) {
      const [{ explain }, { RULES }, { terminalOf }] = await Promise.all([
        import("./commands/explain.ts"),
        import("./rules/index.ts"),
        import("./report/terminal.ts"),
      ]);
      finish(explain(question, language, RULES, terminalOf(process.stdout)));
    },
    async manifests(options) {
      const [{ manifests }, { default: manifest }] = await Promise.all([
        import("./commands/manifests.ts"),
        import("../package.json", { with: { type: "json" } }),
      ]);
      finish(await manifests(options, manifest.version));
    },
    async serve(options) {
      const [{ serve }, { RULES }, { default: manifest }] = await Promise.all([
        import("./commands/serve.ts"),
        import("./rules/index.ts"),
        import("../package.json", { with: { type: "json" } }),
      ]);
      const { version } = manifest;
      process.exitCode = await serve(options, { rules: RULES, version, exit: (code) => process.exit(code) });
    },
    help: (name) => help(program, name),
  });
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    fail(error, program);
  }
}

function finish({ report, problems, exitCode }: CommandResult): void {
  process.exitCode = exitCode;
  process.stdout.write(report);
  process.stderr.write(problems.map((problem) => `${problem}\n`).join(""));
}

function help(program: Command, name: string | undefined): void {
  const named = name === undefined ? program : program.commands.find((one) => one.name() === name);
  if (named) return named.help();
  const meant = nearest(
    name ?? "",
    program.commands.map((one) => one.name()),
  );
  throw new ForesailError({
    code: "USAGE",
    message: `unknown command '${name}'`,
    hint: meant === undefined ? "`foresail help` lists the commands." : `Did you mean ${meant}?`,
  });
}

function fail(error: unknown, program: Command): void {
  process.exitCode = FAILED;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) process.exitCode = 0;
    else if (error.code !== "commander.help") process.stderr.write(usageText(error, program));
  } else if (error instanceof ForesailError) {
    process.stderr.write(`foresail: ${error.message}\n${error.hint}\n`);
  } else {
    process.stderr.write(`foresail: ${error instanceof Error ? error.message : String(error)}\n`);
    process.stderr.write("This is a bug in foresail; FORESAIL_DEBUG=1 shows where.\n");
    if (process.env["FORESAIL_DEBUG"] && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  }
}

/** Commander's sentence in our form; its suggestion, or where to look, as the hint. */
function usageText({ message }: CommanderError, program: Command): string {
  const [sentence = "", suggestion] = message.replace(/^error: /, "").split("\n");
  const [, , name] = process.argv;
  const command = program.commands.some((one) => one.name() === name) ? ` ${name}` : "";
  const hint = suggestion?.replace(/^\((.*)\)$/, "$1") ?? `\`foresail help${command}\` shows what there is.`;
  return `foresail: ${sentence}\n${hint}\n`;
}

function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit();
}
