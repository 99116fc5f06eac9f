/** Version numbers of the components whose behaviour depends on them. */

export const COMPONENTS = ["istio", "kubernetes", "ccm", "asm"] as const;
export type Component = (typeof COMPONENTS)[number];

/** A version, and where it was read: `"assume"`, `"image of istiod"`. */
export interface KnownVersion {
  readonly value: string;
  readonly from: string;
  /** What its environment says of facts that may be switched off there. */
  readonly environment?: Readonly<Record<string, string>>;
}
export type Versions = { readonly [C in Component]?: KnownVersion };

const VERSION = /^v?(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?/;

/** `[1, 10, 0]` of `"1.10"`, `"v1.10.0-alpha"`, `"1.10-dev"`; undefined for anything else. */
export function parseVersion(text: string): readonly [number, number, number] | undefined {
  const match = VERSION.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] : undefined;
}

/** Negative if `left` is older, 0 if the same, positive if newer; undefined if either is no version. */
export function compareVersions(left: string, right: string): number | undefined {
  const [one, other] = [parseVersion(left), parseVersion(right)];
  if (!one || !other) return undefined;
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}

/** The version in an image's tag: `"1.22.3"` of `registry/proxyv2:1.22.3-distroless`; undefined without one. */
export function versionOfImage(image: string): string | undefined {
  return parseVersion(tagOf(image))?.join(".");
}

function tagOf(image: string): string {
  const [name = ""] = image.split("@");
  return name.slice(name.lastIndexOf("/") + 1).split(":")[1] ?? "";
}

/**
 * A version of Alibaba Cloud Service Mesh is one of Istio and what it has besides, `v1.14.3.47-ga31201346f-aliyun`
 * (DescribeVersions, https://www.alibabacloud.com/help/en/asm/developer-reference/api-servicemesh-2020-01-11-describeversions);
 * the images of its Istio have it as their tag.
 */
const ASM_TAG = /^v?\d+\.\d+\.\d+(?:[.-][0-9a-z]+)*-aliyun(?:-|$)/;

/** `"1.14.3"` of `registry/acs/proxyv2:v1.14.3.47-ga31201346f-aliyun`; undefined of an image that is not ASM's. */
export function asmVersionOfImage(image: string): string | undefined {
  return ASM_TAG.test(tagOf(image)) ? versionOfImage(image) : undefined;
}

const VERSION_IN_NAME = /(?:^|-)v?(1)-(\d{1,2})(?:-(\d{1,2}))?(?=-|$)/;

/** `"1.22.3"` of the revision `1-22-3` or `asm-1-22-3`, as Istio's documentation names revisions; undefined of `canary`. */
export function versionOfRevisionName(revision: string): string | undefined {
  const [, major, minor, patch = "0"] = VERSION_IN_NAME.exec(revision) ?? [];
  return major === undefined ? undefined : `${major}.${minor}.${patch}`;
}
