/** Managed certificates against a real kube-apiserver, with the rights of the shipped manifests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { ApiServer } from "../../src/api-server/client.ts";
import { connectToApiServer } from "../../src/api-server/connect.ts";
import { isIssuedBy } from "../../src/certs/authority.ts";
import { issueAuthority } from "../../src/certs/issue.ts";
import { MANAGED_TIMES } from "../../src/certs/managed-certificates.ts";
import { CONFIGURATION_KINDS } from "../../src/certs/managed-objects.ts";
import { ManagedReplica } from "../../src/certs/managed-replica.ts";
import type { WebhookTrust } from "../../src/certs/managed-serving.ts";
import { isObject } from "../../src/kubernetes/json.ts";
import { list, object, string } from "../../src/kubernetes/shape.ts";
import { DAY_MS, issuePair } from "../certs/certificates.ts";
import { runForesail } from "../foresail.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import {
  adminApi,
  answered,
  bundles,
  CONFIGURATION_PATHS,
  grantedRights,
  installConfigurations,
  installRights,
  isAccepted,
  isReady,
  NAMESPACE,
  SECRET_PATH,
  startLoad,
  startReplica,
  storedAuthorities,
  succeed,
  until,
  usedRights,
} from "./managed-foresail.ts";

const controlPlane = sharedControlPlane({ audit: true });
const REPAIRED_WITHIN_MS = 5000;
const RACES = 50;
const EVENTS_PATH = `/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`;
/** Each replica learns the host from the configurations by itself, and one may be a moment later than the other. */
const SHARED_PORT = { reusePort: true, tlsHost: ["127.0.0.1"] };
let rights: Promise<string> | undefined;

interface Stage {
  readonly cluster: ControlPlane;
  readonly api: ApiServer;
  /** Of foresail's ServiceAccount. */
  readonly kubeconfig: string;
}

/** The rights, and nothing else of foresail: no Secret, no configurations. */
async function onStage(t: TestContext): Promise<Stage | undefined> {
  const cluster = await controlPlane(t);
  if (!cluster) return undefined;
  rights ??= installRights(cluster);
  const kubeconfig = await rights;
  const api = await adminApi(t, cluster);
  for (const path of [SECRET_PATH, ...CONFIGURATION_PATHS]) await api.request({ method: "DELETE", path });
  return { cluster, api, kubeconfig };
}

for (const replicas of [2, 10]) {
  test(`${replicas} replicas that start at once without a Secret agree on one CA`, async (t) => {
    const stage = await onStage(t);
    if (!stage) return;
    const started = await Promise.all(
      Array.from({ length: replicas }, () => startReplica(t, stage.kubeconfig)),
    );
    const stored = await storedAuthorities(stage.api);
    assert.equal(stored.length, 1);
    assert.match(stored[0]?.subject ?? "", /^CN=foresail CA [0-9a-f]{8}$/);
    for (const replica of started) {
      assert(await isAccepted(replica.address, stored));
      assert(await isReady(replica));
    }
    const [first] = started;
    assert(first);
    await installConfigurations(stage.cluster, first, { failurePolicy: "Fail" });
    const ms = await untilTrusted(stage.api);
    assert(ms < REPAIRED_WITHIN_MS, `${ms} ms`);
    // Under the address in the configuration, which no flag names.
    const load = await startLoad(t, stage.api);
    await load.stop();
  });
}

