/**
 * The routes of a VirtualService with those that it delegates to others. Source: pilot/pkg/model/virtualservice.go
 * (MergeHTTPRoutes), virtualservice_controller.go (mergeVirtualServices).
 */
import type { Labels } from "../../kubernetes/objects.ts";
import type { LookupMesh } from "./mesh.ts";
import { isExportedTo } from "./path.ts";
import type { HttpMatch, HttpRoute, LookupVirtualService } from "./virtual-service.ts";

export function mergedRoutes(root: LookupVirtualService, mesh: LookupMesh): readonly HttpRoute[] {
  if (!root.http.some(({ delegate }) => delegate)) return root.http;
  return root.http.flatMap((route) => (route.delegate ? delegatedRoutes(root, route, mesh) : [route]));
}

/** None if there is no such VirtualService, or the root's namespace does not see it. */
function delegatedRoutes(
  { namespace }: LookupVirtualService,
  route: HttpRoute,
  mesh: LookupMesh,
): readonly HttpRoute[] {
  const { delegate } = route;
  const found = delegate && mesh.virtualService(delegate.namespace, delegate.name);
  if (!found || found.hosts.length > 0 || !mesh.reads(found.namespace, found.revision)) return [];
  if (!isExportedTo({ exportTo: exportOf(found, mesh) }, namespace)) return [];
  return found.http.flatMap((one) => mergeRoute(route, one) ?? []);
}

/** To Istio "." is the namespace's own name here. */
function exportOf(
  { namespace, exportTo }: LookupVirtualService,
  { settings }: LookupMesh,
): readonly string[] {
  const written = exportTo.length > 0 ? exportTo : settings.defaultVirtualServiceExportTo;
  return written.map((one) => (one === "." ? namespace : one));
}

/** The delegate's, with the root's mirrors if it has none; undefined where their matches exclude each other. */
function mergeRoute(root: HttpRoute, one: HttpRoute): HttpRoute | undefined {
  const matches = mergeMatches(root.matches, one.matches);
  if (!matches) return undefined;
  return {
    matches,
    destinations: one.destinations,
    mirror: one.mirror ?? root.mirror,
    mirrors: one.mirrors.length > 0 ? one.mirrors : root.mirrors,
    delegate: undefined,
  };
}

/** Each match of the delegate must agree with one of the root's; as far as other files read them. */
function mergeMatches(
  root: readonly HttpMatch[],
  own: readonly HttpMatch[],
): readonly HttpMatch[] | undefined {
  if (root.length === 0 || own.length === 0) return [...root, ...own];
  const merged = own.map((one) =>
    root
      .filter((other) => !conflicts(other, one))
      .map((other) => ({ ...one, sourceNamespace: one.sourceNamespace || (other.sourceNamespace ?? "") })),
  );
  return merged.some((alternatives) => alternatives.length === 0) ? undefined : merged.flat();
}

function conflicts(root: HttpMatch, own: HttpMatch): boolean {
  return (
    (["uri", "scheme", "method", "authority"] as const).some((key) => textsConflict(root[key], own[key])) ||
    (["headers", "withoutHeaders", "queryParams"] as const).some((key) =>
      mapsConflict(root[key], own[key]),
    ) ||
    (root.ignoreUriCase ?? false) !== (own.ignoreUriCase ?? false) ||
    (isSet(root.port) && isSet(own.port) && root.port !== own.port) ||
    (isSet(root.sourceNamespace) && root.sourceNamespace !== (own.sourceNamespace ?? "")) ||
    labelsConflict(root.sourceLabels ?? {}, own.sourceLabels ?? {}) ||
    gatewaysConflict(root.gateways ?? [], own.gateways ?? [])
  );
}

function isSet(value: string | number | undefined): boolean {
  return value !== undefined && value !== "" && value !== 0;
}

/** `exact`, `prefix` or `regex`. */
type TextMatch = Labels | undefined;

function mapsConflict(
  root: Readonly<Record<string, Labels>> = {},
  own: Readonly<Record<string, Labels>> = {},
): boolean {
  return Object.entries(own).some(([key, one]) => Object.hasOwn(root, key) && textsConflict(root[key], one));
}

/** The delegate's must be narrower, and nobody knows whether a regular expression is. */
function textsConflict(root: TextMatch, own: TextMatch): boolean {
  if (root === undefined || own === undefined) return false;
  const [wide, narrow] = [readText(root), readText(own)];
  const isEmpty = (one: ReturnType<typeof readText>) => `${one.regex}${one.prefix}${one.exact}` === "";
  if (wide.regex !== "" && !isEmpty(narrow)) return true;
  if (narrow.regex !== "" && !isEmpty(wide)) return true;
  if (wide.exact !== "") return narrow.prefix !== "" || narrow.exact !== wide.exact;
  const text = narrow.prefix || narrow.exact;
  return wide.prefix === "" || text === "" || !text.startsWith(wide.prefix);
}

function readText({ exact = "", prefix = "", regex = "" }: Labels) {
  return { exact, prefix, regex };
}

function labelsConflict(root: Labels, own: Labels): boolean {
  return Object.entries(own).some(([key, value]) => Object.hasOwn(root, key) && root[key] !== value);
}

function gatewaysConflict(root: readonly string[], own: readonly string[]): boolean {
  if (root.length === 0 || own.length === 0) return false;
  return root.length < own.length || own.some((gateway) => !root.includes(gateway));
}
