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
async function findApi(api: ApiServer, kind: Kind, signal: AbortSignal): Promise<string | undefined> {
  const { group, plural } = KIND_FACTS[kind];
  if (group === "") return "/api/v1";
  const { preferredVersion, versions = [] } = (await read(api, `/apis/${group}`, groupShape, signal)) ?? {};
  // The preferred one may hold other kinds of the group only.
  for (const version of new Set([preferredVersion, ...versions].map((one) => one?.version ?? ""))) {
    const path = `/apis/${group}/${version}`;
    const { resources = [] } =
      (version === "" ? undefined : await read(api, path, resourcesShape, signal)) ?? {};
    if (resources.some(({ name }) => name === plural)) return path;
  }
  return undefined;
}

async function read<T>(
  api: ApiServer,
  path: string,
  shape: Shape<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const answer = await api.request({ path, signal });
  if (answer.status === NOT_FOUND) return undefined;
  if (answer.status !== 200) throw new ApiStatusError(answer);
  return shape.read(answer.body);
}