test("two replicas that find no Secret at the same moment agree on one CA, in each of fifty rounds", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { api, kubeconfig } = stage;
  let made = 0;
  let late = 0;
  const startRacer = async () => {
    const server = await connectToApiServer({ kubeconfig });
    t.after(() => server.close());
    const counting: ApiServer = {
      ...server,
      async request(request) {
        const answer = await server.request(request);
        if (request.method === "POST" && answer.status === 409) late++;
        return answer;
      },
    };
    return () =>
      new ManagedReplica({
        api: counting,
        namespace: NAMESPACE,
        hosts: [],
        times: MANAGED_TIMES,
        onCertificate: () => {},
        onAction: ({ what }) => void (made += what === "CA Secret changed" ? 1 : 0),
        onFight: () => assert.fail("nobody fights"),
      });
  };
  const racers = await Promise.all([startRacer(), startRacer()]);
  const going = new AbortController();
  for (let round = 1; round <= RACES; round++) {
    const replicas = racers.map((start) => start());
    await Promise.all(replicas.map((replica) => replica.round(going.signal)));
    const [winner, ...others] = await storedAuthorities(api);
    assert(winner && others.length === 0);
    assert.equal(made, round, "one of them makes the Secret, and nobody changes it");
    for (const { authority, serving } of replicas) {
      assert.equal(authority?.signing.certificate.fingerprint256, winner.fingerprint256);
      assert(serving && isIssuedBy(serving.certificate, winner));
    }
    await damageSecret(api, undefined);
  }
  t.diagnostic(`${late} of ${RACES} races were lost by one who had made a CA of its own`);
  assert(late > 0);
});

test("a Secret that is deleted or damaged is made anew, with no failed request", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { api } = stage;
  const context = { certificateTimes: { settleMs: 3000 } };
  const one = await startReplica(t, stage.kubeconfig, SHARED_PORT, context);
  const listen = new URL(one.address).host;
  await startReplica(t, stage.kubeconfig, { ...SHARED_PORT, listen }, context);
  await installConfigurations(stage.cluster, one, { failurePolicy: "Fail" });
  const load = await startLoad(t, api);

  const { serving } = await issuePair();
  const other = await issueAuthority("foresail CA", Date.now(), DAY_MS);
  const [good] = await storedAuthorities(api);
  const damages: Readonly<Record<string, Readonly<Record<string, string>> | undefined>> = {
    "is deleted": undefined,
    "is emptied": { "tls.crt": "", "tls.key": "" },
    "gets another key": { "tls.key": other.key },
    "gets a certificate that is no CA": { "tls.crt": serving.cert, "tls.key": serving.key },
    "is cut off": { "tls.crt": String(good).slice(0, 200) },
  };
  for (const [what, data] of Object.entries(damages)) {
    const before = await storedAuthorities(api);
    await damageSecret(api, data);
    const ms = await until(`a Secret that ${what} is made anew`, async () => {
      const [signing] = await storedAuthorities(api);
      return signing?.ca === true && signing.fingerprint256 !== before[0]?.fingerprint256;
    });
    t.diagnostic(`${what}: ${Math.round(ms)} ms`);
    assert(ms < 15_000, `${what}: ${ms} ms`);
  }
  await until("both serve under the last CA", async () => {
    const [signing] = await storedAuthorities(api);
    if (!signing) return false;
    // The kernel chooses which of the two answers.
    const accepted = await Promise.all(Array.from({ length: 8 }, () => isAccepted(one.address, [signing])));
    return accepted.every(Boolean);
  });
  await load.stop();
  assert.deepEqual(load.failures, []);
  t.diagnostic(`${load.count()} requests`);
});

test("an immutable Secret with garbage: a line says what to do, and it is enough to do that", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { api, kubeconfig } = stage;
  const context = { certificateTimes: { intervalMs: 300 } };
  const one = await startReplica(t, kubeconfig, {}, context);
  const garbage = Buffer.from("garbage").toString("base64");
  const damaged = await api.request({
    method: "PATCH",
    path: SECRET_PATH,
    contentType: "application/merge-patch+json",
    body: { immutable: true, data: { "tls.crt": garbage, "tls.key": garbage } },
  });
  assert.equal(damaged.status, 200);
  const problem =
    "the Secret foresail/foresail-ca is immutable, but the CA in it has to be changed: Cannot use the certificate tls.crt: it holds no certificate";
  const line = await one.until("certificates not looked after");
  assert.deepEqual(
    [line["problem"], line["hint"]],
    [
      problem,
      "Delete it: kubectl delete secret -n foresail foresail-ca; foresail makes another within seconds.",
    ],
  );
  assert(await isReady(one));
  const other = await startReplica(t, kubeconfig, {}, context);
  const answer = await fetch(`${other.probes}/readyz`);
  assert.equal(await answer.text(), `the CA of the serving certificate is not known: ${problem}\n`);
  await damageSecret(api, undefined);
  await until("the other one is ready, too", () => isReady(other));
});

