import { isObject } from "./json.ts";

/** The way to a field from the root of an object: `["spec", "ports", 1, "name"]`. */
export type FieldPath = readonly (string | number)[];

/** A key that can stand after a dot without being misread. */
const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** As Kubernetes' own messages write it: `spec.ports[1].name`, `metadata.annotations["proxy.istio.io/config"]`. */
export function formatField(path: FieldPath): string {
  let text = "";
  for (const segment of path) {
    text += typeof segment === "number" ? `[${segment}]` : formatKey(segment, text === "");
  }
  return text;
}

function formatKey(key: string, isFirst: boolean): string {
  if (!PLAIN_KEY.test(key)) return `[${JSON.stringify(key)}]`;
  return isFirst ? key : `.${key}`;
}

/** What tells the items of Kubernetes' and Istio's lists apart. */
const ITEM_KEYS = ["name", "containerPort", "port", "number", "host", "key"];

/**
 * The field with each item of a list called by what it is instead of where it stands: `spec.ports[name=http].name`. Two items
 * that nothing tells apart are called the same.
 */
export function formatStableField(path: FieldPath, object: unknown): string {
  let text = "";
  let value = object;
  for (const segment of path) {
    const child: unknown = isContainer(value) ? value[segment] : undefined;
    text += typeof segment === "number" ? `[${itemName(child)}]` : formatKey(segment, text === "");
    value = child;
  }
  return text;
}

function itemName(item: unknown): string {
  if (typeof item === "string") return JSON.stringify(item);
  if (!isObject(item)) return "";
  for (const key of ITEM_KEYS) {
    const value = item[key];
    if (typeof value === "string" || typeof value === "number") return `${key}=${JSON.stringify(value)}`;
  }
  return "";
}

function isContainer(value: unknown): value is { readonly [key: string | number]: unknown } {
  return typeof value === "object" && value !== null;
}
