import assert from "node:assert/strict";
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { writeWhole } from "../../src/commands/write-file.ts";
import { folderWith } from "../foresail.ts";

const HINT = "Name a file in a folder that is there and may be written.";

describe("a file that is written", () => {
  test("is there, alone", async (t) => {
    const folder = await folderWith(t, {});
    await writeWhole(join(folder, "a.txt"), "text");
    assert.deepEqual(await readdir(folder), ["a.txt"]);
    assert.equal(await readFile(join(folder, "a.txt"), "utf8"), "text");
  });

  test("takes the place of the one before, and its permissions", async (t) => {
    const folder = await folderWith(t, { "a.txt": "a long text that was there before" });
    const file = join(folder, "a.txt");
    await chmod(file, 0o640);
    const { ino } = await stat(file);
    await writeWhole(file, "text");
    const facts = await stat(file);
    assert.equal(await readFile(file, "utf8"), "text");
    assert.equal(facts.mode & 0o777, 0o640);
    assert.notEqual(facts.ino, ino);
  });

  test("stays where a link leads", async (t) => {
    const folder = await folderWith(t, { "real/a.txt": "before" });
    const link = join(folder, "link.txt");
    await symlink("real/a.txt", link);
    await writeWhole(link, "text");
    assert.ok((await lstat(link)).isSymbolicLink());
    assert.equal(await readFile(join(folder, "real/a.txt"), "utf8"), "text");
    assert.deepEqual(await readdir(join(folder, "real")), ["a.txt"]);
  });

  test("may be a device, which stays one", async () => {
    await writeWhole("/dev/null", "text");
    assert.ok((await stat("/dev/null")).isCharacterDevice());
  });
});

describe("what cannot be written leaves nothing behind and names the reason:", () => {
  for (const { about, path, reason } of [
    { about: "the folder is missing", path: "gone/a.txt", reason: "there is no folder FOLDER/gone" },
    { about: "it is a folder", path: "folder", reason: "it is a folder" },
    { about: "its folder is a file", path: "file.txt/a.txt", reason: "its folder is a file" },
  ]) {
    test(about, async (t) => {
      const folder = await folderWith(t, { "file.txt": "before" });
      await mkdir(join(folder, "folder"));
      const file = join(folder, path);
      await assert.rejects(writeWhole(file, "text"), {
        code: "USAGE",
        message: `cannot write ${file}: ${reason.replace("FOLDER", folder)}`,
        hint: HINT,
      });
      assert.deepEqual((await readdir(folder)).toSorted(), ["file.txt", "folder"]);
      assert.equal(await readFile(join(folder, "file.txt"), "utf8"), "before");
    });
  }
});
