/** Whether the controllers run that have to remove finalizers, as far as that can be seen. */
import type { ApiServer } from "../../api-server/client.ts";
import { finalizerFacts } from "../../kubernetes/finalizers.ts";
import type { Labels } from "../../kubernetes/objects.ts";
import { isObject } from "../../kubernetes/json.ts";
import { anything, list, number, object, string } from "../../kubernetes/shape.ts";
import { selectorOf } from "../../termination/facts.ts";
import type { Content, ControllerSight, FinalizerSight } from "../../termination/facts.ts";
import { METADATA_ONLY } from "../live/metadata-only.ts";
import { atOnce } from "./at-once.ts";
import { pathOf } from "./content.ts";

type Api = Pick<ApiServer, "request">;

const metadata = object({ name: string, namespace: string });
const itemsShape = object({ items: list(anything) });
const podShape = object({
  metadata,
  status: object({ conditions: list(object({ type: string, status: string })) }),
});
const deploymentsShape = object({
  items: list(object({ metadata, status: object({ readyReplicas: number }) })),
});
const managersShape = object({
  metadata: object({ managedFields: list(object({ manager: string, fieldsV1: anything })) }),
});

const MAX_REQUESTS = 4;
/** More of them tell nothing more. */
const MAX_PODS = "5";
/** What people write with, and what any program is called that does not say its name. */
const NO_PROGRAMS = /^(?:kubectl|node-fetch|unknown|manager|controller|Mozilla|curl)/;

/** By finalizer. Of each, one object is asked who wrote it. */
export async function findControllers(
  api: Api,
  namespace: string,
  content: readonly Content[],
): Promise<ReadonlyMap<string, FinalizerSight>> {
  const samples = new Map<string, string>();
  for (const { resource, objects } of content)
    for (const { name, finalizers } of objects)
      for (const finalizer of finalizers)
        if (!samples.has(finalizer)) samples.set(finalizer, pathOf(resource, namespace, name));
  const found = await atOnce([...samples], MAX_REQUESTS, async ([finalizer, path]) => {
    const manager = await managerOf(api, finalizer, path);
    return [finalizer, { manager, controller: await controllerOf(api, finalizer, manager) }] as const;
  });
  return new Map(found);
}

async function controllerOf(
  api: Api,
  finalizer: string,
  manager: string | undefined,
): Promise<ControllerSight> {
  const facts = finalizerFacts(finalizer);
  if (facts === undefined) return manager === undefined ? "unknown" : findDeployment(api, manager);
  return typeof facts.runs === "object" ? findPods(api, facts.runs.pods) : "unknown";
}

/** Wherever they run. */
async function findPods(api: Api, all: readonly Labels[]): Promise<ControllerSight> {
  let best: ControllerSight = { seen: undefined };
  for (const labels of all) {
    const query = { labelSelector: selectorOf(labels), limit: MAX_PODS };
    const answer = await api.request({ path: "/api/v1/pods", query });
    if (answer.status !== 200) return "unknown";
    const sight = sightOfPods(itemsShape.read(answer.body)?.items ?? []);
    if (sight.isReady === true) return sight;
    if (sight.seen !== undefined) best = sight;
  }
  return best;
}

type Sight = Exclude<ControllerSight, "unknown"> & { readonly isReady?: boolean };

/** One that is ready, if there is any. */
export function sightOfPods(pods: readonly unknown[]): Sight {
  let best: Sight = { seen: undefined };
  for (const item of pods) {
    const { metadata: pod, status } = podShape.read(item) ?? {};
    const isReady = (status?.conditions ?? []).some((one) => one.type === "Ready" && one.status === "True");
    best = { seen: `pod ${pod?.namespace ?? ""}/${pod?.name ?? ""}`, isReady };
    if (isReady) break;
  }
  return best;
}

/** Controllers often write under the name of their Deployment. */
async function findDeployment(api: Api, name: string): Promise<ControllerSight> {
  if (NO_PROGRAMS.test(name)) return "unknown";
  const query = { fieldSelector: `metadata.name=${name}`, limit: MAX_PODS };
  const answer = await api.request({ path: "/apis/apps/v1/deployments", query });
  if (answer.status !== 200) return "unknown";
  const [deployment] = deploymentsShape.read(answer.body)?.items ?? [];
  // It may be called otherwise.
  if (deployment === undefined) return "unknown";
  const seen = `deployment ${deployment.metadata?.namespace ?? ""}/${name}`;
  return { seen, isReady: (deployment.status?.readyReplicas ?? 0) > 0 };
}

async function managerOf(api: Api, finalizer: string, path: string): Promise<string | undefined> {
  const { status, body } = await api.request({ path, accept: `${METADATA_ONLY.object},application/json` });
  return status === 200 ? managerIn(body, finalizer) : undefined;
}

/** Who wrote the finalizer into the object. */
export function managerIn(value: unknown, finalizer: string): string | undefined {
  const { managedFields = [] } = managersShape.read(value)?.metadata ?? {};
  return managedFields.find(({ fieldsV1 }) => hasWritten(fieldsV1, finalizer))?.manager;
}

// Source: Kubernetes, Server-Side Apply, field management: a value of a set is the key `v:VALUE`.
function hasWritten(fieldsV1: unknown, finalizer: string): boolean {
  const fields = isObject(fieldsV1) ? fieldsV1["f:metadata"] : undefined;
  const finalizers = isObject(fields) ? fields["f:finalizers"] : undefined;
  return isObject(finalizers) && Object.hasOwn(finalizers, `v:${JSON.stringify(finalizer)}`);
}
