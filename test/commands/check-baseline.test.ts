import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { folderWith, runForesail } from "../foresail.ts";

/** An exemption from no rule is a warning. */
const pod = (name: string, port: number, more = "") => `apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  annotations: {foresail.io/exempt: "no-such-rule; because"}
spec:
  containers:
${more}  - name: app
    ports: [{containerPort: ${port}}]
`;

test("an old repository starts with a baseline, and is told of what is new only", async (t) => {
  const cwd = await folderWith(t, { "mesh/a.yaml": `${pod("web", 80)}---\n${pod("api", 80)}` });
  const written = await runForesail(["check", "mesh", "--write-baseline", "baseline.json"], { cwd });
  assert.deepEqual(written, {
    exitCode: 0,
    stdout: "checked 2 objects: no findings\n",
    stderr: "foresail: wrote 2 findings to baseline.json; leave them out with --baseline baseline.json\n",
  });
  assert.deepEqual((await readdir(cwd)).toSorted(), ["baseline.json", "mesh"]);

  const again = await runForesail(["check", "mesh", "--baseline", "baseline.json"], { cwd });
  assert.deepEqual(again, {
    exitCode: 0,
    stdout: "checked 2 objects: no findings\n",
    stderr: "foresail: baseline.json: 2 findings left out\n",
  });

  const moved = `# a line more\n\n${pod("api", 80, "  - name: first\n")}---\n${pod("new", 80)}`;
  await writeFile(join(cwd, "mesh/a.yaml"), moved);
  const later = await runForesail(["check", "mesh", "--baseline", "baseline.json", "--format", "json"], {
    cwd,
  });
  assert.equal(later.exitCode, 1);
  assert.equal(
    later.stderr,
    "foresail: baseline.json: 1 finding left out, 1 no longer occurs (write it anew with --write-baseline baseline.json)\n",
  );
  assert.partialDeepStrictEqual(JSON.parse(later.stdout), {
    findings: [{ object: { name: "new" } }],
    summary: { findings: { Warn: 1 } },
  });
});

test("a baseline that is missing or broken is an error, and nothing is checked", async (t) => {
  const cwd = await folderWith(t, {
    "a.yaml": pod("web", 80),
    "broken.json": '{"version": 3, "findings": []}',
  });
  assert.deepEqual(await runForesail(["check", "a.yaml", "--baseline", "gone.json"], { cwd }), {
    exitCode: 2,
    stdout: "",
    stderr:
      "foresail: the baseline gone.json cannot be read: no such file\nWrite it first: foresail check PATH... --write-baseline gone.json\n",
  });
  assert.deepEqual(await runForesail(["check", "a.yaml", "--baseline", "broken.json"], { cwd }), {
    exitCode: 2,
    stdout: "",
    stderr:
      "foresail: the baseline broken.json cannot be read: it is of version 3, and this foresail reads version 1\nWrite it anew: foresail check PATH... --write-baseline broken.json\n",
  });
});

test("a baseline in a folder that is not there is an error", async (t) => {
  const cwd = await folderWith(t, { "a.yaml": pod("web", 80) });
  const { exitCode, stderr } = await runForesail(["check", "a.yaml", "--write-baseline", "gone/b.json"], {
    cwd,
  });
  assert.equal(exitCode, 2);
  assert.match(stderr, /^foresail: cannot write gone\/b\.json: there is no folder gone\n/);
});

test("a baseline is the same file for every order of the manifests", async (t) => {
  const cwd = await folderWith(t, { "a.yaml": pod("web", 80), "b.yaml": pod("api", 80) });
  await runForesail(["check", "a.yaml", "b.yaml", "--write-baseline", "1.json"], { cwd });
  await runForesail(["check", "b.yaml", "a.yaml", "--write-baseline", "2.json"], { cwd });
  assert.equal(await readFile(join(cwd, "1.json"), "utf8"), await readFile(join(cwd, "2.json"), "utf8"));
});
