/** No refusal for what the watches have not told yet: they say nothing here, and the API server answers questions. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { KIND_FACTS } from "../../src/kubernetes/objects.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { CHECKOUT } from "../foresail.ts";
import { startApiProxy } from "../harness/api-proxy.ts";
import type { ApiProxy } from "../harness/api-proxy.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { serveForesail } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import {
  createObject,
  installWebhooks,
  metricsOf,
  refusal,
  service,
  setLiveStage,
  succeed,
  writeProxiedKubeconfig,
} from "./live-foresail.ts";
import type { LiveStage } from "./live-foresail.ts";
import { create, LATE_CHANGES, serviceEntry } from "./late-changes.ts";
import { usedRights } from "./managed-foresail.ts";

const CREATED = 201;
const INSTALLED = ["GatewayClass", "KubernetesGateway", "ServiceEntry", "WorkloadEntry"] as const;

interface Served extends LiveStage {
  readonly foresail: ServedForesail;
  /** Between foresail and the API server. */
  readonly proxy: ApiProxy;
}

const controlPlane = sharedControlPlane({ audit: true });
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
  for (const kind of INSTALLED) await install(set, kind);
  const proxy = await startApiProxy(cluster);
  const kubeconfig = join(cluster.folder, "proxied.yaml");
  await writeProxiedKubeconfig(kubeconfig, proxy.url, set.token);
  const foresail = await serveForesail([`--kubeconfig=${kubeconfig}`]);
  await installWebhooks(set, foresail);
  return { ...set, foresail, proxy };
}

async function install({ cluster }: LiveStage, kind: Kind): Promise<void> {
  await succeed(cluster, ["apply", "-f", "-"], JSON.stringify(customResourceDefinition(kind)));
  const { plural, group } = KIND_FACTS[kind];
  await succeed(cluster, ["wait", "--for=condition=Established", `crd/${plural}.${group}`, "--timeout=60s"]);
}

async function unconfirmed({ foresail }: Served): Promise<number> {
  return (await metricsOf(foresail)).get("foresail_unconfirmed_total") ?? Number.NaN;
}

test("nothing is refused for objects of a kind that was installed a moment ago", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster, api, foresail } = set;
  await create(set.api, "Namespace", "", { metadata: { name: "machines" } });
  const isRefused = async () => (await refusal(api, "machines")) !== undefined;
  assert.equal(await isRefused(), true);
  assert.equal(await unconfirmed(set), 0, "nothing is open while the kind is not there");

  const group = {
    apiVersion: "networking.istio.io/v1",
    kind: "WorkloadGroup",
    metadata: { name: "vms" },
    spec: {},
  };
  for (const time of ["installed", "installed again"]) {
    await install(set, "WorkloadGroup");
    await eventually(
      "its objects can be made",
      async () => (await createObject(api, "WorkloadGroup", "machines", group)).status === CREATED,
    );
    assert.equal(await isRefused(), false, time);
    const objects = 'foresail_cache_objects{kind="WorkloadGroup"}';
    await eventually("it is read", async () => (await metricsOf(foresail)).get(objects) === 1);
    assert.equal(await isRefused(), false, time);
    await eventually("others are refused", async () => (await refusal(api, "ns1")) !== undefined);

    await succeed(cluster, ["delete", "crd", "workloadgroups.networking.istio.io"]);
    await eventually("nothing is left of it", isRefused, 30_000);
  }
});

