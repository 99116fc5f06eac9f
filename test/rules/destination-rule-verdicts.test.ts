import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import rule from "../../src/rules/destination-rule-is-looked-up.ts";
import type { AnyFinding } from "../../src/rules/rule.ts";
import {
  isPossible,
  isSelected,
  meshes,
  NAMESPACES,
  proxies,
  rules,
  targetsOf,
  witnesses,
} from "../istio/lookup/predicate.ts";
import type { Mesh, MeshService, Proxy, RuleText } from "../istio/lookup/predicate.ts";
import { run } from "./rule-tester.ts";

interface Situation {
  readonly mesh: Mesh;
  readonly text: RuleText;
  readonly proxies: readonly Proxy[];
  readonly multiCluster: boolean;
  readonly isComplete: boolean;
  /** Whether the namespaces stand in the state. */
  readonly hasNamespaces: boolean;
}

const situations: fc.Arbitrary<Situation> = fc.record({
  mesh: meshes,
  text: rules,
  proxies,
  multiCluster: fc.boolean(),
  isComplete: fc.boolean(),
  hasNamespaces: fc.boolean(),
});

function findingsOf({ mesh, text, proxies: all, ...situation }: Situation): AnyFinding[] {
  const { N, host, exportTo, selector } = text;
  const workloadSelector = selector && { workloadSelector: { matchLabels: selector } };
  return run(rule, {
    name: "random",
    object: {
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name: "rule", namespace: N },
      spec: { host, exportTo, ...workloadSelector },
    },
    cluster: [
      meshConfigOf(mesh),
      ...(situation.hasNamespaces ? NAMESPACES.map(namespaceOf) : []),
      ...mesh.services.map(serviceObject),
      ...all.map(podOf),
    ],
    settings: { multiCluster: situation.multiCluster },
    isComplete: situation.isComplete,
  });
}

function meshConfigOf({ R, defaultDestinationRuleExportTo, defaultServiceExportTo }: Mesh): object {
  const settings = { rootNamespace: R, defaultDestinationRuleExportTo, defaultServiceExportTo };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "istio", namespace: "istio-system" },
    data: { mesh: JSON.stringify(settings) },
  };
}

const namespaceOf = (name: string) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });

function serviceObject({ S, hostname, exportTo, isExternalName }: MeshService): object {
  const [name = ""] = hostname.split(".");
  const isService = hostname === `${name}.${S}.svc.cluster.local`;
  if (!isService) {
    return {
      apiVersion: "networking.istio.io/v1",
      kind: "ServiceEntry",
      metadata: { name: hostname.replace("*", "any"), namespace: S },
      spec: { hosts: [hostname], exportTo },
    };
  }
  const annotations = exportTo.length > 0 ? { "networking.istio.io/exportTo": exportTo.join(",") } : {};
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: S, annotations },
    spec: isExternalName ? { type: "ExternalName", externalName: "elsewhere.example" } : {},
  };
}

function podOf({ C, labels, isWaypoint }: Proxy, index: number): object {
  const managed = isWaypoint ? { "gateway.istio.io/managed": "istio.io-mesh-controller" } : {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `pod-${index}`, namespace: C, uid: "1", labels: { ...labels, ...managed } },
    spec: { containers: [{ name: "istio-proxy", image: "proxyv2" }] },
  };
}

const NEVER = ["exportReachesNobody", "hostHidden", "hostNotVisible", "neverLookedUp"];

/** The ids of which one is to be spoken; empty for silence. Line by line the table of the rule's description. */
function verdict({ mesh, text, proxies: all, ...situation }: Situation): readonly string[] {
  const targets = targetsOf(text, mesh);
  if (targets === undefined) return [];
  const { N, selector, exportTo } = text;
  const isOnThePath = N === mesh.R || targets.some(({ S }) => S === N);
  if (witnesses(text, targets, mesh, all).length > 0) {
    const isNoOp = selector === undefined && (exportTo.length === 0 || exportTo.includes("*"));
    const isDefaultPrivate = exportTo.length === 0 && mesh.defaultDestinationRuleExportTo.includes(".");
    return !isOnThePath && isNoOp && !isDefaultPrivate ? ["clientsInThisNamespaceOnly"] : [];
  }
  if (!isPossible(text, targets, mesh)) return NEVER;
  const own = all.filter(({ C }) => C === N);
  if (own.length > 0 && !own.some((proxy) => isSelected(proxy, text))) return ["selectorMatchesNoClient"];
  if (isOnThePath) return [];
  const isKnown = situation.isComplete || situation.hasNamespaces || own.length > 0;
  const others = [...targets.map(({ S }) => S), mesh.R, ...all.map(({ C }) => C)];
  if (!others.some((place) => isFound({ ...text, N: place }, targets, mesh, all))) return ["clientsMissing"];
  if (!isKnown) return ["clientsUnknown"];
  return [situation.multiCluster ? "noClientInThisCluster" : "outsideLookupPath"];
}

describe("on thousands of meshes", () => {
  const runs = { numRuns: 4000 };

  test("the verdict is the table's", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(situations, (situation) => {
        const messages = findingsOf(situation)
          .map(({ message }) => message)
          .filter((message) => !TRAPS.includes(message));
        const expected = verdict(situation);
        if (targetsOf(situation.text, situation.mesh) === undefined) {
          for (const message of messages) assert.ok(HINTS.includes(message), message);
          return;
        }
        for (const message of messages) seen.add(message);
        const difference = `${messages.join(", ")} instead of ${expected.join(" or ")}`;
        assert.equal(messages.length, Math.min(expected.length, 1), difference);
        for (const message of messages) assert.ok(expected.includes(message), difference);
      }),
      runs,
    );
    assert.equal(seen.size, 10, `the meshes lead to ${[...seen].join(", ")} only`);
  });

  test("every namespace that is recommended works, and none of the service's or the root is forgotten", () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const { mesh, text, proxies: all } = situation;
        const targets = targetsOf(text, mesh) ?? [];
        for (const { message, data = {} } of findingsOf(situation)) {
          const { namespaces } = data;
          if (HINTS.includes(message) || typeof namespaces !== "object") continue;
          const { names } = namespaces;
          const works = (E: readonly string[]) => (N: string) =>
            isFound({ ...text, N, exportTo: E }, targets, mesh, all);
          const isFree = message === "neverLookedUp" && !names.every(works(text.exportTo));
          const worksIn = works(isFree ? [] : text.exportTo);
          assert.deepEqual(
            names.filter((name) => !worksIn(name)),
            [],
            message,
          );
          const wanted = [...targets.map(({ S }) => S), mesh.R].filter(
            (name) => name !== text.N && worksIn(name),
          );
          assert.deepEqual(
            wanted.filter((name) => !names.includes(name)),
            [],
            message,
          );
          assert.notEqual(names.length, 0, message);
        }
      }),
      runs,
    );
  });
});

/** They speak of rules that are looked up, or besides. */
const TRAPS = ["dotInRootNamespace", "exportIgnored", "inboundLost", "ownNamespaceLeftOut"];
const HINTS = ["belowWildcard", "shortHost", "shortHostUnknown"];

/** The root serves whoever comes, a service's namespace whoever comes for what is in it, any other its own clients. */
function isFound(
  text: RuleText,
  targets: readonly MeshService[],
  mesh: Mesh,
  all: readonly Proxy[],
): boolean {
  const served = text.N === mesh.R ? targets : targets.filter(({ S }) => S === text.N);
  return isPossible(text, served, mesh) || witnesses(text, targets, mesh, all).length > 0;
}
