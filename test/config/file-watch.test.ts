import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import timers from "node:timers/promises";

import { WEAKENED_CONFIGURATION } from "../../src/config/configuration.ts";
import { watchConfigurationFile } from "../../src/config/file-watch.ts";
import { RULES } from "./rules.ts";

const MINUTE_MS = 60_000;

async function createFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "foresail-config-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** A watch that looks only when it is told to, and what it reported. */
async function startWatch(t: TestContext, file: string) {
  const events: string[] = [];
  const watch = await watchConfigurationFile(file, RULES, {
    intervalMs: MINUTE_MS,
    onChange: ({ mesh }) => events.push(`domain ${mesh.clusterDomain}`),
    onInvalid: ({ message }) => events.push(message.replaceAll(file, "FILE")),
  });
  t.after(() => watch.close());
  return { watch, events };
}

test("follows a file that is written, replaced, and linked anew as the kubelet does", async (t) => {
  const folder = await createFolder(t);
  const file = join(folder, "config.yaml");
  await mkdir(join(folder, "..1"));
  await mkdir(join(folder, "..2"));
  await writeFile(join(folder, "..1", "config.yaml"), "clusterDomain: one");
  await writeFile(join(folder, "..2", "config.yaml"), "clusterDomain: two");
  await symlink("..1", join(folder, "..data"));
  await symlink(join("..data", "config.yaml"), file);
  const { watch, events } = await startWatch(t, file);

  await symlink("..2", join(folder, "..tmp"));
  await rename(join(folder, "..tmp"), join(folder, "..data"));
  await watch.check();

  await writeFile(join(folder, "new.yaml"), "clusterDomain: three");
  await rename(join(folder, "new.yaml"), file);
  await watch.check();

  await writeFile(file, "clusterDomain: four");
  await watch.check();
  assert.deepEqual(events, ["domain one", "domain two", "domain three", "domain four"]);
});

test("reports nothing while nothing changes", async (t) => {
  const file = join(await createFolder(t), "config.yaml");
  await writeFile(file, "clusterDomain: one");
  const { watch, events } = await startWatch(t, file);
  const { current } = watch;
  await watch.check();
  await writeFile(file, "clusterDomain: one");
  await watch.check();
  assert.deepEqual(events, ["domain one"]);
  assert.equal(watch.current, current);
});

test("keeps the last good configuration when the new one is invalid, and when the file is gone", async (t) => {
  const file = join(await createFolder(t), "config.yaml");
  await writeFile(file, "clusterDomain: one");
  const { watch, events } = await startWatch(t, file);
  const { current: good, lastSuccess } = watch;
  assert.ok(lastSuccess !== undefined && watch.isValid);

  await writeFile(file, "clusterDomain: 1");
  await watch.check();
  await watch.check();
  assert.equal(watch.current, good);
  assert.equal(watch.lastSuccess, lastSuccess);
  assert.equal(watch.isValid, false);

  await rm(file);
  await watch.check();
  await watch.check();
  assert.equal(watch.current, good);

  await writeFile(file, "clusterDomain: one");
  await watch.check();
  assert.equal(watch.isValid, true);
  assert.deepEqual(events, [
    "domain one",
    "FILE:1:1: clusterDomain: expected a domain name, such as cluster.local, found 1; put it in quotes",
    "FILE does not exist",
    "domain one",
  ]);
});

test("starts with the defaults and without Deny while the file is invalid", async (t) => {
  const file = join(await createFolder(t), "config.yaml");
  await writeFile(file, "rules: [");
  const { watch, events } = await startWatch(t, file);
  assert.equal(watch.current, WEAKENED_CONFIGURATION);
  assert.equal(watch.current.policy.denyIsWeakened, true);
  assert.deepEqual([watch.isValid, watch.lastSuccess, events.length], [false, undefined, 1]);

  await rm(file);
  await watch.check();
  assert.equal(watch.current, WEAKENED_CONFIGURATION);

  await writeFile(file, "");
  await watch.check();
  assert.equal(watch.current.policy.denyIsWeakened, false);
  assert.equal(events.at(-1), "domain cluster.local");
});

test("takes no half of a file that is being written", async (t) => {
  const file = join(await createFolder(t), "config.yaml");
  await writeFile(file, "clusterDomain: one");
  const { watch, events } = await startWatch(t, file);
  await writeFile(file, "");
  // The editor writes between the two readings.
  const pause = t.mock.method(timers, "setTimeout", () => writeFile(file, "clusterDomain: two"));
  syncBuiltinESMExports();
  t.after(() => {
    pause.mock.restore();
    syncBuiltinESMExports();
  });
  await watch.check();
  assert.deepEqual(events, ["domain one"]);
  await watch.check();
  assert.deepEqual(events, ["domain one", "domain two"]);
});

test("looks by itself every interval", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const file = join(await createFolder(t), "config.yaml");
  await writeFile(file, "clusterDomain: one");
  const { promise, resolve } = Promise.withResolvers<string>();
  const watch = await watchConfigurationFile(file, RULES, {
    intervalMs: MINUTE_MS,
    onChange: ({ mesh }) => mesh.clusterDomain === "two" && resolve(mesh.clusterDomain),
    onInvalid: () => resolve("invalid"),
  });
  t.after(() => watch.close());
  await writeFile(file, "clusterDomain: two");
  t.mock.timers.tick(MINUTE_MS);
  assert.equal(await promise, "two");
});

test("reports nothing after it is closed", async (t) => {
  const file = join(await createFolder(t), "config.yaml");
  await writeFile(file, "clusterDomain: one");
  const { watch, events } = await startWatch(t, file);
  await writeFile(file, "clusterDomain: two");
  const checking = watch.check();
  watch.close();
  await checking;
  await watch.check();
  assert.deepEqual(events, ["domain one"]);
});
