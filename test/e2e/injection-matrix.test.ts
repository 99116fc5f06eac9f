/** What foresail says about labels, and what two revisions of Istio's real injector make of them. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Agent } from "undici";
import type { JsonObject } from "../../src/kubernetes/json.ts";
import { list, mapOf, object, string } from "../../src/kubernetes/shape.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { startIstio } from "../harness/istio.ts";
import { requireIstio } from "../harness/istio-tools.ts";
import { serveForesail, webhookManifests } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { metricsOf, succeed, untilReady } from "./live-foresail.ts";
import { installRights } from "./managed-foresail.ts";

const shared = sharedControlPlane();

const INJECTION = "istio-injection";
const REV = "istio.io/rev";
const INJECT = "sidecar.istio.io/inject";

type Labels = Readonly<Record<string, string>>;

const NAMESPACES: Readonly<Record<string, Labels>> = {
  plain: {},
  enabled: { [INJECTION]: "enabled" },
  disabled: { [INJECTION]: "disabled" },
  "says-true": { [INJECTION]: "true" },
  "says-nothing": { [INJECTION]: "" },
  default: { [REV]: "default" },
  canary: { [REV]: "canary" },
  stale: { [REV]: "1-19" },
  "empty-revision": { [REV]: "" },
  both: { [INJECTION]: "enabled", [REV]: "canary" },
  "both-default": { [INJECTION]: "enabled", [REV]: "default" },
  "disabled-canary": { [INJECTION]: "disabled", [REV]: "canary" },
};

interface PodCase {
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly hostNetwork?: boolean;
}

const PODS: Readonly<Record<string, PodCase>> = {
  silent: {},
  asks: { labels: { [INJECT]: "true" } },
  refuses: { labels: { [INJECT]: "false" } },
  "says-yes": { labels: { [INJECT]: "yes" } },
  "says-no": { labels: { [INJECT]: "no" } },
  "asks-by-annotation": { annotations: { [INJECT]: "true" } },
  "refuses-by-annotation": { annotations: { [INJECT]: "false" } },
  "asks-against-annotation": { labels: { [INJECT]: "true" }, annotations: { [INJECT]: "false" } },
  "names-default": { labels: { [REV]: "default" } },
  "names-canary": { labels: { [REV]: "canary" } },
  "names-stale": { labels: { [REV]: "1-19" } },
  "asks-canary": { labels: { [INJECT]: "true", [REV]: "canary" } },
  "refuses-canary": { labels: { [INJECT]: "false", [REV]: "canary" } },
  "asks-with-empty-revision": { labels: { [INJECT]: "true", [REV]: "" } },
  "asks-on-host-network": { labels: { [INJECT]: "true" }, hostNetwork: true },
};

test("findings about injection say what the injector does, for labels of every kind", async (t) => {
  if (!(await requireIstio(t))) return;
  const cluster = await shared(t);
  if (!cluster) return;
  await startIstio(t, cluster);
  await startIstio(t, cluster, { revision: "canary" });
  const stage = await setStage(t, cluster);

  const wrong: string[] = [];
  for (const [namespace, labels] of Object.entries(NAMESPACES)) {
    const { warnings } = await create(stage, "namespaces", namespaceOf(`${namespace}-again`, labels));
    const plain = await create(stage, `namespaces/in-${namespace}/pods`, podOf({}));
    const about = `namespace ${namespace}`;
    if (warnings.length > 0 !== isNamespaceWrong(labels, plain.revision))
      wrong.push([about, ...warnings].join(": "));
    for (const [name, parts] of Object.entries(PODS)) {
      const created = await create(stage, `namespaces/in-${namespace}/pods`, podOf(parts));
      if (created.warnings.length > 0 === isPodWrong(parts, created.revision)) continue;
      wrong.push(
        [`${about}, Pod ${name}: ${created.revision ?? "not injected"}`, ...created.warnings].join(": "),
      );
    }
  }
  assert.deepEqual(wrong, []);
});

/** `revision` is that of a Pod which says nothing. */
function isNamespaceWrong(labels: Labels, revision: string | undefined): boolean {
  const { [INJECTION]: value, [REV]: wished } = labels;
  if (revision !== undefined) return wished !== undefined && wished !== revision;
  return wished !== undefined || (value !== undefined && value !== "disabled");
}

