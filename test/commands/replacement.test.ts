import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseManifests } from "../../src/cluster/files/manifests.ts";
import { replacementFor } from "../../src/commands/check/replacement.ts";
import type { Replacement } from "../../src/report/sarif.ts";
import { finding } from "../report/findings.ts";

const { verdict } = finding();

/** As a program does that knows lines and characters only. */
function replace(text: string, { start, end, text: inserted }: Replacement): string {
  const lines = text.split("\n");
  const offsetOf = ({ line, column }: Replacement["start"]) =>
    lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0) +
    Array.from(lines[line - 1] ?? "")
      .slice(0, column - 1)
      .join("").length;
  return text.slice(0, offsetOf(start)) + inserted + text.slice(offsetOf(end));
}

function replaced(text: string, index: number, path: readonly string[], value: string): string | undefined {
  const manifest = parseManifests("a.yaml", text, true).manifests[index];
  assert.ok(manifest);
  const replacement = replacementFor({ manifest, verdict, changes: () => [{ path, value }] });
  return replacement && replace(text, replacement);
}

const POD = (name: string) =>
  `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name} # 😀\n  annotations:\n    a: b\n`;

describe("a repair as a replacement", () => {
  test("changes its document, wherever it stands", () => {
    const text = `# 名\n${POD("one")}---\n${POD("two")}---\n${POD("three")}`;
    assert.equal(
      replaced(text, 1, ["metadata", "annotations", "hello"], "world"),
      text.replace(
        "two # 😀\n  annotations:\n    a: b\n",
        "two # 😀\n  annotations:\n    a: b\n    hello: world\n",
      ),
    );
  });

  test("changes an item of a List", () => {
    const text = `apiVersion: v1\nkind: List\nitems:\n- ${POD("one").replaceAll("\n", "\n  ").trimEnd()}\n`;
    assert.equal(replaced(text, 0, ["metadata", "annotations", "a"], "c"), text.replace("a: b", "a: c"));
  });

  test("divides neither characters nor line breaks", () => {
    const text = POD("one").replace("a: b", "a: 😀").replaceAll("\n", "\r\n");
    assert.equal(replaced(text, 0, ["metadata", "annotations", "a"], "😁"), text.replace("a: 😀", 'a: "😁"'));
    assert.equal(
      replaced(text, 0, ["metadata", "annotations", "b"], "c"),
      text.replace("a: 😀\r\n", "a: 😀\r\n    b: c\r\n"),
    );
  });

  test("is none where nothing changes", () => {
    assert.equal(replaced(POD("one"), 0, ["metadata", "annotations", "a"], "b"), undefined);
  });
});
