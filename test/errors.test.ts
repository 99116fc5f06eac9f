import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ForesailError, nearest } from "../src/errors.ts";

describe("the nearest word", () => {
  const ids = ["pod-drains-before-stop", "pod-probes-reach-the-app", "tcp-port-not-shared"];
  const cases: [word: string, candidates: string[], meant: string | undefined][] = [
    ["pod-drain-before-stop", ids, "pod-drains-before-stop"],
    ["POD-PROBES-REACH-THE-APP", ids, "pod-probes-reach-the-app"],
    ["tpc-port-not-shared", ids, "tcp-port-not-shared"],
    ["namespace", ids, undefined],
    ["", ids, undefined],
    ["Wran", ["Warn", "Deny"], "Warn"],
    ["istoi", ["istio", "asm"], "istio"],
    ["x", ["y"], "y"],
    ["x", ["abc"], undefined],
    ["warn", [], undefined],
    ["same", ["sane", "same"], "same"],
    ["bat", ["cat", "hat"], "cat"],
  ];
  for (const [word, candidates, meant] of cases)
    test(`to ${JSON.stringify(word)} among ${candidates.join(", ")} is ${meant ?? "none"}`, () =>
      assert.equal(nearest(word, candidates), meant));

  test("counts two neighbours that changed places as one mistake", () => {
    // Two changes would be too many for three letters.
    assert.equal(nearest("acm", ["cam"]), "cam");
    assert.equal(nearest("acm", ["mca"]), undefined);
  });

  test("is found in no time for a text of any length", () => {
    const start = performance.now();
    assert.equal(nearest("x".repeat(1_000_000), ids), undefined);
    assert.ok(performance.now() - start < 1000);
  });
});

test("an error has a sentence, a hint and its cause", () => {
  const cause = new Error("EACCES");
  const error = new ForesailError({
    code: "CONFIG_INVALID",
    message: "The file cannot be read",
    hint: "Allow it.",
    cause,
  });
  assert.equal(String(error), "ForesailError: The file cannot be read");
  assert.deepEqual([error.code, error.hint, error.cause], ["CONFIG_INVALID", "Allow it.", cause]);
  assert.ok(error instanceof Error);
});

test("every code has its row in docs/errors.md, and no row is left over", () => {
  const root = join(import.meta.dirname, "..");
  const union = /type ErrorCode =([^;]+);/.exec(readFileSync(join(root, "src/errors.ts"), "utf8"))?.[1] ?? "";
  const codes = Array.from(union.matchAll(/"([A-Z_]+)"/g), ([, code]) => code);
  const rows = readFileSync(join(root, "docs/errors.md"), "utf8").matchAll(/^\| `([A-Z_]+)` \|/gm);
  assert.ok(codes.length > 0);
  assert.deepEqual(new Set(Array.from(rows, ([, code]) => code)), new Set(codes));
});