test("certificates that should have been replaced by now are an Event", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { api, kubeconfig } = stage;
  await api.request({ method: "DELETE", path: EVENTS_PATH });
  const certificateTimes = { authorityMs: 6000, servingMs: 60_000, intervalMs: 200 };
  await startReplica(t, kubeconfig, {}, { certificateTimes });
  const frozen = await api.request({
    method: "PATCH",
    path: SECRET_PATH,
    contentType: "application/merge-patch+json",
    body: { immutable: true },
  });
  assert.equal(frozen.status, 200);
  const noteOf = async () => (await eventNotes(api)).find(([reason]) => reason === "CaNotReplaced")?.[1];
  await until("there is an Event", async () => (await noteOf()) !== undefined);
  assert.match(
    (await noteOf()) ?? "",
    /^The CA ends at \S+ and should have been replaced by now: the Secret foresail\/foresail-ca is immutable, .* Delete it: kubectl delete secret -n foresail foresail-ca;/,
  );
});

test("a caBundle that is emptied or overwritten is repaired, and nothing else is written", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { api, cluster } = stage;
  const replica = await startReplica(t, stage.kubeconfig);
  const { authority } = await issuePair();
  await installConfigurations(cluster, replica);
  await untilTrusted(api);
  const before = await configurations(api);

  for (const [what, text] of [
    ["emptied", ""],
    ["made garbage", "foo"],
    ["another CA's", authority.cert],
  ] as const) {
    await overwriteBundles(api, text);
    const ms = await untilTrusted(api);
    t.diagnostic(`${what}: ${Math.round(ms)} ms`);
    assert(ms < REPAIRED_WITHIN_MS, `${what}: ${ms} ms`);
  }
  await installConfigurations(cluster, replica);
  const ms = await untilTrusted(api);
  assert(ms < REPAIRED_WITHIN_MS, `applied again: ${ms} ms`);

  assert.deepEqual(await configurations(api), before);
  for (const owned of await ownedFields(api)) {
    assert.deepEqual(owned, [".f:webhooks.k.f:clientConfig.f:caBundle"]);
  }
});

for (const hidden of CONFIGURATION_KINDS) {
  test(`a ${hidden} that may not be read keeps the other one's caBundle from nothing`, async (t) => {
    const stage = await onStage(t);
    if (!stage) return;
    const { api, cluster } = stage;
    const shown = CONFIGURATION_KINDS.findIndex((kind) => kind !== hidden);
    const replica = await startReplica(t, await kubeconfigWithout(cluster, hidden));
    await installConfigurations(cluster, replica);
    const isTrusted = async () => {
      const [stored, all] = await Promise.all([storedAuthorities(api), bundles(api)]);
      return stored.length > 0 && all[shown] === stored.join("");
    };
    await until("the other one trusts the CA", isTrusted);
    await overwriteBundles(api, "");
    await until("it does so again", isTrusted);
    assert.equal((await bundles(api))[1 - shown], "");
    assert.match(
      await (await fetch(`${replica.probes}/readyz`)).text(),
      new RegExp(`^the webhook configurations do not trust .*: 403 ${hidden.toLowerCase()}s\\.`),
    );
  });
}

