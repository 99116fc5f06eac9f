import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { isObject } from "../../src/kubernetes/json.ts";
import type { Report } from "../../src/report/finding.ts";
import { renderSarif } from "../../src/report/sarif.ts";
import type { SarifContext } from "../../src/report/sarif.ts";
import { RULES } from "../../src/rules/index.ts";
import { SMALL_RULES } from "../commands/small-rules.ts";
import { finding, reportOf } from "./findings.ts";
import type { FindingChange } from "./findings.ts";

const CONTEXT: SarifContext = {
  rules: SMALL_RULES,
  version: "1.2.3",
  folder: "/home/shop",
  docsUrl: "",
  replacementFor: () => undefined,
};

function loadSchema(): Record<string, unknown> {
  const file = join(import.meta.dirname, "sarif/sarif-2.1.0.schema.json");
  const schema: unknown = JSON.parse(readFileSync(file, "utf8"));
  assert.ok(isObject(schema));
  // Written for draft 4, whose words that it uses mean the same today, but for these two.
  const { id: _, $schema: __, ...rest } = schema;
  return rest;
}

const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
addFormats.default(ajv);
const isValid = ajv.compile(loadSchema());

/** The only run, after the whole was validated. */
function sarifOf(report: Report, context: Partial<SarifContext> = {}) {
  const log: unknown = JSON.parse(renderSarif(report, { ...CONTEXT, ...context }));
  assert.ok(isValid(log), JSON.stringify(isValid.errors));
  assert.ok(isObject(log) && Array.isArray(log["runs"]));
  return log["runs"][0];
}

const resultsOf = (...changes: FindingChange[]) => sarifOf(reportOf(changes.map(finding))).results;

describe("the SARIF report is valid", () => {
  test("by a schema that refuses what is not", () => {
    assert.equal(isValid({ version: "2.1.0", runs: [{ tool: {} }] }), false);
  });

  test("without findings, with all real rules", () => {
    const run = sarifOf(reportOf([]), { rules: RULES });
    assert.deepEqual(run.results, []);
    assert.deepEqual(
      run.tool.driver.rules.map(({ id }: { id: string }) => id),
      [...RULES.map(({ id }) => id), "foresail"],
    );
    for (const { help, fullDescription } of run.tool.driver.rules) {
      assert.ok(help.text && help.markdown && fullDescription.text);
    }
  });

  test("with hostile names", () => {
    const name = 'a\u0000\uD800"%:\n[x](y)';
    resultsOf({ file: `${name}/b c.yaml`, object: { name }, verdict: { message: name, field: [name] } });
  });

  test("with documents that cannot be read", () => {
    const problems = [{ file: "a.yaml", line: 3, column: 2, message: "broken" }];
    const [invocation] = sarifOf(reportOf([], { problems, unreadable: 1 })).invocations;
    assert.equal(invocation.executionSuccessful, false);
    assert.partialDeepStrictEqual(invocation.toolExecutionNotifications, [
      { level: "error", message: { text: "broken" } },
    ]);
  });
});

describe("a result", () => {
  test("has its rule, level, words, place and fingerprint", () => {
    const [result] = resultsOf({ verdict: { action: "Deny" } });
    assert.partialDeepStrictEqual(result, {
      ruleId: "service-has-owner",
      ruleIndex: 2,
      level: "error",
      message: { text: "Service web has no owner (metadata.labels.owner)\nfix: Set the label owner." },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: "web.yaml", uriBaseId: "%SRCROOT%" },
            region: { startLine: 4, startColumn: 3, endLine: 4, endColumn: 13 },
          },
          logicalLocations: [{ fullyQualifiedName: "Service shop/web" }],
        },
      ],
    });
    assert.match(result.partialFingerprints["foresail/v1"], /^[0-9a-f]{32}:1$/);
  });

  test("has the level of its action", () => {
    const actions = ["Deny", "Warn", "Fix", "Audit"] as const;
    const results = resultsOf(...actions.map((action) => ({ verdict: { action } })));
    assert.deepEqual(
      results.map(({ level }: { level: string }) => level),
      ["error", "warning", "note", "note"],
    );
  });

  test("keeps its fingerprint when it moves, and no two have the same", () => {
    const fingerprintsOf = (...changes: FindingChange[]): string[] =>
      resultsOf(...changes).map((one: { partialFingerprints: Record<string, string> }) =>
        String(one.partialFingerprints["foresail/v1"]),
      );
    const [first, second, third] = fingerprintsOf({}, { line: 9 }, { object: { name: "api" } });
    assert.deepEqual(fingerprintsOf({ line: 80, file: "b.yaml" }), [first]);
    assert.equal(second, first?.replace(/1$/, "2"));
    assert.notEqual(third?.slice(0, 32), first?.slice(0, 32));
  });

  test("is a region as far as its line is known", () => {
    const regionOf = (excerpt: NonNullable<FindingChange["excerpt"]>) =>
      resultsOf({ excerpt })[0].locations[0].physicalLocation.region;
    assert.deepEqual(regionOf({ before: "", after: "", isCut: false }), { startLine: 4, startColumn: 3 });
    assert.deepEqual(regionOf({ before: "", after: "abc", isCut: true }), { startLine: 4, startColumn: 3 });
    // Columns count characters.
    assert.equal(regionOf({ before: "", after: "名😀", isCut: false }).endColumn, 5);
  });

  test("does not become a link", () => {
    const [{ message }] = resultsOf({ verdict: { message: "see [x](y) and a[0].b", remedy: "", field: [] } });
    assert.equal(message.text, "see \\[x](y) and a[0].b");
  });
});

test("a repair is what to put in the place of what", () => {
  const replacement = { start: { line: 4, column: 3 }, end: { line: 5, column: 1 }, text: "a: 1\n" };
  const run = sarifOf(reportOf([finding({ file: "a b.yaml" })]), { replacementFor: () => replacement });
  assert.deepEqual(run.results[0].fixes, [
    {
      description: { text: "Set the label owner." },
      artifactChanges: [
        {
          artifactLocation: { uri: "a%20b.yaml", uriBaseId: "%SRCROOT%" },
          replacements: [
            {
              deletedRegion: { startLine: 4, startColumn: 3, endLine: 5, endColumn: 1 },
              insertedContent: { text: "a: 1\n" },
            },
          ],
        },
      ],
    },
  ]);
});

describe("a file's URI", () => {
  const uriOf = (file: string) => resultsOf({ file })[0].locations[0].physicalLocation.artifactLocation;
  for (const [file, uri] of [
    ["a/b.yaml", "a/b.yaml"],
    ["./a/../b.yaml", "b.yaml"],
    ["/home/shop/a.yaml", "a.yaml"],
    ["a b%#?/ä.yaml", "a%20b%25%23%3F/%C3%A4.yaml"],
    ["..a.yaml", "..a.yaml"],
    ["-", "-"],
  ] as const) {
    test(`of ${file} is ${uri}, relative to where foresail was started`, () => {
      assert.deepEqual(uriOf(file), { uri, uriBaseId: "%SRCROOT%" });
    });
  }

  test("is absolute outside of the folder", () => {
    assert.deepEqual(uriOf("../other/a.yaml"), { uri: "file:///home/other/a.yaml" });
    assert.deepEqual(uriOf("/tmp/a b.yaml"), { uri: "file:///tmp/a%20b.yaml" });
  });
});

test("a rule points to its page where the configuration has pages", () => {
  const run = sarifOf(reportOf([]), { docsUrl: "https://docs.example.org/{rule}.html" });
  assert.equal(run.tool.driver.rules[0].helpUri, "https://docs.example.org/config-map-is-alone.html");
});
