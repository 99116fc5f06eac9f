/** `foresail manifests`: what installs foresail in a cluster, as one YAML stream for `kubectl apply -f -`. */
import { ForesailError } from "../errors.ts";
import type { Json, JsonObject } from "../kubernetes/json.ts";
import { emitYaml } from "../kubernetes/yaml/yaml.ts";
import { isConfiguration, withCertificates } from "./manifests/certificate-modes.ts";
import type { ManifestsOptions } from "./options.ts";
import type { CommandResult } from "./result.ts";
import {
  IMAGE,
  isJsonList,
  isJsonObject,
  readShippedManifests,
  withField,
} from "./manifests/shipped-manifests.ts";

/** As shipped. */
const NAMESPACE = "foresail";
/** foresail is not asked about its own namespace, and makes Pod Security strict there. */
const NOT_OWN = ["default", "istio-system", "kube-node-lease", "kube-public", "kube-system"];
const NAMESPACE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const REPLICAS = /^[1-9][0-9]{0,2}$/;
/** A path with an optional registry, then a tag, a digest, or both. */
const IMAGE_NAME =
  /^(?:[\w.-]+(?::[0-9]+)?\/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?<tag>:[\w][\w.-]{0,127})?(?<digest>@[a-z0-9]+:[0-9a-f]{32,})?$/;

/** @throws ForesailError for a wrong flag */
export async function manifests(options: ManifestsOptions, version: string): Promise<CommandResult> {
  const { namespace, certs } = options;
  assertOwnNamespace(namespace);
  const replicas = parseReplicas(options.replicas);
  const image = options.image === undefined ? undefined : imageWithTag(options.image, version);

  const shipped = (await readShippedManifests())
    .filter(({ kind }) => replicas !== 1 || kind !== "PodDisruptionBudget")
    .map((one) => inNamespace(one, namespace))
    .map((one) => (one["kind"] === "Deployment" ? withDeploymentOptions(one, replicas, image) : one))
    .map((one) => withFailurePolicy(one, options.failurePolicy));
  const { manifests: all, problems } = withCertificates(certs, shipped, namespace);
  return { report: all.map((one) => emitYaml(one)).join("---\n"), problems, exitCode: 0 };
}

function assertOwnNamespace(namespace: string): void {
  if (!NAMESPACE_NAME.test(namespace)) {
    throw usageError(
      `--namespace ${JSON.stringify(namespace)} is no name of a namespace`,
      "Write at most 63 lower-case letters, digits and dashes, a letter or digit first and last.",
    );
  }
  if (NOT_OWN.includes(namespace)) {
    throw usageError(
      `--namespace ${namespace} is in use by others`,
      "Name a namespace of foresail's own: it is not asked about what happens there.",
    );
  }
}

function parseReplicas(text: string | undefined): number | undefined {
  if (text === undefined || REPLICAS.test(text)) return text === undefined ? undefined : Number(text);
  throw usageError(
    `--replicas ${JSON.stringify(text)} is no number of replicas`,
    "Write a number from 1 to 999.",
  );
}

/** A bare name gets the tag of this version, as the shipped one has it. */
function imageWithTag(image: string, version: string): string {
  const groups = IMAGE_NAME.exec(image)?.groups;
  if (!groups) {
    throw usageError(
      `--image ${JSON.stringify(image)} is no name of an image`,
      "Write [REGISTRY/]NAME[:TAG][@DIGEST], such as registry.example.org/tools/foresail:1.0.0.",
    );
  }
  const { tag, digest } = groups;
  return tag === undefined && digest === undefined ? `${image}:${version}` : image;
}

/** Everything that names foresail's namespace, whether to be there, to be called there or to be left out. */
function inNamespace(manifest: JsonObject, namespace: string): JsonObject {
  const moved = moveTo(manifest, namespace);
  return moved["kind"] === "Namespace" ? withField(moved, ["metadata", "name"], namespace) : moved;
}

function moveTo(manifest: JsonObject, namespace: string): JsonObject {
  return Object.fromEntries(
    Object.entries(manifest).map(([key, value]) => [key, movedValue(key, value, namespace)]),
  );
}

function movedValue(key: string, value: Json, namespace: string): Json {
  if (key === "namespace" && value === NAMESPACE) return namespace;
  // The namespaceSelector's list of those that are left out.
  if (key === "values" && isJsonList(value)) return value.map((one) => (one === NAMESPACE ? namespace : one));
  if (isJsonList(value)) return value.map((one) => movedValue("", one, namespace));
  return isJsonObject(value) ? moveTo(value, namespace) : value;
}

function withDeploymentOptions(
  deployment: JsonObject,
  replicas: number | undefined,
  image: string | undefined,
): JsonObject {
  const scaled = replicas === undefined ? deployment : withField(deployment, ["spec", "replicas"], replicas);
  return image === undefined ? scaled : withField(scaled, IMAGE, image);
}

function withFailurePolicy(manifest: JsonObject, failurePolicy: string | undefined): JsonObject {
  const { webhooks } = manifest;
  if (failurePolicy === undefined || !isConfiguration(manifest) || !isJsonList(webhooks)) return manifest;
  return {
    ...manifest,
    webhooks: webhooks.map((one) => (isJsonObject(one) ? { ...one, failurePolicy } : one)),
  };
}

function usageError(message: string, hint: string): ForesailError {
  return new ForesailError({ code: "USAGE", message, hint });
}
