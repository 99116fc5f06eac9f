/** The ConfigMap against a real kube-apiserver, with the rights of the shipped manifests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { ApiServer } from "../../src/api-server/client.ts";
import { connectToApiServer } from "../../src/api-server/connect.ts";
import { followConfigMap } from "../../src/config/config-map.ts";
import { WEAKENED_CONFIGURATION } from "../../src/config/configuration.ts";
import type { JsonObject } from "../../src/kubernetes/json.ts";
import { list, object, string } from "../../src/kubernetes/shape.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { SMALL_RULES } from "../webhook/small-rules.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import {
  adminApi,
  grantedRights,
  installConfigurations,
  installRights,
  NAMESPACE,
  startReplica,
  succeed,
  until,
  usedRights,
} from "./managed-foresail.ts";

const NAME = { namespace: NAMESPACE, name: "foresail" };
const PATH = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const EVENTS_PATH = `/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`;
const CONFIG_MAP = "ConfigMap foresail/foresail, config.yaml";

const controlPlane = sharedControlPlane({ audit: true });
let rights: Promise<string> | undefined;

interface Stage {
  readonly cluster: ControlPlane;
  readonly api: ApiServer;
  /** Of foresail's ServiceAccount. */
  readonly kubeconfig: string;
}

/** The rights, and neither a ConfigMap nor Events. */
async function onStage(t: TestContext): Promise<Stage | undefined> {
  const cluster = await controlPlane(t);
  if (!cluster) return undefined;
  rights ??= installRights(cluster);
  const kubeconfig = await rights;
  const api = await adminApi(t, cluster);
  await api.request({ method: "DELETE", path: `${PATH}/foresail` });
  await api.request({ method: "DELETE", path: EVENTS_PATH });
  return { cluster, api, kubeconfig };
}

/** Makes the ConfigMap, or replaces all that it holds. */
async function write(api: ApiServer, content: JsonObject): Promise<void> {
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "foresail" }, ...content };
  const made = await api.request({ method: "POST", path: PATH, body });
  if (made.status === 201) return;
  const answer = await api.request({ method: "PUT", path: `${PATH}/foresail`, body });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

function configured(text: string): JsonObject {
  return { data: { "config.yaml": text } };
}

async function notes(api: ApiServer): Promise<readonly string[]> {
  const shape = object({
    items: list(
      object({
        reason: string,
        type: string,
        note: string,
        regarding: object({ kind: string, name: string, uid: string }),
      }),
    ),
  });
  const { items = [] } = shape.read((await api.request({ path: EVENTS_PATH })).body) ?? {};
  return items.map(({ reason, type, note = "", regarding }) => {
    assert.deepEqual(
      [reason, type, regarding?.kind, regarding?.name],
      ["ConfigInvalid", "Warning", "ConfigMap", "foresail"],
    );
    assert.match(regarding?.uid ?? "", /^[-0-9a-f]{36}$/);
    return note;
  });
}

/** Follows the ConfigMap in this process, with foresail's rights, and notes what is reported. */
async function follow(t: TestContext, kubeconfig: string, eventIntervalMs = 0) {
  const api = await connectToApiServer({ kubeconfig });
  const said: string[] = [];
  const followed = await followConfigMap(api, NAME, SMALL_RULES, {
    eventIntervalMs,
    onChange: ({ mesh, warnings }) =>
      said.push([mesh.clusterDomain, ...warnings.map(({ message }) => message)].join("; ")),
    onInvalid: ({ message }) => said.push(message),
    onProblem: ({ message }) => said.push(`problem: ${message}`),
    onEventProblem: ({ message }) => said.push(`no Event: ${message}`),
  });
  const close = () => {
    followed.close();
    return api.close();
  };
  t.after(close);
  const next = async () => {
    await until("something is said", async () => said.length > 0);
    return said.shift();
  };
  return { followed, said, next, close };
}

