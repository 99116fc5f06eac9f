/** Pods as they are stored behind Istio's real injector, with foresail before it, around it, and after it. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { drainHookCommand } from "../../src/istio/drain/drain.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { requireIstio } from "../harness/istio-tools.ts";
import {
  assertSettled,
  CANARY_PORT,
  CLASSIC,
  CONFIG,
  create,
  EXCLUDE,
  http,
  installAs,
  pod,
  readStored,
  REWRITE,
  setIstioStage,
  template,
} from "./istio-stage.ts";
import type { IstioStage, PodParts, StoredPod } from "./istio-stage.ts";
import { succeed } from "./live-foresail.ts";

const CONTROLLERS = ["deployment", "replicaset", "job", "cronjob"].map((name) => `${name}-controller`);
const CRON_WITHIN_MS = 180_000;
const STATUS_PORT = 15_020;
const ISTIO_DRAIN = ["pilot-agent", "request", "--debug-port=15020", "POST", "drain"];

const shared = sharedControlPlane({ controllers: CONTROLLERS });
const cleanUps: (() => Promise<void>)[] = [];
after(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});
let stage: Promise<IstioStage> | undefined;
let place = "";

/** Tests run one after the other; those of a place stand together. */
async function stageWith(t: TestContext, name: "foresail" | "zz-foresail"): Promise<IstioStage | undefined> {
  if (!(await requireIstio(t))) return undefined;
  const cluster = await shared(t);
  if (!cluster) return undefined;
  stage ??= setIstioStage(cluster, { after: (cleanUp) => cleanUps.push(cleanUp) });
  const set = await stage;
  if (place !== name) await installAs(set, name);
  place = name;
  return set;
}

async function admitted(
  set: IstioStage,
  namespace: string,
  name: string,
  parts: PodParts,
): Promise<StoredPod> {
  const { stored, said, code } = await create(set, namespace, pod(name, parts));
  assert.equal(code, 0, said);
  assert.equal(said, "");
  await assertSettled(set, stored);
  return stored;
}

/** The part that a case is about. */
function shown(stored: StoredPod): object {
  const { sidecar, excluded, annotations, preStop, startupPort, livenessPort } = stored;
  return {
    sidecar,
    excluded: excluded.filter((port) => !port.startsWith("15")),
    annotation: annotations[EXCLUDE],
    rewrite: annotations[REWRITE],
    preStop,
    startupPort,
    livenessPort,
  };
}

const DEDICATED = { labels: { app: "alone" } } as const;
const SERVED = { livenessProbe: http(8080) };
const EXCLUDED = {
  excluded: ["8087"],
  annotation: "8087",
  rewrite: undefined,
  startupPort: 8087,
  livenessPort: undefined,
};
const REWRITTEN = {
  excluded: [],
  annotation: undefined,
  rewrite: "true",
  startupPort: STATUS_PORT,
  livenessPort: STATUS_PORT,
};

test("before the injector, a native sidecar's probe port is excluded, and its drain is Istio's", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const stored = await admitted(set, "shop", "native", DEDICATED);
  assert.deepEqual(shown(stored), { sidecar: "native", preStop: ISTIO_DRAIN, ...EXCLUDED });
  assert.equal(stored.annotations[CONFIG], undefined);
});

test("before the injector, a Service's port is not excluded but its probes rewritten", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  assert.deepEqual(shown(await admitted(set, "shop", "native-served", SERVED)), {
    sidecar: "native",
    preStop: ISTIO_DRAIN,
    ...REWRITTEN,
  });
});

test("around the injector, a classic sidecar gets the drain hook as well", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const hook = { sidecar: "classic", preStop: drainHookCommand(20) };
  const dedicated = await admitted(set, "shop", "classic", { ...DEDICATED, annotations: CLASSIC });
  assert.deepEqual(shown(dedicated), { ...hook, ...EXCLUDED });
  const served = await admitted(set, "shop", "classic-served", { ...SERVED, annotations: CLASSIC });
  assert.deepEqual(shown(served), { ...hook, ...REWRITTEN });
});

