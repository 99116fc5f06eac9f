/** The copy of a real API server's objects, while what lies between the two breaks in every way. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createApiServer } from "../../src/api-server/client.ts";
import type { ApiServer } from "../../src/api-server/client.ts";
import { findList } from "../../src/cluster/live/discovery.ts";
import { listPage } from "../../src/cluster/live/paged-list.ts";
import { Reflector } from "../../src/cluster/live/reflector.ts";
import type { ReflectorOptions, ReflectorTimes } from "../../src/cluster/live/reflector.ts";
import { readObject } from "../../src/kubernetes/objects.ts";
import { startApiProxy } from "../harness/api-proxy.ts";
import type { ApiProxy } from "../harness/api-proxy.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { customResourceDefinition } from "./custom-resources.ts";

const controlPlane = sharedControlPlane({ apiserverFlags: ["--etcd-compaction-interval=5s"] });

/** Shorter ones than in use, so that tests are quick. */
const TIMES: ReflectorTimes = {
  silenceMs: 90_000,
  absentRetryMs: 200,
  listIntervalMs: 1000,
  minBackoffMs: 100,
  maxBackoffMs: 2000,
  minWatchMs: 300_000,
  patienceMs: 60_000,
  repeatProblemMs: 600_000,
};

interface Stage {
  readonly cluster: ControlPlane;
  readonly proxy: ApiProxy;
  /** Past the proxy. */
  readonly api: ApiServer;
  /** Through the proxy. */
  readonly client: ApiServer;
  /** The namespace of this test, and the path of its ConfigMaps. */
  readonly namespace: string;
  readonly path: string;
}

let stages = 0;

async function setStage(t: TestContext): Promise<Stage | undefined> {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return undefined;
  const proxy = await startApiProxy(cluster);
  const headers = { authorization: `Bearer ${cluster.token}` };
  const ca = await readFile(cluster.caFile);
  const api = createApiServer({ url: cluster.url, readCredentials: async () => ({ headers, tls: { ca } }) });
  const client = createApiServer({ url: proxy.url, readCredentials: async () => ({ headers, tls: {} }) });
  t.after(async () => {
    await Promise.all([client.close(), api.close()]);
    await proxy.close();
  });
  stages++;
  const namespace = `reflected-${stages}`;
  await api.request({ method: "POST", path: "/api/v1/namespaces", body: { metadata: { name: namespace } } });
  return { cluster, proxy, api, client, namespace, path: `/api/v1/namespaces/${namespace}/configmaps` };
}

interface Reflected {
  readonly reflector: Reflector;
  /** The copy: names, and the value that the test gave them. */
  readonly copy: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
  /** The counts at which all were replaced. */
  readonly lists: readonly number[];
}

function reflect(
  t: TestContext,
  { client, path, namespace }: Stage,
  options: Partial<ReflectorOptions> = {},
): Reflected {
  const copy = new Map<string, string>();
  const problems: string[] = [];
  const lists: number[] = [];
  const read = (value: unknown) => {
    const { metadata, data } = readObject("ConfigMap", value);
    return [metadata?.name ?? "", data?.["is"] ?? ""] as const;
  };
  const reflector = new Reflector({
    api: client,
    find: async () => path,
    isMetadataOnly: false,
    trim: (value) => value,
    sink: {
      put: (value) => void copy.set(...read(value)),
      delete: (value) => void copy.delete(read(value)[0]),
      async replace(values) {
        copy.clear();
        for (const value of values) copy.set(...read(value));
        lists.push(values.length);
      },
      *identitiesIn(scope) {
        for (const name of copy.keys()) if (["", name].includes(scope.name)) yield { namespace, name };
      },
    },
    onProblem: ({ error, verb, isWait }) =>
      problems.push(`${isWait ? "wait" : (verb ?? "here")}: ${error.message}`),
    onRecovery: () => problems.push("recovered"),
    onKnown: () => {},
    times: TIMES,
    ...options,
  });
  t.after(() => reflector.stop());
  return { reflector, copy, problems, lists };
}

