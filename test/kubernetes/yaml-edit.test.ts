import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { patchFor, sameJson } from "../../src/kubernetes/json-patch.ts";
import type { FieldPath } from "../../src/kubernetes/field-path.ts";
import type { Json } from "../../src/kubernetes/json.ts";
import { editYaml } from "../../src/kubernetes/yaml/edit.ts";
import type { Edit } from "../../src/kubernetes/yaml/edit.ts";
import { parseYaml } from "../../src/kubernetes/yaml/yaml.ts";
import { documents, paths, picks, scalars, writeInStyle } from "./yaml-styles.ts";

const PORTS = ["metadata", "annotations", "x.io/ports"];

/** A value at a path, in the first document. */
type Setting = readonly [path: FieldPath, value: Json];

function edited(text: string, ...settings: readonly Setting[]): string {
  const edit = { document: 0, changes: settings.map(([path, value]) => ({ path, value })) };
  const result = editYaml(text, [edit]);
  assert.deepEqual([...result.refusals.values()], []);
  return result.text;
}

function refusalOf(text: string, ...settings: readonly Setting[]): string | undefined {
  const edit = { document: 0, changes: settings.map(([path, value]) => ({ path, value })) };
  const result = editYaml(text, [edit]);
  assert.equal(result.text, text);
  return result.refusals.get(edit);
}

interface Case {
  readonly name: string;
  readonly text: string;
  readonly settings: readonly Setting[];
  readonly expected: string;
}

