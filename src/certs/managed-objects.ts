/** The objects that managed certificates stand in, read and written through the API server. */
import type { ApiAnswer, ApiServer } from "../api-server/client.ts";
import { ApiStatusError } from "../api-server/status-error.ts";
import { ForesailError } from "../errors.ts";
import { boolean, list, mapOf, number, object, string } from "../kubernetes/shape.ts";
import type { Shape, Shaped } from "../kubernetes/shape.ts";
import { parseAuthority } from "./managed-authority.ts";
import type { StoredAuthority } from "./managed-authority.ts";
import { encode } from "./managed-serving.ts";
import type { WebhookTrust } from "./managed-serving.ts";

export const SECRET_NAME = "foresail-ca";
export const CONFIGURATION_NAME = "foresail";
export const CONFIGURATION_KINDS = [
  "ValidatingWebhookConfiguration",
  "MutatingWebhookConfiguration",
] as const;
const FIELD_MANAGER = "foresail";

const TIMEOUT_MS = 5000;
const OK = 200;
const CREATED = 201;
const NOT_FOUND = 404;
const CONFLICT = 409;

export interface StoredSecret {
  readonly resourceVersion: string;
  /** The API server lets nobody change what it holds. */
  readonly isImmutable: boolean;
  readonly authority: StoredAuthority;
}

/** Undefined if there is none. @throws ApiStatusError */
export async function readSecret(api: ApiServer, namespace: string): Promise<StoredSecret | undefined> {
  const found = await read(api, secretPath(namespace), secretShape);
  if (!found) return undefined;
  const { metadata, data = {}, immutable = false } = found;
  const text = (key: string) => Buffer.from(data[key] ?? "", "base64").toString("utf8");
  return {
    resourceVersion: metadata?.resourceVersion ?? "",
    isImmutable: immutable,
    authority: parseAuthority(text("tls.crt"), text("tls.key")),
  };
}

/**
 * Makes the Secret, or changes the one that was read. False if another replica was faster, which is no failure.
 * @throws ApiStatusError
 */
export async function writeSecret(
  api: ApiServer,
  namespace: string,
  found: StoredSecret | undefined,
  pair: { readonly cert: string; readonly key: string },
): Promise<boolean> {
  const data = { "tls.crt": toBase64(pair.cert), "tls.key": toBase64(pair.key) };
  const answer = await (found === undefined
    ? api.request({
        method: "POST",
        path: secretsPath(namespace),
        body: {
          apiVersion: "v1",
          kind: "Secret",
          metadata: { name: SECRET_NAME, namespace, labels: LABELS },
          type: "kubernetes.io/tls",
          data,
        },
        timeoutMs: TIMEOUT_MS,
      })
    : api.request({
        method: "PATCH",
        path: secretPath(namespace),
        contentType: "application/merge-patch+json",
        body: { metadata: { resourceVersion: found.resourceVersion }, data },
        timeoutMs: TIMEOUT_MS,
      }));
  // Not found: it was deleted in between.
  if (answer.status === CONFLICT || (found && answer.status === NOT_FOUND)) return false;
  expect(answer, found === undefined ? CREATED : OK);
  return true;
}

export function immutableSecret(namespace: string, reason: string): ForesailError {
  return new ForesailError({
    code: "CERTIFICATE_UNREADABLE",
    message: `the Secret ${namespace}/${SECRET_NAME} is immutable, but the CA in it has to be changed: ${reason}`,
    hint: `Delete it: kubectl delete secret -n ${namespace} ${SECRET_NAME}; foresail makes another within seconds.`,
  });
}

/** Undefined if there is none. @throws ApiStatusError */
export async function readConfiguration(
  api: ApiServer,
  kind: WebhookTrust["kind"],
): Promise<WebhookTrust | undefined> {
  const found = await read(api, configurationPath(kind), configurationShape);
  if (!found) return undefined;
  return {
    kind,
    resourceVersion: found.metadata?.resourceVersion ?? "",
    webhooks: (found.webhooks ?? []).map(({ name = "", clientConfig = {} }) => ({
      name,
      caBundle: clientConfig.caBundle ?? "",
      ...addressOf(clientConfig),
    })),
  };
}

/**
 * Writes the caBundle of every webhook in it, and nothing else. False if it was changed or deleted in between.
 * @throws ApiStatusError
 */
export async function writeBundle(
  api: ApiServer,
  { kind, resourceVersion, webhooks }: WebhookTrust,
  bundle: string,
): Promise<boolean> {
  const caBundle = encode(bundle);
  const answer = await api.request({
    method: "PATCH",
    path: configurationPath(kind),
    // Others may have written the field: it is ours.
    query: { fieldManager: FIELD_MANAGER, force: "true" },
    contentType: "application/apply-patch+yaml",
    body: {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind,
      // Without it webhooks that are gone by now would be made anew.
      metadata: { name: CONFIGURATION_NAME, resourceVersion },
      webhooks: webhooks.map(({ name }) => ({ name, clientConfig: { caBundle } })),
    },
    timeoutMs: TIMEOUT_MS,
  });
  if (answer.status === CONFLICT || answer.status === NOT_FOUND) return false;
  expect(answer, OK);
  return true;
}

const LABELS = { "app.kubernetes.io/name": "foresail", "app.kubernetes.io/part-of": "foresail" };

const metadataShape = object({ resourceVersion: string });
const secretShape = object({ metadata: metadataShape, data: mapOf(string), immutable: boolean });
const clientConfigShape = object({
  url: string,
  service: object({ name: string, namespace: string, port: number }),
  caBundle: string,
});
const configurationShape = object({
  metadata: metadataShape,
  webhooks: list(object({ name: string, clientConfig: clientConfigShape })),
});

async function read<T>(api: ApiServer, path: string, shape: Shape<T>): Promise<T | undefined> {
  const answer = await api.request({ path, timeoutMs: TIMEOUT_MS });
  if (answer.status === NOT_FOUND) return undefined;
  expect(answer, OK);
  return shape.read(answer.body) ?? shape.blank;
}

function expect(answer: ApiAnswer, status: number): void {
  if (answer.status !== status) throw new ApiStatusError(answer);
}

const HTTPS_PORT = 443;

function addressOf({ url, service }: Shaped<typeof clientConfigShape>): { host: string; port: number } {
  if (url === undefined) {
    const { name, namespace, port = HTTPS_PORT } = service ?? {};
    return { host: name && namespace ? `${name}.${namespace}.svc` : "", port };
  }
  if (!URL.canParse(url)) return { host: "", port: HTTPS_PORT };
  const { hostname, port } = new URL(url);
  return { host: hostname, port: port === "" ? HTTPS_PORT : Number(port) };
}

function secretsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/secrets`;
}

function secretPath(namespace: string): string {
  return `${secretsPath(namespace)}/${SECRET_NAME}`;
}

function configurationPath(kind: WebhookTrust["kind"]): string {
  return `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}s/${CONFIGURATION_NAME}`;
}

function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}
