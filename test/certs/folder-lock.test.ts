import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { lockFolder } from "../../src/certs/folder-lock.ts";
import { temporaryFolder } from "./certificates.ts";

test("one at a time holds the lock, and nothing is left of it", async (t) => {
  const folder = temporaryFolder(t);
  let holders = 0;
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const lock = await lockFolder(join(folder, ".lock"));
      assert.equal(++holders, 1);
      await new Promise((resolve) => void setImmediate(resolve));
      assert(lock.isHeld());
      holders--;
      lock.release();
    }),
  );
  assert.deepEqual(readdirSync(folder), []);
});

test("a lock left behind by a killed process is taken over", async (t) => {
  const file = join(temporaryFolder(t), ".lock");
  writeFileSync(file, "killed");
  const lock = await lockFolder(file, 50);
  assert(lock.isHeld());
});

test("who lost the lock finds out, and releases nothing", async (t) => {
  const file = join(temporaryFolder(t), ".lock");
  const stopped = await lockFolder(file);
  const other = await lockFolder(file, 50);
  assert.equal(stopped.isHeld(), false);
  stopped.release();
  assert(other.isHeld());
});

test("a folder that is not there is an error, not a wait", async (t) => {
  await assert.rejects(lockFolder(join(temporaryFolder(t), "missing", ".lock")), { code: "ENOENT" });
});