async function create({ api, path }: Stage, name: string, is = ""): Promise<void> {
  const { status } = await api.request({ method: "POST", path, body: { metadata: { name }, data: { is } } });
  assert.equal(status, 201);
}

async function remove({ api, path }: Stage, name: string): Promise<void> {
  const { status } = await api.request({ method: "DELETE", path: `${path}/${name}` });
  assert.equal(status, 200);
}

async function until(reflected: Reflected, names: readonly string[]): Promise<void> {
  await eventually(
    `the copy is ${names.join()}`,
    () => [...reflected.copy.keys()].toSorted().join() === names.join(),
  );
}

const isWatch = (url: URL) => url.searchParams.get("watch") === "true";

test("lists in pages, then watches from there with bookmarks", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  const names = Array.from({ length: 501 }, (_, index) => `page-${String(index).padStart(3, "0")}`);
  await Promise.all(names.map((name) => create(stage, name)));
  const reflected = reflect(t, stage);
  await until(reflected, names);
  await create(stage, "zz-later", "one");
  await eventually("a new object is seen", () => reflected.copy.get("zz-later") === "one");
  await stage.api.request({
    method: "PATCH",
    path: `${stage.path}/zz-later`,
    contentType: "application/merge-patch+json",
    body: { data: { is: "two" } },
  });
  await eventually("a change is seen", () => reflected.copy.get("zz-later") === "two");
  await remove(stage, "zz-later");
  await until(reflected, names);

  const [first, second, watch] = stage.proxy.requests.map(({ url }) => Object.fromEntries(url.searchParams));
  assert.deepEqual(first, { limit: "500" });
  assert.deepEqual(Object.keys(second ?? {}), ["limit", "continue"]);
  const { timeoutSeconds, resourceVersion, ...rest } = watch ?? {};
  assert.deepEqual(rest, { watch: "true", allowWatchBookmarks: "true" });
  assert.match(resourceVersion ?? "", /^[1-9]\d*$/);
  assert.ok(Number(timeoutSeconds) >= 300 && Number(timeoutSeconds) <= 600, timeoutSeconds);
  assert.equal(stage.proxy.requests.length, 3);
  assert.equal(reflected.reflector.relists, 0);
  assert.deepEqual(reflected.problems, []);
});

test("asks for the metadata alone", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  await create(stage, "with-data", "left out");
  const reflected = reflect(t, stage, { isMetadataOnly: true });
  await until(reflected, ["with-data"]);
  await create(stage, "with-data-too", "left out");
  await until(reflected, ["with-data", "with-data-too"]);
  assert.deepEqual([...reflected.copy.values()], ["", ""]);
});

test("sees what happened while its watch was cut, without a new list", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  await create(stage, "there");
  const reflected = reflect(t, stage);
  await eventually("the watch is open", () => stage.proxy.watches.size === 1);
  stage.proxy.handle = () => ({ answer: 500 });
  for (const watch of stage.proxy.watches) watch.cut();
  await create(stage, "meanwhile");
  await remove(stage, "there");
  await eventually("the problem is said", () =>
    reflected.problems.some((problem) => problem.startsWith("watch: 500")),
  );
  stage.proxy.handle = () => "passOn";
  await until(reflected, ["meanwhile"]);
  assert.equal(reflected.reflector.relists, 0);
  assert.equal(reflected.problems.at(-1), "recovered");
});

test("lists again after a line that is no event", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  const reflected = reflect(t, stage);
  for (const [count, line] of ['{"type":"ADDED","obj', "[]", '{"type":"RENAMED","object":{}}'].entries()) {
    await eventually("the watch is open", () => stage.proxy.watches.size === 1);
    for (const watch of stage.proxy.watches) watch.inject(`${line}\n`);
    await eventually("it has listed again", () => reflected.reflector.relists === count + 1);
    await create(stage, `after-${count}`);
    await eventually("it watches", () => reflected.copy.has(`after-${count}`));
  }
});