test("a rule is toggled while foresail serves; a broken edit changes nothing and gives an Event", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { cluster, api, kubeconfig } = stage;
  await succeed(cluster, ["apply", "-f", "-"], JSON.stringify(customResourceDefinition("DestinationRule")));
  await succeed(cluster, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  const replica = await startReplica(t, kubeconfig, { configMap: "foresail/foresail" });
  await installConfigurations(cluster, replica);
  const apply = async () => {
    const rule = { apiVersion: "networking.istio.io/v1", kind: "DestinationRule", metadata: { name: "web" } };
    const { code, stderr } = await cluster.kubectl(
      ["create", "--dry-run=server", "-n", "shop", "-f", "-"],
      JSON.stringify(rule),
    );
    return code === 0 ? stderr : "refused";
  };
  const metric = async (name: string) => {
    const text = await (await fetch(`${replica.probes}/metrics`)).text();
    return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
  };
  await until("the default denies", async () => (await apply()) === "refused");

  await write(api, configured("rules: { rule-has-host: Warn }"));
  const ms = await until("the rule warns", async () =>
    (await apply()).startsWith("Warning: rule-has-host: web has no host"),
  );
  t.diagnostic(`toggled within ${Math.round(ms)} ms`);
  assert(ms < 10_000, `${ms} ms`);
  assert.equal(await metric("foresail_config_valid"), 1);
  const lastSuccess = await metric("foresail_config_last_success_timestamp_seconds");

  await write(api, configured("rules: { rule-has-host: Deni }"));
  await replica.until("configuration not read; the last good one stays");
  assert.match(await apply(), /^Warning: rule-has-host: web has no host/);
  assert.equal(await metric("foresail_config_valid"), 0);
  assert.equal(await metric("foresail_config_last_success_timestamp_seconds"), lastSuccess);
  await until("there is an Event", async () => (await notes(api)).length > 0);
  assert.deepEqual(await notes(api), [
    `${CONFIG_MAP}:1:10: rules.rule-has-host: expected an action (Off, Audit, Warn, Fix or Deny), found "Deni"; did you mean "Deny"?`,
  ]);

  await write(api, configured("rules: { rule-has-host: Off }"));
  await until("the rule is silent", async () => (await apply()) === "");
  assert.equal(await metric("foresail_config_valid"), 1);
});

test("each bad ConfigMap gets a line that says what is wrong, and the last good one stays", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { api, kubeconfig } = stage;
  await write(api, configured("clusterDomain: one"));
  const { followed, next } = await follow(t, kubeconfig);
  assert.equal(await next(), "one");
  const { current } = followed;

  const wide = [
    "a: &a [x, x]",
    ...Array.from({ length: 40 }, (_, n) => `a${n}: &a${n} [*a${n || ""}, *a${n || ""}]`),
  ];
  const cases: readonly (readonly [what: string, content: JsonObject, says: RegExp])[] = [
    ["no YAML", configured("rules: ["), /, config\.yaml:1:\d+: /],
    [
      "a wrong value",
      configured("\n\nmultiCluster: maybe"),
      /, config\.yaml:3:1: multiCluster: expected true or false/,
    ],
    [
      "a misspelt key",
      configured("rulez: {}"),
      /, config\.yaml:1:1: unknown key "rulez"; did you mean "rules"/,
    ],
    [
      "too much",
      configured(`# ${"x".repeat(1_000_000)}`),
      /, config\.yaml:1:1: a configuration has at most 256 KiB/,
    ],
    ["aliases", configured(wide.join("\n")), /, config\.yaml:\d+:\d+: .*alias/],
    ["another name", { data: { "config.yml": "" } }, /cannot be used: it has no key config\.yaml$/],
    ["bytes", { binaryData: { "config.yaml": "/w==" } }, /cannot be used: config\.yaml is under binaryData$/],
  ];
  for (const [what, content, says] of cases) {
    await write(api, content);
    const line = (await next()) ?? "";
    assert.match(line, says, what);
    assert(line.length < 300, `${what}: ${line}`);
    assert.equal(followed.current, current);
    assert.equal(followed.isValid, false);
  }
  await api.request({ method: "DELETE", path: `${PATH}/foresail` });
  assert.equal(await next(), "the ConfigMap foresail/foresail cannot be used: it was deleted");
  assert.equal(followed.current, current);

  await write(api, configured("clusterDomain: one\nrules: { gone-with-the-next-version: Deny }"));
  assert.match((await next()) ?? "", /^one; .*gone-with-the-next-version/);
  assert.equal(followed.isValid, true);
  await write(api, {});
  assert.equal(await next(), "cluster.local");
});