test("gives way for a while to someone who overwrites a caBundle again and again, and says so in an Event", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { api } = stage;
  const writeLimit = { writes: 3, withinMs: 60_000, pauseMs: 60_000 };
  const context = { certificateTimes: { intervalMs: 200, writeLimit } };
  const replica = await startReplica(t, stage.kubeconfig, {}, context);
  await installConfigurations(stage.cluster, replica);
  for (let repairs = 0; repairs < writeLimit.writes; repairs++) {
    await untilTrusted(api);
    await overwriteBundles(api, "");
  }
  await replica.until("someone else writes caBundle again and again; it is left for a while");
  assert((await bundles(api)).every((bundle) => bundle === ""));
  await until("there is an Event", async () => (await eventReasons(api)).includes("CaBundleOverwritten"));
  const metrics = await (await fetch(`${replica.probes}/metrics`)).text();
  assert.match(
    metrics,
    /^foresail_ca_bundle_writes_total\{configuration="ValidatingWebhookConfiguration"\} 3$/m,
  );
});

test("goes on serving while the API server is away, and looks after certificates when it is back", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { api, cluster } = stage;
  const context = { certificateTimes: { intervalMs: 300 } };
  const replica = await startReplica(t, stage.kubeconfig, {}, context);
  await installConfigurations(cluster, replica);
  await untilTrusted(api);
  process.kill(cluster.pids().apiserver, "SIGKILL");
  await replica.until("certificates not looked after");
  assert(await isReady(replica));
  await cluster.restartApiserver();
  await overwriteBundles(api, "");
  await untilTrusted(api);
});

test("without rights it serves, is not ready, and says what it may not do", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const replica = await startReplica(t, await kubeconfigOfNobody(stage.cluster));
  const answer = await fetch(`${replica.probes}/readyz`);
  assert.equal(answer.status, 503);
  assert.match(
    await answer.text(),
    /^the CA of the serving certificate is not known: 403 \S+ "foresail" is forbidden: User "system:serviceaccount:shop:nobody" cannot get resource /,
  );
  assert.equal((await fetch(`${replica.probes}/livez`)).status, 200);
});

test("configurations that may not be read are one and the same problem, whichever answer comes first", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const server = await connectToApiServer({ kubeconfig: await kubeconfigOfNobody(stage.cluster) });
  t.after(() => server.close());
  for (const first of CONFIGURATION_PATHS) {
    const firstAnswer = Promise.withResolvers<void>();
    const api: ApiServer = {
      ...server,
      async request(request) {
        if (CONFIGURATION_PATHS.includes(request.path) && request.path !== first) await firstAnswer.promise;
        const answer = await server.request(request);
        if (request.path === first) firstAnswer.resolve();
        return answer;
      },
    };
    const replica = new ManagedReplica({
      api,
      namespace: NAMESPACE,
      hosts: [],
      times: MANAGED_TIMES,
      onCertificate: () => {},
      onAction: () => {},
      onFight: () => assert.fail("nobody fights"),
    });
    await assert.rejects(
      replica.round(new AbortController().signal),
      /^ApiStatusError: 403 validatingwebhookconfigurations\./,
    );
  }
});

/** Milliseconds until every caBundle holds what the Secret holds. */
async function untilTrusted(api: ApiServer): Promise<number> {
  return until("both configurations trust the CA", async () => {
    const stored = await storedAuthorities(api);
    return stored.length > 0 && (await bundles(api)).every((bundle) => bundle === stored.join(""));
  });
}

