/** From checked settings to what the engine and the cluster's view take: defaults filled in, unknown rules left out. */
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../rules/policy.ts";
import type { Exemption, MeshSettings, Policy, RulePolicy } from "../rules/policy.ts";
import { ACTIONS } from "../rules/rule.ts";
import type { AnyRule } from "../rules/rule.ts";
import type { ParsedSettings, RuleSetting } from "./schema.ts";

export function policyOf(settings: ParsedSettings, rules: readonly AnyRule[]): Policy {
  const {
    exemptionAnnotations = DEFAULT_POLICY.exemptionAnnotations,
    onInternalError = DEFAULT_POLICY.onInternalError,
    crossNamespaceDetails = DEFAULT_POLICY.crossNamespaceDetails,
    docsUrl = DEFAULT_POLICY.docsUrl,
  } = settings;
  const known = new Set(rules.map(({ id }) => id));
  return {
    rules: rulePolicies(settings.rules ?? {}, rules),
    exemptions: (settings.exemptions ?? []).flatMap((exemption) => withoutUnknown(exemption, known)),
    exemptionAnnotations,
    onInternalError,
    crossNamespaceDetails,
    docsUrl,
    denyIsWeakened: false,
  };
}

export function meshSettingsOf(settings: ParsedSettings): MeshSettings {
  const {
    rootNamespace = DEFAULT_MESH_SETTINGS.rootNamespace,
    istioNamespace = DEFAULT_MESH_SETTINGS.istioNamespace,
    clusterDomain = DEFAULT_MESH_SETTINGS.clusterDomain,
    multiCluster = DEFAULT_MESH_SETTINGS.multiCluster,
  } = settings;
  return {
    rootNamespace,
    istioNamespace,
    clusterDomain,
    multiCluster,
    clientNamespaces: clientNamespacesOf(settings.clientNamespaces ?? []),
    assume: settings.assume ?? DEFAULT_MESH_SETTINGS.assume,
  };
}

function rulePolicies(
  settings: Readonly<Record<string, RuleSetting>>,
  rules: readonly AnyRule[],
): ReadonlyMap<string, RulePolicy> {
  const policies = new Map<string, RulePolicy>();
  for (const rule of rules) {
    const setting = settings[rule.id];
    if (setting === undefined) continue;
    const { action, ...given } = typeof setting === "string" ? { action: setting } : setting;
    const defaults = Object.entries(rule.options).map(([name, option]) => [name, option.default] as const);
    policies.set(rule.id, {
      action: ACTIONS.find((one) => one === action) ?? rule.action,
      options: { ...Object.fromEntries(defaults), ...given },
    });
  }
  return policies;
}

/** Nothing of an exemption that is only for rules this version does not know. */
function withoutUnknown(exemption: Exemption, known: ReadonlySet<string>): Exemption[] {
  const rules = exemption.rules.filter((id) => known.has(id));
  return rules.length === 0 ? [] : [{ ...exemption, rules, reason: exemption.reason.trim() }];
}

function clientNamespacesOf(
  clients: NonNullable<ParsedSettings["clientNamespaces"]>,
): MeshSettings["clientNamespaces"] {
  if (Array.isArray(clients)) return { names: clients, selector: undefined };
  const { names = [], ...selector } = clients;
  return { names, selector: Object.keys(selector).length === 0 ? undefined : selector };
}
