import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { findFiles } from "../../src/cluster/files/files.ts";
import { folderWith, runForesail } from "../foresail.ts";

const MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n";

describe("what .foresailignore names is left out", () => {
  const filesOf = async (folder: string, path = ".") => {
    const { files } = await findFiles([join(folder, path)], { heedIgnoreFiles: true });
    return files.map((file) => file.path.replace(`${folder}/`, ""));
  };

  test("in gitignore's words", async (t) => {
    const folder = await folderWith(t, {
      ".foresailignore":
        "# generated\n\nvendor/\n*.gen.yaml\n!kept.gen.yaml\n/top.yaml\ndeep/**/x.yaml\nA.yaml\n",
      "vendor/a.yaml": "",
      "b/vendor/a.yaml": "",
      "b/vendor.yaml": "",
      "b/one.gen.yaml": "",
      "b/kept.gen.yaml": "",
      "top.yaml": "",
      "b/top.yaml": "",
      "deep/1/2/x.yaml": "",
      "a.yaml": "",
    });
    assert.deepEqual(await filesOf(folder), ["a.yaml", "b/kept.gen.yaml", "b/top.yaml", "b/vendor.yaml"]);
  });

  test("below the folder it is in, and the nearest has the last word", async (t) => {
    const folder = await folderWith(t, {
      ".foresailignore": "*.json\n",
      "a/.foresailignore": "!kept.json\n/one.yaml\n",
      "a/kept.json": "",
      "a/other.json": "",
      "a/one.yaml": "",
      "a/b/one.yaml": "",
      "one.yaml": "",
    });
    assert.deepEqual(await filesOf(folder), ["a/b/one.yaml", "a/kept.json", "one.yaml"]);
  });

  test("only where it is asked for: a cluster's state is whole", async (t) => {
    const folder = await folderWith(t, { ".foresailignore": "*\n", "a.yaml": "" });
    assert.equal((await findFiles([folder])).files.length, 1);
    assert.deepEqual(await filesOf(folder), []);
  });
});

describe("the .foresailignore of the working folder", () => {
  const objectsOf = async (cwd: string, ...paths: string[]) =>
    (await runForesail(["check", ...paths], { cwd })).stdout;

  test("counts for the folders below it", async (t) => {
    const cwd = await folderWith(t, {
      ".foresailignore": "/mesh/old/\n",
      "mesh/old/a.yaml": MANIFEST,
      "mesh/b.yaml": MANIFEST,
    });
    assert.equal(await objectsOf(cwd, "mesh"), "checked 1 object: no findings\n");
  });

  test("does not count for what is named", async (t) => {
    const cwd = await folderWith(t, {
      ".foresailignore": "vendor/\n*.gen.yaml\n",
      "vendor/deep/a.yaml": MANIFEST,
      "b.gen.yaml": MANIFEST.replace("a }", "b }"),
    });
    assert.equal(await objectsOf(cwd, "vendor", "b.gen.yaml"), "checked 2 objects: no findings\n");
  });
});
