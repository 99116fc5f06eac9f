import assert from "node:assert/strict";
import { test } from "node:test";
import { list, object, string } from "../../src/kubernetes/shape.ts";
import { renderJson } from "../../src/report/json.ts";
import { finding, reportOf } from "./findings.ts";

const shape = object({ findings: list(object({ remedy: string })) });

test("a report without findings has every key", () => {
  assert.deepEqual(JSON.parse(renderJson(reportOf([], { skipped: 4, unreadable: 5 }))), {
    version: 1,
    findings: [],
    summary: {
      documents: 3,
      objects: 2,
      findings: { Audit: 0, Warn: 0, Deny: 0, Fix: 0 },
      skipped: 4,
      unreadable: 5,
    },
  });
});

test("a finding has its words, its object, its place and its fix, in this order", () => {
  const patch = [{ op: "add", path: "/metadata/labels", value: { owner: "shop" } }] as const;
  const one = finding({
    verdict: { action: "Fix", patch, field: ["metadata", "annotations", "proxy.istio.io/config"] },
  });
  const text = renderJson(reportOf([one]));
  const expected = {
    rule: "service-has-owner",
    messageId: "missing",
    action: "Fix",
    message: "Service web has no owner",
    remedy: "Set the label owner.",
    docs: "foresail explain service-has-owner",
    object: { apiVersion: "v1", kind: "Service", namespace: "shop", name: "web" },
    field: 'metadata.annotations["proxy.istio.io/config"]',
    file: "web.yaml",
    line: 4,
    column: 3,
    fix: [{ op: "add", path: "/metadata/labels", value: { owner: "shop" } }],
  };
  assert.equal(
    text,
    `${JSON.stringify(
      {
        version: 1,
        findings: [expected],
        summary: {
          documents: 3,
          objects: 2,
          findings: { Audit: 0, Warn: 0, Deny: 0, Fix: 1 },
          skipped: 0,
          unreadable: 0,
        },
      },
      null,
      2,
    )}\n`,
  );
});

test("what a finding suggests is YAML behind its remedy", () => {
  const suggestion = [
    { kind: "ServiceEntry", metadata: { name: "db" } },
    { kind: "ServiceEntry", metadata: { name: "cache" } },
  ];
  const { findings } =
    shape.read(JSON.parse(renderJson(reportOf([finding({ verdict: { suggestion } })])))) ?? {};
  assert.deepEqual(findings, [
    {
      remedy:
        "Set the label owner.\n\nkind: ServiceEntry\nmetadata:\n  name: db\n---\nkind: ServiceEntry\nmetadata:\n  name: cache\n",
    },
  ]);
});

test("findings that only audit are in it, and no fix is null", () => {
  const json: unknown = JSON.parse(renderJson(reportOf([finding({ verdict: { action: "Audit" } })])));
  assert.partialDeepStrictEqual(json, { findings: [{ action: "Audit", fix: null }] });
});