test("what the user wrote stays, and is joined", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const config = "concurrency: 2\nterminationDrainDuration: 10s # long\n";
  const annotations = { ...CLASSIC, [EXCLUDE]: "9999", [CONFIG]: config, "example.org/other": "kept" };
  const stored = await admitted(set, "shop", "annotated", { ...DEDICATED, annotations });
  assert.deepEqual(shown(stored), {
    ...EXCLUDED,
    sidecar: "classic",
    preStop: drainHookCommand(15),
    excluded: ["9999", "8087"],
    annotation: "9999,8087",
  });
  assert.equal(stored.annotations[CONFIG], config);
  assert.equal(stored.annotations["example.org/other"], "kept");
});

test("the user's refusal of rewriting stays, and is spoken of", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const refused = pod("refused", { ...SERVED, annotations: { [REWRITE]: "false" } });
  const { stored, said, code } = await create(set, "shop", refused);
  assert.equal(code, 0, said);
  assert.deepEqual(
    [stored.annotations[REWRITE], stored.livenessPort, stored.annotations[EXCLUDE]],
    ["false", 8080, "8087"],
  );
  assert.match(said, /^Warning: pod-probes-reach-the-app: The probe on port 8080 ends at the sidecar/m);
});

test("a port's name that the injector lost is still spoken of", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const annotations = { [REWRITE]: "true" };
  const lost = pod("lost-name", { ...DEDICATED, annotations, livenessProbe: http("nosuch") });
  const { stored, said, code } = await create(set, "shop", lost);
  assert.equal(code, 0, said);
  assert.equal(stored.livenessPort, STATUS_PORT);
  assert.match(said, /^Warning: pod-probes-reach-the-app: The probe fails: .*livenessProbe\.httpGet\.port/m);
});

test("a revision's own list and kind of sidecar count", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  assert.deepEqual(shown(await admitted(set, "canary", "revision", DEDICATED)), {
    ...EXCLUDED,
    sidecar: "classic",
    preStop: drainHookCommand(20),
    excluded: [CANARY_PORT, "8087"],
    annotation: `${CANARY_PORT},8087`,
  });
});

test("a proxy that starts before the app keeps its postStart", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const annotations = { ...CLASSIC, [CONFIG]: "holdApplicationUntilProxyStarts: true" };
  const stored = await admitted(set, "shop", "hold", { ...DEDICATED, annotations });
  assert.deepEqual(stored.containers, ["istio-proxy", "app"]);
  assert.deepEqual(stored.postStart, ["pilot-agent", "wait"]);
  assert.deepEqual(stored.preStop, drainHookCommand(20));
  const native = await admitted(set, "shop", "hold-native", {
    ...DEDICATED,
    annotations: { [CONFIG]: "holdApplicationUntilProxyStarts: true" },
  });
  assert.deepEqual([native.sidecar, native.preStop], ["native", ISTIO_DRAIN]);
});

test("a distroless proxy waits by its environment", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const annotations = { ...CLASSIC, "sidecar.istio.io/proxyImageType": "distroless" };
  const stored = await admitted(set, "shop", "distroless", { ...DEDICATED, annotations });
  assert.equal(stored.preStop, undefined);
  const { EXIT_ON_ZERO_ACTIVE_CONNECTIONS, MINIMUM_DRAIN_DURATION } = stored.proxyEnv;
  assert.deepEqual([EXIT_ON_ZERO_ACTIVE_CONNECTIONS, MINIMUM_DRAIN_DURATION], ["true", "5s"]);
});

const autoProxy = (lifecycle: object) =>
  JSON.parse(JSON.stringify({ name: "istio-proxy", image: "auto", lifecycle }));

test("a container istio-proxy with image auto keeps its own preStop", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const preStop = { exec: { command: ["sleep", "7"] } };
  const parts = { ...DEDICATED, annotations: CLASSIC, containers: [autoProxy({ preStop })] };
  const stored = await admitted(set, "shop", "auto", parts);
  assert.deepEqual(shown(stored), { ...EXCLUDED, sidecar: "classic", preStop: ["sleep", "7"] });
  const without = await admitted(set, "shop", "auto-without", { ...parts, containers: [autoProxy({})] });
  assert.deepEqual(without.preStop, drainHookCommand(20));

  const native = pod("auto-native", { ...DEDICATED, containers: [autoProxy({ preStop })] });
  const { said, code } = await create(set, "shop", native);
  assert.equal(code, 0, said);
  assert.match(
    said,
    /^Warning: pod-drains-before-stop: preStop of the native istio-proxy replaces Istio's own/m,
  );
});

