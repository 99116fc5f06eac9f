/** From the command line to a command. Nothing else reads process.argv, prints, or sets the exit code. */
import { once } from "node:events";
import { basename } from "node:path";
import { CommanderError } from "commander";
import type { Command } from "commander";
import { createProgram } from "./commands/program.ts";
import type { CommandResult, Output } from "./commands/result.ts";
import { ForesailError, nearest } from "./errors.ts";

const FAILED = 2;
/** 128 and the number of SIGINT, as shells report it. */
const INTERRUPTED = 130;

export async function run(): Promise<void> {
  // A reader such as `head` that has seen enough is no failure.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", endQuietly);
  const program: Command = createProgram(programName(process.argv[1]), {
    async certs(options) {
      const { certs } = await import("./commands/certs.ts");
      finish(await certs(options));
    },
    async check(paths, options) {
      interruptible();
      const [{ check }, { RULES }, { terminalOf }, { default: manifest }] = await Promise.all([
        import("./commands/check.ts"),
        import("./rules/index.ts"),
        import("./report/terminal.ts"),
        import("../package.json", { with: { type: "json" } }),
      ]);
      const { version } = manifest;
      const terminal = terminalOf(process.stdout);
      const progress = process.stderr.isTTY ? PROGRESS : undefined;
      finish(await check(paths, options, { rules: RULES, version, terminal, progress }));
    },
    async completion(shell) {
      const [{ completion }, { RULES }] = await Promise.all([
        import("./commands/completion.ts"),
        import("./rules/index.ts"),
      ]);
      const ruleIds = RULES.map(({ id }) => id);
      finish(completion(shell, program, ruleIds));
    },
    async explain(question, options) {
      const [{ explain }, { RULES }, { terminalOf }] = await Promise.all([
        import("./commands/explain.ts"),
        import("./rules/index.ts"),
        import("./report/terminal.ts"),
      ]);
      finish(await explain(question, options, { rules: RULES, terminal: terminalOf(process.stdout) }));
    },
    async explainLookup(options) {
      interruptible();
      const [{ explainLookup }, { RULES: rules }, { terminalOf }] = await Promise.all([
        import("./commands/explain/lookup.ts"),
        import("./rules/index.ts"),
        import("./report/terminal.ts"),
      ]);
      const terminal = terminalOf(process.stdout);
      finish(await explainLookup(options, { rules, terminal, output: OUTPUT, progress: PROGRESS }));
    },
    async explainDrain(path, options) {
      interruptible();
      const [{ explainDrain }, { RULES: rules }, { terminalOf }] = await Promise.all([
        import("./commands/explain/drain.ts"),
        import("./rules/index.ts"),
        import("./report/terminal.ts"),
      ]);
      const terminal = terminalOf(process.stdout);
      finish(await explainDrain(path, options, { rules, terminal, progress: PROGRESS }));
    },
    async explainProbes(path, options) {
      interruptible();
      const [{ explainProbes }, { RULES: rules }, { terminalOf }] = await Promise.all([
        import("./commands/explain/probes.ts"),
        import("./rules/index.ts"),
        import("./report/terminal.ts"),
      ]);
      const terminal = terminalOf(process.stdout);
      finish(await explainProbes(path, options, { rules, terminal, progress: PROGRESS }));
    },
    async gateways(options) {
      interruptible();
      const [{ gateways }, { terminalOf }] = await Promise.all([
        import("./commands/gateways.ts"),
        import("./report/terminal.ts"),
      ]);
      finish(await gateways(options, { terminal: terminalOf(process.stdout), progress: PROGRESS }));
    },
    async impact(paths, options) {
      interruptible();
      const [{ impact }, { RULES: rules }, { terminalOf }] = await Promise.all([
        import("./commands/impact.ts"),
        import("./rules/index.ts"),
        import("./report/terminal.ts"),
      ]);
      const terminal = terminalOf(process.stdout);
      finish(await impact(paths, options, { rules, terminal, progress: PROGRESS }));
    },
    async manifests(options) {
      const [{ manifests }, { default: manifest }] = await Promise.all([
        import("./commands/manifests.ts"),
        import("../package.json", { with: { type: "json" } }),
      ]);
      finish(await manifests(options, manifest.version));
    },
    async namespace(name, options) {
      const isWriting = options.finalize === true && options.yes === true;
      interruptible(
        isWriting
          ? `interrupted; \`foresail namespace ${name}\` shows whether it has ended`
          : "interrupted; nothing was changed",
      );
      const [{ namespace }, { terminalOf }] = await Promise.all([
        import("./commands/namespace.ts"),
        import("./report/terminal.ts"),
      ]);
      const terminal = terminalOf(process.stdout);
      finish(await namespace(name, options, { terminal, output: OUTPUT, progress: PROGRESS }));
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
    help: (names) => help(program, names),
  });
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    fail(error, program);
  }
}

/** As a plugin of kubectl it is called by a name of its own. */
function programName(script = ""): string {
  return basename(script).startsWith("kubectl-foresail") ? "kubectl foresail" : "foresail";
}

function finish({ report, problems, exitCode }: CommandResult): void {
  PROGRESS.end();
  process.exitCode = exitCode;
  process.stdout.write(report);
  process.stderr.write(problems.map((problem) => `${problem}\n`).join(""));
}

function help(program: Command, names: readonly string[]): void {
  let named = program;
  for (const name of names) {
    const next = named.commands.find((one) => one.name() === name);
    if (!next) throw unknownCommand(name, named);
    named = next;
  }
  named.help();
}

function unknownCommand(name: string, { commands }: Command): ForesailError {
  const meant = nearest(
    name,
    commands.map((one) => one.name()),
  );
  return new ForesailError({
    code: "USAGE",
    message: `unknown command '${name}'`,
    hint: meant === undefined ? "`foresail help` lists the commands." : `Did you mean ${meant}?`,
  });
}

function fail(error: unknown, program: Command): void {
  PROGRESS.end();
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
  const command = [`${program.name()} help`, ...namesOf(program, process.argv.slice(2))].join(" ");
  const hint = suggestion?.replace(/^\((.*)\)$/, "$1") ?? `\`${command}\` shows what there is.`;
  return `foresail: ${sentence}\n${hint}\n`;
}

/** Of the command that these arguments call, and of that below it. */
function namesOf({ commands }: Command, [name = "", ...rest]: readonly string[]): readonly string[] {
  const called = commands.find((one) => one.name() === name);
  return called ? [name, ...namesOf(called, rest)] : [];
}

/** What is said then, if there is something to say. */
function interruptible(words?: string): void {
  process.once("SIGINT", () => {
    PROGRESS.end();
    if (words !== undefined) process.stderr.write(`foresail: ${words}\n`);
    process.exit(INTERRUPTED);
  });
}

const OUTPUT: Output = {
  async write(text) {
    if (!process.stdout.write(text)) await once(process.stdout, "drain");
  },
};

/** On a terminal one line that changes; elsewhere the first, so that logs stay short. */
const PROGRESS = {
  isShown: false,
  show(line: string): void {
    // A line that is broken into two could not be erased.
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\u001b[K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
    } else if (!this.isShown) process.stderr.write(`foresail: ${line} ...\n`);
    this.isShown = true;
  },
  end(): void {
    if (process.stderr.isTTY && this.isShown) process.stderr.write("\r\u001b[K");
    this.isShown = false;
  },
};

function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit();
}