/** Deletes the Secret, or overwrites these texts in it. */
async function damageSecret(
  api: ApiServer,
  texts: Readonly<Record<string, string>> | undefined,
): Promise<void> {
  const answer = await (texts === undefined
    ? api.request({ method: "DELETE", path: SECRET_PATH })
    : api.request({
        method: "PATCH",
        path: SECRET_PATH,
        contentType: "application/merge-patch+json",
        body: { stringData: texts },
      }));
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

async function overwriteBundles(api: ApiServer, text: string): Promise<void> {
  const value = Buffer.from(text).toString("base64");
  for (const path of CONFIGURATION_PATHS) {
    const answer = await api.request({
      method: "PATCH",
      path,
      contentType: "application/json-patch+json",
      body: [{ op: "add", path: "/webhooks/0/clientConfig/caBundle", value }],
    });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
  }
}

/** Without what changes with each write. */
async function configurations(api: ApiServer): Promise<readonly unknown[]> {
  const answers = await Promise.all(CONFIGURATION_PATHS.map((path) => api.request({ path })));
  return answers.map(({ body }) => {
    assert(isObject(body) && isObject(body["metadata"]));
    const { name, labels, annotations } = body["metadata"];
    return { name, labels, annotations, webhooks: body["webhooks"] };
  });
}

/** The fields of each configuration that foresail owns; names of list entries as `k`. */
async function ownedFields(api: ApiServer): Promise<readonly (readonly string[])[]> {
  const answers = await Promise.all(CONFIGURATION_PATHS.map((path) => api.request({ path })));
  return answers.map(({ body }) => {
    assert(isObject(body) && isObject(body["metadata"]) && Array.isArray(body["metadata"]["managedFields"]));
    const { managedFields } = body["metadata"];
    const ours = managedFields.filter((entry: unknown) => isObject(entry) && entry["manager"] === "foresail");
    assert.equal(ours.length, 1);
    return leaves(ours[0].fieldsV1, "");
  });
}

function leaves(fields: unknown, path: string): readonly string[] {
  assert(isObject(fields));
  return Object.entries(fields).flatMap(([key, value]) => {
    // The key of a list entry belongs to the entry.
    if (key === "." || key === "f:name") return [];
    const name = key.startsWith("k:") ? "k" : key;
    const below = leaves(value, `${path}.${name}`);
    return below.length === 0 ? [`${path}.${name}`] : below;
  });
}

async function eventReasons(api: ApiServer): Promise<readonly string[]> {
  return (await eventNotes(api)).map(([reason]) => reason);
}

async function eventNotes(api: ApiServer): Promise<readonly (readonly [reason: string, note: string])[]> {
  const shape = object({ items: list(object({ reason: string, note: string })) });
  const { body } = await api.request({ path: EVENTS_PATH });
  return (shape.read(body)?.items ?? []).map(({ reason = "", note = "" }) => [reason, note]);
}

test("rotates under load, with a new handshake for each request", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const certificateTimes = { authorityMs: 18_000, servingMs: 8000, settleMs: 1500, intervalMs: 300 };
  const context = { certificateTimes, isOneRequestPerConnection: true };
  const one = await startReplica(t, stage.kubeconfig, SHARED_PORT, context);
  const listen = new URL(one.address).host;
  const other = await startReplica(t, stage.kubeconfig, { ...SHARED_PORT, listen }, context);
  await installConfigurations(stage.cluster, one, { failurePolicy: "Fail" });
  const load = await startLoad(t, stage.api);

  const signing = new Set<string>();
  await until("three rotations are over", async () => {
    const [first, ...previous] = await storedAuthorities(stage.api);
    if (first) signing.add(first.fingerprint256);
    return signing.size > 3 && previous.length === 0;
  });
  await load.stop();
  assert.deepEqual(load.failures, []);
  const counts = await Promise.all([one, other].map(answered));
  t.diagnostic(`${load.count()} requests, answered by the replicas: ${counts.join(", ")}`);
  assert(counts.every((count) => count > 0));
});

