import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatField } from "../../src/kubernetes/field-path.ts";
import { readObject } from "../../src/kubernetes/objects.ts";
import type { AnyFinding, AnyRule } from "../../src/rules/rule.ts";
import { review, rule, spoken } from "./under-test.ts";

/** Denies every namespace in exportTo that ends in "!", a host that is missing, and the label `bad`. */
const strict = rule({
  action: "Deny",
  messages: {
    loud: "{{namespace}} is loud",
    host: "There is no host",
    label: "It is labelled {{value}}",
    quiet: { text: "It is quiet", action: "Warn" },
  },
  *check(request) {
    const object = request.operation === "DELETE" ? request.oldObject : request.object;
    const { metadata = {}, spec = {} } = readObject("DestinationRule", object);
    for (const [index, namespace] of (spec.exportTo ?? []).entries())
      if (namespace.endsWith("!"))
        yield { message: "loud", field: ["spec", "exportTo", index], data: { namespace } };
    if (!spec.host) yield { message: "host", field: ["spec", "host"] };
    const value = metadata.labels?.["bad"];
    if (value !== undefined)
      yield { message: "label", field: ["metadata", "labels", "bad"], data: { value } };
  },
});

const withExports = (...exportTo: string[]) => ({ spec: { host: "web", exportTo } });

function update(oldObject: unknown, object: unknown, rules: readonly AnyRule[] = [strict]) {
  const { verdicts, failures } = review({
    kind: "DestinationRule",
    operation: "UPDATE",
    object,
    oldObject,
    rules,
  });
  return {
    spoken: verdicts.map(({ action, field }) => `${action} ${formatField(field)}`),
    failures,
  };
}