const CASES: readonly Case[] = [
  {
    name: "parents that are missing come below what is there, above comments that follow",
    text: "kind: Pod\nmetadata:\n  name: a # c\n  # trailing\nspec:\n  x: 1\n",
    settings: [[PORTS, "8087"]],
    expected:
      'kind: Pod\nmetadata:\n  name: a # c\n  annotations:\n    x.io/ports: "8087"\n  # trailing\nspec:\n  x: 1\n',
  },
  {
    name: "an entry comes below the last one, in front of an empty line",
    text: "metadata:\n  annotations:\n    a: 'b'\n\n  name: x\n",
    settings: [[PORTS, "8087"]],
    expected: "metadata:\n  annotations:\n    a: 'b'\n    x.io/ports: \"8087\"\n\n  name: x\n",
  },
  {
    name: "a parent without a value gets one, in the text's own indentation, and keeps its comment",
    text: "metadata:\n    name: a\n    annotations: # none yet\n    # below\nspec: {}\n",
    settings: [[PORTS, "8087"]],
    expected:
      'metadata:\n    name: a\n    annotations: # none yet\n        x.io/ports: "8087"\n    # below\nspec: {}\n',
  },
  {
    name: "null in words goes",
    text: "metadata:\n  annotations: null # none\n  labels: ~\n",
    settings: [
      [PORTS, "8087"],
      [["metadata", "labels", "app"], "web"],
    ],
    expected: 'metadata:\n  annotations: # none\n    x.io/ports: "8087"\n  labels:\n    app: web\n',
  },
  {
    name: "empty brackets become a block",
    text: "metadata: {} # none\nspec: {}\n",
    settings: [[PORTS, "8087"]],
    expected: 'metadata: # none\n  annotations:\n    x.io/ports: "8087"\nspec: {}\n',
  },
  {
    name: "brackets that hold something stay",
    text: "metadata: {name: a, labels: {a: b}} # c\n",
    settings: [
      [PORTS, "8087"],
      [["metadata", "labels", "k"], "v w"],
    ],
    expected: 'metadata: {name: a, labels: {a: b, k: "v w"}, annotations: {x.io/ports: "8087"}} # c\n',
  },
  {
    name: "brackets over several lines go on so, and comments stay with their part",
    text: "a: {\n  b: 1, # one\n  c: 2 # two\n}\nd: [\n  1,\n  2, # last\n]\n",
    settings: [
      [["a", "z"], 1],
      [["d", 2], 3],
    ],
    expected: "a: {\n  b: 1, # one\n  c: 2, # two\n  z: 1\n}\nd: [\n  1,\n  2, # last\n  3,\n]\n",
  },
  {
    name: "JSON stays JSON, with its tabs",
    text: '{\n\t"metadata": {\n\t\t"name": "a"\n\t},\n\t"spec": {"a":[1,2]}\n}\n',
    settings: [
      [PORTS, "8087"],
      [["spec", "a", 2], 3],
      [["spec", "b"], { c: { d: [1] } }],
    ],
    expected:
      '{\n\t"metadata": {\n\t\t"name": "a",\n\t\t"annotations": {\n\t\t\t"x.io/ports": "8087"\n\t\t}\n\t},\n\t"spec": {"a":[1,2,3],"b":{"c":{"d":[1]}}}\n}\n',
  },
  {
    name: "JSON without a space stays so",
    text: '{"metadata":{"name":"a","labels":{}},"x":null}',
    settings: [
      [PORTS, "8087"],
      [["metadata", "labels", "q"], "w"],
      [["x"], { y: 1 }],
    ],
    expected: '{"metadata":{"name":"a","labels":{"q":"w"},"annotations":{"x.io/ports":"8087"}},"x":{"y":1}}',
  },
  {
    name: "items are added in the way in which the list is indented, and their parts as elsewhere",
    text: 'spec:\n  containers:\n    - name: a\n      args: ["x"]\n    -   name: b\n        env:\n          - name: q\n',
    settings: [
      [["spec", "containers", 0, "args", 1], "y"],
      [["spec", "containers", 1, "env", 1], { name: "X", value: "true" }],
      [
        ["spec", "containers", 1, "command"],
        ["sh", "-c", "a\nb\n"],
      ],
    ],
    expected:
      'spec:\n  containers:\n    - name: a\n      args: ["x", "y"]\n    -   name: b\n        env:\n          - name: q\n          - name: X\n            value: "true"\n        command:\n          - sh\n          - "-c"\n          - |\n            a\n            b\n',
  },
  {
    name: "a block of text keeps its indentation and its comment",
    text: "a:\n  b: |- # keep\n       x: 1\n\n       # c\n       y: 2\n\n  c: d\n",
    settings: [[["a", "b"], "x: 1\n\n# c\ny: 2\nz: 3\n"]],
    expected: "a:\n  b: | # keep\n       x: 1\n\n       # c\n       y: 2\n       z: 3\n\n  c: d\n",
  },
  {
    name: "below a block of text that keeps its empty lines, an entry comes behind them",
    text: "m:\n  a: |+\n    x\n\nb: 1\n",
    settings: [[["m", "z"], 2]],
    expected: "m:\n  a: |+\n    x\n\n  z: 2\nb: 1\n",
  },
  {
    name: "quotes stay, and come where they are needed",
    text: "a: 'x'\nb: \"y\"\nc: 1\nd:   z   # aligned\n",
    settings: [
      [["a"], "it's: b"],
      [["b"], "q"],
      [["c"], "1"],
      [["d"], "w"],
    ],
    expected: "a: 'it''s: b'\nb: \"q\"\nc: \"1\"\nd:   w   # aligned\n",
  },
  {
    name: "a quoted key is found",
    text: "m:\n  'x.io/y': 1\n  \"a\\x62\": 2\n",
    settings: [
      [["m", "x.io/y"], 3],
      [["m", "ab"], 4],
    ],
    expected: "m:\n  'x.io/y': 3\n  \"a\\x62\": 4\n",
  },
  {
    name: "of a key that stands there twice the one that counts is changed",
    text: "m: {a: 1}\nm: {b: 1}\n",
    settings: [[["m", "b"], 2]],
    expected: "m: {a: 1}\nm: {b: 2}\n",
  },
  {
    name: "items without a value get one",
    text: "a:\n-\n- # c\n- 1\n",
    settings: [
      [["a", 0], { x: 1 }],
      [["a", 1], "q"],
    ],
    expected: "a:\n- x: 1\n- q # c\n- 1\n",
  },
  {
    name: "lists and mappings that begin behind a dash",
    text: "a:\n- - x: 1\n  - y\n-   k: v\n",
    settings: [
      [["a", 0, 0, "z"], 1],
      [["a", 0, 2], { q: [1] }],
      [["a", 1, "w"], 2],
    ],
    expected: "a:\n- - x: 1\n    z: 1\n  - y\n  - q:\n    - 1\n-   k: v\n    w: 2\n",
  },
  {
    name: "a collection that becomes something else goes whole",
    text: "a: # key\n  # in\n  b: 1\n  c: 2 # end\nd:\n- b: 1\n  c: 2\n- 5\n",
    settings: [
      [["a"], "s"],
      [["d", 0], ["x"]],
    ],
    expected: "a: s # key\nd:\n- - x\n- 5\n",
  },
  {
    name: "texts over several lines",
    text: 'a: one\n  two # c\nb: "x\n  y"\nc:\n  long\n',
    settings: [
      [["a"], "q"],
      [["b"], "z"],
      [["c"], { d: 1 }],
    ],
    expected: 'a: q # c\nb: "z"\nc:\n  d: 1\n',
  },
  {
    name: "a tag goes with its value, an anchor that nobody uses stays",
    text: 'a: !!int "5" # c\nb: &q !!str 5\nc: &r # d\n  x: 1\n',
    settings: [
      [["a"], "x"],
      [["b"], { c: 1 }],
      [["c", "z"], 2],
    ],
    expected: 'a: "x" # c\nb: &q\n  c: 1\nc: &r # d\n  x: 1\n  z: 2\n',
  },
  {
    name: "what << brings is written over below it",
    text: "a: &a {x: 1}\nd:\n  <<: *a\n  y: 1\n",
    settings: [[["d", "x"], 2]],
    expected: "a: &a {x: 1}\nd:\n  <<: *a\n  y: 1\n  x: 2\n",
  },
  {
    name: "a pair in a list without brackets of its own gets some",
    text: "a: [b: 1, c]\n",
    settings: [[["a", 0, "d"], 3]],
    expected: "a: [{b: 1, d: 3}, c]\n",
  },
  {
    name: "a comma at the end stays there",
    text: "a: {b: 1,}\nb: [1 , ]\n",
    settings: [
      [["a", "z"], 1],
      [["b", 1], 3],
    ],
    expected: "a: {b: 1, z: 1,}\nb: [1 , 3, ]\n",
  },
  {
    name: "a byte order mark, Windows' line breaks, and a last line without one",
    text: "\uFEFFmetadata:\r\n  name: x",
    settings: [[PORTS, "8087"]],
    expected: '\uFEFFmetadata:\r\n  name: x\r\n  annotations:\r\n    x.io/ports: "8087"',
  },
  {
    name: "a block of text at the end gets the line break that it needs",
    text: "metadata:\n  name: x",
    settings: [[["metadata", "text"], "a\nb\n"]],
    expected: "metadata:\n  name: x\n  text: |\n    a\n    b\n",
  },
];