test("foresail certs shows the CA, what is served, and whether it is trusted", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const { api, cluster } = stage;
  const certs = (kubeconfig = cluster.kubeconfig) => runForesail(["certs", `--kubeconfig=${kubeconfig}`]);
  const nothing = await certs();
  assert.deepEqual(nothing, {
    exitCode: 1,
    stdout: [
      "CA                   there is no Secret foresail/foresail-ca: foresail does not manage the certificates",
      "Validating           there is no ValidatingWebhookConfiguration foresail",
      "Mutating             there is no MutatingWebhookConfiguration foresail",
      "",
    ].join("\n"),
    stderr: "",
  });

  const replica = await startReplica(t, stage.kubeconfig);
  await installConfigurations(cluster, replica);
  await untilTrusted(api);
  await until("the address is in the certificate", async () =>
    isAccepted(replica.address, await storedAuthorities(api), "127.0.0.1"),
  );
  const good = await certs();
  const host = new URL(replica.address).host;
  assert.equal(good.exitCode, 0, good.stdout);
  assert.match(
    good.stdout,
    new RegExp(
      [
        "^CA                   CN=foresail CA [0-9a-f]{8}, until \\d{4}-\\S+ \\(36\\d days left\\), in Secret foresail/foresail-ca",
        `Serving certificate  CN=foresail [0-9a-f]{8}, until \\d{4}-\\S+ \\(6 days left\\), at ${host}`,
        "                     for foresail, foresail\\.foresail, foresail\\.foresail\\.svc, foresail\\.foresail\\.svc\\.cluster\\.local, 127\\.0\\.0\\.1",
        "Validating           validate\\.foresail\\.io: caBundle verifies the serving certificate",
        "Mutating             mutate\\.foresail\\.io: caBundle verifies the serving certificate",
        "$",
      ].join("\n"),
    ),
  );

  replica.kill("SIGKILL");
  await replica.exitCode;
  const unanswered = await certs();
  assert.equal(unanswered.exitCode, 0, unanswered.stdout);
  assert.match(unanswered.stdout, /^Validating +validate\.foresail\.io: caBundle holds the CA$/m);
  assert.match(unanswered.stderr, new RegExp(`^${host} does not answer here \\(.*ECONNREFUSED`));
  await overwriteBundles(api, "");
  const bad = await certs();
  assert.equal(bad.exitCode, 1);
  assert.match(bad.stdout, /^Mutating +mutate\.foresail\.io: caBundle is empty$/m);

  const forbidden = await certs(await kubeconfigOfNobody(cluster));
  assert.equal(forbidden.exitCode, 2);
  assert.match(
    forbidden.stderr,
    /^foresail: the webhook configurations cannot be read: 403 .* is forbidden: /,
  );
});

/** Of a ServiceAccount without rights. */
async function kubeconfigOfNobody(cluster: ControlPlane): Promise<string> {
  await cluster.kubectl(["create", "serviceaccount", "nobody", "-n", "shop"]);
  const token = await succeed(cluster, ["create", "token", "nobody", "-n", "shop"]);
  return cluster.kubeconfigFor(token.trim());
}

/** Of a ServiceAccount with foresail's rights, but for the one to read a configuration of this kind. */
async function kubeconfigWithout(cluster: ControlPlane, hidden: WebhookTrust["kind"]): Promise<string> {
  const name = `without-${hidden.toLowerCase()}`;
  const resource = (kind: WebhookTrust["kind"]) =>
    `--resource=${kind.toLowerCase()}s.admissionregistration.k8s.io`;
  const shown = CONFIGURATION_KINDS.filter((kind) => kind !== hidden);
  const account = `--serviceaccount=foresail:${name}`;
  for (const args of [
    ["serviceaccount", name, "-n", "foresail"],
    ["rolebinding", name, "-n", "foresail", "--role=foresail", account],
    ["clusterrole", name, "--verb=get,patch", "--resource-name=foresail", ...shown.map(resource)],
    ["clusterrolebinding", name, `--clusterrole=${name}`, account],
  ]) {
    await succeed(cluster, ["create", ...args]);
  }
  const token = await succeed(cluster, ["create", "token", name, "-n", "foresail"]);
  return cluster.kubeconfigFor(token.trim());
}

test("needs every right to its Secret and its configurations that the shipped roles give it, and no other", async (t) => {
  const stage = await onStage(t);
  if (!stage) return;
  const about = (all: readonly string[]) => all.filter((right) => !right.includes("configmaps"));
  assert.deepEqual(about(await usedRights(stage.cluster)), about(await grantedRights()));
});
