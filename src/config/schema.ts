/**
 * The configuration as a zod schema, so that editors can be given a JSON Schema of it.
 *
 * The message of every part is what is expected there, `"a list of namespaces"`; of unknown keys, the keys that are known,
 * with spaces between; of a check on a whole mapping, a statement. problems.ts makes sentences of them.
 */
import * as z from "zod";

import { parseDuration } from "../istio/duration.ts";
import { isObject } from "../kubernetes/json.ts";
import { ACTIONS } from "../rules/rule.ts";
import type { Action, AnyRule, Option, OptionValue } from "../rules/rule.ts";
import { isDate, isDocsUrl, isVersion } from "./scalars.ts";
import { listed } from "./wording.ts";

// Source: apimachinery, util/validation: DNS-1123 labels and subdomains, label keys and values.
const LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?";
const NAMESPACE = new RegExp(`^${LABEL}$`);
const DOMAIN = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`);
const LABEL_KEY = new RegExp(
  `^(?:(?=[^/]{1,253}/)${LABEL}(?:\\.${LABEL})*/)?[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$`,
);
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?)?$/;
const NO_WILDCARD = /^[^*]+$/;
const NOT_BLANK = /\S/;

const DATE = "a date of the calendar as YYYY-MM-DD";
const DOCS_URL = 'an http or https URL, in which {rule} stands for the rule id, or ""';
/** Numbers alone have no unit: problems.ts advises to give them one. */
export const DURATION = "a duration with its unit, such as 30s";
const VERSION = "a version, such as 1.22";

/** An action, or options and perhaps an action under `action`. */
export type RuleSetting = Action | Readonly<Record<string, OptionValue>>;
export type ParsedSettings = z.infer<ReturnType<typeof configurationSchema>>;

const namespaceName = pattern(NAMESPACE, "the name of a namespace");
const namespaceNames = z.array(namespaceName, "a list of namespaces");

const labels = z.record(
  pattern(LABEL_KEY, "a label key"),
  pattern(LABEL_VALUE, "a label value"),
  "a mapping of label keys to values",
);
const requirement = mapping("a mapping of key, operator and values", {
  key: pattern(LABEL_KEY, "a label key"),
  operator: oneOf(["In", "NotIn", "Exists", "DoesNotExist"]),
  values: z.array(pattern(LABEL_VALUE, "a label value"), "a list of label values").exactOptional(),
})
  .refine(({ operator, values = [] }) => values.length > 0 === (operator === "In" || operator === "NotIn"), {
    error: 'In and NotIn need "values", Exists and DoesNotExist take none',
  })
  .meta({ id: "requirement" });
const selectorKeys = {
  matchLabels: labels.exactOptional(),
  matchExpressions: z.array(requirement, "a list of requirements").exactOptional(),
};
const labelSelector = mapping("a label selector (matchLabels, matchExpressions)", selectorKeys)
  .refine(selectsLess, { error: "the selector is empty and would match everything", when: isSound })
  .meta({ id: "labelSelector" });

const clientNamespaces = z.union(
  [
    namespaceNames,
    mapping("a mapping of names, matchLabels and matchExpressions", {
      names: namespaceNames.exactOptional(),
      ...selectorKeys,
    })
      .refine(
        (clients) =>
          (clients.matchLabels === undefined && clients.matchExpressions === undefined) ||
          selectsLess(clients),
        { error: "the selector is empty and would match every namespace", when: isSound },
      )
      .meta({ id: "clients" }),
  ],
  "a list of namespaces, or a mapping of names, matchLabels and matchExpressions",
);

const version = z.string(VERSION).refine(isVersion, VERSION).meta({ id: "version" }).exactOptional();
const assumedVersions = mapping("a mapping of components to versions", {
  istio: version,
  kubernetes: version,
  ccm: version,
  asm: version,
});

const exemption = mapping("a mapping of rules, reason and what is exempt", {
  rules: z
    .array(pattern(NO_WILDCARD, "the id of one rule, since there is no wildcard"), "a list of rule ids")
    .min(1, "at least one rule id"),
  namespaces: namespaceNames.min(1, "at least one namespace").exactOptional(),
  namespaceSelector: labelSelector.exactOptional(),
  objectSelector: labelSelector.exactOptional(),
  reason: pattern(NOT_BLANK, "a text that gives the reason"),
  until: z.string(DATE).refine(isDate, DATE).meta({ id: "date" }).exactOptional(),
})
  .refine(
    (one) => isObject(one) && ("namespaces" in one || "namespaceSelector" in one || "objectSelector" in one),
    {
      error: "needs at least one of namespaces, namespaceSelector and objectSelector",
      // Also beside other problems, but a misspelt key may be the missing one.
      when: ({ issues, value }) =>
        isObject(value) && issues.every((issue) => issue.code !== "unrecognized_keys"),
    },
  )
  .meta({ id: "exemption" });

const actions = `an action (${listed(ACTIONS)})`;
const action = z.enum(ACTIONS, actions).meta({ id: "action" });
const duration = z
  .string(DURATION)
  .refine((text) => parseDuration(text) !== undefined, DURATION)
  .meta({ id: "duration" });
const docsUrl = z.string(DOCS_URL).refine(isDocsUrl, DOCS_URL).meta({ id: "docsUrl" });

/** Unknown rules pass and are left out. */
export function configurationSchema(rules: readonly AnyRule[]) {
  const ruleSettings = Object.fromEntries(rules.map((rule) => [rule.id, ruleSetting(rule).exactOptional()]));
  return mapping("a mapping of settings", {
    rules: z
      .object(ruleSettings, "a mapping of rule ids to actions")
      .nullable()
      .describe("what each rule does: an action, or a mapping of action and options")
      .exactOptional(),
    clientNamespaces: clientNamespaces
      .nullable()
      .describe("namespaces with clients of the mesh that are not seen")
      .exactOptional(),
    multiCluster: z
      .boolean("true or false")
      .describe("true: clients may run in clusters that are not seen")
      .exactOptional(),
    assume: assumedVersions.nullable().describe("versions to go by").exactOptional(),
    rootNamespace: namespaceName.describe("instead of what the mesh's ConfigMap says").exactOptional(),
    istioNamespace: namespaceName.describe("where Istio's ConfigMaps are read").exactOptional(),
    clusterDomain: pattern(DOMAIN, "a domain name, such as cluster.local")
      .describe("in which Services have their names")
      .exactOptional(),
    onInternalError: oneOf(["Allow", "Deny"])
      .describe("what a review that is too large or takes too long is answered")
      .exactOptional(),
    crossNamespaceDetails: oneOf(["names", "count", "none"])
      .describe("how messages speak of other namespaces")
      .exactOptional(),
    docsUrl: docsUrl.describe("where messages send people; {rule} stands for the rule id").exactOptional(),
    exemptionAnnotations: z
      .union([z.boolean("true or false"), namespaceNames], "true, false or a list of namespaces")
      .describe("where foresail.io/exempt counts: everywhere, nowhere, or in these namespaces")
      .exactOptional(),
    exemptions: z
      .array(exemption, "a list of exemptions")
      .nullable()
      .describe("what is not reported, and why")
      .exactOptional(),
  });
}

function ruleSetting({ title, options }: AnyRule): z.ZodType<RuleSetting> {
  const parts: Record<string, z.ZodExactOptional<z.ZodType<OptionValue>>> = {
    action: action.exactOptional(),
  };
  for (const [name, option] of Object.entries(options))
    parts[name] = optionValue(option).describe(option.about).exactOptional();
  return z
    .union(
      [action, mapping("a mapping of action and options", parts)],
      `${actions} or a mapping of action and options`,
    )
    .describe(title);
}

function optionValue(option: Option): z.ZodType<OptionValue> {
  if (typeof option.default === "boolean") return z.boolean("true or false");
  if (typeof option.default !== "string") return z.array(z.string("a text"), "a list of texts");
  if (option.format === "duration") return duration;
  return option.values === undefined ? z.string("a text") : oneOf(option.values);
}

function mapping<Shape extends z.core.$ZodLooseShape>(expected: string, shape: Shape) {
  const knownKeys = Object.keys(shape).join(" ");
  return z.strictObject(shape, {
    error: ({ code }) => (code === "unrecognized_keys" ? knownKeys : expected),
  });
}

function pattern(regex: RegExp, expected: string) {
  return z.string(expected).regex(regex, expected);
}

function oneOf<const Value extends string>(values: readonly Value[]) {
  return z.enum(values, listed(values));
}

function selectsLess(selector: {
  readonly matchLabels?: object;
  readonly matchExpressions?: readonly object[];
}) {
  return Object.keys(selector.matchLabels ?? {}).length > 0 || (selector.matchExpressions ?? []).length > 0;
}

/** A misspelt key may be what is missing; zod counts it as no reason to stop. */
function isSound({ issues }: { readonly issues: readonly unknown[] }): boolean {
  return issues.length === 0;
}
