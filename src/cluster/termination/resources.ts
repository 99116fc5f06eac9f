/** Every kind of which a namespace can hold objects. */
import type { ApiServer } from "../../api-server/client.ts";
import { ApiStatusError } from "../../api-server/status-error.ts";
import { boolean, list, object, string } from "../../kubernetes/shape.ts";
import type { Shape } from "../../kubernetes/shape.ts";
import type { Refusal, Resource } from "../../termination/facts.ts";
import { atOnce } from "./at-once.ts";

export interface Discovered {
  readonly resources: readonly Resource[];
  /** `GROUP/VERSION` of APIs that did not say what they have. */
  readonly undiscovered: readonly { readonly api: string; readonly refusal: Refusal }[];
}

const versionShape = object({ groupVersion: string, version: string });
const groupsShape = object({
  groups: list(object({ name: string, versions: list(versionShape), preferredVersion: versionShape })),
});
const resourcesShape = object({
  resources: list(object({ name: string, kind: string, namespaced: boolean, verbs: list(string) })),
});

/** The same objects under a second name. */
const COPIES = ["events.events.k8s.io"];
const MAX_REQUESTS = 8;

/** In each group as its preferred version has it, or another one if only that has it. */
export async function discoverResources(api: Pick<ApiServer, "request">): Promise<Discovered> {
  const { groups = [] } = await read(api, "/apis", groupsShape);
  const apis = [
    { group: "", version: "v1", path: "/api/v1", name: "v1" },
    ...groups.flatMap(({ name: group = "", versions = [], preferredVersion }) => {
      const names = [preferredVersion, ...versions].map((one) => one?.version ?? "");
      return [...new Set(names)]
        .filter((version) => version !== "")
        .map((version) => ({
          group,
          version,
          path: `/apis/${group}/${version}`,
          name: `${group}/${version}`,
        }));
    }),
  ];
  const undiscovered: { readonly api: string; readonly refusal: Refusal }[] = [];
  const answers = await atOnce(apis, MAX_REQUESTS, async (one) => {
    try {
      const { resources = [] } = await read(api, one.path, resourcesShape);
      return { ...one, resources };
    } catch (error) {
      undiscovered.push({ api: one.name, refusal: refusalOf(error) });
      return { ...one, resources: [] };
    }
  });
  const found = new Map<string, Resource>();
  for (const { group, version, resources } of answers) {
    for (const { name = "", kind = "", namespaced, verbs = [] } of resources) {
      const key = group === "" ? name : `${name}.${group}`;
      const isContent = namespaced === true && verbs.includes("list") && verbs.includes("delete");
      if (!isContent || name.includes("/") || COPIES.includes(key) || found.has(key)) continue;
      found.set(key, { group, version, plural: name, kind });
    }
  }
  return { resources: [...found.values()], undiscovered };
}

async function read<T>(api: Pick<ApiServer, "request">, path: string, shape: Shape<T>): Promise<T> {
  const answer = await api.request({ path });
  if (answer.status !== 200) throw new ApiStatusError(answer);
  return shape.read(answer.body) ?? shape.blank;
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof ApiStatusError) return { status: error.status, message: error.message };
  return { status: undefined, message: error instanceof Error ? error.message : String(error) };
}
