import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { renderJunit } from "../../src/report/junit.ts";
import { finding, reportOf } from "./findings.ts";
import type { FindingChange } from "./findings.ts";

const junitOf = (...changes: FindingChange[]) => renderJunit(reportOf(changes.map(finding)), "warn", false);

describe("the JUnit report", () => {
  test("has a suite a file, a failure for what fails the check, and a test that passes otherwise", () => {
    const text = junitOf(
      { verdict: { action: "Deny" } },
      { file: "b.yaml", object: { kind: "Pod" }, verdict: { action: "Fix" } },
    );
    assert.equal(
      text,
      `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="foresail" tests="3" failures="1" errors="0">
  <testsuite name="foresail" tests="1" failures="0" errors="0">
    <testcase name="checked 2 objects: 1 Deny, 1 Fix" classname="foresail"/>
  </testsuite>
  <testsuite name="web.yaml" tests="1" failures="1" errors="0">
    <testcase name="service-has-owner: Service shop/web" classname="web.yaml" file="web.yaml" line="4">
      <failure type="Deny" message="Service web has no owner (metadata.labels.owner)">web.yaml:4:3: Deny Service web has no owner (metadata.labels.owner)
fix: Set the label owner.
docs: foresail explain service-has-owner</failure>
    </testcase>
  </testsuite>
  <testsuite name="b.yaml" tests="1" failures="0" errors="0">
    <testcase name="service-has-owner: Pod shop/web" classname="b.yaml" file="b.yaml" line="4">
      <system-out>b.yaml:4:3: Fix Pod shop/web: repaired at admission</system-out>
    </testcase>
  </testsuite>
</testsuites>
`,
    );
  });

  test("fails by the action that --fail-on names", () => {
    const failuresOf = (failOn: "deny" | "fix" | "warn") => {
      const findings = (["Deny", "Warn", "Fix"] as const).map((action) => finding({ verdict: { action } }));
      return / failures="(\d)"/.exec(renderJunit(reportOf(findings), failOn, false))?.[1];
    };
    assert.deepEqual([failuresOf("deny"), failuresOf("warn"), failuresOf("fix")], ["1", "2", "3"]);
  });

  test("has one test where nothing was found: servers take a report without tests for a missing one", () => {
    assert.match(junitOf(), /^<testsuites name="foresail" tests="1" failures="0" errors="0">$/m);
  });

  test("has an error for a document that cannot be read", () => {
    const problems = [{ file: "a.yaml", line: 3, column: 2, message: "broken" }];
    const text = renderJunit(reportOf([], { problems, unreadable: 1 }), "warn", false);
    assert.match(text, /^<testsuites name="foresail" tests="2" failures="0" errors="1">$/m);
    assert.match(text, /<error type="unreadable" message="broken">a\.yaml:3:2: broken<\/error>/);
  });

  test("is XML, whatever is in it", () => {
    const text = fc.string({ unit: "binary" });
    const special = fc.string({
      unit: fc.constantFrom("<", ">", "&", '"', "'", "]]>", "\n", "\0", "\uD800"),
    });
    const TAG = /<\/?[a-z][a-z-]*(?: [a-z]+="(?:[^<>&"\t\n\r]|&(?:amp|lt|gt|quot|#9|#10|#13);)*")*\/?>/g;
    const TEXT = /^(?:[^<>&\r]|&(?:amp|lt|gt|#13);)*$/;
    // XML 1.0, section 2.2.
    const CHARACTERS = /^[\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
    fc.assert(
      fc.property(fc.oneof(text, special), fc.oneof(text, special), (file, message) => {
        const xml = junitOf({ file, verdict: { message, remedy: message } });
        assert.match(xml, CHARACTERS);
        assert.match(xml.replace(/^<\?xml [^>]*\?>/, "").replaceAll(TAG, ""), TEXT);
      }),
      { numRuns: 200 },
    );
  });
});