describe("a text says what the changes make of it, and else is as it was", () => {
  for (const { name, text, settings, expected } of CASES) {
    test(name, () => assert.equal(edited(text, ...settings), expected));
  }

  test("changing it again to the same changes nothing", () => {
    for (const { settings, expected } of CASES) assert.equal(edited(expected, ...settings), expected);
  });
});

describe("a key gets another name, and what is around it stays", () => {
  const rename = (text: string, from: FieldPath, to: FieldPath, value: Json) => {
    const edit: Edit = {
      document: 0,
      changes: [
        { path: to, value },
        { path: from, isRemoved: true },
      ],
    };
    const result = editYaml(text, [edit]);
    return result.refusals.get(edit) ?? result.text;
  };
  for (const [name, text, expected] of [
    ["plain", "m: # m\n  a.b/c: x # c\n  # below\n  d: 1\n", "m: # m\n  e.f/g-h: x # c\n  # below\n  d: 1\n"],
    ["in single quotes", "m:\n  'a.b/c': x\n", "m:\n  'e.f/g-h': x\n"],
    ["in brackets", 'm: {d: 1, a.b/c: "x", y: 2} # m\n', 'm: {d: 1, e.f/g-h: "x", y: 2} # m\n'],
    ["in JSON", '{"m":{"a.b/c":"x","d":1}}', '{"m":{"e.f/g-h":"x","d":1}}'],
    ["that is asked for", "m:\n  ? a.b/c\n  : x\n", "m:\n  ? e.f/g-h\n  : x\n"],
    [
      "with a text of several lines",
      "m:\n  a.b/c: |-\n    x\n  d: 1\n",
      "m:\n  e.f/g-h: |-\n    x\n  d: 1\n",
    ],
  ] as const)
    test(name, () => assert.equal(rename(text, ["m", "a.b/c"], ["m", "e.f/g-h"], "x"), expected));

  test("in quotes where it needs them", () => {
    assert.equal(rename("m: {a: 1}\n", ["m", "a"], ["m", "on"], 1), 'm: {"on": 1}\n');
    assert.equal(rename("m:\n  a: 1\n", ["m", "a"], ["m", "b: c"], 1), 'm:\n  "b: c": 1\n');
  });

  test("but not where an alias stands for the map, or << brings it", () => {
    const shared = rename("m: &m {a: 1}\nn: *m\n", ["m", "a"], ["m", "b"], 1);
    assert.equal(shared, "it stands under &m, and would change where *m stands, too");
    const merged = "x: &x {a: 1}\nm:\n  <<: *x\n  d: 1\n";
    assert.equal(rename(merged, ["m", "a"], ["m", "b"], 1), "x: &x {a: 1}\nm:\n  d: 1\n  b: 1\n");
  });
});

