import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { FieldPath } from "../../src/kubernetes/field-path.ts";
import type { Json } from "../../src/kubernetes/json.ts";
import { parseYaml } from "../../src/kubernetes/yaml/yaml.ts";
import type { YamlDocument, YamlProblem } from "../../src/kubernetes/yaml/yaml.ts";
import { askKubectl, listCorpus, readGolden, requireKubectl, yamlPath } from "./yaml-corpus/kubectl.ts";
import { soup, texts } from "./yaml-texts.ts";

function readDocument(text: string): YamlDocument {
  const { documents, problems } = parseYaml(text);
  assert.deepEqual(problems, []);
  assert.equal(documents.length, 1);
  const [document] = documents;
  assert.ok(document);
  return document;
}

function valuesOf(text: string): Json[] {
  return parseYaml(text).documents.map(({ value }) => value);
}

/** `line:column message`. */
function problemsOf(text: string): string[] {
  return parseYaml(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

/** `line:column` */
function at(document: YamlDocument, path: FieldPath): string {
  const { line, column } = document.places.position(path);
  return `${line}:${column}`;
}

/** Lines `a0: ...` of which each is made from an alias of the one before. */
function pile(line: (name: string, before: string) => string): string {
  const rest = Array.from({ length: 40 }, (_, level) => line(`a${level + 1}`, `*a${level}`));
  return ["a0: &a0 {x: 1}", ...rest].join("\n");
}

describe("kubectl's reading", () => {
  for (const name of listCorpus()) {
    const golden = readGolden(name);
    const text = readFileSync(yamlPath(name), "utf8");
    if ("documents" in golden) {
      test(`${name}: all values are those that kubectl sends`, () => {
        assert.deepEqual(valuesOf(text), golden.documents);
      });
    } else {
      test(`${name}: kubectl refuses it, and so do we`, () => {
        assert.notDeepEqual(problemsOf(text), [], golden.refused);
      });
    }
  }

  test("the corpus is what the kubectl on PATH says", async (t) => {
    if (!(await requireKubectl(t))) return;
    const names = listCorpus();
    const isRead = (name: string) => "documents" in readGolden(name);
    const read = names.filter(isRead);
    const { documents } = { documents: [], ...(await askKubectl(read.map(yamlPath))) };
    const goldens = read.flatMap((name) => {
      const golden = readGolden(name);
      return "documents" in golden ? golden.documents : [];
    });
    assert.deepEqual(documents, goldens);
    for (const name of names.filter((one) => !isRead(one))) {
      assert.ok("refused" in (await askKubectl([yamlPath(name)])), `kubectl reads ${name}.yaml`);
    }
  });
});

describe("texts with several documents", () => {
  test("a broken document becomes a problem and does not stop the others", () => {
    const text = "a: 1\n---\nb: [\n---\nc: 3\n---\nd: {}}\n---\ne: 5\n";
    assert.deepEqual(valuesOf(text), [{ a: 1 }, { c: 3 }, { e: 5 }]);
    assert.deepEqual(problemsOf(text), [
      "4:1 unexpected end of the stream within a flow collection",
      "7:6 bad indentation of a mapping entry",
    ]);
  });

  test("a line of more than --- is a problem, and separates", () => {
    const text = "a: 1\n--- {b: 2}\nc: 3\n-----\nd: 4\n";
    assert.deepEqual(valuesOf(text), [{ a: 1 }, { c: 3 }, { d: 4 }]);
    const message = "only a comment may follow --- on its line";
    assert.deepEqual(problemsOf(text), [`2:1 ${message}`, `4:1 ${message}`]);
  });

  test("what kubectl leaves unread after ... is a problem", () => {
    const text = "a: 1\n...\n# comment\n  b: 2\n---\nc: 3\n... # comment\n\n---\n...\nd: 4\n";
    assert.deepEqual(valuesOf(text), [{ a: 1 }, { c: 3 }]);
    const message = "kubectl does not read this: begin a document with a line ---";
    assert.deepEqual(problemsOf(text), [`4:3 ${message}`, `11:1 ${message}`]);
  });

  test("a document that only js-yaml sees is a problem", () => {
    const text = "a: 1\r--- \rb: 2\r";
    assert.deepEqual(valuesOf(text), [{ a: 1 }]);
    assert.equal(problemsOf(text).length, 1);
  });

  test("lines count through the whole text, comments in front of a document do not", () => {
    const text = "\n# one\na: 1\n---\n\n# two\n--- # three\n\n  # four\n\nb: 2\n---\n&x c: 3\n";
    assert.deepEqual(
      parseYaml(text).documents.map(({ line }) => line),
      [3, 11, 13],
    );
  });

  test("texts without content have no documents", () => {
    for (const text of [
      "",
      "\n\n",
      "# comment",
      "---",
      "---\n---\n",
      "~",
      "null\n---\n!!null ''",
      "\uFEFF",
      "...",
    ]) {
      assert.deepEqual(parseYaml(text), { documents: [], problems: [] }, JSON.stringify(text));
    }
  });

  test("a document need not be a mapping", () => {
    assert.deepEqual(valuesOf("text\n---\n- 1\n---\n''\n---\n0\n---\noff\n"), ["text", [1], "", 0, false]);
  });
});

describe("JSON", () => {
  test("objects follow one another, and YAML may follow them", () => {
    assert.deepEqual(valuesOf('{"a": 1}{"a": 2}\n{"a": "}"}\n---\nb: 014\n'), [
      { a: 1 },
      { a: 2 },
      { a: "}" },
      { b: 12 },
    ]);
    assert.deepEqual(valuesOf('{"a": 1}\n{b: yes}\n'), [{ a: 1 }, { b: true }]);
  });

  test("what begins as JSON may be YAML", () => {
    assert.deepEqual(valuesOf("{a: yes}\n"), [{ a: true }]);
    assert.deepEqual(valuesOf('{"a": 1} # comment\n'), [{ a: 1 }]);
    assert.deepEqual(valuesOf('{"a": 1,}\n'), [{ a: 1 }]);
  });

  test("later documents are no streams", () => {
    assert.deepEqual(valuesOf('a: 1\n---\n{"b": 2}{"c": 3}\n'), [{ a: 1 }]);
    assert.equal(problemsOf('a: 1\n---\n{"b": 2}{"c": 3}\n').length, 1);
  });

  test("keys are found behind tabs, in streams and beside other objects", () => {
    const { documents } = parseYaml(
      '{\n\t"a": {\n\t\t"b": [1,\n\t\t2]\n\t}\n} {"c": "é😀",\n "d": 1.10, "c": 2}\n',
    );
    const [first, second] = documents;
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual([at(first, []), at(first, ["a", "b"]), at(first, ["a", "b", 1])], ["1:1", "3:3", "4:3"]);
    assert.deepEqual([second.line, at(second, []), at(second, ["d"])], [6, "6:3", "7:2"]);
    assert.equal(second.places.source(["d"]), "1.10");
    assert.deepEqual(second.duplicateKeys, [
      { path: ["c"], position: { line: 7, column: 13 }, isSame: false },
    ]);
    assert.deepEqual(first.duplicateKeys, []);
  });

  test("numbers that no float holds are a problem", () => {
    assert.deepEqual(problemsOf('\n {"a": [1e999]}\n'), ["2:2 a number is too large"]);
  });

  test("whatever JSON.stringify writes has positions", () => {
    const layouts = fc.constantFrom(undefined, 1, 2, "\t", " \t");
    const objects = fc.dictionary(texts(), fc.jsonValue());
    fc.assert(
      fc.property(objects, layouts, (object, layout) => {
        const text = JSON.stringify(object, null, layout);
        const document = readDocument(text);
        assert.deepEqual(document.value, JSON.parse(text));
        assert.deepEqual(document.duplicateKeys, []);
        for (const [key, value] of Object.entries(object)) {
          assert.ok(document.places.position([key]).column > 1, key);
          assert.equal(
            document.places.source([key]) !== undefined,
            typeof value !== "object" || value === null,
          );
        }
      }),
    );
  });
});

const PLACES = `# comment
apiVersion: v1
spec: # comment
  hosts:
  - a
  -   "*.example.com"
  -
  - !!str b
  - |
    text
  - > # | comment
    text
  - &anchor c
  -

  # - comment
  - - d
    -
  flow: {x: 1, "y z": [1, 'two', {z: 3}]}
  "quoted key" : v
  ? explicit
  : v
  &k anchored: v
  😀: {é: 1, ü: 2}
  empty:
  base: &base {p: 1, q: [r]}
  merged:
    <<: *base
    s: 1
  aliased: [*base]
`;

describe("positions", () => {
  const document = readDocument(PLACES);
  const places: readonly [string, FieldPath][] = [
    ["2:1", []],
    ["2:1", ["apiVersion"]],
    ["3:1", ["spec"]],
    ["4:3", ["spec", "hosts"]],
    ["5:5", ["spec", "hosts", 0]],
    ["6:7", ["spec", "hosts", 1]],
    ["7:3", ["spec", "hosts", 2]],
    ["8:5", ["spec", "hosts", 3]],
    ["9:5", ["spec", "hosts", 4]],
    ["11:5", ["spec", "hosts", 5]],
    ["13:5", ["spec", "hosts", 6]],
    ["14:3", ["spec", "hosts", 7]],
    ["17:5", ["spec", "hosts", 8]],
    ["17:7", ["spec", "hosts", 8, 0]],
    ["18:5", ["spec", "hosts", 8, 1]],
    ["19:10", ["spec", "flow", "x"]],
    ["19:16", ["spec", "flow", "y z"]],
    ["19:24", ["spec", "flow", "y z", 0]],
    ["19:27", ["spec", "flow", "y z", 1]],
    ["19:34", ["spec", "flow", "y z", 2]],
    ["19:35", ["spec", "flow", "y z", 2, "z"]],
    ["20:3", ["spec", "quoted key"]],
    ["21:5", ["spec", "explicit"]],
    ["23:3", ["spec", "anchored"]],
    ["24:13", ["spec", "😀", "ü"]],
    ["25:3", ["spec", "empty"]],
    ["29:5", ["spec", "merged", "s"]],
  ];
  for (const [place, path] of places) {
    test(`${JSON.stringify(path)} is at ${place}`, () => assert.equal(at(document, path), place));
  }

  test("of merged and aliased fields are where the anchor is", () => {
    assert.equal(at(document, ["spec", "merged", "p"]), "26:16");
    assert.equal(at(document, ["spec", "aliased", 0]), "30:13");
    assert.equal(at(document, ["spec", "aliased", 0, "q", 0]), "26:26");
  });

  test("of missing fields are those of the nearest parent", () => {
    assert.equal(at(document, ["status", "a", 1]), "2:1");
    assert.equal(at(document, ["spec", "hosts", 99, "a"]), "4:3");
    assert.equal(at(document, ["spec", "hosts", "name"]), "4:3");
    assert.equal(at(document, ["apiVersion", "a"]), "2:1");
    assert.equal(at(document, ["spec", "empty", 0]), "25:3");
    assert.equal(at(document, ["constructor"]), "2:1");
  });

  test("of a key that is there twice are those of the one that counts", () => {
    assert.equal(at(readDocument("a: 1\nb: 2\na: 3\n"), ["a"]), "3:1");
  });

  test("do not depend on line ends and byte order marks", () => {
    const other = readDocument(`\uFEFF${PLACES.replaceAll("\n", "\r\n")}`);
    assert.deepEqual(other.value, document.value);
    for (const [place, path] of places) assert.equal(at(other, path), place);
  });

  test("count through lines that are moved to be read", () => {
    const moved = readDocument('a: {\nb: [1,\n2], c:\t[x],\nd: "it\\\'s\n so", e: 1\n}\nf: 1\n');
    assert.deepEqual(moved.value, { a: { b: [1, 2], c: ["x"], d: "it's so", e: 1 }, f: 1 });
    assert.deepEqual(
      ["b", "c", "d", "e"].map((key) => at(moved, ["a", key])),
      ["2:1", "3:5", "4:1", "5:7"],
    );
    assert.equal(at(moved, ["a", "b", 1]), "3:1");
    assert.equal(at(moved, ["f"]), "7:1");
  });
});

test("the source of a scalar is as it was written, without quotes", () => {
  const document = readDocument(
    "a: 1.10\nb: Off\nc: '1.10'\nd: \"x\\ty\"\ne: |\n  two\n  lines\nf:\ng: &x 0x1F\nh: [*x, ~]\ni: {}\nj: !!int 014\nk: a\n  b\n",
  );
  const sources = ["a", "b", "c", "d", "e", "f", "g", "i", "j", "k", "l"].map((key) =>
    document.places.source([key]),
  );
  const expected = [
    "1.10",
    "Off",
    "1.10",
    "x\ty",
    "two\nlines\n",
    "",
    "0x1F",
    undefined,
    "014",
    "a b",
    undefined,
  ];
  assert.deepEqual(sources, expected);
  assert.deepEqual([document.places.source(["h", 0]), document.places.source(["h", 1])], ["0x1F", "~"]);
  assert.equal(document.places.source([]), undefined);
  assert.equal(document.places.source(["a", "b"]), undefined);
});

describe("duplicate keys", () => {
  test("are recorded where they are repeated", () => {
    const text = "a: 1\nb:\n- x: {w: 1, 'w': 2}\n- z: 1\n  z: 2\n  z: 3\na: {}\non: 1\nyes: 2\n";
    assert.deepEqual(
      readDocument(text).duplicateKeys.map(({ path, position }) => [path, position.line, position.column]),
      [
        [["b", 0, "x", "w"], 3, 13],
        [["b", 1, "z"], 5, 3],
        [["b", 1, "z"], 6, 3],
        [["a"], 7, 1],
        [["true"], 9, 1],
      ],
    );
  });

  test("are told from those that say the same again", () => {
    const text = "a: 1\na: 1\nb: [1, {x: 2}]\nb: [1, {x: 2}]\nc: 1\nc: '1'\nd: {}\nd: []\ne: .inf\ne: 1\n";
    assert.deepEqual(
      readDocument(text).duplicateKeys.map(({ path, isSame }) => [...path, isSame]),
      [
        ["a", true],
        ["b", true],
        ["c", false],
        ["d", false],
        ["e", false],
      ],
    );
  });

  test("are not what a merge adds", () => {
    const text = "a: &a {x: 1}\nb: {<<: *a, x: 2}\nc: {x: 2, <<: *a}\nd: {<<: *a, <<: {x: 3, x: 4}}\n";
    assert.deepEqual(readDocument(text).duplicateKeys, [
      { path: ["d", "x"], position: { line: 4, column: 24 }, isSame: false },
    ]);
  });
});

describe("places", () => {
  test("have the line around them, and of a long one what is near", () => {
    const long = "x".repeat(300);
    const [first, second] = parseYaml(
      `a: 1\r\n  \nb:\n  - c: ${long}\n---\n{"d": 1} {"e": "${long}", "f": 2}`,
    ).documents;
    assert.deepEqual(first?.places.excerpt(["b", 0, "c"]), {
      before: "  - ",
      after: `c: ${long}`.slice(0, 200),
      isCut: true,
    });
    assert.deepEqual(first?.places.excerpt(["a"]), { before: "", after: "a: 1", isCut: false });
    assert.equal(second, undefined);
  });

  test("count characters, not their halves", () => {
    const document = readDocument('{"😀😀": 1, "a": {"😀": 2, "b": 3}}');
    assert.deepEqual([at(document, ["a"]), at(document, ["a", "b"])], ["1:11", "1:25"]);
  });

  test("of several documents may be asked for in turn", () => {
    const { documents } = parseYaml("a: 1\nb: 2\n---\na: 1\nb: 2\n");
    const ask = () => documents.map((document) => at(document, ["b"]));
    assert.deepEqual(
      [ask(), ask()],
      [
        ["2:1", "5:1"],
        ["2:1", "5:1"],
      ],
    );
  });
});

describe("problems", () => {
  const cases: readonly [string, string][] = [
    [
      "a: *.example.com",
      "1:4 * begins an alias, and no anchor of that name is before it: a text with * first needs quotes",
    ],
    ["a:\n- b: c: d", "2:7 a text with a colon and a space in it needs quotes"],
    ["a: @b", "1:4 a text that begins with @ needs quotes"],
    ["a: %b", "1:4 a text that begins with % needs quotes"],
    ["a: &a [*a]", "1:8 an alias stands inside of its own anchor"],
    ["a: {b: .inf}", "1:5 JSON has no infinite numbers and no NaN"],
    ["a:\n  ~: 1", "2:3 a key must be a string, a number or a boolean"],
    ["a: {[b]: 1}", "1:5 a list or a mapping cannot be a key"],
    ["a: !!int x", "1:4 the value is no !!int"],
    ["a: {<<: 1}", "1:9 << takes a mapping or a list of mappings"],
    ["a: {regex: a?b}", "1:12 a text with ? in it or : before it needs quotes inside of brackets"],
    ["a: {b:}", "1:5 a colon inside of brackets needs a space behind it"],
    ["a: \u0007", "1:4 control characters are not allowed"],
    [" ---\na: 1", "1:1 no space may stand before ---"],
    ["a:\n\tb: 1", "2:1 tab characters must not be used in indentation"],
    ["é😀: {b: c: d}", "1:10 missed comma between flow collection entries"],
  ];
  for (const [text, problem] of cases) {
    test(`${JSON.stringify(text)}: ${problem}`, () => assert.deepEqual(problemsOf(text), [problem]));
  }

  test("are one line each, whatever the text", () => {
    const isOneLine = ({ message }: YamlProblem) => /^[^\p{C}]{1,200}$/u.test(message);
    fc.assert(fc.property(soup(), (text) => parseYaml(text).problems.every(isOneLine)));
  });
});

describe("hostile texts", () => {
  test("nothing throws", () => {
    fc.assert(
      fc.property(fc.oneof(soup(), fc.string({ unit: "binary" }), fc.string()), (text) => {
        for (const document of parseYaml(text).documents) {
          document.places.position(["a", 0, "b"]);
          document.places.source(["a"]);
          assert.ok(document.duplicateKeys.length <= text.length);
        }
      }),
      { numRuns: 1000 },
    );
  });

  const bombs: Readonly<Record<string, string>> = {
    lists: pile(
      (name, before) => `${name}: &${name} [${Array.from({ length: 10 }, () => before).join(", ")}]`,
    ),
    mappings: pile((name, before) => `${name}: &${name} {x: ${before}, y: ${before}, z: ${before}}`),
    merges: pile((name, before) => `${name}: &${name} {<<: ${before}, ${name}: ${before}}`),
    texts: `a: &a ${"x".repeat(10_000)}\nb: [${"*a, ".repeat(1000)}]`,
    keys: `a: &a {? ${"x".repeat(10_000)}\n: 1}\nb: [${"*a, ".repeat(1000)}]`,
  };
  for (const [name, text] of Object.entries(bombs)) {
    test(`aliases of ${name} do not expand without end`, { timeout: 5000 }, () => {
      assert.match(problemsOf(text).join(), /^\d+:\d+ aliases stand for more than 4194304 characters$/);
    });
  }

  test("aliases may be many, and the limit can be set", () => {
    const text = `a: &a {x: 1}\nb: [${"*a, ".repeat(1000)}]`;
    assert.deepEqual(problemsOf(text), []);
    assert.deepEqual(
      parseYaml(text, { maxAliasedCharacters: 1000 }).problems.map(({ message }) => message),
      ["aliases stand for more than 1000 characters"],
    );
  });

  const nests: Readonly<Record<string, (depth: number) => string>> = {
    lists: (depth) => "[".repeat(depth) + "]".repeat(depth),
    mappings: (depth) => `${"{a: ".repeat(depth)}1${"}".repeat(depth)}`,
    JSON: (depth) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`,
    dashes: (depth) => `${"- ".repeat(depth)}1`,
    blocks: (depth) => Array.from({ length: depth }, (_, level) => `${" ".repeat(level)}a:\n`).join(""),
    aliases: (depth) =>
      ["a0: &a0 [1]", ...Array.from({ length: depth - 2 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}]`)].join(
        "\n",
      ),
  };
  for (const [name, nest] of Object.entries(nests)) {
    test(`${name} may nest 1000 deep`, { timeout: 10_000 }, () => {
      assert.deepEqual(problemsOf(nest(1000)), []);
      const depth = name === "blocks" ? 2000 : 100_000;
      for (const deeper of [1001, depth]) {
        assert.match(problemsOf(nest(deeper)).join(), /^\d+:\d+ nesting is deeper than 1000 levels$/);
      }
    });
  }

  test("no key changes a prototype", () => {
    for (const text of [
      "__proto__: {polluted: 1}\nconstructor: {prototype: {polluted: 1}}\n",
      '{"__proto__": {"polluted": 1}}',
    ]) {
      const { value } = readDocument(text);
      assert.equal(Reflect.get({}, "polluted"), undefined);
      assert.equal(Object.getPrototypeOf(value), Object.prototype);
      assert.deepEqual(Object.getOwnPropertyDescriptor(value, "__proto__")?.value, { polluted: 1 });
    }
    const merged = readDocument("a: &a {__proto__: {polluted: 1}}\nb: {<<: *a}\n").value;
    assert.equal(Reflect.get(Object(Reflect.get(Object(merged), "b")), "polluted"), undefined);
  });

  test("many documents, problems and duplicates take no quadratic time", { timeout: 10_000 }, () => {
    assert.equal(parseYaml("a: 1\n---\n".repeat(20_000)).documents.length, 20_000);
    assert.equal(parseYaml("a: b: c\n---\n".repeat(20_000)).problems.length, 20_000);
    assert.equal(parseYaml('{"a": 1}'.repeat(20_000)).documents.length, 20_000);
    assert.equal(readDocument("a: 1\n".repeat(20_000)).duplicateKeys.length, 19_999);
    assert.equal(readDocument("a: 1\r".repeat(20_000)).duplicateKeys.length, 19_999);
    assert.equal(problemsOf(`a: {\n${"b: c,\n".repeat(20_000)}}`).length, 1);
  });
});