test("what cannot be confirmed is not refused, and counts", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { api, proxy } = set;
  t.after(() => {
    proxy.handle = () => "passOn";
  });
  await create(set.api, "Namespace", "", { metadata: { name: "open" } });
  for (const name of ["one", "two"]) {
    await create(set.api, "ServiceEntry", "open", serviceEntry(name, `${name}.example.com`));
  }
  const isRefused = async () => (await refusal(api, "open")) !== undefined;
  await eventually("it is refused while everything is answered", isRefused);
  const problems: Readonly<Record<string, (url: URL) => ReturnType<ApiProxy["handle"]>>> = {
    "no answer": () => "swallow",
    "no right to ask": () => ({ answer: 403 }),
    "an API server in trouble": () => ({ answer: 503, headers: { "retry-after": "1" } }),
    "more than one page": (url) => {
      url.searchParams.set("limit", "1");
      return { passOnAs: url };
    },
  };
  for (const [name, handle] of Object.entries(problems)) {
    await t.test(name, async () => {
      const before = await unconfirmed(set);
      proxy.handle = (url) =>
        url.pathname.endsWith("/namespaces/open/serviceentries") ? handle(url) : "passOn";
      assert.equal(await isRefused(), false);
      assert.equal(await unconfirmed(set), before + 1);
      proxy.handle = () => "passOn";
      assert.equal(await isRefused(), true);
      assert.equal(await unconfirmed(set), before + 1);
    });
  }
});

test("many refusals at once are confirmed together, and what is allowed asks for nothing", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { api, proxy } = set;
  const before = await unconfirmed(set);
  const asked = () => proxy.requests.filter(({ url }) => !url.searchParams.has("watch")).length;
  const atFirst = asked();
  await refusal(api, "ns1");
  const forOne = asked() - atFirst;
  assert.ok(forOne > 0);
  const messages = await Promise.all(Array.from({ length: 50 }, () => refusal(api, "ns1")));
  assert.ok(messages.every((message) => message !== undefined));
  assert.equal(await unconfirmed(set), before);
  const forAll = asked() - atFirst;
  assert.ok(forAll < forOne * 25, `${forOne} requests for one, ${forAll} for all`);

  const afterwards = asked();
  await Promise.all(Array.from({ length: 20 }, () => refusal(api, "shop")));
  assert.equal(asked(), afterwards);
});

test("nothing is refused for what the watches have not told yet", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { api, proxy } = set;
  const cases = Object.entries(LATE_CHANGES).map(([name, one], index) => ({
    name,
    at: `case-${index}`,
    ...one,
  }));
  for (const { at, namespace = {}, before } of cases) {
    await create(set.api, "Namespace", "", { metadata: { ...namespace, name: at } });
    await before?.(set.api, at);
  }
  await create(set.api, "Service", "default", service("last"));
  const known = async () => (await metricsOf(set.foresail)).get('foresail_cache_objects{kind="Service"}');
  const { body } = await api.request({ path: "/api/v1/services" });
  const services = [...JSON.stringify(body).matchAll(/"uid":/g)].length;
  await eventually("what was there before is known", async () => (await known()) === services);

  const unconfirmedBefore = await unconfirmed(set);
  proxy.handle = (url) => (url.searchParams.get("watch") === "true" ? "swallow" : "passOn");
  for (const watch of proxy.watches) watch.freeze();
  t.after(() => {
    proxy.handle = () => "passOn";
    for (const watch of proxy.watches) watch.cut();
  });
  for (const { name, at, host, change: changeIt } of cases) {
    await t.test(name, async () => {
      assert.notEqual(await refusal(api, at, host), undefined, "it must be refused before");
      await changeIt(set.api, at);
      assert.equal(await refusal(api, at, host), undefined);
    });
  }
  assert.equal(await unconfirmed(set), unconfirmedBefore);
});

test("nothing but lists and watches is asked for, and of other objects no more is allowed", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  // Discovery names no resource.
  const used = (await usedRights(set.cluster)).filter((right) => /^\w+ \w/.test(right));
  assert.deepEqual(new Set(used.map((right) => right.split(" ")[0])), new Set(["list", "watch"]));
  const text = await readFile(join(CHECKOUT, "manifests/base/cluster-role.yaml"), "utf8");
  const granted = text
    .split("- apiGroups:")
    .filter((rule) => rule.includes("verbs:") && !rule.includes("resourceNames:"));
  for (const rule of granted) assert.doesNotMatch(rule, /^ {2}- get$/m);
});
