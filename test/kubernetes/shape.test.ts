import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  boolean,
  intOrString,
  list,
  mapOf,
  number,
  object,
  strayIn,
  strict,
  string,
} from "../../src/kubernetes/shape.ts";

const parse = (text: string): unknown => JSON.parse(text);
const WRONG = [null, undefined, 7, "text", true, [], {}, [null], Number.NaN];
const workload = object({
  name: string,
  replicas: number,
  paused: boolean,
  port: intOrString,
  labels: mapOf(string),
  containers: list(object({ name: string, args: list(string) })),
});

describe("a shape reads", () => {
  test("what it names, and nothing else", () => {
    const read = workload.read({
      name: "web",
      replicas: 0,
      paused: false,
      port: "http",
      labels: { app: "" },
      containers: [{ name: "app", image: "a" }, {}],
      status: { replicas: 1 },
    });
    assert.deepEqual(read, {
      name: "web",
      replicas: 0,
      paused: false,
      port: "http",
      labels: { app: "" },
      containers: [{ name: "app" }, {}],
    });
  });

  test("what is missing, null or wrongly typed as missing", () => {
    assert.deepEqual(
      workload.read({ name: 7, replicas: "1", paused: "true", port: {}, labels: [], containers: {} }),
      {},
    );
    assert.deepEqual(workload.read({ name: null, labels: null, containers: null }), {});
    for (const value of [null, undefined, 7, "text", [], [{}]]) assert.equal(workload.read(value), undefined);
  });

  test("wrongly typed elements of a list as blank, so that the others keep their index", () => {
    const containers = [null, { name: "app", args: ["a", 5, null] }, "x", [], { name: {} }];
    assert.deepEqual(workload.read({ containers }), {
      containers: [{}, { name: "app", args: ["a", "", ""] }, {}, {}, {}],
    });
    assert.deepEqual(list(list(number)).read([[1], 2, ["3"]]), [[1], [], [Number.NaN]]);
    assert.deepEqual(list(mapOf(string)).read([{ a: "1" }, null]), [{ a: "1" }, {}]);
    assert.deepEqual(list(intOrString).read([80, "http", null]), [80, "http", ""]);
    assert.deepEqual(list(boolean).read([true, "true"]), [true, false]);
  });

  test("what is no text in a map of texts, beside the map", () => {
    const shape = object({ labels: mapOf(string), stray: strayIn("labels") });
    const labels = parse('{"a":"1","b":2,"c":null,"d":[1],"e":{},"f":true,"__proto__":3}');
    assert.deepEqual(shape.read({ labels }), {
      labels: { a: "1" },
      stray: { b: "a number", c: "null", d: "a list", e: "a map", f: "a boolean" },
    });
    assert.deepEqual(shape.read({ labels: ["a"] }), { stray: { "": "a list" } });
    assert.deepEqual(shape.read({ labels: { a: "1" }, stray: 7 }), { labels: { a: "1" } });
    assert.deepEqual(shape.read({ labels: null }), {});
  });

  test("all or nothing where it is strict", () => {
    const spec = strict(object({ hosts: list(string), labels: mapOf(string), port: object({ number }) }));
    const right = { hosts: ["a"], labels: { app: "x" }, port: { number: 80 } };
    assert.deepEqual(spec.read({ ...right, other: 7 }), right);
    assert.deepEqual(spec.read({ hosts: null, port: { number: null } }), { port: {} });
    for (const wrong of [
      { hosts: "a" },
      { hosts: ["a", 7] },
      { hosts: [null] },
      { labels: { app: 1 } },
      { labels: { app: null } },
      { port: { number: "80" } },
      { port: [] },
    ]) {
      assert.equal(spec.read({ ...right, ...wrong }), undefined);
    }
    assert.equal(spec.read([]), undefined);
    assert.deepEqual(object({ spec }).read({ spec: { hosts: 7 } }), {});
  });

  test("of a map the entries of the right type, whatever their names", () => {
    const labels = parse('{"a":"1","b":2,"c":null,"constructor":"x","toString":"y","":"z"}');
    assert.deepEqual(mapOf(string).read(labels), { a: "1", constructor: "x", toString: "y", "": "z" });
  });

  test("no prototype out of a map or an object", () => {
    const read = mapOf(object({ isAdmin: boolean })).read(parse('{"__proto__":{"isAdmin":true}}'));
    assert.deepEqual(Object.keys(read ?? {}), []);
    assert.equal(Object.getPrototypeOf(read), Object.prototype);
    assert.deepEqual(object({ constructor: string, toString: string }).read({}), {});
    assert.deepEqual(workload.read(parse('{"__proto__":{"name":"web"}}')), {});
  });

  test("only as deep as it goes, whatever lies below", () => {
    const deep = (inner: string) => parse(`${'{"a":'.repeat(100_000)}${inner}${"}".repeat(100_000)}`);
    assert.deepEqual(workload.read({ name: "web", spec: deep("1"), labels: { app: deep("1") } }), {
      name: "web",
      labels: {},
    });
    assert.deepEqual(workload.read(deep("1")), {});
  });

  test("anything at all without throwing, and leaves it as it was", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...WRONG), (value, wrong) => {
        const before = JSON.stringify(value);
        for (const one of [value, { labels: value, containers: value }, { containers: [wrong, value] }])
          workload.read(one);
        assert.equal(JSON.stringify(value), before);
      }),
    );
  });
});