/** It gets no proxy though it asks, one though it refuses in its own words, or one of another revision. */
function isPodWrong({ labels = {}, annotations = {} }: PodCase, revision: string | undefined): boolean {
  const said = labels[INJECT] ?? annotations[INJECT] ?? "";
  if (said === "false") return false;
  if (revision === undefined) return said === "true" || said === "yes" || Boolean(labels[REV]);
  return said === "no" || Boolean(labels[REV] && labels[REV] !== revision);
}

interface Stage {
  readonly cluster: ControlPlane;
  readonly agent: Agent;
}

async function setStage(t: TestContext, cluster: ControlPlane): Promise<Stage> {
  const agent = new Agent({ connect: { ca: await readFile(cluster.caFile) } });
  t.after(() => agent.close());
  const namespaces = Object.entries(NAMESPACES).map(([name, labels]) => namespaceOf(`in-${name}`, labels));
  await succeed(
    cluster,
    ["create", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "List", items: namespaces }),
  );
  const foresail = await serveForesail([`--kubeconfig=${await installRights(cluster)}`]);
  t.after(async () => {
    await foresail.stop();
  });
  await untilReady(foresail);
  await succeed(cluster, ["apply", "-f", "-"], await webhookManifests(foresail));
  const stage = { cluster, agent };
  await untilEverythingIsKnown(stage, foresail);
  await eventually("the webhook is called", async () => {
    const { warnings } = await create(stage, "namespaces", namespaceOf("probe", { [INJECTION]: "true" }));
    return warnings.length > 0;
  });
  return stage;
}

async function untilEverythingIsKnown({ cluster }: Stage, foresail: ServedForesail): Promise<void> {
  for (const [kind, plural] of [
    ["Namespace", "namespaces"],
    ["MutatingWebhookConfiguration", "mutatingwebhookconfigurations"],
  ]) {
    await eventually(`every ${kind} is known`, async () => {
      const known = (await metricsOf(foresail)).get(`foresail_cache_objects{kind="${kind}"}`);
      const there = await succeed(cluster, ["get", plural ?? "", "-o", "name"]);
      return known === there.split("\n").filter(Boolean).length;
    });
  }
}

function namespaceOf(name: string, labels: Labels): JsonObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

function podOf({ labels = {}, annotations = {}, hostNetwork = false }: PodCase): JsonObject {
  const containers = [{ name: "app", image: "app:1" }];
  const spec = { serviceAccountName: "default", hostNetwork, containers };
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "web", labels, annotations }, spec };
}

const podShape = object({
  metadata: object({ annotations: mapOf(string) }),
  spec: object({ initContainers: list(object({ name: string })) }),
});

interface Created {
  /** What this rule warns of. */
  readonly warnings: readonly string[];
  /** Of the injector; undefined if there is no proxy. */
  readonly revision: string | undefined;
}

/** Nothing is stored. */
async function create({ cluster, agent }: Stage, path: string, body: JsonObject): Promise<Created> {
  const answer = await agent.request({
    origin: cluster.url,
    path: `/api/v1/${path}?dryRun=All`,
    method: "POST",
    headers: { authorization: `Bearer ${cluster.token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const value: unknown = await answer.body.json();
  assert.equal(answer.statusCode, 201, JSON.stringify(value));
  const { metadata, spec } = podShape.read(value) ?? {};
  const isInjected = (spec?.initContainers ?? []).some(({ name }) => name === "istio-proxy");
  return {
    warnings: [answer.headers["warning"] ?? []]
      .flat()
      .flatMap((header) => header.split(/, (?=299 - )/))
      .filter((warning) => /namespace-injection-takes-effect: (?!fix: )/.test(warning)),
    revision: isInjected ? (metadata?.annotations?.[REV] ?? "") : undefined,
  };
}
