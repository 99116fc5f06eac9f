/** The way to a field from the root of an object: `["spec", "ports", 1, "name"]`. */
export type FieldPath = readonly (string | number)[];

/** A key that can stand after a dot without being misread. */
const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** As Kubernetes' own messages write it: `spec.ports[1].name`, `metadata.annotations["proxy.istio.io/config"]`. */
export function formatField(path: FieldPath): string {
  let text = "";
  for (const segment of path) {
    if (typeof segment === "number") text += `[${segment}]`;
    else if (!PLAIN_KEY.test(segment)) text += `[${JSON.stringify(segment)}]`;
    else text += text === "" ? segment : `.${segment}`;
  }
  return text;
}
