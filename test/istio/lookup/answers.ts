/** foresail's answers in the form of Istio's. */
import { Store } from "../../../src/cluster/store.ts";
import { createView } from "../../../src/cluster/view.ts";
import { lookUp } from "../../../src/istio/lookup/lookup.ts";
import type { LookupMesh, MeshHost } from "../../../src/istio/lookup/mesh.ts";
import { findKind, groupOf, KIND_FACTS } from "../../../src/kubernetes/objects.ts";
import { isObject } from "../../../src/kubernetes/json.ts";
import type { JsonObject } from "../../../src/kubernetes/json.ts";
import { list, object, string } from "../../../src/kubernetes/shape.ts";
import { DEFAULT_MESH_SETTINGS } from "../../../src/rules/policy.ts";
import type { OracleAnswer, OracleMesh, OracleQuery } from "../../harness/oracle.ts";
import type { Put } from "./meshes.ts";

const objectShape = object({
  apiVersion: string,
  kind: string,
  metadata: object({ name: string, namespace: string }),
  spec: object({ hosts: list(string) }),
});

/** The hosts that Services and ServiceEntries own. */
export function hostnamesOf(objects: readonly JsonObject[], clusterDomain: string): string[] {
  const hostnames = objects.flatMap((one) => {
    const { kind, metadata: { name, namespace } = {}, spec } = objectShape.read(one) ?? {};
    if (kind === "Service") return [`${name}.${namespace}.svc.${clusterDomain}`];
    return kind === "ServiceEntry" ? (spec?.hosts ?? []) : [];
  });
  return [...new Set(hostnames)];
}

/** With what a store is told beside the object. */
export function objectsOf(mesh: readonly Put[]): JsonObject[] {
  return mesh.map(([kind, one]) => {
    const { group, versions } = KIND_FACTS[kind];
    const apiVersion = [group, versions.at(-1)].filter((part) => part !== "").join("/");
    const value: unknown = { apiVersion, kind, ...one };
    if (!isJsonObject(value)) throw new TypeError("no object");
    return value;
  });
}

function isJsonObject(value: unknown): value is JsonObject {
  return isObject(value);
}

export function lookupMeshOf({ objects, clusterDomain = "cluster.local" }: OracleMesh): LookupMesh {
  const store = new Store(clusterDomain);
  for (const one of objects) {
    const { apiVersion = "", kind = "" } = objectShape.read(one) ?? {};
    const known = findKind(groupOf(apiVersion), kind);
    if (known) store.put(known, one);
  }
  const settings = { ...DEFAULT_MESH_SETTINGS, clusterDomain };
  return createView({ store, settings, isComplete: true }).lookup;
}

export function answerOf(query: OracleQuery, mesh: LookupMesh): OracleAnswer {
  const { isVisible, owner, isAlias, chosen } = lookUp(query, mesh);
  if (!owner) return { visible: isVisible };
  const answer = { visible: isVisible, service: serviceOf(owner), ...(isAlias && { alias: isAlias }) };
  if (!chosen) return answer;
  const { from, exportTo, selector, subsets, trafficPolicy } = chosen;
  const destinationRules = from.map(({ namespace, name }) => `${namespace}/${name}`);
  const isSelecting = selector && Object.keys(selector).length > 0;
  const rule = {
    ...(exportTo.length > 0 && { exportTo: exportTo.toSorted() }),
    ...(selector && { workloadSelector: isSelecting ? { matchLabels: selector } : {} }),
    ...(subsets.length > 0 && { subsets }),
    ...(trafficPolicy && { trafficPolicy }),
  };
  return { ...answer, destinationRules, rule };
}

function serviceOf({ kind, namespace, name }: MeshHost): { kind: string; namespace: string; name: string } {
  return { kind, namespace, name };
}
