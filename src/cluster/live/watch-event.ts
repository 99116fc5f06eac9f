/** What a watch says, a line each. */
import { isObject } from "../../kubernetes/json.ts";
import { number, object, string } from "../../kubernetes/shape.ts";

/** The watch cannot go on from where it was: everything must be listed again. */
export class RelistNeeded extends Error {
  override readonly name = "RelistNeeded";
}

interface WatchEvent {
  readonly type: "ADDED" | "BOOKMARK" | "DELETED" | "MODIFIED";
  readonly value: unknown;
  readonly resourceVersion: string;
}

const TYPES = ["ADDED", "BOOKMARK", "DELETED", "MODIFIED"] as const;

const metadataShape = object({
  metadata: object({ name: string, namespace: string, resourceVersion: string }),
});
const statusShape = object({ code: number, message: string });

/** @throws RelistNeeded for an error of the API server, and for everything that is no event */
export function parseWatchEvent(line: string): WatchEvent {
  const event = parseJson(line);
  if (!isObject(event)) throw new RelistNeeded("the watch sent a line that is no JSON");
  const { type, object: value } = event;
  if (type === "ERROR") {
    const { code, message = "an error without a message" } = statusShape.read(value) ?? {};
    throw new RelistNeeded(`the watch ended: ${code ?? ""} ${message}`);
  }
  const known = TYPES.find((one) => one === type);
  const resourceVersion = metadataShape.read(value)?.metadata?.resourceVersion;
  if (known === undefined || !resourceVersion)
    throw new RelistNeeded("the watch sent a line that is no event");
  return { type: known, value, resourceVersion };
}

/** Versions grow with every change in the cluster; not a number where they are not etcd's. */
export function versionOf(value: unknown): number {
  return Number(metadataShape.read(value)?.metadata?.resourceVersion);
}

/** `NAMESPACE/NAME`; `/NAME` of objects without a namespace. */
export function keyOf(value: unknown): string {
  const { namespace = "", name = "" } = metadataShape.read(value)?.metadata ?? {};
  return `${namespace}/${name}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
