import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { explain } from "../../src/commands/explain.ts";
import { ForesailError } from "../../src/errors.ts";
import { PLAIN } from "../../src/report/terminal.ts";
import { SMALL_RULES } from "./small-rules.ts";

function textOf(question: string, language: "en" | "zh" = "en"): string {
  const { report, problems, exitCode } = explain(question, language, SMALL_RULES, PLAIN);
  assert.deepEqual({ problems, exitCode }, { problems: [], exitCode: 0 });
  return report;
}

describe("explain", () => {
  test("without a question is a table of the rules", () => {
    assert.equal(
      textOf(""),
      [
        "config-map-is-alone  Deny  A ConfigMap is alone in its namespace",
        "pod-is-greeted       Fix   A Pod is greeted",
        "service-has-owner    Warn  A Service says who owns it",
        "",
      ].join("\n"),
    );
    assert.match(textOf(" ", "zh"), /^config-map-is-alone  Deny  标题\n/);
  });

  test("of a rule is its page, with what the rule says about its bad example", () => {
    const page = textOf("service-has-owner");
    assert.match(page, /^A Service says who owns it\n\n  Rule  +service-has-owner\n/);
    assert.match(page, /\n    metadata:\n    # \^ Service web has no owner\n      name: web\n/);
    assert.match(textOf("service-has-owner", "zh"), /^标题\n\n  规则/);
  });

  test("of foresail's own id is what it says about its own input", () => {
    assert.match(textOf("foresail"), /^What foresail says about its own input\n/);
  });

  test("of a symptom is the rules that speak of it", () => {
    assert.equal(
      textOf("nobody ANSWERS the pager"),
      [
        "service-has-owner: A Service says who owns it",
        "  - nobody answers the pager",
        "  fix: Set the label owner.",
        "  docs: foresail explain service-has-owner",
        "",
        "pod-is-greeted: A Pod is greeted",
        "  - Pods are lonely",
        "  fix: Set the annotation hello.",
        "  docs: foresail explain pod-is-greeted",
        "",
      ].join("\n"),
    );
  });

  test("of a message is its rule's page", () => {
    assert.equal(textOf("guessed"), textOf("service-has-owner"));
  });

  for (const { question, hint } of [
    {
      question: "service-has",
      hint: "Did you mean service-has-owner? `foresail explain` lists the rules.",
    },
    {
      question: "service-has-owners",
      hint: "Did you mean service-has-owner? `foresail explain` lists the rules.",
    },
    { question: "pod-pod-pod-pod-pod-pod", hint: "`foresail explain` lists the rules." },
    { question: "kangaroo", hint: "`foresail explain` lists the rules." },
  ]) {
    test(`of ${question} is an error`, () => {
      assert.throws(
        () => textOf(question),
        new ForesailError({
          code: "USAGE",
          message: `no rule is called "${question}" or speaks of it`,
          hint,
        }),
      );
    });
  }
});
