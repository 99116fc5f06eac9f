import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, open, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { parseManifests, readManifests } from "../../src/cluster/files/manifests.ts";
import type { Manifests } from "../../src/cluster/files/manifests.ts";

/** A folder with these files; a value that begins with -> is a link. */
async function folderOf(t: TestContext, files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "foresail-manifests-"));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(join(path, ".."), { recursive: true });
    if (typeof content === "string" && content.startsWith("->")) await symlink(content.slice(2), path);
    else await writeFile(path, content);
  }
  return folder;
}

const object = (name: string) => `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\n`;
const namesOf = ({ manifests }: Pick<Manifests, "manifests">) => manifests.map(({ name }) => name);
const messagesOf = ({ problems }: Pick<Manifests, "problems">) => problems.map(({ message }) => message);
const NO_OBJECT = "no Kubernetes object: apiVersion or kind is missing";

describe("of a folder", () => {
  test("the manifests below it are read in order of name, and nothing else", async (t) => {
    const folder = await folderOf(t, {
      "b.yaml": object("b"),
      "a/z.yml": object("az"),
      "a/a.JSON": '{"apiVersion":"v1","kind":"Service","metadata":{"name":"aa"}}',
      "c.txt": object("c"),
      "README.md": "# no manifest",
      ".git/d.yaml": object("d"),
      ".hidden.yaml": object("e"),
      "node_modules/f.yaml": object("f"),
      yaml: object("g"),
    });
    const read = await readManifests([folder]);
    assert.deepEqual(namesOf(read), ["aa", "az", "b"]);
    assert.deepEqual(read.problems, []);
    assert.equal(read.manifests[0]?.file, join(folder, "a", "a.JSON"));
  });

  test("a file that holds no object is passed over and counted", async (t) => {
    const files = {
      "a.yaml": object("a"),
      "b.yaml": "",
      "c.yaml": "# nothing\n",
      "values.yaml": "image: x\n",
    };
    const read = await readManifests([await folderOf(t, files)]);
    assert.deepEqual(namesOf(read), ["a"]);
    assert.deepEqual(read.problems, []);
    assert.equal(read.skipped, 3);
    assert.equal(read.documents, 2);
  });

  test("a document that is no object counts as a mistake beside objects", async (t) => {
    const read = await readManifests([await folderOf(t, { "a.yaml": `${object("a")}---\nimage: x\n` })]);
    assert.deepEqual(namesOf(read), ["a"]);
    assert.deepEqual(messagesOf(read), [NO_OBJECT]);
    assert.equal(read.problems[0]?.line, 5);
  });

  test("a broken file is reported and the others are read", async (t) => {
    const files = {
      "a.yaml": object("a"),
      "b.yaml": "a: [",
      "c.yaml": Buffer.from([0x61, 0, 0x62]),
      "d.yaml": Buffer.concat([Buffer.from("a: "), Buffer.from([0xe9, 0x0a])]),
      "e.yaml": "->nothing.yaml",
      "f.yaml": object("f"),
    };
    const read = await readManifests([await folderOf(t, files)]);
    assert.deepEqual(namesOf(read), ["a", "f"]);
    const [broken, ...others] = messagesOf(read);
    assert.ok(broken);
    assert.deepEqual(others, ["not a text file", "not in UTF-8: save it as UTF-8", "no such file or folder"]);
  });

  test("links are followed, but not in circles, and no file is read twice", async (t) => {
    const folder = await folderOf(t, {
      "a/one.yaml": object("one"),
      "a/up": "->..",
      "a/self": "->.",
      b: "->a",
      "c.yaml": "->a/one.yaml",
      "loop.yaml": "->loop.yaml",
      x: "->y",
      y: "->x",
    });
    const read = await readManifests([folder]);
    assert.deepEqual(namesOf(read), ["one"]);
    const paths = [folder, join(folder, "a"), join(folder, "a", "one.yaml")];
    assert.deepEqual(namesOf(await readManifests(paths)), ["one"]);
    assert.deepEqual(messagesOf(read), ["too many symbolic links"]);
  });

  test("the files of a mounted ConfigMap are read, once", async (t) => {
    const folder = await folderOf(t, {
      "..2026_01_01/mesh.yaml": object("a"),
      "..data": "->..2026_01_01",
      "mesh.yaml": "->..data/mesh.yaml",
    });
    assert.deepEqual(namesOf(await readManifests([folder])), ["a"]);
  });

  test("a folder whose name ends like a manifest's is a folder", async (t) => {
    const folder = await folderOf(t, { "a.yaml/b.yaml": object("b") });
    assert.deepEqual(namesOf(await readManifests([folder])), ["b"]);
  });

  test("hundreds of files keep their order", async (t) => {
    const names = Array.from({ length: 300 }, (_, index) => String(index).padStart(3, "0"));
    const folder = await folderOf(
      t,
      Object.fromEntries(names.map((name) => [`${name}.yaml`, object(`s${name}`)])),
    );
    assert.deepEqual(
      namesOf(await readManifests([folder])),
      names.map((name) => `s${name}`),
    );
  });
});