test("a container istio-proxy with an image of its own ends with the preStop of its kind", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const containers = [{ name: "istio-proxy", image: "example/proxy:1" }];
  const native = await admitted(set, "shop", "own-image", { ...DEDICATED, containers });
  assert.deepEqual(shown(native), { ...EXCLUDED, sidecar: "native", preStop: ISTIO_DRAIN });
  const parts = { ...DEDICATED, annotations: CLASSIC, containers };
  const classic = await admitted(set, "shop", "own-image-classic", parts);
  assert.deepEqual(classic.preStop, drainHookCommand(20));
});

test("two handlers make a Pod that is refused, and kubectl says why", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const lifecycle = { preStop: { sleep: { seconds: 5 } } };
  const { said, code } = await create(set, "shop", pod("two", { containers: [autoProxy(lifecycle)] }));
  assert.equal(code, 1);
  assert.match(said, /^Warning: pod-drains-before-stop: preStop\.sleep meets Istio's preStop\.exec/m);
  assert.match(said, /may not specify more than 1 handler type/);
});

test("on the host's network nothing is changed", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const stored = await admitted(set, "shop", "host", { ...SERVED, spec: { hostNetwork: true } });
  assert.deepEqual([stored.sidecar, stored.annotations], ["none", {}]);
});

test("Istio refuses what foresail says it refuses, and foresail refuses nothing", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const broken = ["a: [", "proxyMetadata: {A: true}", "terminationDrainDuration: 30", "proxyMetadata: [a]"];
  for (const config of broken) {
    const { said, code } = await create(set, "shop", pod("broken", { annotations: { [CONFIG]: config } }));
    assert.equal(code, 1, config);
    assert.match(said, /admission webhook ".*sidecar-injector\.istio\.io" denied the request/);
    assert.doesNotMatch(said, /foresail\.io" denied/);
    const bare = await create(set, "bare", pod("broken", { annotations: { [CONFIG]: config } }), [
      "--dry-run=server",
    ]);
    assert.deepEqual([bare.code, bare.said, bare.stored.annotations[CONFIG]], [0, "", config]);
  }
});

/** The Pods of a workload, when its controller has made one. */
async function podsOf(set: IstioStage, app: string, withinMs = 60_000): Promise<StoredPod> {
  let found: readonly unknown[] = [];
  await eventually(
    `a Pod of ${app}`,
    async () => {
      const text = await succeed(set.cluster, [
        "get",
        "pods",
        "-n",
        "shop",
        "-l",
        `app=${app}`,
        "-o",
        "json",
      ]);
      const items: unknown = JSON.parse(text).items;
      found = Array.isArray(items) ? items : [];
      return found.length > 0;
    },
    withinMs,
  );
  return readStored(found[0]);
}

const HELD = { ...CLASSIC, [EXCLUDE]: "9999" } as const;

test("a Deployment's Pods are repaired, and nothing is said about the Deployment", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const labels = { app: "deployed" };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "deployed" },
    spec: { selector: { matchLabels: labels }, template: template({ labels, annotations: HELD }) },
  };
  assert.equal((await create(set, "shop", deployment)).said, "");
  const stored = await podsOf(set, "deployed");
  assert.deepEqual(shown(stored), {
    ...EXCLUDED,
    sidecar: "classic",
    preStop: drainHookCommand(20),
    excluded: ["9999", "8087"],
    annotation: "9999,8087",
  });
  await assertSettled(set, stored);
});

test("a CronJob's Pods are repaired, but never wait", async (t) => {
  const set = await stageWith(t, "foresail");
  if (!set) return;
  const labels = { app: "scheduled" };
  const { metadata, spec } = template({ labels, annotations: HELD, spec: { restartPolicy: "OnFailure" } });
  const job = { spec: { template: { metadata, spec } } };
  const cronJob = {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "scheduled" },
    spec: { schedule: "* * * * *", jobTemplate: job },
  };
  assert.equal((await create(set, "shop", cronJob)).said, "");
  const stored = await podsOf(set, "scheduled", CRON_WITHIN_MS);
  assert.deepEqual(shown(stored), {
    ...EXCLUDED,
    sidecar: "classic",
    preStop: undefined,
    excluded: ["9999", "8087"],
    annotation: "9999,8087",
  });
  await assertSettled(set, stored);
});

