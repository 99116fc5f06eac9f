import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { GATES, holds } from "../../src/istio/gates.ts";
import type { Gate, GateName } from "../../src/istio/gates.ts";
import { RULES } from "../../src/rules/index.ts";
import { CHECKOUT } from "../foresail.ts";
import { COMPONENTS, parseVersion } from "../../src/istio/versions.ts";

const NAMES: readonly GateName[] = Object.keys(GATES).filter((name): name is GateName =>
  Object.hasOwn(GATES, name),
);

describe("a gate", () => {
  const istio = (value: string) => ({ istio: { value, from: "assume" } });

  test("holds from its first version on", () => {
    assert.equal(holds("exitOnZero", istio("1.11.9")), false);
    assert.equal(holds("exitOnZero", istio("1.12")), true);
    assert.equal(holds("exitOnZero", istio("1.12.0-beta.1")), true);
    assert.equal(holds("exitOnZero", istio("1.31.0")), true);
    assert.equal(holds("exitOnZero", istio("2.0")), true);
  });

  test("is switched off by a variable that says so, in the versions that read it", () => {
    const aliases = (value: string, variable: string) =>
      holds("externalNameIsAlias", {
        istio: { value, from: "test", environment: { ENABLE_EXTERNAL_NAME_ALIAS: variable } },
      });
    assert.deepEqual(
      ["1.20.8", "1.21.0", "1.23.9", "1.24.0"].map((version) => aliases(version, "false")),
      [false, false, false, true],
    );
    assert.deepEqual([aliases("1.22.0", "true"), aliases("1.22.0", "no")], [true, true]);
  });

  test("is open while its component's version is not known or cannot be read", () => {
    assert.equal(holds("exitOnZero", {}), undefined);
    assert.equal(holds("exitOnZero", { kubernetes: { value: "1.30", from: "assume" } }), undefined);
    assert.equal(holds("exitOnZero", istio("latest")), undefined);
    assert.equal(holds("exitOnZero", istio("")), undefined);
  });

  for (const name of NAMES) {
    test(`${name} has readable versions in order, and a source`, () => {
      const { about, component, since, until, source }: Gate = GATES[name];
      assert.ok(about !== "" && !about.endsWith("."));
      assert.ok(COMPONENTS.includes(component));
      assert.match(source, /, https:\/\/\S+$/);
      assert.ok(since !== undefined || until !== undefined);
      for (const version of [since, until]) if (version !== undefined) assert.ok(parseVersion(version));
      const before =
        since === undefined ? undefined : holds(name, { [component]: { value: "0.1", from: "test" } });
      assert.ok(before !== true, "it does not hold before it began");
    });
  }
});

describe("the gates", () => {
  test("stand in order of their names", () => {
    const inOrder = NAMES.toSorted((one, other) => (one.toLowerCase() < other.toLowerCase() ? -1 : 1));
    assert.deepEqual(NAMES, inOrder);
  });

  test("are the only place where versions are compared", () => {
    const comparing = globSync("src/**/*.ts", { cwd: CHECKOUT }).filter((file) =>
      /\bcompareVersions\b/.test(readFileSync(join(CHECKOUT, file), "utf8")),
    );
    assert.deepEqual(comparing.toSorted(), ["src/istio/gates.ts", "src/istio/versions.ts"]);
  });

  test("are each used by a rule", () => {
    const used = new Set(RULES.flatMap(({ gates }) => gates));
    assert.deepEqual(
      NAMES.filter((name) => !used.has(name)),
      [],
    );
  });
});