describe("of what is named", () => {
  test("a path that is not there is an error", async (t) => {
    const folder = await folderOf(t, {});
    await assert.rejects(readManifests([join(folder, "none.yaml")]), { code: "STATE_UNREADABLE" });
    await assert.rejects(readManifests([join(folder, "none")]), /no such file or folder/);
  });

  test("a file is read whatever its extension, and one without objects is a mistake", async (t) => {
    const folder = await folderOf(t, { "a.txt": object("a"), values: "image: x\n", ".b": object("b") });
    assert.deepEqual(namesOf(await readManifests([join(folder, "a.txt"), join(folder, ".b")])), ["a", "b"]);
    assert.deepEqual(messagesOf(await readManifests([join(folder, "values")])), [NO_OBJECT]);
  });

  test("an empty file is no mistake", async (t) => {
    const folder = await folderOf(t, { "a.yaml": "", "b.yaml": "---\n# nothing\n---\n" });
    const read = await readManifests([join(folder, "a.yaml"), join(folder, "b.yaml")]);
    assert.deepEqual(read, {
      manifests: [],
      problems: [],
      documents: 0,
      skipped: 0,
      templates: [],
      patches: [],
    });
  });

  test("a file of more than 32 MiB is not read", async (t) => {
    const folder = await folderOf(t, {});
    const path = join(folder, "a.yaml");
    const file = await open(path, "w");
    await file.truncate(33 * 1024 * 1024);
    await file.close();
    assert.deepEqual(messagesOf(await readManifests([path])), ["larger than 32 MiB: split it"]);
  });

  test("standard input is -", async () => {
    const read = await readManifests(["-"], { standardInput: { text: object("a") } });
    assert.deepEqual(namesOf(read), ["a"]);
    assert.equal(read.manifests[0]?.file, "-");
    assert.deepEqual(messagesOf(await readManifests(["-"], { standardInput: { text: "image: x" } })), [
      NO_OBJECT,
    ]);
    assert.deepEqual(namesOf(await readManifests(["-"])), []);
  });

  test("a pipe is read to its end, and no further than a file", async (t) => {
    const folder = await folderOf(t, {});
    const path = join(folder, "pipe");
    spawnSync("mkfifo", [path]);
    const reading = readManifests([path]);
    await writeFile(path, object("a"));
    assert.deepEqual(namesOf(await reading), ["a"]);
    assert.deepEqual(messagesOf(await readManifests(["/dev/zero"])), ["larger than 32 MiB: split it"]);
  });

  test("a file that was replaced by another since is another", async (t) => {
    const folder = await folderOf(t, { "a.yaml": object("a"), "b.yaml": object("b") });
    await rename(join(folder, "b.yaml"), join(folder, "a.yaml"));
    assert.deepEqual(namesOf(await readManifests([folder])), ["b"]);
  });
});