test("connects again when a watch says nothing any more", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  const reflected = reflect(t, stage, { times: { ...TIMES, silenceMs: 1000 } });
  await eventually("the watch is open", () => stage.proxy.watches.size === 1);
  for (const watch of stage.proxy.watches) watch.freeze();
  await create(stage, "unheard");
  await until(reflected, ["unheard"]);
  assert.equal(stage.proxy.watches.size, 1);
});

test("gives up a list that is never answered", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  stage.proxy.handle = () => "swallow";
  const reflected = reflect(t, stage);
  await eventually("it has asked", () => stage.proxy.requests.length === 1);
  assert.equal(reflected.reflector.state, "pending");
  // It must end, and not wait for the answer.
  await reflected.reflector.stop();
});

test("waits as long as the API server asks it to", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  stage.proxy.handle = () =>
    stage.proxy.requests.length > 1 ? "passOn" : { answer: 429, headers: { "retry-after": "1" } };
  const reflected = reflect(t, stage, { times: { ...TIMES, listIntervalMs: 0 } });
  await eventually("it is synced", () => reflected.reflector.state === "synced");
  const [refused, listed] = stage.proxy.requests;
  assert.ok(refused && listed);
  assert.ok(listed.at - refused.at >= 998, `${listed.at - refused.at} ms`);
  assert.deepEqual(reflected.problems, ["wait: 429 without a reason"]);
});

test("takes it for a problem when the API server asks to wait for long", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  stage.proxy.handle = () => ({ answer: 429 });
  const reflected = reflect(t, stage, { times: { ...TIMES, listIntervalMs: 0, patienceMs: 200 } });
  await eventually("it is a problem", () => reflected.problems.length === 2);
  assert.deepEqual(reflected.problems, ["wait: 429 without a reason", "list: 429 without a reason"]);
});

test("says again from time to time that it may not read", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  await create(stage, "there");
  const reflected = reflect(t, stage, { times: { ...TIMES, maxBackoffMs: 100, repeatProblemMs: 1000 } });
  await eventually("the watch is open", () => stage.proxy.watches.size === 1);
  const before = stage.proxy.requests.length;
  stage.proxy.handle = () => ({ answer: 403 });
  for (const watch of stage.proxy.watches) watch.cut();
  const refused = () => reflected.problems.filter((problem) => problem === "watch: 403 without a reason");
  await eventually("it is said again", () => refused().length === 2);
  // Between the two it has been tried some times.
  assert.ok(stage.proxy.requests.length - before > 4);
  // What is known stays.
  assert.deepEqual([...reflected.copy.keys()], ["there"]);
  assert.equal(reflected.reflector.state, "synced");
});

test("waits longer after each failure, and never lists more than once a second", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  stage.proxy.handle = () => ({ answer: 500 });
  reflect(t, stage, { times: { ...TIMES, listIntervalMs: 0 } });
  await eventually("it has tried some times", () => stage.proxy.requests.length === 5);
  const times = stage.proxy.requests.map(({ at }) => at);
  for (const [index, base] of [100, 200, 400, 800].entries()) {
    const waited = (times[index + 1] ?? 0) - (times[index] ?? 0);
    // Node's timers may be a millisecond early.
    assert.ok(waited >= base - 2, `${waited} ms instead of ${base}`);
  }

  const impatient = await setStage(t);
  assert.ok(impatient);
  const { proxy } = impatient;
  // An endless series of forgotten watches, without the pauses in between.
  proxy.handle = (url) => (isWatch(url) ? { answer: 410 } : "passOn");
  reflect(t, impatient, { times: { ...TIMES, minBackoffMs: 1, maxBackoffMs: 1 } });
  const listed = () => proxy.requests.filter(({ url }) => !isWatch(url));
  await eventually("it has listed three times", () => listed().length === 3);
  const [one, , three] = listed();
  assert.ok(one && three && three.at - one.at >= 1990);
});

