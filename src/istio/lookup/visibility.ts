/** To whom a Service or ServiceEntry is exported. Source: pilot/pkg/model/push_context.go (initServiceRegistry). */
import type { Labels, LabelSelector, Metadata } from "../../kubernetes/objects.ts";
import { matchesSelector } from "../../kubernetes/selectors.ts";
import type { LookupSettings } from "./mesh.ts";

/** A hostname's owner, as far as visibility goes. */
export interface ExportedHost {
  readonly namespace: string;
  /** Empty: the mesh's default. */
  readonly exportTo: readonly string[];
}

const EXPORT_TO = "networking.istio.io/exportTo";

/** What a Service's annotation says. */
export function exportOf(metadata: Metadata | undefined): readonly string[] {
  const names = (metadata?.annotations?.[EXPORT_TO] ?? "").split(",").map((one) => one.trim());
  return names.filter((one) => one !== "");
}

type Defaults = Pick<LookupSettings, "defaultServiceExportTo">;

function effectiveExport(
  { exportTo }: ExportedHost,
  { defaultServiceExportTo }: Defaults,
): readonly string[] {
  return exportTo.length > 0 ? exportTo : defaultServiceExportTo;
}

export function isPublic(host: ExportedHost, defaults: Defaults): boolean {
  const exportTo = effectiveExport(host, defaults);
  return exportTo.length === 0 || exportTo.includes("*");
}

/** Those whose proxies can see the host; undefined: all. */
export function namespacesSeeing(host: ExportedHost, defaults: Defaults): readonly string[] | undefined {
  if (isPublic(host, defaults)) return undefined;
  const names = effectiveExport(host, defaults).map((name) => (name === "." ? host.namespace : name));
  return [...new Set(names)].filter((name) => isVisiblePastNone(host, name, defaults));
}

/** Whether proxies of a namespace see the host at all; without it there is no lookup. `*` wins over all, then `~` hides. */
export function isVisibleTo(host: ExportedHost, clientNamespace: string, defaults: Defaults): boolean {
  return (
    isPublic(host, defaults) ||
    (!effectiveExport(host, defaults).includes("~") && isNamed(host, clientNamespace, defaults))
  );
}

/** As a Sidecar's egress hosts and VirtualServices' destinations see it, which read past a `~` (IsServiceVisible). */
export function isVisiblePastNone(host: ExportedHost, clientNamespace: string, defaults: Defaults): boolean {
  return isPublic(host, defaults) || isNamed(host, clientNamespace, defaults);
}

function isNamed(host: ExportedHost, clientNamespace: string, defaults: Defaults): boolean {
  const exportTo = effectiveExport(host, defaults);
  return exportTo.includes(clientNamespace) || (exportTo.includes(".") && clientNamespace === host.namespace);
}

/** How far ServiceEntries of some namespaces are seen at most: `NONE`, `NAMESPACE`, or everything else for no limit. */
export interface ServiceEntryVisibility {
  readonly defaultVisibility: string;
  /** The first whose selectors all match the namespace decides; a selector that is not there matches nothing. */
  readonly policies: readonly {
    readonly visibility: string;
    readonly namespaceSelectors: readonly (LabelSelector | undefined)[];
  }[];
}

/** What is left of a ServiceEntry's exportTo (push_context.go: serviceExportTo). */
export function narrowedExport(
  host: ExportedHost,
  namespaceLabels: Labels,
  settings: Pick<LookupSettings, "defaultServiceExportTo" | "serviceEntryVisibility">,
): readonly string[] {
  const { serviceEntryVisibility } = settings;
  if (!serviceEntryVisibility) return host.exportTo;
  const policy = serviceEntryVisibility.policies.find(({ namespaceSelectors }) =>
    namespaceSelectors.every((selector) => selector && matchesSelector(selector, namespaceLabels)),
  );
  const visibility = policy?.visibility ?? serviceEntryVisibility.defaultVisibility;
  if (visibility === "NONE") return ["~"];
  if (visibility !== "NAMESPACE") return host.exportTo;
  const exportTo = effectiveExport(host, settings);
  const isOwn = exportTo.length === 0 || ["*", ".", host.namespace].some((one) => exportTo.includes(one));
  return [isOwn ? "." : "~"];
}
