import fc from "fast-check";

const WORDS =
  `yes no ~ null 014 0x1F 1_000 1e3 .inf << = - ? : # * & ! | > % @ \` ' " [ ] { } , --- ... *a &a !a
  __proto__ 2020-01-01 12:30:45 10.0.0.1 a:b a: :a a#b outbound|80||a.b *.example.com $(A) http://x:80/?a=b#c \\ \\n
  é 日本 😀`.split(/\s+/);
const BLANKS = [
  "",
  " ",
  "\t",
  "\n",
  "\n\n",
  "\r\n",
  "\r",
  "a b",
  "a: b",
  "a #b",
  " a",
  "a ",
  "\ta",
  "a\tb",
  "- a",
];
const UNUSUAL = ["\u0000", "\u007f", "\u0085", "\u00a0", "\u2028", "\ufeff", "\ufffd", "k".repeat(1200)];

const PIECES =
  `a b: - : ? , &a *a !!int !x <<: { } [ ] ' " | > \\ \\' 1 .inf ~ 1e999 __proto__: {"a":1} "\\ud800"`.split(
    " ",
  );
const BREAKS = [
  "\n",
  "\n  ",
  "\n    ",
  "\n- ",
  "\n---\n",
  "\n...\n",
  "\r\n",
  "\r",
  "\t",
  " ",
  ": ",
  ", ",
  " # c\n",
];
const REFUSED = ["%YAML 1.1\n", "\uFEFF", "\u0000", "\u2028", "\ud800"];

/** Strings in which YAML sees more than a string. */
export function texts(): fc.Arbitrary<string> {
  const lines = fc.array(fc.constantFrom(...WORDS, ...BLANKS, ...UNUSUAL), { maxLength: 4 });
  return fc.oneof(
    lines.map((some) => some.join("\n")),
    lines.map((some) => some.join("")),
    fc.string({ unit: "grapheme" }),
  );
}

/** What JSON can hold, after a round through JSON. */
export function emittable(): fc.Arbitrary<unknown> {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      texts(),
      fc.constantFrom(null, true, false, 0, -1, 1.5, 1e21, 1e-7, 2 ** 53),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(texts(), tie("value"), { maxKeys: 4 }),
    ),
  }));
  return value;
}

/** Pieces of YAML in any order. */
export function soup(): fc.Arbitrary<string> {
  const pieces = fc.oneof(
    { arbitrary: fc.constantFrom(...PIECES), weight: 8 },
    { arbitrary: fc.constantFrom(...BREAKS), weight: 8 },
    { arbitrary: fc.constantFrom(...REFUSED), weight: 1 },
  );
  return fc.array(pieces, { maxLength: 40 }).map((some) => some.join(""));
}