describe("an edit is refused", () => {
  test("that would change where an alias stands, too", () => {
    const text = "a: &a\n  x: 1\nb: *a\n";
    const message = "it stands under &a, and would change where *a stands, too";
    assert.equal(refusalOf(text, [["a", "x"], 2]), message);
    assert.equal(
      refusalOf(text, [["b", "x"], 2]),
      "it is taken over by *a, and would change where &a stands, too",
    );
  });

  test("of something inside of what << brings", () => {
    const text = "a: &a {x: {y: 1}}\nd:\n  <<: *a\n";
    assert.equal(
      refusalOf(text, [["d", "x", "y"], 2]),
      "x is taken over by <<, and would change where it comes from",
    );
  });

  test("of a whole document", () => {
    assert.equal(refusalOf("a: 1\n", [[], "text"]), "it would replace the whole document");
    assert.equal(refusalOf("text\n", [["a"], 1]), "the text cannot be changed there without changing more");
  });

  test("beyond the end of a list", () => {
    assert.equal(
      refusalOf("a: [1]\n", [["a", 2], 1]),
      "the text cannot be changed there without changing more",
    );
  });

  test("without the others of its document", () => {
    const text = "a: &a {x: 1}\nb: *a\nc: {}\n";
    const [bad, good]: Edit[] = [
      { document: 0, changes: [{ path: ["b", "x"], value: 2 }] },
      { document: 0, changes: [{ path: ["c", "x"], value: 2 }] },
    ];
    assert.ok(bad && good);
    const result = editYaml(text, [bad, good]);
    assert.equal(result.text, "a: &a {x: 1}\nb: *a\nc:\n  x: 2\n");
    assert.deepEqual([...result.refusals.keys()], [bad]);
  });
});

test("documents are edited each in its place, broken ones between them left alone", () => {
  const text = '# one\na: 1\n---\nb: [\n---\n# two\na: 2 # x\n...\n---\n{"a": 3}\n';
  const edits = [0, 1, 2].map((document) => ({ document, changes: [{ path: ["b"], value: document }] }));
  const result = editYaml(text, edits);
  assert.deepEqual([...result.refusals.values()], []);
  assert.equal(
    result.text,
    '# one\na: 1\nb: 0\n---\nb: [\n---\n# two\na: 2 # x\nb: 1\n...\n---\n{"a": 3, "b": 2}\n',
  );
});

test("JSON objects that follow one another are edited each in its place", () => {
  const edits = [{ document: 1, changes: [{ path: ["b"], value: 1 }] }];
  assert.equal(editYaml('{"a":1}{"a":2}\n{"a":3}\n', edits).text, '{"a":1}{"a":2,"b":1}\n{"a":3}\n');
});

const generated = () => fc.tuple(documents(), picks(), fc.nat(), fc.oneof(documents(), scalars()));

describe("any change of any document, however it is written", () => {
  test("reads as the patched document, and nothing is refused", () => {
    fc.assert(
      fc.property(generated(), ([document, style, choice, value]) => {
        const { text, path } = setUp(document, style, choice);
        const { object } = patchFor(document, [{ path, value }]);
        const [read] = parseYaml(edited(text, [path, value])).documents;
        assert.ok(sameJson(read?.value, object));
      }),
      { numRuns: 500 },
    );
  });

  test("leaves all lines but those of the value", () => {
    fc.assert(
      fc.property(generated(), ([document, style, choice, value]) => {
        const { text, path } = setUp(document, style, choice);
        const { patch } = patchFor(document, [{ path, value }]);
        const [operation] = patch;
        // What stands in place of a whole collection can be of any length.
        fc.pre(operation?.op === "add");
        // In brackets, the line of the last part and of the closing bracket.
        assert.ok(changedLines(text, edited(text, [path, value])) <= 2);
      }),
      { numRuns: 500 },
    );
  });
});

function setUp(document: Json, style: readonly number[], choice: number) {
  const text = writeInStyle(document, style);
  // A block that keeps its empty lines takes in those that were put below it.
  fc.pre(sameJson(parseYaml(text).documents[0]?.value, document));
  const all = paths(document);
  return { text, path: all[choice % all.length] ?? [] };
}

/** How many lines of the old text are not in the new one in the same order, the equal ones at both ends aside. */
function changedLines(old: string, changed: string): number {
  const [left, right] = [old.split(/(?<=\n)/), changed.split(/(?<=\n)/)];
  let from = 0;
  while (from < left.length && left[from] === right[from]) from++;
  let kept = 0;
  while (kept < left.length - from && left.at(-1 - kept) === right.at(-1 - kept)) kept++;
  return left.length - from - kept;
}
