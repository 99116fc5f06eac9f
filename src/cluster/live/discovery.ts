/** Under which path the API server serves a kind. */
import type { ApiServer } from "../../api-server/client.ts";
import { ApiStatusError } from "../../api-server/status-error.ts";
import { KIND_FACTS } from "../../kubernetes/objects.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import { list, object, string } from "../../kubernetes/shape.ts";
import type { Shape } from "../../kubernetes/shape.ts";

const groupShape = object({
  versions: list(object({ version: string })),
  preferredVersion: object({ version: string }),
});
const resourcesShape = object({ resources: list(object({ name: string })) });

const NOT_FOUND = 404;

/** Where all objects of the kind are listed, or those of one namespace; undefined if the API server does not serve the kind. */
export async function findList(
  api: ApiServer,
  kind: Kind,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const path = await findApi(api, kind, signal);
  if (path === undefined) return undefined;
  const { plural } = KIND_FACTS[kind];
  return namespace === undefined ? `${path}/${plural}` : `${path}/namespaces/${namespace}/${plural}`;
}

/** `/apis/GROUP/VERSION` in the version that the API server prefers; undefined if it does not serve the kind. */
async function findApi(api: Api, kind: Kind, signal: AbortSignal): Promise<string | undefined> {
  const { group, plural } = KIND_FACTS[kind];
  if (group === "") return "/api/v1";
  for await (const { path, plurals } of servedVersions(api, group, signal)) {
    if (plurals.has(plural)) return path;
  }
  return undefined;
}

/** Which of these kinds of one group the API server serves, in whatever version. */
export async function findServed<K extends Kind>(
  api: Api,
  kinds: readonly K[],
  signal: AbortSignal,
): Promise<readonly K[]> {
  const served = new Set<string>();
  const [kind] = kinds;
  if (kind === undefined) return [];
  for await (const { plurals } of servedVersions(api, KIND_FACTS[kind].group, signal)) {
    for (const plural of plurals) served.add(plural);
    if (kinds.every((one) => served.has(KIND_FACTS[one].plural))) break;
  }
  return kinds.filter((one) => served.has(KIND_FACTS[one].plural));
}

type Api = Pick<ApiServer, "request">;

/** The preferred one first: it may hold other kinds of the group only. */
async function* servedVersions(
  api: Api,
  group: string,
  signal: AbortSignal,
): AsyncIterable<{ readonly path: string; readonly plurals: ReadonlySet<string> }> {
  const { preferredVersion, versions = [] } = (await read(api, `/apis/${group}`, groupShape, signal)) ?? {};
  for (const version of new Set([preferredVersion, ...versions].map((one) => one?.version ?? ""))) {
    if (version === "") continue;
    const path = `/apis/${group}/${version}`;
    const { resources = [] } = (await read(api, path, resourcesShape, signal)) ?? {};
    yield { path, plurals: new Set(resources.map(({ name = "" }) => name)) };
  }
}

async function read<T>(api: Api, path: string, shape: Shape<T>, signal: AbortSignal): Promise<T | undefined> {
  const answer = await api.request({ path, signal });
  if (answer.status === NOT_FOUND) return undefined;
  if (answer.status !== 200) throw new ApiStatusError(answer);
  return shape.read(answer.body);
}