for (const [sidecar, annotations, preStop] of [
  ["native", {}, ISTIO_DRAIN],
  ["classic", CLASSIC, drainHookCommand(20)],
] as const) {
  test(`only after the injector, a ${sidecar} sidecar's istio-init is changed itself`, async (t) => {
    const set = await stageWith(t, "zz-foresail");
    if (!set) return;
    const stored = await admitted(set, "shop", `late-${sidecar}`, { ...DEDICATED, annotations });
    assert.deepEqual(shown(stored), { ...EXCLUDED, sidecar, preStop });
  });

  test(`only after the injector, a Service's port behind a ${sidecar} sidecar is not opened, but spoken of`, async (t) => {
    const set = await stageWith(t, "zz-foresail");
    if (!set) return;
    const { stored, said, code } = await create(
      set,
      "shop",
      pod(`late-${sidecar}-served`, { ...SERVED, annotations }),
    );
    assert.equal(code, 0, said);
    assert.deepEqual(shown(stored), { ...EXCLUDED, sidecar, preStop, livenessPort: 8080 });
    assert.match(
      said,
      /^Warning: pod-probes-reach-the-app: The probe on port 8080 ends at the sidecar, and Service web needs/m,
    );
    await assertSettled(set, stored);
  });
}

test("only after the injector, a revision's list and the user's stay", async (t) => {
  const set = await stageWith(t, "zz-foresail");
  if (!set) return;
  const joined = { ...EXCLUDED, sidecar: "classic", preStop: drainHookCommand(20) };
  assert.deepEqual(shown(await admitted(set, "canary", "late-revision", DEDICATED)), {
    ...joined,
    excluded: [CANARY_PORT, "8087"],
    annotation: `${CANARY_PORT},8087`,
  });
  const annotations = { ...CLASSIC, [EXCLUDE]: "9999" };
  assert.deepEqual(shown(await admitted(set, "shop", "late-annotated", { ...DEDICATED, annotations })), {
    ...joined,
    excluded: ["9999", "8087"],
    annotation: "9999,8087",
  });
});

test("only after the injector, two handlers are spoken of as well", async (t) => {
  const set = await stageWith(t, "zz-foresail");
  if (!set) return;
  const lifecycle = { preStop: { sleep: { seconds: 5 } } };
  const { said, code } = await create(set, "shop", pod("late-two", { containers: [autoProxy(lifecycle)] }));
  assert.equal(code, 1);
  assert.match(said, /^Warning: pod-drains-before-stop: preStop\.sleep meets Istio's preStop\.exec/m);
});

for (const [sidecar, own, preStop] of [
  ["native", {}, ISTIO_DRAIN],
  ["classic", CLASSIC, drainHookCommand(20)],
] as const) {
  test(`a Pod that istioctl kube-inject gave a ${sidecar} sidecar is repaired where no injector is`, async (t) => {
    const set = await stageWith(t, "foresail");
    if (!set) return;
    const annotations = { ...own, [EXCLUDE]: "9999" };
    const { code, stdout, stderr } = await set.istio.istioctl(
      ["kube-inject", "-n", "bare", "-f", "-"],
      JSON.stringify(pod(`by-hand-${sidecar}`, { ...DEDICATED, annotations })),
    );
    assert.equal(code, 0, stderr);
    const created = await set.cluster.kubectl(["create", "-n", "bare", "-o", "json", "-f", "-"], stdout);
    assert.equal(created.code, 0, created.stderr);
    const stored = readStored(JSON.parse(created.stdout));
    const joined = { ...EXCLUDED, excluded: ["9999", "8087"], annotation: "9999,8087" };
    assert.deepEqual(shown(stored), { ...joined, sidecar, preStop });
    await assertSettled(set, stored);
  });
}