test("goes on after a handler that throws", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  const seen: string[] = [];
  const reflected = reflect(t, stage, {
    sink: {
      put(value) {
        const name = readObject("ConfigMap", value).metadata?.name ?? "";
        if (name === "bad") throw new Error("a bug of the handler");
        seen.push(name);
      },
      delete() {
        throw new Error("another bug");
      },
      replace: async () => {},
      identitiesIn: () => [],
    },
  });
  await eventually("the watch is open", () => stage.proxy.watches.size === 1);
  await create(stage, "bad");
  await remove(stage, "bad");
  await create(stage, "good");
  await eventually("the next object is seen", () => seen.includes("good"));
  assert.deepEqual(reflected.problems, ["here: a bug of the handler", "here: another bug"]);
  assert.equal(reflected.reflector.relists, 0);
});

test("takes a kind that is not served for absent, and finds it when it is installed", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  const { api, client, namespace } = stage;
  const kind = "WorkloadEntry";
  const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const reflected = reflect(t, stage, {
    find: (signal) => findList(client, kind, undefined, signal),
  });
  await eventually("it is absent", () => reflected.reflector.state === "absent");
  assert.equal(reflected.reflector.isServed, false);

  await api.request({
    method: "POST",
    path: definitions,
    body: JSON.parse(JSON.stringify(customResourceDefinition(kind))),
  });
  await eventually("it is found", () => reflected.reflector.state === "synced", 20_000);
  const group = "/apis/networking.istio.io";
  assert.equal(reflected.reflector.path, `${group}/v1/workloadentries`);
  assert.equal(reflected.reflector.isServed, true);
  const entry = { apiVersion: "networking.istio.io/v1", kind, metadata: { name: "machine" }, spec: {} };
  await api.request({
    method: "POST",
    path: `${group}/v1/namespaces/${namespace}/workloadentries`,
    body: entry,
  });
  await until(reflected, ["machine"]);

  await api.request({ method: "DELETE", path: `${definitions}/workloadentries.networking.istio.io` });
  await eventually("it is absent again", () => reflected.reflector.state === "absent", 20_000);
  assert.deepEqual([...reflected.copy], []);
});

test("looks for a kind that is not served as soon as it is told to", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  let isServed = false;
  let looks = 0;
  const reflected = reflect(t, stage, {
    find: async () => {
      looks++;
      return isServed ? stage.path : undefined;
    },
    times: { ...TIMES, absentRetryMs: 3_600_000 },
  });
  await eventually("it is absent", () => reflected.reflector.state === "absent");
  reflected.reflector.lookNow();
  assert.equal(reflected.reflector.isServed, true, "as somebody has seen");
  await eventually("it was looked for again", () => looks === 2);
  await eventually("it is still absent", () => reflected.reflector.isServed === false);
  isServed = true;
  reflected.reflector.lookNow();
  await eventually("it is found", () => reflected.reflector.state === "synced");
  // It waits for nothing then.
  reflected.reflector.lookNow();
  await create(stage, "later");
  await until(reflected, ["later"]);
  assert.equal(looks, 3);
});

test("takes what comes from elsewhere unless the watch is further", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  const { api, path, proxy, namespace } = stage;
  const all = { namespace, name: "" };
  await create(stage, "known", "new");
  const old = await listPage(api, { path });
  await remove(stage, "known");
  await create(stage, "kept");
  const reflected = reflect(t, stage);
  await eventually("the watch is open", () => proxy.watches.size === 1);
  reflected.reflector.offer(old, all);
  assert.deepEqual([...reflected.copy], [["kept", ""]]);

  for (const watch of proxy.watches) watch.freeze();
  await create(stage, "unheard", "fetched");
  await remove(stage, "kept");
  const one = { path, query: { fieldSelector: "metadata.name=unheard" } };
  reflected.reflector.offer(await listPage(api, one), { namespace, name: "unheard" });
  assert.deepEqual(
    [...reflected.copy],
    [
      ["kept", ""],
      ["unheard", "fetched"],
    ],
  );
  // Not all there is.
  reflected.reflector.offer(await listPage(api, { path }));
  assert.equal(reflected.copy.size, 2);
  reflected.reflector.offer(await listPage(api, { path }), all);
  assert.deepEqual([...reflected.copy], [["unheard", "fetched"]]);
});