const cases: { name: string; before: unknown; after: unknown; spoken: string[] }[] = [
  {
    name: "a finding that the change brings is denied",
    before: withExports("a"),
    after: withExports("a", "b!"),
    spoken: ["Deny spec.exportTo[1]"],
  },
  {
    name: "a finding that the old object had is a warning, wherever in the list it stood",
    before: withExports("b!"),
    after: withExports("a", "b!"),
    spoken: ["Warn spec.exportTo[1]"],
  },
  {
    name: "a finding with other data is denied",
    before: withExports("b!"),
    after: withExports("c!"),
    spoken: ["Deny spec.exportTo[0]"],
  },
  {
    name: "a finding of another message is denied",
    before: withExports("b!"),
    after: { spec: { exportTo: ["b!"] } },
    spoken: ["Deny spec.host", "Warn spec.exportTo[0]"],
  },
  {
    name: "each old finding answers for one, so one more of the same is denied",
    before: withExports("b!"),
    after: withExports("b!", "b!"),
    spoken: ["Deny spec.exportTo[1]", "Warn spec.exportTo[0]"],
  },
  {
    name: "fewer of the same are warnings",
    before: withExports("b!", "b!", "b!"),
    after: withExports("b!", "b!"),
    spoken: ["Warn spec.exportTo[0]", "Warn spec.exportTo[1]"],
  },
  {
    name: "a change of metadata alone is not denied for the rest",
    before: { metadata: { labels: { a: "1" } }, spec: {} },
    after: { metadata: { labels: { a: "2" }, generation: 2 }, spec: {} },
    spoken: ["Warn spec.host"],
  },
  {
    name: "a change of status alone is not denied",
    before: { spec: {} },
    after: { spec: {}, status: { observedGeneration: 1 } },
    spoken: ["Warn spec.host"],
  },
  {
    name: "a change of metadata is denied for what it brings there",
    before: withExports("a"),
    after: { ...withExports("a"), metadata: { labels: { bad: "x" } } },
    spoken: ["Deny metadata.labels.bad"],
  },
  {
    name: "a change of metadata is not denied for what was there before",
    before: { ...withExports("a"), metadata: { labels: { bad: "x" } } },
    after: { ...withExports("a"), metadata: { labels: { bad: "x", a: "1" } } },
    spoken: ["Warn metadata.labels.bad"],
  },
  {
    name: "the removal of a finalizer from an object that is being deleted is not denied",
    before: {
      metadata: { deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a"] },
      spec: { exportTo: ["a!"] },
    },
    after: {
      metadata: { deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: [] },
      spec: { exportTo: ["a!"] },
    },
    spoken: ["Warn spec.exportTo[0]", "Warn spec.host"],
  },
  {
    name: "a bad new spec is denied though the object is being deleted",
    before: { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" }, ...withExports("a") },
    after: { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" }, ...withExports("b!") },
    spoken: ["Deny spec.exportTo[0]"],
  },
  {
    name: "an old object that cannot be read had nothing",
    before: 7,
    after: withExports("b!"),
    spoken: ["Deny spec.exportTo[0]"],
  },
];

describe("on UPDATE", () => {
  for (const { name, before, after, spoken: expected } of cases)
    test(name, () => assert.deepEqual(update(before, after).spoken, expected));

  test("findings about metadata alone are found where metadata alone decides", () => {
    const findingOn = (field: AnyFinding["field"]) =>
      rule({
        action: "Deny",
        *check({ operation, ...request }) {
          const { object } = { object: {}, ...request };
          const { labels } = readObject("Service", object).metadata ?? {};
          if (operation === "UPDATE" && labels?.["app"] === "b") yield { message: "bad", field };
        },
      });
    const before = { metadata: { labels: { app: "a" } }, spec: {} };
    const after = { metadata: { labels: { app: "b" } }, spec: {} };
    assert.deepEqual(update(before, after, [findingOn(["spec", "host"])]).spoken, ["Warn spec.host"]);
    assert.deepEqual(update(before, after, [findingOn(["metadata", "labels"])]).spoken, [
      "Deny metadata.labels",
    ]);
  });

  test("a rule that reports the change itself still denies it", () => {
    const hostStays = rule({
      action: "Deny",
      operations: ["UPDATE"],
      *check(request) {
        if (request.operation !== "UPDATE") return;
        const [before, after] = [request.oldObject, request.object].map(
          (object) => readObject("DestinationRule", object).spec?.host,
        );
        if (before !== after) yield { message: "bad", field: ["spec", "host"] };
      },
    });
    const given = { spec: { host: "web" } };
    assert.deepEqual(update(given, { spec: { host: "api" } }, [hostStays]).spoken, ["Deny spec.host"]);
    assert.deepEqual(update(given, given, [hostStays]).spoken, []);
  });

  test("what an audited or warned finding was before is never asked", () => {
    let runs = 0;
    const counting = rule({
      *check() {
        runs++;
        yield { message: "bad", field: ["spec"] };
      },
    });
    update({ spec: 1 }, { spec: 2 }, [counting]);
    assert.equal(runs, 1);
  });

  test("the old object is asked once for all findings", () => {
    let runs = 0;
    const counting = rule({
      action: "Deny",
      check() {
        runs++;
        return Array.from({ length: 50 }, () => ({ message: "bad", field: ["spec"] }));
      },
    });
    assert.equal(update({ spec: 1 }, { spec: 2 }, [counting]).spoken.length, 50);
    assert.equal(runs, 2);
  });

  test("at check, the old object is not asked", () => {
    const object = { spec: {} };
    const given = { kind: "DestinationRule", operation: "UPDATE", object, oldObject: object } as const;
    assert.deepEqual(spoken(review({ ...given, moment: "check", rules: [strict] })), ["host=Deny"]);
  });
});

describe("a rule that throws on the old object", () => {
  /** Throws after `count` findings where the label `broken` is. */
  const breaksAfter = (count: number) =>
    rule({
      action: "Deny",
      *check(request) {
        const { metadata } = request.operation === "DELETE" ? request.oldObject : request.object;
        for (let index = 0; index < 2; index++) {
          if (index === count && metadata?.labels?.["broken"]) throw new Error("out of luck");
          yield { message: "bad", field: ["spec", index] };
        }
      },
    });
  const broken = { metadata: { labels: { broken: "yes" } }, spec: { host: "web" } };

  for (const count of [0, 1]) {
    test(`after ${count} findings loses none, denies nothing, and is a failure`, () => {
      const outcome = update(broken, { spec: 2 }, [breaksAfter(count)]);
      assert.deepEqual(outcome.spoken, ["Warn spec[0]", "Warn spec[1]"]);
      assert.deepEqual(outcome.failures, [{ rule: "rule", error: new Error("out of luck") }]);
    });
  }

  test("costs other rules nothing", () => {
    const other = { ...strict, id: "other" };
    const outcome = update(broken, { spec: {} }, [breaksAfter(0), other]);
    assert.deepEqual(outcome.spoken, ["Deny spec.host", "Warn spec[0]", "Warn spec[1]"]);
  });
});

test("time that runs out while the old object is asked leaves a warning, not a denial", () => {
  let calls = 0;
  const endless = rule({
    action: "Deny",
    *check(request) {
      yield { message: "bad", field: ["spec"] };
      if (request.operation === "DELETE" || request.object.metadata?.name !== "old") return;
      for (;;) yield { message: "bad", field: ["spec"] };
    },
  });
  const outcome = review({
    kind: "Service",
    operation: "UPDATE",
    object: { spec: 1 },
    oldObject: { metadata: { name: "old" }, spec: 2 },
    rules: [endless],
    expired: () => ++calls > 100,
  });
  assert.deepEqual(spoken(outcome), ["bad=Warn"]);
  assert.equal(outcome.isExpired, true);
});
