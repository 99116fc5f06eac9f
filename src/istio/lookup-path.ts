/**
 * Where Istio's DestinationRule lookup can meet one rule: the client's namespace, then the service's, then the root namespace.
 * Sources: pilot/pkg/model/push_context.go (setDestinationRules, destinationRule), pkg/config/host.
 */
import type { Labels } from "../kubernetes/objects.ts";
import { resolveHost } from "./hosts.ts";

/** The mesh settings on which the path depends. */
export interface LookupSettings {
  readonly rootNamespace: string;
  readonly clusterDomain: string;
  readonly defaultDestinationRuleExportTo: readonly string[];
  readonly defaultServiceExportTo: readonly string[];
}

/** A DestinationRule as the lookup sees it. */
export interface LookupRule {
  readonly namespace: string;
  /** Resolved: a short host is that Service of the rule's own namespace. */
  readonly host: string;
  readonly exportTo: readonly string[];
  /** It is in the table of its own namespace. */
  readonly isOwn: boolean;
  /** It is in no table that others read. */
  readonly isPrivate: boolean;
}

export interface RuleSpec {
  readonly host?: string;
  readonly exportTo?: readonly string[];
  readonly workloadSelector?: { readonly matchLabels?: Labels };
}

export function lookupRule(namespace: string, spec: RuleSpec, settings: LookupSettings): LookupRule {
  // A selector, even an empty one, makes a rule private, whatever exportTo says.
  const exportTo = spec.workloadSelector ? ["."] : [...new Set(spec.exportTo)];
  const isPrivate =
    exportTo.length === 0
      ? settings.defaultDestinationRuleExportTo.includes(".")
      : exportTo.length === 1 && [".", namespace].includes(exportTo[0] ?? "");
  const isOwn = exportTo.length === 0 || ["*", ".", namespace].some((one) => exportTo.includes(one));
  return {
    namespace,
    host: resolveHost(spec.host ?? "", namespace, settings.clusterDomain),
    exportTo,
    isOwn,
    isPrivate,
  };
}

export type LookupStep = "own" | "service" | "root";

/** The step at which a client's lookup for a service of `serviceNamespace` meets the rule, if no other rule hides it. */
export function lookupStep(
  rule: LookupRule,
  clientNamespace: string,
  serviceNamespace: string,
  { rootNamespace }: LookupSettings,
): LookupStep | undefined {
  const { namespace, exportTo, isOwn, isPrivate } = rule;
  if (clientNamespace === namespace && isOwn && (namespace !== rootNamespace || isPrivate)) return "own";
  // A "." in a list of several counts for nothing here.
  const isExported = exportTo.length === 0 || exportTo.includes("*") || exportTo.includes(clientNamespace);
  if (isPrivate || !isExported) return undefined;
  if (serviceNamespace === namespace) return "service";
  return namespace === rootNamespace ? "root" : undefined;
}

/** A hostname's owner, as far as visibility goes. */
export interface ExportedHost {
  readonly namespace: string;
  /** Empty: the mesh's default. */
  readonly exportTo: readonly string[];
}

/** Whether proxies of a namespace see the host at all (IsServiceVisible); without it there is no lookup. */
export function isVisibleTo(host: ExportedHost, clientNamespace: string, settings: LookupSettings): boolean {
  const exportTo = host.exportTo.length > 0 ? host.exportTo : settings.defaultServiceExportTo;
  if (exportTo.length === 0 || exportTo.includes("*")) return true;
  if (exportTo.includes("~")) return false;
  return exportTo.includes(clientNamespace) || (exportTo.includes(".") && clientNamespace === host.namespace);
}

/** Stands for every namespace that neither rule nor service names; no namespace can be called so. */
const ANY_OTHER_NAMESPACE = "*";

/** What stands in exportTo and names no namespace; `*` stands for the others. */
const NO_NAMESPACES = [".", "~"];

/** Whether a proxy in any conceivable namespace could look the rule up for this host. */
export function isConceivable(rule: LookupRule, host: ExportedHost, settings: LookupSettings): boolean {
  const exportedTo = [...rule.exportTo, ...host.exportTo, ...settings.defaultServiceExportTo];
  const named = exportedTo.filter((name) => !NO_NAMESPACES.includes(name));
  return [rule.namespace, host.namespace, ...named, ANY_OTHER_NAMESPACE].some(
    (client) =>
      isVisibleTo(host, client, settings) && lookupStep(rule, client, host.namespace, settings) !== undefined,
  );
}
