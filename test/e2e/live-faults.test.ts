/** What happens to foresail when the API server, the way to it, or its rights are gone for a while. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { issuePair } from "../certs/certificates.ts";
import { CHECKOUT, folderWith, runForesail } from "../foresail.ts";
import { startApiProxy } from "../harness/api-proxy.ts";
import type { ApiProxy } from "../harness/api-proxy.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { serveForesail } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import {
  createObject,
  installWebhooks,
  isReady,
  metricsOf,
  refusal,
  service,
  setLiveStage,
  succeed,
  tokenOf,
  writeProxiedKubeconfig,
} from "./live-foresail.ts";
import type { LiveStage } from "./live-foresail.ts";

/** After the end of what was wrong. */
const RIGHT_WITHIN_MS = 60_000;
const CREATED = 201;
const EXTERNAL = { type: "ExternalName", externalName: "example.com" };
const FLAGS = ["--listen=127.0.0.1:0", "--metrics=127.0.0.1:0"];

interface Served extends LiveStage {
  readonly foresail: ServedForesail;
  /** Between foresail and the API server. */
  readonly proxy: ApiProxy;
  /** That foresail was started with. */
  readonly kubeconfigFile: string;
}

const controlPlane = sharedControlPlane();
let stage: Promise<Served> | undefined;
after(async () => {
  const set = await stage;
  await set?.foresail.stop();
  await set?.proxy.close();
  await set?.api.close();
});

async function onStage(t: TestContext): Promise<Served | undefined> {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return undefined;
  stage ??= start(cluster);
  return stage;
}

async function start(cluster: ControlPlane): Promise<Served> {
  const set = await setLiveStage(cluster);
  const proxy = await startApiProxy(cluster);
  const kubeconfigFile = join(cluster.folder, "proxied.yaml");
  await writeProxiedKubeconfig(kubeconfigFile, proxy.url, set.token);
  const foresail = await serveForesail([`--kubeconfig=${kubeconfigFile}`]);
  await installWebhooks(set, foresail);
  return { ...set, foresail, proxy, kubeconfigFile };
}

/** Without asking the API server: by what foresail's own copy holds. */
async function knows({ foresail }: Served, services: number): Promise<boolean> {
  return (await metricsOf(foresail)).get('foresail_cache_objects{kind="Service"}') === services;
}

async function countServices({ api }: Served): Promise<number> {
  const { body } = await api.request({ path: "/api/v1/services" });
  return [...JSON.stringify(body).matchAll(/"uid":/g)].length;
}

function cutWatches({ proxy }: Served): void {
  for (const watch of proxy.watches) watch.cut();
}

/** Of the kinds that rules read, those that this API server has. */
const WATCHED = [
  "/api/v1/namespaces",
  "/api/v1/namespaces/istio-system/configmaps",
  "/api/v1/pods",
  "/api/v1/services",
  "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
  "/apis/apiregistration.k8s.io/v1/apiservices",
  "/apis/networking.istio.io/v1/destinationrules",
];

function watchedOnce({ proxy }: Served): boolean {
  const paths = [...proxy.watches].map(({ url }) => url.pathname);
  return isDeepStrictEqual(paths.toSorted(), WATCHED);
}

test("an API server that is killed and started again", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster, api, foresail } = set;
  const restarted = cluster.restartApiserver().then(() => true);
  while (!(await Promise.race([restarted, delay(50, false)]))) {
    assert.equal(await isReady(foresail), true, "it must serve on with what it knows");
  }
  assert.equal(
    (await createObject(api, "Service", "default", service("after-restart", EXTERNAL))).status,
    CREATED,
  );
  const services = await countServices(set);
  await eventually("its copy is right", () => knows(set, services), RIGHT_WITHIN_MS);
  await eventually("each kind is watched once", () => watchedOnce(set), RIGHT_WITHIN_MS);
  assert.notEqual(await refusal(api, "ns1"), undefined);
  assert.equal(await refusal(api, "ns1", "after-restart.default.svc.cluster.local"), undefined);
});