test("starts without a ConfigMap, without the key, or with an invalid one", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { api, kubeconfig } = stage;
  const none = await follow(t, kubeconfig);
  assert.deepEqual([none.followed.isValid, none.followed.current.hash], [true, "default"]);
  assert.deepEqual(none.followed.unmetConditions(), []);
  await none.close();

  await write(api, { data: { notes: "" } });
  const keyless = await follow(t, kubeconfig);
  assert.deepEqual([keyless.followed.isValid, keyless.followed.current.hash], [true, "default"]);
  await keyless.close();

  await write(api, configured("rules: ["));
  const invalid = await follow(t, kubeconfig);
  assert.equal(invalid.followed.current, WEAKENED_CONFIGURATION);
  assert.equal(invalid.followed.isValid, false);
  assert.equal(invalid.said.length, 1);
  await write(api, configured("clusterDomain: one"));
  await until("it is read", async () => invalid.followed.isValid);
  assert.equal(invalid.followed.current.policy.denyIsWeakened, false);
});

test("of many bad edits the last one of a minute gets an Event, and one for all replicas", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { api, kubeconfig } = stage;
  const followers = await Promise.all([1, 2].map(() => follow(t, kubeconfig, 1000)));
  for (const { next } of followers) await next();
  for (const domain of ["1", "2", "3"]) {
    await write(api, configured(`clusterDomain: ${domain}`));
    for (const { next } of followers) assert.match((await next()) ?? "", new RegExp(`found ${domain};`));
  }
  await until("there are two Events", async () => (await notes(api)).length === 2);
  const found = (await notes(api)).map((note) => /found (\d)/.exec(note)?.[1]);
  assert.deepEqual(new Set(found), new Set(["1", "3"]));

  await write(api, configured("clusterDomain: 4"));
  await write(api, configured("clusterDomain: four"));
  for (const { followed } of followers) await until("it is valid", async () => followed.isValid);
  await delay(1100);
  assert.equal((await notes(api)).length, 2, "what was put right in time is not worth an Event");
});

test("without rights it goes by the defaults without Deny, and says what it may not read", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { cluster } = stage;
  await succeed(cluster, ["create", "serviceaccount", "nobody", "-n", "shop"]);
  const token = await succeed(cluster, ["create", "token", "nobody", "-n", "shop"]);
  const { followed, next } = await follow(t, await cluster.kubeconfigFor(token.trim()));
  const forbidden =
    '403 configmaps "foresail" is forbidden: User "system:serviceaccount:shop:nobody" cannot list resource "configmaps" in API group "" in the namespace "foresail"';
  assert.equal(await next(), `problem: ${forbidden}`);
  assert.equal(followed.current, WEAKENED_CONFIGURATION);
  assert.deepEqual(followed.unmetConditions(), [
    `the ConfigMap foresail/foresail was not read: ${forbidden}`,
  ]);
});

test("follows it again after the API server was away", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { api, cluster, kubeconfig } = stage;
  await write(api, configured("clusterDomain: one"));
  const { followed, next } = await follow(t, kubeconfig);
  assert.equal(await next(), "one");
  process.kill(cluster.pids().apiserver, "SIGKILL");
  assert.match((await next()) ?? "", /^problem: /);
  assert.deepEqual([followed.isValid, followed.current.mesh.clusterDomain], [true, "one"]);
  await cluster.restartApiserver();
  await write(api, configured("clusterDomain: two"));
  const ms = await until("it is read", async () => followed.current.mesh.clusterDomain === "two");
  t.diagnostic(`${Math.round(ms)} ms after the API server was back`);
});

test("needs every right to ConfigMaps and Events that the shipped roles give it, and no other", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const about = (all: readonly string[]) => all.filter((right) => /configmaps|events/.test(right));
  const expected = ["create events", "list configmaps/foresail", "watch configmaps/foresail"];
  assert.deepEqual(about(await usedRights(stage.cluster)), expected);
  assert.deepEqual(about(await grantedRights()), expected);
});
