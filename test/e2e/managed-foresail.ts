/** foresail with managed certificates, run as processes under the rights that the shipped manifests give. */
import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { checkServerIdentity, connect } from "node:tls";
import type { ApiServer } from "../../src/api-server/client.ts";
import { connectToApiServer } from "../../src/api-server/connect.ts";
import { parseCertificates } from "../../src/certs/authority.ts";
import { list, mapOf, object, string } from "../../src/kubernetes/shape.ts";
import { parseYaml } from "../../src/kubernetes/yaml/yaml.ts";
import type { JsonObject } from "../../src/kubernetes/json.ts";
import { startServe } from "../commands/serve-process.ts";
import type { ServeProcess, ServeProcessContext } from "../commands/serve-process.ts";
import type { ServeOptions } from "../../src/commands/serve.ts";
import { CHECKOUT, folderWith } from "../foresail.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { webhookManifests } from "../harness/served-foresail.ts";

export const NAMESPACE = "foresail";
const SERVICE_ACCOUNT = "system:serviceaccount:foresail:foresail";
const STATE = { "state/mesh.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n" };
const RIGHTS = ["service-account.yaml", "role.yaml", "cluster-role.yaml", "role-bindings.yaml"];
const WAIT_MS = 60_000;

/** Namespaces, and the shipped ServiceAccount and its rights. Returns a kubeconfig of the ServiceAccount. */
export async function installRights(cluster: ControlPlane): Promise<string> {
  const namespaces = [NAMESPACE, "istio-system", "shop"].map((name) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name },
  }));
  await succeed(
    cluster,
    ["apply", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "List", items: namespaces }),
  );
  const files = RIGHTS.flatMap((file) => ["-f", join(CHECKOUT, "manifests/base", file)]);
  await succeed(cluster, ["apply", ...files]);
  const token = await succeed(cluster, ["create", "token", "foresail", "-n", NAMESPACE]);
  return cluster.kubeconfigFor(token.trim());
}

export async function startReplica(
  t: TestContext,
  kubeconfig: string,
  options: Partial<ServeOptions> = {},
  context: ServeProcessContext = {},
): Promise<ServeProcess> {
  const folder = await folderWith(t, STATE);
  return startServe(t, folder, { tlsManaged: true, kubeconfig, ...options }, context);
}

/** The shipped configurations with this address and without a caBundle. */
export async function installConfigurations(
  cluster: ControlPlane,
  { address }: Pick<ServeProcess, "address">,
  changes: JsonObject = {},
): Promise<void> {
  await succeed(cluster, ["apply", "-f", "-"], await webhookManifests({ address, ca: "" }, changes));
}

export async function adminApi(t: TestContext, { kubeconfig }: ControlPlane): Promise<ApiServer> {
  const api = await connectToApiServer({ kubeconfig });
  t.after(() => api.close());
  return api;
}

const secretShape = object({ metadata: object({ uid: string }), data: mapOf(string) });
const configurationShape = object({
  webhooks: list(object({ clientConfig: object({ caBundle: string }) })),
});

export const SECRET_PATH = `/api/v1/namespaces/${NAMESPACE}/secrets/foresail-ca`;
export const CONFIGURATION_PATHS = ["validating", "mutating"].map(
  (type) => `/apis/admissionregistration.k8s.io/v1/${type}webhookconfigurations/foresail`,
);

/** What the Secret holds, as far as it can be read: certificates, the signing one first. */
export async function storedAuthorities(api: ApiServer): Promise<readonly X509Certificate[]> {
  const { data = {} } = secretShape.read((await api.request({ path: SECRET_PATH })).body) ?? {};
  return parseCertificates(Buffer.from(data["tls.crt"] ?? "", "base64").toString());
}

/** The caBundle of every webhook of both configurations, as text. */
export async function bundles(api: ApiServer): Promise<readonly string[]> {
  const answers = await Promise.all(CONFIGURATION_PATHS.map((path) => api.request({ path })));
  return answers.flatMap(({ body }) =>
    (configurationShape.read(body)?.webhooks ?? []).map(({ clientConfig }) =>
      Buffer.from(clientConfig?.caBundle ?? "", "base64").toString(),
    ),
  );
}

