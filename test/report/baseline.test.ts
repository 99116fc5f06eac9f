import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hideKnown, parseBaseline, renderBaseline } from "../../src/report/baseline.ts";
import { fingerprintOf } from "../../src/report/fingerprint.ts";
import { finding } from "./findings.ts";
import type { FindingChange } from "./findings.ts";

const ALL = () => true;
const read = (text: string) => parseBaseline("baseline.json", text);

describe("a fingerprint", () => {
  const STAYS: Record<string, FindingChange> = {
    "the line": { line: 70, column: 9 },
    "the file": { file: "other.yaml" },
    "the index": { verdict: { field: ["metadata", "labels", 7] } },
    "the wording": { verdict: { message: "Service web has nobody", remedy: "Do something." } },
    "the action": { verdict: { action: "Deny" } },
    "the version": { object: { apiVersion: "v2" } },
  };
  for (const [what, change] of Object.entries(STAYS)) {
    test(`stays when ${what} changes`, () => {
      assert.equal(fingerprintOf(finding(change)), fingerprintOf(finding()));
    });
  }
  const CHANGES: Record<string, FindingChange> = {
    "the rule": { verdict: { rule: "service-has-port" } },
    "the message": { verdict: { messageId: "guessed" } },
    "the group": { object: { apiVersion: "example.org/v1" } },
    "the kind": { object: { kind: "Pod" } },
    "the namespace": { object: { namespace: "bank" } },
    "the name": { object: { name: "api" } },
    "the field": { stableField: "metadata.labels.team" },
  };
  for (const [what, change] of Object.entries(CHANGES)) {
    test(`changes with ${what}`, () => {
      assert.notEqual(fingerprintOf(finding(change)), fingerprintOf(finding()));
    });
  }
});

describe("a baseline", () => {
  const api = finding({ object: { name: "api" } });
  const web = finding();

  test("is versioned, has an entry a line, and does not depend on the order of the findings", () => {
    const text = renderBaseline([web, api, web]);
    assert.equal(renderBaseline([api, web, web]), text);
    const entry = (name: string, count: number, of: typeof web) =>
      `    {"rule":"service-has-owner","messageId":"missing","object":"Service shop/${name}","field":"metadata.labels.owner","count":${count},"fingerprint":"${fingerprintOf(of)}"}`;
    assert.equal(
      text,
      `{\n  "version": 1,\n  "findings": [\n${entry("api", 1, api)},\n${entry("web", 2, web)}\n  ]\n}\n`,
    );
  });

  test("hides what stands in it, as often as it stands there", () => {
    const baseline = read(renderBaseline([web, web]));
    assert.deepEqual(hideKnown([web, api, web, web], baseline, ALL), {
      findings: [api, web],
      hidden: 2,
      gone: 0,
    });
  });

  test("counts what occurs no longer, but not what was not looked for", () => {
    const own = finding({ verdict: { rule: "foresail" } });
    const baseline = read(renderBaseline([web, web, api, own]));
    assert.deepEqual(hideKnown([web], baseline, ALL), { findings: [], hidden: 1, gone: 3 });
    const isWanted = (rule: string) => rule === "foresail";
    assert.deepEqual(hideKnown([], baseline, isWanted), { findings: [], hidden: 0, gone: 1 });
  });

  test("may be empty", () => {
    assert.equal(renderBaseline([]), '{\n  "version": 1,\n  "findings": []\n}\n');
    assert.deepEqual(hideKnown([web], read(renderBaseline([])), ALL).findings, [web]);
  });

  test("in which an entry stands twice, as after a merge, counts it once", () => {
    const entry = { rule: "service-has-owner", count: 1, fingerprint: fingerprintOf(web) };
    const baseline = read(JSON.stringify({ version: 1, findings: [entry, { ...entry, count: 2 }] }));
    assert.deepEqual(hideKnown([web, web, web], baseline, ALL).findings, [web]);
  });

  for (const { text, reason } of [
    { text: "{]", reason: /: Expected .* in JSON/ },
    { text: "[]", reason: /: it is no baseline$/ },
    { text: '{"version": 1}', reason: /: it is no baseline$/ },
    {
      text: '{"version": 2, "findings": []}',
      reason: /: it is of version 2, and this foresail reads version 1$/,
    },
    {
      text: '{"version": 1, "findings": [{"rule": "a", "fingerprint": "b", "count": 0}]}',
      reason: /: findings\[0\] needs rule, fingerprint and a count from 1$/,
    },
    {
      text: '{"version": 1, "findings": [7]}',
      reason: /: findings\[0\] needs rule, fingerprint and a count from 1$/,
    },
  ]) {
    test(`cannot be ${text}`, () => {
      assert.throws(() => read(text), { code: "BASELINE_UNREADABLE", message: reason });
    });
  }
});
