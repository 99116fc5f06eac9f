/** What holds for every mesh. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { withoutRule, withRule } from "../../../src/istio/lookup/mesh.ts";
import type { LookupMesh } from "../../../src/istio/lookup/mesh.ts";
import { lookupRule } from "../../../src/istio/lookup/rule.ts";
import { readObject } from "../../../src/kubernetes/objects.ts";
import { ask, meshOf, rule, service, serviceEntry, sidecar, virtualService } from "./meshes.ts";
import type { Put } from "./meshes.ts";

const NAMESPACES = ["a", "b", "c", "istio-system"];
const HOSTS = ["one.a.svc.cluster.local", "two.b.svc.cluster.local", "api.example.com", "*.example.com"];
const namespaces = fc.constantFrom(...NAMESPACES);
const exportTo = fc.uniqueArray(fc.constantFrom(".", "*", "~", ...NAMESPACES), { maxLength: 2 });
const age = fc.integer({ min: 1, max: 3 });
const name = fc.constantFrom("x", "y", "z");

const rules: fc.Arbitrary<Put> = fc
  .record({
    path: fc.tuple(namespaces, name).map((parts) => parts.join("/")),
    host: fc.constantFrom("one", "*", "*.local", "*.com", "*e.com", ...HOSTS),
    spec: fc.record(
      { exportTo, workloadSelector: fc.constantFrom({}, { matchLabels: { app: "x" } }) },
      { requiredKeys: [] },
    ),
    age,
  })
  .map(({ path, host, spec, age: at }) => rule(path, host, spec, at));

const others: fc.Arbitrary<Put> = fc.oneof(
  fc.tuple(exportTo, age).map(([to, at]) => service("a/one", to.join(","), {}, at)),
  fc.tuple(exportTo, age).map(([to, at]) => service("b/two", to.join(","), {}, at)),
  fc
    .tuple(namespaces, name, fc.constantFrom(...HOSTS), exportTo, age)
    .map(([place, one, host, to, at]) => serviceEntry(`${place}/${one}`, [host], { exportTo: to }, at)),
  fc
    .tuple(namespaces, name, namespaces, fc.constantFrom("*", ...HOSTS), age)
    .map(([place, one, from, host, at]) => sidecar(`${place}/${one}`, [`${from}/${host}`], {}, at)),
  fc
    .tuple(namespaces, name, fc.constantFrom(...HOSTS))
    .map(([place, one, host]) => virtualService(`${place}/${one}`, ["route.example.org"], host)),
);

const byName = ([kind, object]: Put) => {
  const { metadata = {} } = readObject(kind, object);
  return `${kind}/${metadata.namespace}/${metadata.name}`;
};
const objects = fc.uniqueArray(fc.oneof({ weight: 2, arbitrary: rules }, others), {
  maxLength: 10,
  selector: byName,
});

/** All answers, with names for rules. */
function answers(mesh: LookupMesh): unknown {
  const proxies = ["sidecar", "gateway", "waypoint"] as const;
  return NAMESPACES.flatMap((client) =>
    proxies.flatMap((proxy) =>
      HOSTS.map((host) => {
        const clientLabels = { app: "x" };
        const { isVisible, owner, chosen, steps } = ask(mesh, client, { proxy, host, clientLabels });
        const said = steps.flatMap(({ candidates }) =>
          candidates.map(({ rule: { namespace, name: one }, reason }) => `${namespace}/${one}: ${reason}`),
        );
        return [isVisible, owner?.namespace, chosen?.from.map(nameOf), said.toSorted()];
      }),
    ),
  );
}

const nameOf = (one: { namespace: string; name: string }) => `${one.namespace}/${one.name}`;
const istio = fc.constantFrom("1.10", "1.15", "1.22", "1.31");

test("no answer depends on the order in which objects are read", () => {
  fc.assert(
    fc.property(
      objects.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
      istio,
      ([all, shuffled], version) => {
        const settings = { assume: { istio: version } };
        assert.deepEqual(answers(meshOf(shuffled, settings)), answers(meshOf(all, settings)));
      },
    ),
    { numRuns: 150 },
  );
});

test("a rule that is added in thought answers as one that is there, and taken away leaves no trace", () => {
  fc.assert(
    fc.property(objects, rules, (all, [kind, object]) => {
      const added: Put = [kind, object];
      const rest = all.filter((one) => byName(one) !== byName(added));
      const [without, before, real] = [meshOf(rest), meshOf(all), meshOf([...rest, added])];
      const read = readObject("DestinationRule", object);
      const { namespace = "", name: one = "" } = read.metadata ?? {};
      const thought = withRule(before, lookupRule({ namespace, name: one }, read, before.settings));
      assert.deepEqual(answers(thought), answers(real));
      assert.deepEqual(answers(withoutRule(thought, namespace, one)), answers(without));
    }),
    { numRuns: 150 },
  );
});

test("the applied rules are the candidates that say so, and a client without a view of the host gets none", () => {
  fc.assert(
    fc.property(objects, namespaces, fc.constantFrom(...HOSTS), (all, client, host) => {
      const { isVisible, chosen, steps } = ask(meshOf(all), client, { host });
      const applied = steps.flatMap(({ candidates }) => candidates.filter(({ isApplied }) => isApplied));
      assert.deepEqual(
        applied.map(({ rule: one }) => nameOf(one)).toSorted(),
        (chosen?.from ?? []).map(nameOf).toSorted(),
      );
      assert.ok(isVisible || chosen === undefined);
      assert.ok(steps.filter(({ outcome }) => outcome === "match").length <= 1);
      for (const { candidates } of steps)
        for (const one of candidates) assert.notEqual(one.reason, "not found");
    }),
    { numRuns: 500 },
  );
});
