import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PLAIN } from "../../src/report/terminal.ts";
import type { Terminal } from "../../src/report/terminal.ts";
import { renderText } from "../../src/report/text.ts";
import { finding, reportOf } from "./findings.ts";

const POD = { apiVersion: "v1", kind: "Pod", name: "web-*" } as const;
const DEPLOYMENT = { apiVersion: "apps/v1", kind: "Deployment" } as const;

function textOf(...findings: Parameters<typeof finding>[0][]): string {
  return renderText(reportOf(findings.map(finding)), false, PLAIN);
}

describe("the text report", () => {
  test("is one line where nothing was found", () => {
    assert.equal(textOf(), "checked 2 objects: no findings\n");
  });

  test("has what a finding suggests below it, as YAML", () => {
    const suggestion = [{ kind: "ServiceEntry", spec: { hosts: ["db.example.com"] } }, { kind: "Service" }];
    assert.deepEqual(textOf({ verdict: { suggestion } }).split("\n").slice(3, 11), [
      "  suggestion:",
      "    kind: ServiceEntry",
      "    spec:",
      "      hosts:",
      "      - db.example.com",
      "    ---",
      "    kind: Service",
      "",
    ]);
  });

  test("has a line a finding, place first, then what to do once per rule, then the sum", () => {
    const deny = {
      rule: "a-b",
      action: "Deny",
      message: "No",
      remedy: "Do.",
      docs: "https://x.org/a-b",
      field: [],
    } as const;
    assert.equal(
      textOf({}, { line: 20 }, { file: "x.yaml", verdict: deny }),
      [
        "web.yaml:4:3: Warn service-has-owner: Service web has no owner (metadata.labels.owner)",
        "  4 |   labels: {}",
        "    |   ^",
        "web.yaml:20:3: Warn service-has-owner: Service web has no owner (metadata.labels.owner)",
        "  20 |   labels: {}",
        "     |   ^",
        "x.yaml:4:3: Deny a-b: No",
        "  4 |   labels: {}",
        "    |   ^",
        "",
        "service-has-owner",
        "  fix: Set the label owner.",
        "  docs: foresail explain service-has-owner",
        "",
        "a-b",
        "  fix: Do.",
        "  docs: https://x.org/a-b",
        "",
        "checked 2 objects: 1 Deny, 2 Warn",
        "",
      ].join("\n"),
    );
  });

  test("has every remedy of a rule whose remedies differ", () => {
    const text = textOf({}, { verdict: { remedy: "Ask shop." } }, { verdict: { remedy: "" } });
    assert.match(
      text,
      /\nservice-has-owner\n  fix: Set the label owner\.\n  fix: Ask shop\.\n  docs: .*\n\n/,
    );
  });

  test("says in one line per object what admission repairs, and asks for nothing", () => {
    const fix = { action: "Fix" } as const;
    assert.equal(
      textOf(
        { object: POD, verdict: fix },
        { object: DEPLOYMENT, line: 5, verdict: fix },
        { object: POD, line: 6, verdict: { ...fix, rule: "other" } },
        { object: POD, line: 7, verdict: fix },
      ),
      [
        "web.yaml:4:3: Fix service-has-owner, other: Pod shop/web-*: repaired at admission",
        "web.yaml:5:3: Fix service-has-owner: Deployment shop/web: its Pods are repaired at admission",
        "",
        "checked 2 objects: 4 Fix",
        "",
      ].join("\n"),
    );
  });

  test("does not claim that anything but a Pod is repaired", () => {
    const [first = ""] = textOf({ verdict: { action: "Fix" } }).split("\n");
    assert.equal(
      first,
      "web.yaml:4:3: Fix service-has-owner: Service web has no owner (metadata.labels.owner)",
    );
  });

  test("shows what only audits when asked to, and counts it in any case", () => {
    const report = reportOf([finding({ verdict: { action: "Audit" } })], { objects: 1 });
    assert.equal(renderText(report, false, PLAIN), "checked 1 object: 1 Audit (shown with --audit)\n");
    assert.match(renderText(report, true, PLAIN), /^web\.yaml:4:3: Audit [^]*\nchecked 1 object: 1 Audit\n$/);
  });

  test("tells how many files were skipped and could not be read", () => {
    assert.equal(
      renderText(reportOf([], { skipped: 1, unreadable: 2 }), false, PLAIN),
      "checked 2 objects: no findings; skipped 1 file without Kubernetes objects; could not read 2 files\n",
    );
    assert.equal(renderText(reportOf([], { objects: 0 }), false, PLAIN), "checked 0 objects\n");
  });

  test("lets nothing in names reach the terminal's controls", () => {
    const text = textOf({
      file: "a\u001B[31m.yaml",
      object: { ...POD, name: "\u001B]0;x\u0007" },
      verdict: { action: "Fix" },
    });
    assert.match(text, /^[^\p{Cc}]*$/mu);
    assert.equal(text.split("\n").length, 4);
  });

  test("is coloured by action where colours are wanted", () => {
    const terminal: Terminal = { columns: 80, paint: (style, text) => `<${style}>${text}</>` };
    const [first] = renderText(reportOf([finding({ verdict: { action: "Deny" } })]), false, terminal).split(
      "\n",
    );
    assert.equal(
      first,
      "web.yaml:4:3: <red>Deny</> <bold>service-has-owner</>: Service web has no owner (metadata.labels.owner)",
    );
  });
});
