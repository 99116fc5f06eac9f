/** What is in a namespace: the metadata of all objects of all kinds, a page at a time. */
import type { ApiServer } from "../../api-server/client.ts";
import { anything, list, object, string } from "../../kubernetes/shape.ts";
import type { Content, RemainingObject, Resource } from "../../termination/facts.ts";
import { METADATA_ONLY } from "../live/metadata-only.ts";
import { listAll } from "../live/paged-list.ts";
import { atOnce } from "./at-once.ts";
import { refusalOf } from "./resources.ts";

const objectShape = object({
  metadata: object({
    name: string,
    finalizers: list(string),
    deletionTimestamp: string,
    ownerReferences: list(anything),
  }),
});

const MAX_LISTS = 6;
/** Not every aggregated API server can leave out all but the metadata. */
const ACCEPT = `${METADATA_ONLY.list},application/json`;

export interface ContentOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly resources: readonly Resource[];
  /** Called before each kind. */
  readonly onKind: (done: number, resource: Resource) => void;
}

/** Kinds of which something is there, or of which nobody could look. */
export async function listContent({ api, namespace, resources, onKind }: ContentOptions): Promise<Content[]> {
  let done = 0;
  const all = await atOnce(resources, MAX_LISTS, async (resource): Promise<Content> => {
    onKind(done, resource);
    done += 1;
    const objects: RemainingObject[] = [];
    // Kept as it comes: of a page with many objects little more than the names.
    const trim = (value: unknown) => void objects.push(readRemaining(value));
    try {
      await listAll(api, pathOf(resource, namespace), { accept: ACCEPT, trim });
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal.status !== NOT_FOUND && refusal.status !== NOT_ALLOWED)
        return { resource, objects, refusal };
    }
    return { resource, objects };
  });
  return all.filter(({ objects, refusal }) => objects.length > 0 || refusal !== undefined);
}

/** The kind has gone meanwhile, or was never one: the namespace controller takes these for empty, too. */
const NOT_FOUND = 404;
const NOT_ALLOWED = 405;

/** Where its objects in the namespace are listed, or the one of this name. */
export function pathOf({ group, version, plural }: Resource, namespace: string, name = ""): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}/namespaces/${namespace}/${plural}${name === "" ? "" : `/${name}`}`;
}

export function readRemaining(value: unknown): RemainingObject {
  const { metadata = {} } = objectShape.read(value) ?? {};
  const { name = "", finalizers = [], deletionTimestamp = "", ownerReferences = [] } = metadata;
  return {
    name,
    finalizers,
    deletedAt: timeOf(deletionTimestamp),
    isOwned: ownerReferences.length > 0,
  };
}

/** Undefined for what is no time. */
export function timeOf(text: string): number | undefined {
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