test("an API server that stands still for a while", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster, api, foresail } = set;
  const { apiserver } = cluster.pids();
  process.kill(apiserver, "SIGSTOP");
  try {
    await delay(2000);
    assert.equal(await isReady(foresail), true);
  } finally {
    process.kill(apiserver, "SIGCONT");
  }
  assert.equal(
    (await createObject(api, "Service", "default", service("after-stop", EXTERNAL))).status,
    CREATED,
  );
  const services = await countServices(set);
  await eventually("its copy is right", () => knows(set, services), RIGHT_WITHIN_MS);
});

test("watches that say nothing lead to no false refusal", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { api, proxy } = set;
  for (const watch of proxy.watches) watch.freeze();
  assert.equal((await createObject(api, "Service", "default", service("unheard", EXTERNAL))).status, CREATED);
  assert.equal(await refusal(api, "ns1", "unheard.default.svc.cluster.local"), undefined);
  const metadata = { name: "unheard", labels: { "istio-injection": "enabled" } };
  assert.equal((await createObject(api, "Namespace", "", { metadata })).status, CREATED);
  assert.equal(await refusal(api, "unheard"), undefined);
  assert.notEqual(await refusal(api, "ns1"), undefined);

  // Nothing can be confirmed, so nothing is refused.
  proxy.handle = () => "swallow";
  assert.equal(await refusal(api, "ns1"), undefined);
  proxy.handle = () => "passOn";
  cutWatches(set);
  const services = await countServices(set);
  await eventually("its copy is right", () => knows(set, services), RIGHT_WITHIN_MS);
});

test("rights that are taken away and given back", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster, api, foresail } = set;
  await succeed(cluster, ["delete", "clusterrolebinding", "foresail"]);
  const refusals = () => foresail.log.filter((line) => line.includes("403 services is forbidden"));
  await eventually("it is told", () => {
    cutWatches(set);
    return refusals().length > 0;
  });
  assert.match(
    refusals().join("\n"),
    /^\{"level":50,.*"kind":"Service","verb":"watch","problem":"403 services is forbidden: .*","hint":"Apply foresail's Roles, ClusterRole and bindings again, .*","msg":"objects may not be read; what is known stays"\}$/,
  );
  assert.equal(await isReady(foresail), true);
  assert.equal((await metricsOf(foresail)).get('foresail_cache_synced{kind="Service"}'), 1);
  assert.equal((await createObject(api, "Service", "default", service("secret", EXTERNAL))).status, CREATED);
  const services = await countServices(set);
  assert.equal(await knows(set, services), false);
  assert.equal(refusals().length, 1);
  const age = async () => (await metricsOf(foresail)).get('foresail_cache_age_seconds{kind="Service"}') ?? 0;
  const before = await age();
  assert.ok((await age()) > before);
  await succeed(cluster, ["apply", "-f", join(CHECKOUT, "manifests/base/role-bindings.yaml")]);
  await eventually("its copy is right", () => knows(set, services), RIGHT_WITHIN_MS);
  await eventually("each kind is watched once", () => watchedOnce(set), RIGHT_WITHIN_MS);
});

test("an istioNamespace that may not be read, and what to do about it", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const folder = await folderWith(t, { "config.yaml": "istioNamespace: mesh-control\n" });
  const flags = [`--kubeconfig=${set.kubeconfig}`, `--config=${join(folder, "config.yaml")}`];
  const foresail = await serveForesail(flags);
  t.after(() => foresail.stop());
  const said = (line: string) => foresail.log.find((one) => one.includes(line)) ?? "";
  await eventually(
    "it is told",
    () => said('"kind":"ConfigMap"') !== "" && said('"component":"istio"') !== "",
  );
  const hint = /"hint":"Apply foresail's Role and RoleBinding of istio-system in mesh-control as well\./;
  assert.match(said('"kind":"ConfigMap"'), hint);
  assert.match(said('"component":"istio"'), hint);
  assert.equal(await isReady(foresail), false);
});

