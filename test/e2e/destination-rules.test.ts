/** What kubectl prints when DestinationRules, and what they depend on, get in each other's way; on a cluster that is followed. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { serveForesail } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import { installWebhooks, setLiveStage, succeed } from "./live-foresail.ts";
import type { LiveStage } from "./live-foresail.ts";

const HOST = "myservice.default.svc.cluster.local";
const API = "networking.istio.io/v1";

interface Stage extends LiveStage {
  readonly foresail: ServedForesail;
}

const controlPlane = sharedControlPlane();
let stage: Promise<Stage> | undefined;
after(async () => {
  const set = await stage;
  await set?.foresail.stop();
  await set?.api.close();
});

/** The namespace shop has clients, the Service is in default: its rule has outlier detection and a subset that is used. */
async function start(cluster: ControlPlane): Promise<Stage> {
  const set = await setLiveStage(cluster);
  const kinds = [customResourceDefinition("VirtualService"), customResourceDefinition("Sidecar")];
  await succeed(cluster, ["apply", "-f", "-"], list(kinds));
  await succeed(cluster, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  await succeed(cluster, ["apply", "-f", "-"], list([OWNERS, ROUTE]));
  const foresail = await serveForesail([`--kubeconfig=${set.kubeconfig}`]);
  await installWebhooks(set, foresail);
  return { ...set, foresail };
}

async function onStage(t: TestContext): Promise<Stage | undefined> {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return undefined;
  stage ??= start(cluster);
  return stage;
}

function list(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

function destinationRule(namespace: string, name: string, spec: object = {}): object {
  return {
    apiVersion: API,
    kind: "DestinationRule",
    metadata: { namespace, name },
    spec: { host: HOST, ...spec },
  };
}

const OWNERS = destinationRule("default", "owners", {
  trafficPolicy: { outlierDetection: { consecutive5xxErrors: 3 } },
  subsets: [{ name: "v1", labels: { version: "v1" } }],
});
const ROUTE = {
  apiVersion: API,
  kind: "VirtualService",
  metadata: { namespace: "default", name: "route" },
  spec: { hosts: [HOST], http: [{ route: [{ destination: { host: HOST, subset: "v1" } }] }] },
};

/** What kubectl warns of; nothing is stored. */
async function warnings(
  { cluster }: Stage,
  verb: string,
  ...objects: readonly object[]
): Promise<readonly string[]> {
  const { code, stderr } = await cluster.kubectl([verb, "--dry-run=server", "-f", "-"], list(objects));
  assert.equal(code, 0, stderr);
  return stderr.split("\n").filter((line) => line.startsWith("Warning: "));
}

async function eventuallyWarns(set: Stage, verb: string, object: object, ...expected: readonly string[]) {
  // A watch may be some milliseconds behind.
  await eventually(expected[0] ?? "", async () => {
    const said = await warnings(set, verb, object);
    return expected.every((text) => said.some((line) => line.includes(text)));
  });
}

test("a client's rule that hides what the service's team has set is warned of, with what is lost", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  await eventuallyWarns(
    set,
    "apply",
    destinationRule("shop", "own"),
    `destination-rule-not-shadowed: Clients in shop lose outlierDetection, subset v1 of default/owners for ${HOST}: this rule comes first`,
    `virtual-service-subset-exists: With this change clients in shop get 503 NC: VirtualService default/route leads them to subset v1`,
  );
});

test("a client's rule that repeats it all is accepted without a word", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const own = destinationRule("shop", "own", {
    trafficPolicy: { outlierDetection: { consecutive5xxErrors: 5 } },
    subsets: [{ name: "v1", labels: { version: "v1" } }],
  });
  assert.deepEqual(await warnings(set, "apply", own), []);
});

test("deleting the rule in use is warned of, and not refused", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  await eventuallyWarns(
    set,
    "delete",
    OWNERS,
    `destination-rule-not-shadowed: Clients in shop lose outlierDetection, subset v1 of ${HOST} with this change`,
    "virtual-service-subset-exists: With this change clients in shop get 503 NC",
  );
});

test("a route to a subset that nobody has is warned of", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const route = {
    ...ROUTE,
    metadata: { namespace: "default", name: "another" },
    spec: { hosts: [HOST], http: [{ route: [{ destination: { host: HOST, subset: "v2" } }] }] },
  };
  await eventuallyWarns(
    set,
    "apply",
    route,
    `virtual-service-subset-exists: Clients in shop get 503 NC: default/owners, which they use for ${HOST}, has no subset v2`,
  );
});

test("deleting a Service whose rule others have is warned of", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const own = destinationRule("istio-system", "elsewhere");
  const root = { apiVersion: "v1", kind: "Namespace", metadata: { name: "istio-system" } };
  await succeed(set.cluster, ["apply", "-f", "-"], list([root]));
  await succeed(set.cluster, ["apply", "-f", "-"], list([own]));
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "default", name: "myservice" },
  };
  await eventuallyWarns(
    set,
    "delete",
    service,
    "destination-rule-not-orphaned: DestinationRule istio-system/elsewhere is left without its Service default/myservice",
  );
});
