import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { lookupEra } from "../../../src/istio/lookup/era.ts";
import type { LookupSettings } from "../../../src/istio/lookup/mesh.ts";
import { isConceivable, pathStep } from "../../../src/istio/lookup/path.ts";
import { reachOf } from "../../../src/istio/lookup/rule.ts";
import { isVisibleTo } from "../../../src/istio/lookup/visibility.ts";
import { isPossible, meshes, NAMESPACES, NOBODY, path, rules, sees } from "./predicate.ts";
import type { Mesh, MeshService, RuleText } from "./predicate.ts";

function settingsOf({ R, ...defaults }: Mesh): LookupSettings {
  return { ...SETTINGS, ...defaults, rootNamespace: R };
}

function ruleOf({ N, host, exportTo, selector }: RuleText, mesh: Mesh) {
  const workloadSelector = selector && { workloadSelector: { matchLabels: selector } };
  return reachOf(N, { host, exportTo, ...workloadSelector }, settingsOf(mesh));
}

const hostOf = ({ S, exportTo }: MeshService) => ({ namespace: S, exportTo });

describe("on thousands of meshes, as the plain description of Istio's lookup says", () => {
  const runs = { numRuns: 5000 };

  test("a client's namespace leads to a step or to none", () => {
    fc.assert(
      fc.property(meshes, rules, (mesh, text) => {
        const rule = ruleOf(text, mesh);
        for (const C of [...NAMESPACES, NOBODY]) {
          for (const S of NAMESPACES) {
            assert.equal(pathStep(rule, C, S, settingsOf(mesh)), path(C, S, text, mesh));
          }
        }
      }),
      runs,
    );
  });

  test("a client's namespace sees a host or not", () => {
    fc.assert(
      fc.property(meshes, (mesh) => {
        for (const C of [...NAMESPACES, NOBODY]) {
          for (const service of mesh.services) {
            assert.equal(isVisibleTo(hostOf(service), C, settingsOf(mesh)), sees(C, service, mesh));
          }
        }
      }),
      runs,
    );
  });

  test("some namespace or none could look a rule up", () => {
    fc.assert(
      fc.property(meshes, rules, (mesh, text) => {
        for (const service of mesh.services) {
          const expected = isPossible(text, [service], mesh);
          assert.equal(isConceivable(ruleOf(text, mesh), hostOf(service), settingsOf(mesh)), expected);
        }
      }),
      runs,
    );
  });
});

const SETTINGS: LookupSettings = {
  rootNamespace: "root",
  clusterDomain: "cluster.local",
  defaultDestinationRuleExportTo: [],
  defaultServiceExportTo: [],
  defaultVirtualServiceExportTo: [],
  discoverySelectors: [],
  serviceEntryVisibility: undefined,
  era: lookupEra({}),
};
const step = (N: string, exportTo: readonly string[], C: string, S: string, settings = SETTINGS) =>
  pathStep(reachOf(N, { host: "*", exportTo }, settings), C, S, settings);

describe("a rule", () => {
  test("in the service's namespace that names a client loses its own", () => {
    assert.equal(step("shop", ["client"], "client", "shop"), "service");
    assert.equal(step("shop", ["client"], "shop", "shop"), undefined);
  });

  test("in the root namespace with a dot in a list is lost to the root namespace alone", () => {
    assert.equal(step("root", [".", "x"], "root", "shop"), undefined);
    assert.equal(step("root", [".", "x"], "x", "shop"), "root");
    assert.equal(step("root", ["root", "x"], "root", "shop"), "root");
    assert.equal(step("root", ["root", "x"], "x", "shop"), "root");
  });

  test("in the root namespace that is private is for the root namespace's proxies only", () => {
    for (const exportTo of [["."], ["root"]]) {
      assert.equal(step("root", exportTo, "root", "shop"), "own");
      assert.equal(step("root", exportTo, "shop", "shop"), undefined);
    }
  });

  test("in the service's namespace that is private is for its own proxies only", () => {
    assert.equal(step("shop", ["."], "shop", "shop"), "own");
    assert.equal(step("shop", ["."], "client", "shop"), undefined);
  });

  test("is private by the mesh's default if that holds a dot, and by nothing else in it", () => {
    const byDefault = (defaultDestinationRuleExportTo: string[]) =>
      step("shop", [], "client", "shop", { ...SETTINGS, defaultDestinationRuleExportTo });
    assert.equal(byDefault(["."]), undefined);
    assert.equal(byDefault([".", "client"]), undefined);
    assert.equal(byDefault(["other"]), "service");
    assert.equal(byDefault(["~"]), "service");
  });

  test("with a selector, even an empty one, is private whatever exportTo says", () => {
    const rule = reachOf("shop", { host: "web", exportTo: ["*"], workloadSelector: {} }, SETTINGS);
    assert.equal(pathStep(rule, "shop", "shop", SETTINGS), "own");
    assert.equal(pathStep(rule, "client", "shop", SETTINGS), undefined);
  });

  test("is found in a third namespace by that namespace's clients alone, however it is exported", () => {
    assert.equal(step("third", ["*"], "third", "shop"), "own");
    assert.equal(step("third", ["*"], "client", "shop"), undefined);
    assert.equal(step("third", ["client"], "client", "shop"), undefined);
    assert.equal(step("third", ["client"], "third", "shop"), undefined);
  });

  test("with a short host is of its own namespace's service", () => {
    assert.equal(reachOf("shop", { host: "web" }, SETTINGS).host, "web.shop.svc.cluster.local");
  });
});

describe("no namespace could look up", () => {
  const conceivable = (N: string, exportTo: readonly string[], S: string, visibleTo: readonly string[]) =>
    isConceivable(
      reachOf(N, { host: "*", exportTo }, SETTINGS),
      { namespace: S, exportTo: visibleTo },
      SETTINGS,
    );

  test("what is exported to none", () => assert.equal(conceivable("shop", ["~"], "shop", []), false));

  test("what the root namespace keeps from the only one that sees the service", () => {
    assert.equal(conceivable("root", [".", "x"], "shop", ["."]), false);
    assert.equal(conceivable("root", [".", "shop"], "shop", ["."]), true);
  });

  test("a rule for a service that is hidden from all", () =>
    assert.equal(conceivable("shop", [], "shop", ["~"]), false));

  test("a third namespace's rule that names only others", () => {
    assert.equal(conceivable("third", ["shop", "client"], "shop", []), false);
    assert.equal(conceivable("third", ["shop", "third"], "shop", []), true);
  });

  test("a third namespace's rule for a service that this namespace does not see", () => {
    assert.equal(conceivable("third", [], "shop", ["."]), false);
    assert.equal(conceivable("third", [], "shop", ["third"]), true);
  });
});
