import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import timers from "node:timers/promises";
import { fingerprintOf, loadMeshState, watchMeshState } from "../../src/cluster/files/mesh-state.ts";
import type { Store } from "../../src/cluster/store.ts";

const MINUTE_MS = 60_000;

async function folderOf(t: TestContext, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "foresail-state-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

const service = (name: string) => `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\n`;
const namesIn = (store: Store) => store.list("Service", "default").map(([name]) => name);

/** A watch that looks only when it is told to, and what it said. */
async function startWatch(t: TestContext, paths: readonly string[]) {
  const events: string[] = [];
  const watch = watchMeshState(paths, "cluster.local", {
    intervalMs: MINUTE_MS,
    initial: await fingerprintOf(paths),
    onChange: ({ store }) => events.push(namesIn(store).join(" ")),
    onProblem: ({ message }) => events.push(message.replace(/^.*:/s, "problem:")),
  });
  t.after(watch.close);
  return { watch, events };
}

/** Something happens while a state that changed waits to be read. */
function onNextRead(t: TestContext, act: () => Promise<void>): void {
  const original = timers.setTimeout;
  const restore = () => {
    timers.setTimeout = original;
    syncBuiltinESMExports();
  };
  t.after(restore);
  timers.setTimeout = Object.assign(async <T>(ms?: number, value?: T) => {
    restore();
    await act();
    return original(ms, value);
  }, original);
  syncBuiltinESMExports();
}

describe("a state", () => {
  test("is all objects of the kinds that foresail knows, the last of a name", async (t) => {
    const other = "apiVersion: example.com/v1\nkind: Thing\nmetadata: { name: x }\n";
    const folder = await folderOf(t, {
      "a.yaml": `${service("a")}---\n${other}`,
      "b.yaml": service("b").replace("metadata", "spec: { type: ExternalName }\nmetadata"),
      "c.yaml": service("b"),
    });
    const { store, objects } = await loadMeshState([folder], "cluster.local");
    assert.deepEqual(namesIn(store), ["a", "b"]);
    assert.equal(objects, 3);
    assert.equal(store.get("Service", "default", "b")?.object.spec?.type, undefined);
  });

  test("is not read in part", async (t) => {
    const folder = await folderOf(t, { "a.yaml": service("a"), "b.yaml": "a: [", "c.yaml": "a: [" });
    await assert.rejects(loadMeshState([folder], "cluster.local"), {
      code: "STATE_UNREADABLE",
      message: /b\.yaml:\d+:\d+: .* \(and 1 more\)$/,
    });
  });

  test("is an error where a path is missing", async (t) => {
    const folder = await folderOf(t);
    await assert.rejects(loadMeshState([join(folder, "none")], "cluster.local"), {
      code: "STATE_UNREADABLE",
    });
    await assert.rejects(fingerprintOf([join(folder, "none")]), { code: "STATE_UNREADABLE" });
  });
});

describe("a fingerprint", () => {
  test("stays while nothing changes and differs after every change", async (t) => {
    const folder = await folderOf(t, { "a.yaml": service("a") });
    const file = join(folder, "a.yaml");
    const seen = [await fingerprintOf([folder])];
    assert.equal(await fingerprintOf([folder]), seen[0]);
    const changes: (() => Promise<void>)[] = [
      () => writeFile(file, service("aa")),
      () => utimes(file, 1, 1),
      () => writeFile(join(folder, "b.yaml"), service("b")),
      () => rename(join(folder, "b.yaml"), file),
      () => symlink("nothing", join(folder, "c.yaml")),
      () => rm(file),
    ];
    for (const change of changes) {
      await change();
      seen.push(await fingerprintOf([folder]));
    }
    assert.equal(new Set(seen).size, seen.length);
  });

  test("differs after a file was made readable", async (t) => {
    const file = join(await folderOf(t, { "a.yaml": service("a") }), "a.yaml");
    const before = await fingerprintOf([file]);
    // Within a tick of the file system's clock nothing shows.
    do await chmod(file, 0o600);
    while ((await fingerprintOf([file])) === before);
  });
});

describe("a watch", () => {
  test("says nothing while nothing changes", async (t) => {
    const { watch, events } = await startWatch(t, [await folderOf(t, { "a.yaml": service("a") })]);
    await watch.check();
    await watch.check();
    assert.deepEqual(events, []);
  });

  test("reads again what was written, added, removed, replaced, and linked anew", async (t) => {
    const folder = await folderOf(t, { "a.yaml": service("a") });
    const { watch, events } = await startWatch(t, [folder]);
    await writeFile(join(folder, "a.yaml"), service("aa"));
    await watch.check();
    await writeFile(join(folder, "b.yaml"), service("b"));
    await watch.check();
    await rm(join(folder, "a.yaml"));
    await watch.check();
    await mkdir(join(folder, "..2"));
    await writeFile(join(folder, "..2", "mesh.yaml"), service("c"));
    await symlink(join("..2", "mesh.yaml"), join(folder, "new.yaml"));
    await rename(join(folder, "new.yaml"), join(folder, "b.yaml"));
    await watch.check();
    await watch.check();
    assert.deepEqual(events, ["aa", "aa b", "b", "c"]);
  });

  test("keeps the last state while the files are broken, says so once, and takes the repaired ones", async (t) => {
    const folder = await folderOf(t, { "a.yaml": service("a") });
    const { watch, events } = await startWatch(t, [folder]);
    await writeFile(join(folder, "a.yaml"), "a: [");
    for (let times = 0; times < 4; times++) await watch.check();
    assert.equal(events.length, 1);
    await writeFile(join(folder, "a.yaml"), service("b"));
    await watch.check();
    assert.deepEqual(events.slice(1), ["b"]);
  });

  test("takes the files that are back as they were", async (t) => {
    const folder = await folderOf(t, { "a.yaml": service("a") });
    const [file, away] = [join(folder, "a.yaml"), join(folder, "a.away")];
    const { watch, events } = await startWatch(t, [file]);
    await rename(file, away);
    await watch.check();
    await watch.check();
    await rename(away, file);
    await watch.check();
    assert.deepEqual(events, ["problem: no such file or folder", "a"]);
  });

  test("tries again where something else than the files' content was wrong", async (t) => {
    const folder = await folderOf(t, { "a.yaml": service("a") });
    let isRefused = true;
    const events: string[] = [];
    const watch = watchMeshState([folder], "cluster.local", {
      intervalMs: MINUTE_MS,
      initial: "",
      onChange({ store }) {
        if (isRefused) throw new Error("refused");
        events.push(namesIn(store).join(" "));
      },
      onProblem: ({ message }) => events.push(message),
    });
    t.after(watch.close);
    await watch.check();
    await watch.check();
    isRefused = false;
    await watch.check();
    assert.deepEqual(events, ["refused", "a"]);
  });

  test("reads a link's missing target as soon as it is there", async (t) => {
    const folder = await folderOf(t, { "a.yaml": service("a") });
    const { watch, events } = await startWatch(t, [folder]);
    await symlink("..data", join(folder, "b.yaml"));
    await watch.check();
    await writeFile(join(folder, "..data"), service("b"));
    await watch.check();
    assert.deepEqual(events, ["problem: no such file or folder", "a b"]);
  });

  test("does not use what was written to while it waited", async (t) => {
    const folder = await folderOf(t, { "a.yaml": service("a") });
    const { watch, events } = await startWatch(t, [folder]);
    await writeFile(join(folder, "a.yaml"), service("half"));
    onNextRead(t, () => writeFile(join(folder, "b.yaml"), service("whole")));
    await watch.check();
    assert.deepEqual(events, ["half whole"]);
    await watch.check();
    assert.equal(events.length, 1);
  });

  test("does not complain about a file that is being written", async (t) => {
    const folder = await folderOf(t, { "a.yaml": service("a") });
    const { watch, events } = await startWatch(t, [folder]);
    await writeFile(join(folder, "a.yaml"), "a: [");
    onNextRead(t, () => writeFile(join(folder, "a.yaml"), service("whole")));
    await watch.check();
    assert.deepEqual(events, ["whole"]);
  });

  test("says nothing after its end", async (t) => {
    const folder = await folderOf(t, { "a.yaml": service("a") });
    const { watch, events } = await startWatch(t, [folder]);
    await writeFile(join(folder, "a.yaml"), service("b"));
    const checked = watch.check();
    onNextRead(t, async () => watch.close());
    await checked;
    await watch.check();
    assert.deepEqual(events, []);
  });
});
