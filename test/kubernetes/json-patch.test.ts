import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { applyPatch } from "rfc6902";
import type { FieldPath } from "../../src/kubernetes/field-path.ts";
import { isObject } from "../../src/kubernetes/json.ts";
import type { Json } from "../../src/kubernetes/json.ts";
import { changesOf, losesAnything, patchFor, sameJson } from "../../src/kubernetes/json-patch.ts";
import type { Change, JsonPatch } from "../../src/kubernetes/json-patch.ts";

const ANNOTATION: FieldPath = ["metadata", "annotations", "example.org/a"];

describe("patchFor makes", () => {
  const cases: { name: string; object: unknown; changes: Change[]; patch: JsonPatch }[] = [
    {
      name: "one operation of a value and the parents that are missing",
      object: { metadata: { name: "web" } },
      changes: [{ path: ANNOTATION, value: "x" }],
      patch: [{ op: "add", path: "/metadata/annotations", value: { "example.org/a": "x" } }],
    },
    {
      name: "missing parents once for two changes",
      object: { metadata: { name: "web" } },
      changes: [
        { path: ANNOTATION, value: "x" },
        { path: ["metadata", "annotations", "b"], value: "y" },
      ],
      patch: [
        { op: "add", path: "/metadata/annotations", value: { "example.org/a": "x" } },
        { op: "add", path: "/metadata/annotations/b", value: "y" },
      ],
    },
    {
      name: "a replacement of a parent that is null",
      object: { metadata: { annotations: null } },
      changes: [{ path: ANNOTATION, value: "x" }],
      patch: [{ op: "replace", path: "/metadata/annotations", value: { "example.org/a": "x" } }],
    },
    {
      name: "a replacement of a parent that is a text",
      object: { metadata: "web" },
      changes: [{ path: ["metadata", "name"], value: "x" }],
      patch: [{ op: "replace", path: "/metadata", value: { name: "x" } }],
    },
    {
      name: "a replacement of a list where a key is asked for, digits or not",
      object: { metadata: ["a"] },
      changes: [{ path: ["metadata", "0"], value: "x" }],
      patch: [{ op: "replace", path: "/metadata", value: { "0": "x" } }],
    },
    {
      name: "a replacement of an object where an index is asked for",
      object: { args: { "0": "a" } },
      changes: [{ path: ["args", 0], value: "x" }],
      patch: [{ op: "replace", path: "/args", value: ["x"] }],
    },
    {
      name: "a replacement of a value of another type",
      object: { spec: { seconds: "30" } },
      changes: [{ path: ["spec", "seconds"], value: 30 }],
      patch: [{ op: "replace", path: "/spec/seconds", value: 30 }],
    },
    {
      name: "an addition at the end of a list, by number",
      object: { args: ["a", "b"] },
      changes: [
        { path: ["args", 2], value: "-o" },
        { path: ["args", 3], value: "80" },
      ],
      patch: [
        { op: "add", path: "/args/2", value: "-o" },
        { op: "add", path: "/args/3", value: "80" },
      ],
    },
    {
      name: "a list that is missing, and goes on with it",
      object: {},
      changes: [
        { path: ["env", 0], value: { name: "A" } },
        { path: ["env", 1], value: { name: "B" } },
      ],
      patch: [
        { op: "add", path: "/env", value: [{ name: "A" }] },
        { op: "add", path: "/env/1", value: { name: "B" } },
      ],
    },
    {
      name: "pointers with escapes, also for an empty key",
      object: { "": { "a~/b": { "~1": 1 } } },
      changes: [{ path: ["", "a~/b", "~1"], value: 2 }],
      patch: [{ op: "replace", path: "//a~0~1b/~01", value: 2 }],
    },
    {
      name: "nothing of a change that changes nothing, in whatever order the keys stand",
      object: { a: { x: 1, y: [{}] } },
      changes: [
        { path: ["a"], value: { y: [{}], x: 1 } },
        { path: ["a", "x"], value: 1 },
      ],
      patch: [],
    },
    {
      name: "a removal of what is there, and nothing of what is not",
      object: { a: { x: 1, y: 2 }, list: [1, 2, 3], text: "" },
      changes: [
        { path: ["a", "z"], value: 1 },
        { path: ["a", "x"], isRemoved: true },
        { path: ["a", "x"], isRemoved: true },
        { path: ["list", 1], isRemoved: true },
        { path: ["list", 7], isRemoved: true },
        { path: ["text", "x"], isRemoved: true },
        { path: ["b", "x"], isRemoved: true },
        { path: [], isRemoved: true },
      ],
      patch: [
        { op: "add", path: "/a/z", value: 1 },
        { op: "remove", path: "/a/x" },
        { op: "remove", path: "/list/1" },
      ],
    },
    {
      name: "a replacement of the whole",
      object: null,
      changes: [{ path: [], value: {} }],
      patch: [{ op: "replace", path: "", value: {} }],
    },
  ];
  for (const { name, object, changes, patch } of cases)
    test(name, () => assert.deepEqual(patchFor(object, changes).patch, patch));

  test("no hole in a list", () => {
    for (const path of [
      ["args", 2],
      ["args", -1],
      ["args", 0.5],
      ["missing", 1],
      ["missing", 0, 1],
      ["text", 1],
    ])
      assert.throws(() => patchFor({ args: ["a"], text: "" }, [{ path, value: "x" }]), RangeError);
  });

  test("own entries of names that every object inherits", () => {
    const { patch, object } = patchFor({}, [
      { path: ["constructor", "name"], value: "x" },
      { path: ["__proto__", "isAdmin"], value: true },
    ]);
    assert.deepEqual(
      patch.map(({ op, path }) => `${op} ${path}`),
      ["add /constructor", "add /__proto__"],
    );
    assert.equal(JSON.stringify(object), '{"constructor":{"name":"x"},"__proto__":{"isAdmin":true}}');
    assert.equal(Reflect.get({}, "isAdmin"), undefined);
  });
});

