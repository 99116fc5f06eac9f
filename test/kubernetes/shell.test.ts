import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import fc from "fast-check";
import { readShell } from "../../src/kubernetes/shell/shell.ts";
import type { Pipeline, ShellCommand } from "../../src/kubernetes/shell/shell.ts";
import { skipOrFail } from "../harness/missing-tool.ts";

function read(text: string): readonly ShellCommand[] {
  return readShell(text, { source: { field: ["command", 2], text }, start: 0 });
}

const valuesOf = ({ words }: ShellCommand) => words.map(({ value }) => value);
const inWords = (text: string) => read(text).map((command) => valuesOf(command).join(" "));
const stagesOf = (pipeline: Pipeline = []) => pipeline.map((stage) => stage && valuesOf(stage).join(" "));

const join = (parts: readonly string[]) => parts.join("");
const printable = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCodePoint(code));
const plain = fc.stringMatching(/^[A-Za-z0-9_./:,@%+-]{1,5}$/);
const single = fc
  .array(
    printable.filter((one) => one !== "'"),
    { maxLength: 6 },
  )
  .map((parts) => `'${join(parts)}'`);
const double = fc
  .array(
    fc.oneof(
      printable.filter((one) => !'"\\$`'.includes(one)),
      fc.constantFrom('\\"', "\\\\", "\\$", "\\`", "\\a", "\\ ", "\\\n"),
    ),
    { maxLength: 6 },
  )
  .map((parts) => `"${join(parts)}"`);
const escaped = printable.map((one) => `\\${one}`);
const ansi = fc
  .array(fc.constantFrom("a", " ", "\\t", "\\n", "\\\\", "\\'", "\\x41", "\\101", '"', "$"), { maxLength: 5 })
  .map((parts) => `$'${join(parts)}'`);
const word = (...quotes: readonly fc.Arbitrary<string>[]) =>
  fc.array(fc.oneof(...quotes), { minLength: 1, maxLength: 4 }).map(join);