test("goes not back to what the watch says late", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  const { api, path, proxy, namespace } = stage;
  const reflected = reflect(t, stage);
  const { reflector, copy } = reflected;
  await eventually("the watch is open", () => proxy.watches.size === 1);
  for (const watch of proxy.watches) watch.freeze();
  const late: string[] = [];
  const event = async (type: string, name: string) => {
    const { body } = await api.request({ path: `${path}/${name}` });
    late.push(`${JSON.stringify({ type, object: body })}\n`);
  };
  await create(stage, "changed", "first");
  await event("ADDED", "changed");
  await api.request({
    method: "PUT",
    path: `${path}/changed`,
    body: { metadata: { name: "changed" }, data: { is: "second" } },
  });
  await create(stage, "gone");
  await event("ADDED", "gone");
  reflector.offer(await listPage(api, { path }), { namespace, name: "" });
  assert.equal(copy.size, 2);
  await remove(stage, "gone");
  reflector.offer(await listPage(api, { path }), { namespace, name: "" });
  assert.deepEqual([...copy], [["changed", "second"]]);

  await create(stage, "last");
  await event("ADDED", "last");
  for (const watch of proxy.watches) watch.inject(late.join(""));
  await eventually("the watch was heard", () => copy.has("last"));
  assert.equal(copy.get("changed"), "second");
  assert.equal(copy.has("gone"), false);
  for (const watch of proxy.watches) watch.cut();
  await until(reflected, ["changed", "last"]);
  assert.equal(reflector.relists, 0);
});

test("writes nothing once it is stopped, and leaves no watch behind", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  const reflected = reflect(t, stage);
  await eventually("the watch is open", () => stage.proxy.watches.size === 1);
  await reflected.reflector.stop();
  await eventually("the watch is closed", () => stage.proxy.watches.size === 0);
  const other = reflect(t, stage);
  await eventually("the other watch is open", () => stage.proxy.watches.size === 1);
  await create(stage, "later");
  await until(other, ["later"]);
  reflected.reflector.offer(await listPage(stage.api, { path: stage.path }));
  assert.deepEqual([...reflected.copy], []);
  assert.equal(stage.proxy.watches.size, 1);
});

test("lists again when the API server has forgotten where it was", async (t) => {
  const stage = await setStage(t);
  if (!stage) return;
  const { api, path, proxy } = stage;
  const names = Array.from({ length: 501 }, (_, index) => `object-${String(index).padStart(3, "0")}`);
  await Promise.all(names.map((name) => create(stage, name)));
  const reflected = reflect(t, stage);
  await until(reflected, names);
  const { body } = await api.request({ path, query: { limit: "1" } });
  const page = readContinue(body);
  proxy.handle = () => ({ answer: 500 });
  for (const watch of proxy.watches) watch.cut();
  await create(stage, "created-meanwhile");
  await remove(stage, "object-007");
  await eventually(
    "the list's next page is forgotten",
    () => isForgotten(stage, { limit: "1", continue: page }),
    60_000,
  );
  // The first watch and the first second page ask for what is forgotten.
  const replaced = new Map([
    ["resourceVersion", "1"],
    ["continue", page],
  ]);
  proxy.handle = (url) => {
    for (const [name, value] of replaced) {
      if (!url.searchParams.has(name)) continue;
      replaced.delete(name);
      const changed = new URL(url);
      changed.searchParams.set(name, value);
      return { passOnAs: changed };
    }
    return "passOn";
  };
  await eventually(
    "the copy is right",
    () => reflected.copy.has("created-meanwhile") && !reflected.copy.has("object-007"),
    40_000,
  );
  assert.equal(reflected.copy.size, 501);
  assert.deepEqual(reflected.lists, [501, 501]);
  assert.equal(reflected.reflector.relists, 2);
});

function readContinue(body: unknown): string {
  const page = /"continue":"([^"]+)"/.exec(JSON.stringify(body))?.[1];
  assert.ok(page);
  return page;
}

async function isForgotten({ api, path }: Stage, query: Readonly<Record<string, string>>): Promise<boolean> {
  const { status } = await api.request({ path, query });
  await delay(500);
  return status === 410;
}
