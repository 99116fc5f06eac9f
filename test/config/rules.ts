/** Rules with every kind of option, and the two ways of asking for a configuration. */
import assert from "node:assert/strict";

import type { Configuration } from "../../src/config/configuration.ts";
import { parseConfiguration } from "../../src/config/parse.ts";
import { defineRule } from "../../src/rules/rule.ts";
import type { AnyRule, Option } from "../../src/rules/rule.ts";

function rule(id: string, options: Readonly<Record<string, Option>> = {}): AnyRule {
  const texts = { title: "Title", symptoms: [], why: "Why.", remedy: "Remedy.", notes: [] };
  return defineRule({
    id,
    ...texts,
    zh: texts,
    sources: [],
    example: { bad: "", good: "" },
    action: "Warn",
    kinds: ["Pod"],
    operations: ["CREATE"],
    reads: [],
    gates: [],
    options,
    messages: {},
    *check() {},
  });
}

export const RULES: readonly AnyRule[] = [
  rule("destination-rule-is-looked-up"),
  rule("gateway-reachable-in-cluster"),
  rule("pod-probes-reach-the-app", {
    exclude: {
      default: "dedicatedPorts",
      values: ["dedicatedPorts", "always", "never"],
      about: "which ports",
    },
    outbound: { default: false, about: "outbound too" },
  }),
  rule("pod-drains-before-stop", {
    mode: { default: "auto", values: ["auto", "on", "off"], about: "words that YAML makes truth values of" },
    drainDuration: { default: "30s", format: "duration", about: "any text" },
    ignoredPorts: { default: ["metrics"], about: "a list" },
  }),
];

/** Of a text that must be valid. */
export function configurationOf(text: string): Configuration {
  const result = parseConfiguration(text, RULES);
  if ("configuration" in result) return result.configuration;
  return assert.fail(problemsOf(text).join("\n"));
}

/** `LINE:COLUMN: MESSAGE` of each problem; none of a valid text. */
export function problemsOf(text: string): string[] {
  const result = parseConfiguration(text, RULES);
  const problems = "problems" in result ? result.problems : [];
  return problems.map(({ line, column, message }) => `${line}:${column}: ${message}`);
}

export function warningsOf(text: string): string[] {
  return configurationOf(text).warnings.map(({ line, column, message }) => `${line}:${column}: ${message}`);
}
