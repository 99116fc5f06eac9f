/**
 * Where Istio's lookup can meet one rule, whatever other rules there are: in the client's namespace, then the service's, then
 * the root namespace. Source: pilot/pkg/model/push_context.go (destinationRule).
 */
import type { LookupSettings } from "./mesh.ts";
import type { RuleReach } from "./rule.ts";
import { isVisibleTo } from "./visibility.ts";
import type { ExportedHost } from "./visibility.ts";

export type PathStep = "own" | "service" | "root";

/** The step at which a client's lookup for a service of `serviceNamespace` meets the rule, if no other rule hides it. */
export function pathStep(
  rule: RuleReach,
  clientNamespace: string,
  serviceNamespace: string,
  { rootNamespace }: Pick<LookupSettings, "rootNamespace">,
): PathStep | undefined {
  const { namespace, isOwn, isPrivate } = rule;
  if (clientNamespace === namespace && isOwn && (namespace !== rootNamespace || isPrivate)) return "own";
  if (isPrivate || !isExportedTo(rule, clientNamespace)) return undefined;
  if (serviceNamespace === namespace) return "service";
  return namespace === rootNamespace ? "root" : undefined;
}

/** By name or to all: a "." in a list of several counts for nothing here. */
export function isExportedTo({ exportTo }: Pick<RuleReach, "exportTo">, clientNamespace: string): boolean {
  return exportTo.length === 0 || exportTo.includes("*") || exportTo.includes(clientNamespace);
}

/** Stands for every namespace that neither rule nor service names; no namespace can be called so. */
const ANY_OTHER_NAMESPACE = "*";

/** What stands in exportTo and names no namespace; `*` stands for the others. */
const NO_NAMESPACES = [".", "~"];

/** Whether a proxy in any conceivable namespace could look the rule up for this host. */
export function isConceivable(
  rule: RuleReach,
  host: ExportedHost,
  settings: Pick<LookupSettings, "rootNamespace" | "defaultServiceExportTo">,
): boolean {
  const exportedTo = [...rule.exportTo, ...host.exportTo, ...settings.defaultServiceExportTo];
  const named = exportedTo.filter((name) => !NO_NAMESPACES.includes(name));
  return [rule.namespace, host.namespace, ...named, ANY_OTHER_NAMESPACE].some(
    (client) =>
      isVisibleTo(host, client, settings) && pathStep(rule, client, host.namespace, settings) !== undefined,
  );
}