test("a change loses what is of another type than it takes it for", () => {
  const object = {
    metadata: { annotations: { a: 7, b: "x", c: null }, labels: "text" },
    args: ["a"],
    env: null,
  };
  const at = (path: FieldPath, value: Json = "x") => losesAnything(object, [{ path, value }]);
  for (const [path, value] of [
    [["metadata", "annotations", "a"], "x"],
    [["metadata", "annotations", "b"], {}],
    [["metadata", "annotations", "b", "c"], "x"],
    [["metadata", "labels", "app"], "x"],
    [["args", "a"], "x"],
    [["args", 0], ["a"]],
  ] as const)
    assert.equal(at(path, value), true, path.join("."));
  for (const path of [
    ["metadata", "annotations", "b"],
    ["metadata", "annotations", "c"],
    ["metadata", "annotations", "d"],
    ["args", 0],
    ["args", 1],
    ["env", 0],
    ["spec", "new", "x"],
  ])
    assert.equal(at(path), false, path.join("."));
});

describe("patchFor", () => {
  test("agrees with another library about what its patch does", () => {
    fc.assert(
      fc.property(scenarios(TAME_KEYS), ({ object, changes }) => {
        const result = patchFor(object, changes);
        assert.deepEqual(appliedByOracle(object, result.patch), result.object);
      }),
    );
  });

  test("agrees with reading the patch word by word", () => {
    fc.assert(
      fc.property(scenarios(), ({ object, changes }) => {
        const { patch, object: changed } = patchFor(object, changes);
        let current: unknown = object;
        for (const operation of patch) {
          assert.ok(operation.op !== "remove");
          const { op, path, value } = operation;
          const segments = path.split("/").slice(1).map(unescape);
          assert.equal(isThere(current, segments), op === "replace", `${op} ${path}`);
          current = withValue(current, segments, value);
        }
        assert.ok(sameJson(current, changed));
      }),
    );
  });

  test("leaves every change readable that no later one touches", () => {
    fc.assert(
      fc.property(scenarios(), ({ object, changes }) => {
        const { object: changed } = patchFor(object, changes);
        for (const [index, { path, value }] of changes.entries())
          if (!changes.slice(index + 1).some((later) => isRelated(later.path, path)))
            assert.ok(sameJson(valueAt(changed, path), value), JSON.stringify(path));
      }),
    );
  });

  test("has nothing to do the second time", () => {
    fc.assert(
      fc.property(scenarios(), ({ object, changes }) => {
        const once = patchFor(object, changes);
        // A later change may have made a list shorter again.
        fc.pre(areLegal(once.object, changes));
        const twice = patchFor(once.object, changes);
        assert.deepEqual(twice.patch, []);
        assert.equal(twice.object, once.object);
      }),
    );
  });

  test("shares everything off the paths, and leaves the object as it was", () => {
    fc.assert(
      fc.property(scenarios(), ({ object, changes }) => {
        const before = JSON.stringify(object);
        const { object: changed } = patchFor(freeze(object), changes);
        assert.equal(JSON.stringify(object), before);
        assertShared(
          object,
          changed,
          changes.map(({ path }) => path),
        );
      }),
    );
  });

  test("survives objects of any depth, and shares what it does not change", () => {
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`);
    const { patch, object } = patchFor({ deep, metadata: {} }, [{ path: ANNOTATION, value: "x" }]);
    assert.equal(patch.length, 1);
    assert.equal(valueAt(object, ["deep"]), deep);
  });
});

describe("sameJson", () => {
  const parse = (text: string): unknown => JSON.parse(text);

  test("is true for a copy, in whatever order its keys stand", () => {
    fc.assert(
      fc.property(json(), (value) => {
        assert.ok(sameJson(value, parse(JSON.stringify(value))));
        assert.ok(sameJson(value, reversed(value)));
      }),
    );
  });

  test("is true only for values that print alike", () => {
    fc.assert(
      fc.property(json(), json(), (left, right) =>
        assert.equal(sameJson(left, right), JSON.stringify(sorted(left)) === JSON.stringify(sorted(right))),
      ),
    );
  });

  test("tells apart what looks alike", () => {
    const values = ["null", "[]", "{}", "[[]]", "[{}]", '{"0":1}', "[1]", '""', "0", "false", '{"a":null}'];
    for (const left of values)
      for (const right of values) assert.equal(sameJson(parse(left), parse(right)), left === right);
    assert.equal(sameJson(parse('{"__proto__":{}}'), parse('{"a":{}}')), false);
    assert.equal(sameJson(parse('{"__proto__":{}}'), parse('{"__proto__":{}}')), true);
    assert.equal(sameJson(parse('{"__proto__":{}}'), {}), false);
    assert.equal(sameJson(parse('{"constructor":1}'), {}), false);
    assert.equal(sameJson(parse('{"toString":1}'), parse('{"valueOf":1}')), false);
    assert.equal(sameJson({}, undefined), false);
  });

  test("survives a depth that no recursion does", () => {
    const deep = (leaf: string) => parse(`${'[{"a":'.repeat(100_000)}${leaf}${"}]".repeat(100_000)}`);
    assert.ok(sameJson(deep("1"), deep("1")));
    assert.ok(!sameJson(deep("1"), deep("2")));
  });
});

test("the changes of a patch do to the object what the patch does", () => {
  fc.assert(
    fc.property(scenarios(), ({ object, changes }) => {
      const { patch, object: changed } = patchFor(object, changes);
      assert.ok(sameJson(patchFor(object, changesOf(object, patch)).object, changed));
    }),
  );
});

/** Keys that pointers escape, and that look like indexes. */
const TAME_KEYS = ["a", "b", "", "~", "/", "~1", "a/b~c", "-", "0", "1", "ключ", "🦊"];
/** And those that every object inherits: the library leaves them out, to protect itself. */
const KEYS = [...TAME_KEYS, "__proto__", "constructor", "prototype", "toString"];

/** As JSON.parse makes it: `__proto__` is a key like others. */
function json(keys: readonly string[] = KEYS): fc.Arbitrary<Json> {
  const { value } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.string({ maxLength: 3 })),
      fc.array(tie("value"), { maxLength: 3 }),
      fc
        .array(fc.tuple(fc.constantFrom(...keys), tie("value")), { maxLength: 4 })
        .map(Object.fromEntries<Json>),
    ),
  }));
  return value;
}

/** An object, and changes whose indexes are legal, one after the other. */
function scenarios(keys: readonly string[] = KEYS): fc.Arbitrary<{ object: Json; changes: Change[] }> {
  const step = fc.record({
    segments: fc.array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...keys) }, fc.nat(4)), {
      maxLength: 4,
    }),
    value: json(keys),
    followed: fc.array(fc.nat(), { maxLength: 4 }),
  });
  return fc
    .record({ object: json(keys), steps: fc.array(step, { maxLength: 5 }) })
    .map(({ object, steps }) => {
      const changes: Change[] = [];
      let current: unknown = object;
      for (const { segments, value, followed } of steps) {
        const path = legal(current, [...along(current, followed), ...segments]);
        changes.push({ path, value });
        current = patchFor(current, [{ path, value }]).object;
      }
      return { object, changes };
    });
}

/** A way that is there, so that not every change makes its parents. */
function along(node: unknown, choices: readonly number[]): FieldPath {
  const path: (string | number)[] = [];
  let current = node;
  for (const choice of choices) {
    const segments: readonly (string | number)[] = Array.isArray(current)
      ? [...current.keys()]
      : isObject(current)
        ? Object.keys(current)
        : [];
    const segment = segments[choice % segments.length];
    if (segment === undefined) break;
    path.push(segment);
    current = valueAt(current, [segment]);
  }
  return path;
}

function areLegal(object: unknown, changes: readonly Change[]): boolean {
  let current = object;
  return changes.every((change) => {
    const isLegal = legal(current, change.path).every((segment, index) => segment === change.path[index]);
    if (isLegal) current = patchFor(current, [change]).object;
    return isLegal;
  });
}

/** Indexes at most the length of their list. */
function legal(object: unknown, path: FieldPath): FieldPath {
  const done: (string | number)[] = [];
  for (const segment of path) {
    const node = valueAt(object, done);
    done.push(
      typeof segment === "string" ? segment : Math.min(segment, Array.isArray(node) ? node.length : 0),
    );
  }
  return done;
}

/** Below a root of its own: the library cannot replace the whole. */
function appliedByOracle(object: Json, patch: JsonPatch): unknown {
  const box = structuredClone({ object });
  const errors = applyPatch(
    box,
    patch.map((operation) => ({ ...structuredClone(operation), path: `/object${operation.path}` })),
  );
  assert.deepEqual(
    errors.filter((error) => error !== null),
    [],
  );
  return box.object;
}

function unescape(token: string): string {
  return token.replaceAll("~1", "/").replaceAll("~0", "~");
}

function isThere(node: unknown, segments: readonly string[]): boolean {
  const [first, ...rest] = segments;
  if (first === undefined) return true;
  if (typeof node !== "object" || node === null || !Object.hasOwn(node, first)) return false;
  return isThere(Object.entries(node).find(([name]) => name === first)?.[1], rest);
}

function withValue(node: unknown, segments: readonly string[], value: unknown): unknown {
  const [first, ...rest] = segments;
  if (first === undefined) return value;
  if (Array.isArray(node)) {
    const index = Number(first);
    assert.ok(/^(0|[1-9]\d*)$/.test(first) && index <= node.length, `there is no index ${first}`);
    return [...node.slice(0, index), withValue(node[index], rest, value), ...node.slice(index + 1)];
  }
  assert.ok(isObject(node), "the parent is no container");
  const others = Object.entries(node).filter(([name]) => name !== first);
  const child = Object.entries(node).find(([name]) => name === first)?.[1];
  return Object.fromEntries([...others, [first, withValue(child, rest, value)]]);
}

function valueAt(node: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>((current, segment) => {
    if (typeof segment === "number") return Array.isArray(current) ? current[segment] : undefined;
    return isObject(current) && Object.hasOwn(current, segment) ? current[segment] : undefined;
  }, node);
}

/** Whether one leads to the other, or may once a parent is made anew. */
function isRelated(one: FieldPath, other: FieldPath): boolean {
  const length = Math.min(one.length, other.length);
  for (const [index, segment] of one.slice(0, length).entries()) {
    if (segment === other[index]) continue;
    return typeof segment !== typeof other[index];
  }
  return true;
}

function assertShared(before: unknown, after: unknown, paths: readonly FieldPath[]): void {
  if (paths.length === 0) assert.equal(after, before);
  if (paths.some((path) => path.length === 0) || typeof before !== "object" || before === null) return;
  for (const name of Object.keys(before)) {
    const onward = paths.filter(([first]) => String(first) === name);
    const isForeign = paths.some(([first]) => (typeof first === "number") !== Array.isArray(before));
    const segment = Array.isArray(before) ? Number(name) : name;
    if (!isForeign)
      assertShared(
        valueAt(before, [segment]),
        valueAt(after, [segment]),
        onward.map((path) => path.slice(1)),
      );
  }
}

function reversed(value: Json): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, inner]) => [name, reversed(inner)]),
  );
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, inner]): [string, Json] => [name, sorted(inner)]);
  return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