test("a token that is refused is read again", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster, api, foresail, proxy, kubeconfigFile } = set;
  await succeed(cluster, ["delete", "serviceaccount", "foresail", "-n", "foresail"]);
  await succeed(cluster, ["create", "serviceaccount", "foresail", "-n", "foresail"]);
  await eventually(
    "the old token is refused",
    () => {
      cutWatches(set);
      return foresail.log.some((line) => line.includes("401 Unauthorized"));
    },
    30_000,
  );
  assert.equal(
    (await createObject(api, "Service", "default", service("new-token", EXTERNAL))).status,
    CREATED,
  );
  await writeProxiedKubeconfig(kubeconfigFile, proxy.url, await tokenOf(cluster));
  const services = await countServices(set);
  await eventually("its copy is right", () => knows(set, services), RIGHT_WITHIN_MS);
});

test("a kubeconfig without rights: a line for each kind, and no refusal", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster } = set;
  await succeed(cluster, ["create", "serviceaccount", "nobody", "-n", "foresail"]);
  const token = (await succeed(cluster, ["create", "token", "nobody", "-n", "foresail"])).trim();
  const foresail = await serveForesail([`--kubeconfig=${await cluster.kubeconfigFor(token)}`]);
  t.after(() => foresail.stop());
  const conditions = async () => (await fetch(`${foresail.probes}/readyz`)).text();
  await eventually("it has been refused", async () => (await conditions()).includes("forbidden"));
  assert.match(
    await conditions(),
    /^Service not yet read: 403 services is forbidden: User "system:serviceaccount:foresail:nobody" cannot list resource "services"/m,
  );
  assert.equal(foresail.log.filter((line) => line.includes("403 services is forbidden")).length, 1);
});

test("a kubeconfig with the CA of another cluster", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster, kubeconfig } = set;
  const { authority } = await issuePair(["127.0.0.1"]);
  const own = Buffer.from(await readFile(cluster.caFile)).toString("base64");
  const text = await readFile(kubeconfig, "utf8");
  assert.ok(text.includes(own));
  const file = join(cluster.folder, "other-ca.yaml");
  await writeFile(file, text.replace(own, Buffer.from(authority.cert).toString("base64")));
  assert.deepEqual(await runForesail(["serve", ...FLAGS, `--kubeconfig=${file}`]), {
    exitCode: 2,
    stdout: "",
    stderr:
      `foresail: the API server ${cluster.url} shows a certificate of another CA than the kubeconfig names: self-signed certificate in certificate chain\n` +
      "Get the kubeconfig anew: certificate-authority-data belongs to another cluster, or to this one before it was made anew.\n",
  });
});

test("a kubeconfig whose token is expired, or whose API server is not there", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster, kubeconfig } = set;
  const expired = await runForesail([
    "serve",
    ...FLAGS,
    `--kubeconfig=${await cluster.kubeconfigFor("expired")}`,
  ]);
  assert.deepEqual(expired, {
    exitCode: 2,
    stdout: "",
    stderr:
      `foresail: the API server ${cluster.url} does not accept the credentials of the kubeconfig: 401 Unauthorized\n` +
      "They may have expired: log in again, and try `kubectl version`.\n",
  });
  const elsewhere = join(cluster.folder, "elsewhere.yaml");
  await writeProxiedKubeconfig(elsewhere, "http://127.0.0.1:1", "token");
  const gone = await runForesail(["serve", ...FLAGS, `--kubeconfig=${elsewhere}`]);
  assert.equal(gone.exitCode, 2);
  assert.equal(
    gone.stderr,
    "foresail: the API server http://127.0.0.1:1 does not answer: connect ECONNREFUSED 127.0.0.1:1\n" +
      "Is the cluster running, and is this its address?\n",
  );
  assert.notEqual(kubeconfig, elsewhere);
});