/** Whether a client that trusts only these takes the certificate that is served there, as one for that host. */
export async function isAccepted(
  address: string,
  authorities: readonly X509Certificate[],
  host = "foresail.foresail.svc",
): Promise<boolean> {
  const { hostname, port } = new URL(address);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(
    {
      host: hostname,
      port: Number(port),
      ca: authorities.map(String),
      checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
    },
    () => resolve(socket.authorized),
  );
  socket.once("error", () => resolve(false));
  const result = await promise;
  socket.destroy();
  return result;
}

export async function isReady({ probes }: ServeProcess): Promise<boolean> {
  return (await fetch(`${probes}/readyz`)).status === 200;
}

/** Milliseconds until it holds; fails after a minute. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<number> {
  const start = performance.now();
  while (!(await holds())) {
    if (performance.now() - start > WAIT_MS) assert.fail(`not within ${WAIT_MS / 1000} s: ${what}`);
    await delay(50);
  }
  return performance.now() - start;
}

export interface Load {
  readonly failures: readonly string[];
  readonly count: () => number;
  stop(): Promise<void>;
}

/** Services created in dry runs, one after the other in each of four lines; begins when the webhook answers. */
export async function startLoad(t: TestContext, api: ApiServer): Promise<Load> {
  const failures: string[] = [];
  let count = 0;
  const stopping = new AbortController();
  const send = async () => {
    const body = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: `load-${++count}` },
      spec: { ports: [{ port: 80 }] },
    };
    const query = { dryRun: "All" };
    const answer = await api.request({
      method: "POST",
      path: "/api/v1/namespaces/shop/services",
      query,
      body,
    });
    return answer.status === 201 ? undefined : JSON.stringify(answer.body);
  };
  await until("the webhook answers", async () => (await send()) === undefined);
  const line = async () => {
    while (!stopping.signal.aborted) {
      const failure = await send().catch(String);
      if (failure !== undefined) failures.push(failure);
      await delay(20);
    }
  };
  const lines = Array.from({ length: 4 }, line);
  const stop = async () => {
    stopping.abort();
    await Promise.all(lines);
  };
  t.after(stop);
  return { failures, count: () => count, stop };
}

export async function succeed(
  cluster: ControlPlane,
  args: readonly string[],
  stdin?: string,
): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, stdin);
  assert.equal(code, 0, `kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Of a replica: how many reviews it answered. */
export async function answered({ probes }: ServeProcess): Promise<number> {
  const text = await (await fetch(`${probes}/metrics`)).text();
  return [...text.matchAll(/^foresail_admission_requests_total\{.*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

/** What foresail has asked the API server for, without the discovery that everybody may do: `patch secrets/foresail-ca`. */
export async function usedRights(cluster: ControlPlane): Promise<readonly string[]> {
  const events = await cluster.readAuditEvents();
  const used = events
    .filter(({ user }) => user === SERVICE_ACCOUNT)
    .map(({ verb, requestURI }) => {
      const { pathname, searchParams } = new URL(requestURI, cluster.url);
      const [, resource = "", named] = /\/([a-z]+)(?:\/(foresail[-a-z]*))?$/.exec(pathname) ?? [];
      const [, selected] = /^metadata\.name=(.*)$/.exec(searchParams.get("fieldSelector") ?? "") ?? [];
      const name = named ?? selected;
      return `${verb} ${resource}${name === undefined ? "" : `/${name}`}`;
    });
  return [...new Set(used)].filter((right) => right !== "get version").toSorted((a, b) => a.localeCompare(b));
}

const roleShape = object({
  rules: list(object({ resources: list(string), resourceNames: list(string), verbs: list(string) })),
});

/** What the shipped roles allow in foresail's namespace, and to its own configurations, in the same words. */
export async function grantedRights(): Promise<readonly string[]> {
  const files = ["role.yaml", "cluster-role.yaml"].map((file) =>
    readFile(join(CHECKOUT, "manifests/base", file), "utf8"),
  );
  const [role = "", clusterRole = ""] = await Promise.all(files);
  const [cluster] = rulesOf(clusterRole);
  const own = (cluster ?? []).filter(({ resourceNames }) => resourceNames !== undefined);
  const granted = [...rulesOf(role).flat(), ...own].flatMap(
    ({ resources = [], resourceNames = [""], verbs = [] }) =>
      resources.flatMap((resource) =>
        resourceNames.flatMap((name) => verbs.map((verb) => `${verb} ${resource}${name && `/${name}`}`)),
      ),
  );
  return granted.toSorted((a, b) => a.localeCompare(b));
}

function rulesOf(text: string) {
  return parseYaml(text).documents.map(({ value }) => roleShape.read(value)?.rules ?? []);
}
