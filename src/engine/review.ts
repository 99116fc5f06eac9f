/** What a rule is given: the request, read, and its options. */
import { readObject } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";
import type { Policy } from "../rules/policy.ts";
import type { AnyRule, OptionValue, ReviewOf } from "../rules/rule.ts";
import type { ReviewRequest } from "./verdict.ts";

export function reviewOf(request: ReviewRequest): ReviewOf<Kind> {
  const { kind, namespace, name, operation } = request;
  const object = readObject(kind, request.object);
  if (operation === "CREATE") return { kind, namespace, name, operation, object };
  const oldObject = readObject(kind, request.oldObject);
  if (operation === "UPDATE") return { kind, namespace, name, operation, object, oldObject };
  return { kind, namespace, name, operation, oldObject };
}

export function optionsOf(rule: AnyRule, policy: Policy): Readonly<Record<string, OptionValue>> {
  const configured = policy.rules.get(rule.id)?.options;
  if (configured) return configured;
  return Object.fromEntries(Object.entries(rule.options).map(([name, option]) => [name, option.default]));
}
