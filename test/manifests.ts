/** Streams of manifests: read as objects, and the shipped ones as `kubectl kustomize` renders them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { parseYaml } from "../src/kubernetes/yaml/yaml.ts";
import { mapOf, object, string } from "../src/kubernetes/shape.ts";
import type { Shape, Shaped } from "../src/kubernetes/shape.ts";
import type { Json } from "../src/kubernetes/json.ts";
import { CHECKOUT } from "./foresail.ts";
import { runTool } from "./harness/run-tool.ts";
import { findControlPlaneTools, requireControlPlane } from "./harness/tools.ts";

const KUSTOMIZE_TIMEOUT_MS = 60_000;

const identityShape = object({
  apiVersion: string,
  kind: string,
  metadata: object({ name: string, namespace: string, labels: mapOf(string), annotations: mapOf(string) }),
});

export interface Manifest {
  /** `Deployment foresail/foresail`, `ClusterRole foresail`. */
  readonly id: string;
  readonly identity: Shaped<typeof identityShape>;
  readonly value: Json;
}

/** The shape of everything: the value as it is. */
export const anything: Shape<unknown> = { blank: undefined, read: (value) => value };

/** The object of that id, as far as the shape goes; fails if there is none. */
export function readManifest<T>(manifests: readonly Manifest[], id: string, shape: Shape<T>): T {
  const found = shape.read(manifests.find((one) => one.id === id)?.value);
  assert.ok(found, `there is no ${id}`);
  return found;
}

/** The objects of a YAML stream; every document must be one. */
export function parseManifests(text: string): Manifest[] {
  const { documents, problems } = parseYaml(text);
  assert.deepEqual(problems, []);
  return documents.map(({ value }) => {
    const identity = identityShape.read(value) ?? {};
    const { name = "", namespace } = identity.metadata ?? {};
    const place = namespace === undefined ? name : `${namespace}/${name}`;
    return { id: `${identity.kind} ${place}`, identity, value };
  });
}

/** `folder` is below the checkout. Undefined if there is no kubectl; the test is skipped then. */
export async function renderManifests(t: TestContext, folder: string): Promise<Manifest[] | undefined> {
  if (!(await requireControlPlane(t))) return undefined;
  const tools = await findControlPlaneTools();
  assert.ok("kubectl" in tools);
  const { code, stdout, stderr } = await runTool(tools.kubectl, ["kustomize", join(CHECKOUT, folder)], {
    timeoutMs: KUSTOMIZE_TIMEOUT_MS,
  });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  return parseManifests(stdout);
}
