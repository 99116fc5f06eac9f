import assert from "node:assert/strict";
import { chmod, open, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { folderWith, runForesail } from "../foresail.ts";

const GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n";
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

function bomb(): string {
  const levels = Array.from(
    { length: 60 },
    (_, level) => `b${level + 1}: &b${level + 1} [*b${level}, *b${level}]`,
  );
  return ["b0: &b0 [x, x]", ...levels].join("\n");
}

/** The good file beside it is checked all the same. */
async function told(t: TestContext, content: string | Uint8Array, name = "bad.yaml") {
  const cwd = await folderWith(t, { [name]: content, "good.yaml": GOOD });
  const { exitCode, stdout, stderr } = await runForesail(["check", "."], { cwd });
  assert.deepEqual(
    { exitCode, stdout },
    { exitCode: 2, stdout: "checked 1 object: no findings; could not read 1 file\n" },
  );
  return stderr;
}

describe("a file that cannot be checked costs one line, and the others are checked:", () => {
  for (const { about, content, line, name } of [
    {
      about: "broken YAML",
      content: "apiVersion: v1\nkind: Service\n metadata:\n",
      line: /^bad\.yaml:3:10: [^\n]+\n$/,
    },
    {
      about: "a binary file",
      content: new Uint8Array([0x7f, 0x45, 0, 1, 2]),
      line: "bad.yaml:1:1: not a text file\n",
    },
    {
      about: "UTF-16",
      content: Buffer.from(`\uFEFF${GOOD}`, "utf16le"),
      line: "bad.yaml:1:1: in UTF-16, and kubectl reads UTF-8: save it as UTF-8\n",
    },
    {
      about: "Latin-1",
      content: Buffer.from(`${GOOD}# Schön\n`, "latin1"),
      line: "bad.yaml:4:6: not in UTF-8: save it as UTF-8\n",
    },
    {
      about: "depth 10,000",
      content: `a: ${nested(10_000)}`,
      line: /^bad\.yaml:1:\d+: nesting is deeper than 1000 levels\n$/,
    },
    {
      about: "depth 10,000 in JSON",
      content: `{"a": ${nested(10_000)}}`,
      name: "bad.json",
      line: "bad.json:1:1: nesting is deeper than 1000 levels\n",
    },
    {
      about: "a YAML bomb",
      content: bomb(),
      line: /^bad\.yaml:\d+:\d+: aliases stand for more than 4194304 characters\n$/,
    },
  ] as const) {
    test(about, async (t) => {
      const stderr = await told(t, content, name);
      if (typeof line === "string") assert.equal(stderr, line);
      else assert.match(stderr, line);
    });
  }

  test("100 MB", async (t) => {
    const cwd = await folderWith(t, { "good.yaml": GOOD });
    const file = await open(join(cwd, "bad.yaml"), "w");
    await file.truncate(100_000_000);
    await file.close();
    const { exitCode, stderr } = await runForesail(["check", "."], { cwd });
    assert.deepEqual(
      { exitCode, stderr },
      { exitCode: 2, stderr: "bad.yaml:1:1: larger than 32 MiB: split it\n" },
    );
  });

  test("a link to nothing", async (t) => {
    const cwd = await folderWith(t, { "good.yaml": GOOD });
    await symlink("gone.yaml", join(cwd, "bad.yaml"));
    const { exitCode, stderr } = await runForesail(["check", "."], { cwd });
    assert.deepEqual({ exitCode, stderr }, { exitCode: 2, stderr: "bad.yaml:1:1: no such file or folder\n" });
  });

  test("a folder that cannot be opened", async (t) => {
    if (process.getuid?.() === 0) return t.skip("root may read all");
    const cwd = await folderWith(t, { "good.yaml": GOOD, "closed/a.yaml": GOOD });
    await chmod(join(cwd, "closed"), 0);
    t.after(() => chmod(join(cwd, "closed"), 0o700));
    const { exitCode, stderr } = await runForesail(["check", "."], { cwd });
    assert.deepEqual({ exitCode, stderr }, { exitCode: 2, stderr: "closed:1:1: no permission\n" });
  });
});

test("a file that is broken all over is told of in few lines", async (t) => {
  const stderr = await told(t, "a: [\n---\n".repeat(1000));
  assert.equal(stderr.split("\n").length, 12);
  assert.match(stderr, /\nbad\.yaml: and 990 more documents that cannot be read\n$/);
});

test("settings of editors and compilers are no broken manifests, but broken JSON is", async (t) => {
  const cwd = await folderWith(t, {
    "good.yaml": GOOD,
    "tsconfig.json": '{\n  // as strict as can be\n  "strict": true,\n}\n',
  });
  assert.deepEqual(await runForesail(["check", "."], { cwd }), {
    exitCode: 0,
    stdout: "checked 1 object: no findings; skipped 1 file without Kubernetes objects\n",
    stderr: "",
  });
  assert.match(await told(t, '{"apiVersion": "v1", // here\n', "bad.json"), /^bad\.json:\d+:\d+: /);
  assert.match(await told(t, '{"apiVersion": \n', "bad.json"), /^bad\.json:\d+:\d+: /);
});