/** What the shell makes of each word; one process for all. */
function expandedBy(shell: string, words: readonly string[]): readonly string[] {
  const script = words.map((one) => `printf '%s\\0' ${one}\n`).join("");
  return execFileSync(shell, ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

const SEED = 20_260_801;

describe("a word is what the shell makes of it", () => {
  test("in quotes, behind backslashes, and in one", () => {
    const words = fc.sample(word(plain, single, double, escaped), { numRuns: 3000, seed: SEED });
    assert.deepEqual(
      words.map((one) => read(`x ${one}`)[0]?.words[1]?.value),
      expandedBy("sh", words),
    );
  });

  test("in bash's own quotes", (t) => {
    const words = fc.sample(word(plain, single, ansi), { numRuns: 1000, seed: SEED });
    if (spawnSync("bash", ["-c", ":"]).error !== undefined)
      return skipOrFail(t, { tool: "bash", needs: "bash", remedy: "which comes with most systems" });
    const expected = expandedBy("bash", words);
    assert.deepEqual(
      words.map((one) => read(`x ${one}`)[0]?.words[1]?.value),
      expected,
    );
  });

  test("and is unknown where something else decides", () => {
    for (const one of ["$A", "${A}", '"a$A"', "$(a)", "`a`", "$((1 + 1))", "*.sh", "{a,b}", "<(a)"])
      assert.equal(read(`x ${one}`)[0]?.words[1]?.value, undefined, one);
    const [command] = read('x until=$A $A "${A}" "$(a | b)" ${A:-b}');
    assert.deepEqual(
      command?.words.map(({ prefix }) => prefix),
      ["x", "until=", "", "", "", ""],
    );
    assert.deepEqual(
      command?.words.map(({ variable }) => variable),
      [undefined, undefined, "A", "A", undefined, undefined],
    );
    assert.deepEqual(stagesOf(command?.words[4]?.output), ["a", "b"]);
  });
});

describe("the commands of a text", () => {
  test("are those that a shell runs, in substitutions as well", () => {
    assert.deepEqual(inWords("a; b && c | d || e & (f); { g; } # h\n! i"), [
      "a",
      "b",
      "c",
      "d",
      "e",
      "f",
      "g",
      "i",
    ]);
    assert.deepEqual(
      inWords("if a; then b; elif c; then d; else e; fi; while f; do g; done"),
      "abcdefg".split(""),
    );
    assert.deepEqual(inWords("case x in a|b) c;; *) d;; esac; for i in $(e); do f; done"), [
      "c",
      "d",
      "e",
      "f",
    ]);
    assert.deepEqual(inWords('a "$(b)"'), ["a ", "b"]);
    assert.deepEqual(inWords("x=$(a) y; z=`b`"), ["y", "a", "", "b"]);
    assert.deepEqual(inWords("cat <<EOF\n$(a)\nEOF\ncat <<'EOF'\n$(b)\nEOF\n"), ["cat", "a", "cat"]);
  });

  test("of functions stand where they are called first, and nowhere if they are not", () => {
    assert.deepEqual(inWords("f() { a; }\ng() { b; }\nc; f; d; f"), ["c", "a", "d"]);
    assert.deepEqual(inWords("f() { g; }; g() { f; a; }; f"), ["a"]);
  });

  test("know their pipeline, their input and their variables", () => {
    const [, , last] = read("a | b 1 | c <<< 'd e'");
    assert.deepEqual(stagesOf(last?.piped), ["a", "b 1"]);
    assert.equal(last?.inputText?.value, "d e");
    assert.deepEqual(stagesOf(read("{ a; } | b")[1]?.piped), [undefined]);
    const [command] = read("A=1 B=$C x < in 2> out");
    assert.equal(command?.inputFile?.value, "in");
    assert.deepEqual(
      [...(command?.environment ?? [])].map(([name, { value }]) => [name, value]),
      [
        ["A", "1"],
        ["B", undefined],
      ],
    );
  });

  test("are none if the shell would refuse the text", () => {
    for (const text of ["a 'b", "a; b )", "if a; then b", "a &&", "a `b", "a ;; b"])
      assert.deepEqual(read(text), [], text);
  });
});

test("a value that stands in the text as it is, stands where it is said to", () => {
  const text = 'a \'b c\' "d" "e\\"" f\\g `h`; i <<E\nj k\nE\n';
  const commands = read(text);
  const places = commands.flatMap(({ words, inputText }) =>
    [...words, ...(inputText ? [inputText] : [])].map(({ value, valueStart, end }) => ({
      value,
      valueStart,
      end,
    })),
  );
  for (const { value = "", valueStart } of places)
    if (valueStart !== undefined) assert.equal(text.slice(valueStart, valueStart + value.length), value);
  assert.deepEqual(
    places.map(({ value, valueStart, end }) => [value, valueStart, end]),
    [
      ["a", 0, 1],
      ["b c", 3, 7],
      ["d", 9, 11],
      ['e"', undefined, 17],
      ["fg", undefined, 21],
      [undefined, undefined, 25],
      ["h", 23, 24],
      ["i", 27, 28],
      ["j k\n", 33, 37],
    ],
  );
});

describe("any text is read to its end", () => {
  const tokens = [
    "a",
    " ",
    "\n",
    "'",
    '"',
    "\\",
    "$",
    "(",
    ")",
    "{",
    "}",
    "`",
    "|",
    "&",
    ";",
    "<",
    ">",
    "#",
    "=",
    "!",
  ];
  const keywords = [
    "if ",
    "then ",
    "fi",
    "case ",
    "esac",
    "do ",
    "done",
    "f() ",
    "<<E\n",
    "E\n",
    "[[ ",
    "]]",
    "$((",
    "))",
  ];

  test("whatever its tokens are", () => {
    const texts = fc.array(fc.constantFrom(...tokens, ...keywords), { maxLength: 40 }).map(join);
    fc.assert(
      fc.property(texts, (text) => {
        for (const { words } of read(text))
          for (const { end } of words) assert.ok(end === undefined || end <= text.length);
      }),
      { numRuns: 3000, seed: SEED },
    );
  });

  test("however deep it is nested", () => {
    const depth = 10_000;
    for (const [open, close] of [
      ["$(", ")"],
      ["(", ")"],
      ['"$(', ')"'],
      ["{ a; ", "}"],
      ["if a; then ", "fi;"],
      ["`", "`"],
      ["${a:-", "}"],
      ["f() { ", "}"],
      ["a | ", "b"],
      ["<(", ")"],
    ] as const) {
      assert.ok(Array.isArray(read(open.repeat(depth))));
      assert.ok(Array.isArray(read(`${open.repeat(depth)}a${close.repeat(depth)}`)));
    }
  });

  test("however often functions call each other", () => {
    const count = 2000;
    const functions = Array.from({ length: count }, (_, index) => `f${index}() { f${index + 1}; }`);
    assert.ok(Array.isArray(read(`${functions.join("\n")}\nf0`)));
  });
});
