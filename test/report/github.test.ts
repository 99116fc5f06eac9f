import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { renderGithub } from "../../src/report/github.ts";
import { finding, reportOf } from "./findings.ts";
import type { FindingChange } from "./findings.ts";

function linesOf(...changes: FindingChange[]): string[] {
  return renderGithub(reportOf(changes.map(finding)), false).split("\n");
}

/** As the runner reads a command: src/Runner.Common/ActionCommand.cs. */
function readCommand(line: string) {
  const [, name = "", list = "", data = ""] = /^::(\w+) ([^:]*)::(.*)$/s.exec(line) ?? [];
  const unescape = (text: string) =>
    text
      .replaceAll("%0D", "\r")
      .replaceAll("%0A", "\n")
      .replaceAll("%3A", ":")
      .replaceAll("%2C", ",")
      .replaceAll("%25", "%");
  const properties = list.split(",").map((one) => {
    const [key = "", ...value] = one.split("=");
    return [key, unescape(value.join("="))] as const;
  });
  return { name, properties: Object.fromEntries(properties), data: unescape(data) };
}

describe("a GitHub annotation", () => {
  test("stands at its line and says what to do", () => {
    assert.deepEqual(linesOf({}), [
      "::warning file=web.yaml,line=4,col=3,title=service-has-owner::Service web has no owner (metadata.labels.owner)%0Afix: Set the label owner.%0Adocs: foresail explain service-has-owner",
      "checked 2 objects: 1 Warn",
      "",
    ]);
  });

  test("is an error if it denies, and a notice if admission repairs", () => {
    const object = { kind: "Pod" };
    const lines = linesOf(
      { verdict: { action: "Deny" } },
      { object, verdict: { action: "Fix" } },
      { object, verdict: { action: "Fix", rule: "other" } },
      { verdict: { action: "Audit" } },
    );
    assert.equal(lines.length, 4);
    assert.match(lines[0] ?? "", /^::error file=/);
    assert.equal(
      lines[1],
      "::notice file=web.yaml,line=4,col=3,title=service-has-owner%2C other::Pod shop/web: repaired at admission",
    );
  });

  test("of standard input names no file", () => {
    assert.match(linesOf({ file: "-" })[0] ?? "", /^::warning title=service-has-owner::/);
  });

  test("is one for a document that cannot be read, too", () => {
    const problems = [{ file: "a.yaml", line: 3, column: 2, message: "broken" }];
    const [line] = renderGithub(reportOf([], { problems, unreadable: 1 }), false).split("\n");
    assert.equal(line, "::error file=a.yaml,line=3,col=2,title=foresail::broken");
  });

  test("is read by the runner as it was meant, whatever is in it", () => {
    const text = fc.string({ unit: fc.constantFrom("%", "\r", "\n", ",", ":", "0A", "25", "a", "::", "=") });
    fc.assert(
      fc.property(text, text, (file, message) => {
        const change = { file: `x${file}`, verdict: { message, remedy: "", field: [] } };
        const [line = ""] = linesOf(change);
        const { properties, data } = readCommand(line);
        assert.equal(properties["file"], `x${file}`);
        assert.equal(data, `${message}\ndocs: foresail explain service-has-owner`);
      }),
      { numRuns: 200 },
    );
  });
});
