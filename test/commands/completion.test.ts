import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { RULES } from "../../src/rules/index.ts";
import { folderWith, runForesail } from "../foresail.ts";
import { skipOrFail } from "../harness/missing-tool.ts";
import { runTool } from "../harness/run-tool.ts";

/** A shell that hangs ends here. */
const TIMEOUT_MS = 120_000;
const FILES = { "a b.yaml": "", "mesh/x.yaml": "" };
const IDS = RULES.map(({ id }) => id);

/** What is typed, the last word not yet to its end; what the shell offers for that. */
const OFFERS: readonly (readonly [words: readonly string[], offers: readonly string[]])[] = [
  [["ch"], ["check"]],
  [["check", "--for"], ["--format"]],
  [
    ["check", "--format", ""],
    ["text", "json", "sarif", "junit", "github"],
  ],
  [["check", "--rule", "pod-"], IDS.filter((id) => id.startsWith("pod-"))],
  [["check", "a"], ["a b.yaml"]],
  [["check", "-n", "a"], []],
  [["check", "x.yaml", "--config", "a"], ["a b.yaml"]],
  [["serve", "--tls-self-signed", ""], ["mesh"]],
  [["serve", "a"], []],
  [["explain", "lo"], ["lookup"]],
  [["explain", "destination-rule-is"], ["destination-rule-is-looked-up"]],
  [["explain", "lookup", "--proxy", "s"], ["sidecar"]],
  [
    ["completion", ""],
    ["bash", "zsh", "fish"],
  ],
  [["help", "exp"], ["explain"]],
];

async function script(t: TestContext, shell: string): Promise<string> {
  const { exitCode, stdout, stderr } = await runForesail(["completion", shell]);
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" });
  return folderWith(t, { ...FILES, [`.completion.${shell}`]: stdout });
}

async function runShell(
  t: TestContext,
  shell: string,
  args: readonly string[],
  cwd: string,
): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await runTool(shell, args, { cwd, timeoutMs: TIMEOUT_MS });
    assert.equal(stderr, "");
    return stdout;
  } catch (error) {
    if (!String(error).includes("ENOENT")) throw error;
    skipOrFail(t, { tool: shell, needs: shell, remedy: `install the package ${shell}` });
    return undefined;
  }
}

describe("foresail completion", () => {
  test("completes in bash, also what it takes apart", async (t) => {
    const folder = await script(t, "bash");
    const typed = [...OFFERS, [["check", "--fail-on", "=", "d"], ["deny"]] as const];
    const lines = typed.map(([words]) => {
      const quoted = ["foresail", ...words].map((word) => `'${word}'`).join(" ");
      return `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _foresail; (IFS='|'; echo "\${COMPREPLY[*]}")`;
    });
    const source = `. ./.completion.bash\n${lines.join("\n")}`;
    const stdout = await runShell(t, "bash", ["--norc", "-c", source], folder);
    const offers = typed.map(([, words]) => words.join("|"));
    if (stdout !== undefined) assert.deepEqual(stdout.trimEnd().split("\n"), offers);
  });

  test("completes in fish", async (t) => {
    const folder = await script(t, "fish");
    const lines = OFFERS.map(([words]) => `complete -C "foresail ${words.join(" ")}"; echo ====`);
    const source = `source .completion.fish\n${lines.join("\n")}`;
    const stdout = await runShell(t, "fish", ["--no-config", "-c", source], folder);
    if (stdout === undefined) return;
    // Offers have a description behind a tab; folders end in a slash, and names are escaped.
    const offered = stdout.split("====\n").map((part) =>
      part
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.replace(/\t.*/, "").replace(/\/$/, "").replaceAll("\\", "")),
    );
    for (const [index, [words, offers]] of OFFERS.entries())
      assert.deepEqual(offered[index]?.toSorted(), offers.toSorted(), words.join(" "));
  });

  test("completes in zsh", async (t) => {
    const folder = await script(t, "zsh");
    // A terminal, in which Tab is pressed; what is then in the line is shown by the shell itself.
    const source = `
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'autoload -Uz compinit; compinit -D -u; source ./.completion.zsh; unsetopt automenu beep; PS1=R""EADY'
zpty -r z output '*READY*'
zpty -w -n z $'foresail chec\\t--form\\t=sar\\t--ru\\tpod-drains\\ta\\t'
zpty -r z output '*yaml*'
print -r -- "$output"
zpty -w -n z $'\\C-uforesail explain loo\\t--prox\\t=gat\\t'
zpty -r z output '*gateway*'
print -r -- "$output"
zpty -d z`;
    const stdout = await runShell(t, "zsh", ["-f", "-c", source], folder);
    if (stdout === undefined) return;
    const shown = asShown(stdout);
    assert.match(shown, /foresail check --format=sarif --rule=pod-drains-before-stop a\\ b\.yaml/);
    assert.match(shown, /foresail explain lookup --proxy=gateway/);
  });

  test("offers every command and flag that the help names", async () => {
    const [{ stdout: help }, { stdout: bash }] = await Promise.all([
      runForesail(["help", "check"]),
      runForesail(["completion", "bash"]),
    ]);
    const flags: readonly string[] = help.match(/(?<=^\s+(?:-\w, )?)--[-\w]+/gm) ?? [];
    assert.ok(flags.includes("--dry-run"));
    for (const flag of flags) assert.match(bash, new RegExp(`' check -'\\*\\).*${flag}\\b`));
  });
});

test("the names of files may hold what shells read otherwise", async (t) => {
  const folder = await script(t, "bash");
  const name = join(folder, "a b");
  const source = `. ./.completion.bash\nCOMP_WORDS=(foresail check '${name}'); COMP_CWORD=2; _foresail; echo "\${#COMPREPLY[@]} \${COMPREPLY[0]}"`;
  const stdout = await runShell(t, "bash", ["--norc", "-c", source], folder);
  if (stdout !== undefined) assert.equal(stdout, `1 ${name}.yaml\n`);
});

/** Without what moves the cursor and what is wiped out by it. */
function asShown(terminal: string): string {
  const [escape, backspace] = ["\u001b", "\u0008"];
  return terminal
    .replaceAll(new RegExp(`${escape}\\[[?0-9;]*[a-zA-Z]`, "g"), "")
    .replaceAll(new RegExp(`.${backspace}`, "g"), "");
}
