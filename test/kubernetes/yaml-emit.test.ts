import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Json } from "../../src/kubernetes/json.ts";
import { emitYaml, parseYaml } from "../../src/kubernetes/yaml/yaml.ts";
import { askKubectl, requireKubectl } from "./yaml-corpus/kubectl.ts";
import { emittable } from "./yaml-texts.ts";

function readBack(text: string): Json[] {
  const { documents, problems } = parseYaml(text);
  assert.deepEqual(problems, []);
  return documents.map(({ value }) => value);
}

describe("emitYaml", () => {
  const cases: readonly [string, Json, string][] = [
    [
      "an object",
      { a: 1, b: { c: [1, { d: 2, e: [] }], f: {} }, g: null },
      "a: 1\nb:\n  c:\n  - 1\n  - d: 2\n    e: []\n  f: {}\ng: null\n",
    ],
    ["lists in lists", [[1, [2]], [], [{ a: [3] }]], "- - 1\n  - - 2\n- []\n- - a:\n    - 3\n"],
    [
      "texts that stay plain",
      ["a", "a b", "a:b", "http://x:80/y?z=1", "10.0.0.1", "30s", "v1", "a=b,c"],
      "- a\n- a b\n- a:b\n- http://x:80/y?z=1\n- 10.0.0.1\n- 30s\n- v1\n- a=b,c\n",
    ],
    [
      "words that kubectl reads as others",
      ["yes", "off", "y", "null", "~", ""],
      '- "yes"\n- "off"\n- "y"\n- "null"\n- "~"\n- ""\n',
    ],
    [
      "texts that look like numbers",
      ["1.10", "014", "1_000", "0x1F", "1e3", ".5"],
      '- "1.10"\n- "014"\n- "1_000"\n- "0x1F"\n- "1e3"\n- ".5"\n',
    ],
    ["dates and times", ["2020-01-01", "12:30:45"], '- "2020-01-01"\n- "12:30:45"\n'],
    [
      "marks",
      ["*.a", "- a", "a: b", "a #b", " a", "a:", "...", "---", "<<", "é"],
      '- "*.a"\n- "- a"\n- "a: b"\n- "a #b"\n- " a"\n- "a:"\n- "..."\n- "---"\n- "<<"\n- "é"\n',
    ],
    ["keys", { y: 1, "a b": 2, "1": 3, "a:": 4, "": 5 }, '"1": 3\n"y": 1\na b: 2\n"a:": 4\n"": 5\n'],
    [
      "lines",
      { a: "x\n  y\n\nz\n", b: "x\ny", c: "x\n\n", d: ["x\ny\n"], e: " x\ny" },
      'a: |\n  x\n    y\n\n  z\nb: |-\n  x\n  y\nc: |+\n  x\n\nd:\n- |\n  x\n  y\ne: " x\\ny"\n',
    ],
    [
      "characters that need escapes",
      ['\u0000\u007f\u0085\u2028\ufeff\t"\\'],
      '- "\\u0000\\u007f\\u0085\\u2028\\ufeff\\t\\"\\\\"\n',
    ],
    ["a scalar", "no", '"no"\n'],
    ["numbers", [0, -1, 1.5, 1e21, 1e-7], "- 0\n- -1\n- 1.5\n- 1e+21\n- 1e-7\n"],
  ];
  for (const [name, value, text] of cases) {
    test(`writes ${name}`, () => {
      assert.equal(emitYaml(value), text);
      assert.deepEqual(readBack(text), [value]);
    });
  }

  test("parseYaml reads back what it writes", () => {
    fc.assert(
      fc.property(fc.oneof(emittable(), fc.jsonValue()), (some) => {
        const value: Json = JSON.parse(JSON.stringify([some]));
        assert.deepEqual(readBack(emitYaml(value)), [value]);
        assert.ok(emitYaml(value).endsWith("\n"));
      }),
      { numRuns: 1000 },
    );
  });

  test("kubectl reads back what was emitted", async (t) => {
    if (!(await requireKubectl(t))) return;
    const folder = mkdtempSync(join(tmpdir(), "emitted-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "object.yaml");
    const values = fc.sample(emittable(), { numRuns: 300, seed: 1 });
    const value = JSON.parse(
      JSON.stringify({ apiVersion: "example.com/v1", kind: "Sample", metadata: { name: "a" }, values }),
    );
    writeFileSync(path, emitYaml(value));
    assert.deepEqual(await askKubectl([path]), { documents: [value] });
  });
});