describe("of a text", () => {
  const read = (text: string) => parseManifests("x.yaml", text, true);

  test("CRLF, a byte order mark and JSON are read", () => {
    assert.deepEqual(namesOf(read(`\uFEFF${object("a")}---\n${object("b")}`.replaceAll("\n", "\r\n"))), [
      "a",
      "b",
    ]);
    assert.deepEqual(namesOf(read('{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"}}')), ["a"]);
  });

  test("an object keeps what foresail does not know", () => {
    const [manifest] = read(
      "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\nspec: {x: 1}\n",
    ).manifests;
    assert.equal(manifest?.kind, undefined);
    assert.equal(manifest?.kindName, "Thing");
    assert.deepEqual(manifest?.object, {
      apiVersion: "example.com/v1",
      kind: "Thing",
      metadata: { name: "a" },
      spec: { x: 1 },
    });
  });

  test("a kind is told by its group, too", () => {
    const kindOf = (apiVersion: string) =>
      read(`apiVersion: ${apiVersion}\nkind: Gateway\n`).manifests[0]?.kind;
    assert.equal(kindOf("gateway.networking.k8s.io/v1"), "KubernetesGateway");
    assert.equal(kindOf("example.com/v1"), undefined);
  });

  test("an object without a name is called by its prefix", () => {
    const nameOf = (metadata: string) =>
      namesOf(read(`apiVersion: v1\nkind: Pod\nmetadata: ${metadata}\n`))[0];
    assert.equal(nameOf("{generateName: job-}"), "job-*");
    assert.equal(nameOf("{name: '', generateName: job-}"), "job-*");
    assert.equal(nameOf("{}"), "*");
    assert.equal(nameOf("7"), "*");
  });

  test("the items of a List are objects with their own places", () => {
    const text = `apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Service
    metadata: { name: a }
  - apiVersion: v1
    kind: List
    items:
      - apiVersion: v1
        kind: Pod
        metadata: { name: b }
`;
    const { manifests, problems, documents } = read(text);
    assert.deepEqual(
      manifests.map(({ kind, name }) => [kind, name]),
      [
        ["Service", "a"],
        ["Pod", "b"],
      ],
    );
    assert.deepEqual(manifests[1]?.position(["metadata", "name"]), { line: 12, column: 21 });
    assert.deepEqual([problems, documents], [[], 1]);
  });

  test("the items of a list of one kind have that kind", () => {
    const text = JSON.stringify({
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRuleList",
      items: [{ metadata: { name: "a" } }, { metadata: { name: "b" }, spec: {} }],
    });
    const { manifests, problems } = read(text);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      manifests.map(({ kind, name }) => [kind, name]),
      [
        ["DestinationRule", "a"],
        ["DestinationRule", "b"],
      ],
    );
    assert.deepEqual(manifests[0]?.object, {
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name: "a" },
    });
  });

  test("an item of a List that is no object is a mistake in its own place", () => {
    const text = "apiVersion: v1\nkind: List\nitems:\n  - metadata: {name: a}\n  - null\n";
    assert.deepEqual(
      read(text).problems.map(({ line, message }) => [line, message]),
      [
        [4, NO_OBJECT],
        [5, NO_OBJECT],
      ],
    );
    assert.deepEqual(read("apiVersion: v1\nkind: List\nitems: []\n").problems, []);
  });

  test("a wrongly typed kind or apiVersion makes no object", () => {
    for (const text of [
      "apiVersion: v1\nkind: 7",
      "apiVersion: 1\nkind: Pod",
      "kind: Pod",
      "- a",
      "text",
      "apiVersion: v1\nkind: ''",
    ]) {
      assert.deepEqual(messagesOf(read(text)), [NO_OBJECT], text);
    }
  });
});
