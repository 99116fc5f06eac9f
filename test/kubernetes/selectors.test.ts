import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Labels, LabelSelector } from "../../src/kubernetes/objects.ts";
import { matchesLabels, matchesSelector } from "../../src/kubernetes/selectors.ts";

const LABELS: Labels = { app: "web", tier: "", "example.org/team": "shop" };

describe("a map of labels matches", () => {
  const cases: [name: string, selector: Labels, matches: boolean][] = [
    ["if it is empty", {}, true],
    ["if every pair is there", { app: "web", tier: "" }, true],
    ["not with another value", { app: "api" }, false],
    ["not if one pair is missing", { app: "web", version: "v1" }, false],
    ["not by an empty value that is missing", { version: "" }, false],
    ["not by what every object inherits", { constructor: "x" }, false],
  ];
  for (const [name, selector, matches] of cases)
    test(name, () => assert.equal(matchesLabels(selector, LABELS), matches));
});

describe("a selector matches", () => {
  const one = (operator: string, key: string, values?: string[]): LabelSelector => ({
    matchExpressions: [{ key, operator, ...(values ? { values } : {}) }],
  });
  const cases: [name: string, selector: LabelSelector | undefined, matches: boolean][] = [
    ["if it is absent", undefined, true],
    ["if it is empty", {}, true],
    ["if its lists are empty", { matchLabels: {}, matchExpressions: [] }, true],
    ["by a value that is in the list", one("In", "app", ["api", "web"]), true],
    ["not by a value that is not in the list", one("In", "app", ["api"]), false],
    ["not by a list, if the label is missing", one("In", "version", ["", "v1"]), false],
    ["by a list that the value is not in", one("NotIn", "app", ["api"]), true],
    ["by a list, if the label is missing", one("NotIn", "version", ["v1"]), true],
    ["not by a list that the value is in", one("NotIn", "app", ["web"]), false],
    ["by a label that is there, though empty", one("Exists", "tier"), true],
    ["not by a label that is missing", one("Exists", "version"), false],
    ["by a label that is not there", one("DoesNotExist", "version"), true],
    ["not by a label that is there, though empty", one("DoesNotExist", "tier"), false],
    ["not by what every object inherits", one("Exists", "toString"), false],
    ["not with an unknown operator", one("Gt", "app", ["a"]), false],
    ["not with an operator in another case", one("exists", "app"), false],
    ["not without an operator", { matchExpressions: [{ key: "app" }] }, false],
    ["not without a key", { matchExpressions: [{ operator: "DoesNotExist" }] }, false],
    ["not with a list that is empty", one("NotIn", "app", []), false],
    ["not with a list that is missing", one("NotIn", "version"), false],
    [
      "if labels and expressions do",
      { matchLabels: { app: "web" }, ...one("Exists", "example.org/team") },
      true,
    ],
    ["not if only the labels do", { matchLabels: { app: "web" }, ...one("Exists", "version") }, false],
    ["not if only the expressions do", { matchLabels: { app: "api" }, ...one("Exists", "tier") }, false],
  ];
  for (const [name, selector, matches] of cases)
    test(name, () => assert.equal(matchesSelector(selector, LABELS), matches));
});
