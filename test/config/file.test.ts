import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";

import { loadConfiguration } from "../../src/config/file.ts";
import { ForesailError } from "../../src/errors.ts";
import { RULES } from "./rules.ts";

async function createFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "foresail-config-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function createFile(t: TestContext, content: string | Buffer): Promise<string> {
  const file = join(await createFolder(t), "config.yaml");
  await writeFile(file, content);
  return file;
}

async function refusal(file: string): Promise<{ message: string; hint: string }> {
  try {
    await loadConfiguration(file, RULES);
  } catch (error) {
    assert.ok(error instanceof ForesailError);
    assert.equal(error.code, "CONFIG_INVALID");
    return { message: error.message, hint: error.hint };
  }
  return assert.fail("was loaded");
}

test("loads a file", async (t) => {
  const file = await createFile(t, "multiCluster: true\n");
  assert.equal((await loadConfiguration(file, RULES)).mesh.multiCluster, true);
});

test("loads a file that begins with a byte order mark", async (t) => {
  const file = await createFile(t, "\uFEFFmultiCluster: true\r\nassume: {istio: 1.10}\r\n");
  const { mesh } = await loadConfiguration(file, RULES);
  assert.deepEqual([mesh.multiCluster, mesh.assume], [true, { istio: "1.10" }]);
});

test("names file, line and column of every problem", async (t) => {
  const file = await createFile(t, "multiCluster: 1\nexemption: []\n");
  assert.deepEqual(await refusal(file), {
    message: `${file}:1:1: multiCluster: expected true or false, found 1
${file}:2:1: unknown key "exemption"; did you mean "exemptions"?`,
    hint: "Correct these lines; `foresail explain` lists the rules, and whatever is left out has its default",
  });
});

test("says that a file does not exist", async (t) => {
  const file = join(await createFolder(t), "none.yaml");
  assert.deepEqual(await refusal(file), {
    message: `${file} does not exist`,
    hint: "Check the path; without --config the defaults apply",
  });
});

test("says that a folder is none", async (t) => {
  const folder = await createFolder(t);
  assert.deepEqual(await refusal(`${folder}/`), {
    message: `${folder}/ is a directory`,
    hint: `Name the file in it, such as ${folder}/config.yaml`,
  });
});

test(
  "says that a file may not be read",
  { skip: process.getuid?.() === 0 && "root may read all" },
  async (t) => {
    const file = await createFile(t, "");
    await chmod(file, 0);
    assert.equal((await refusal(file)).message, `${file} may not be read by this user`);
  },
);

test("refuses what is no UTF-8", async (t) => {
  const file = await createFile(t, Buffer.from("multiCluster: true\n", "utf16le").fill(0xff, 0, 2));
  assert.equal((await refusal(file)).message, `${file}:1:1: expected a text in UTF-8`);
});

test("refuses a device without an end, and a long file cut inside of a character", async (t) => {
  const tooLong = "1:1: a configuration has at most 256 KiB, this is longer";
  assert.equal((await refusal("/dev/zero")).message, `/dev/zero:${tooLong}`);
  const file = await createFile(t, "€".repeat(100_000));
  assert.equal((await refusal(file)).message, `${file}:${tooLong}`);
});
