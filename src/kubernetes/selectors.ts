/** Label selectors, as Kubernetes evaluates them. */
import type { Labels, LabelSelector } from "./objects.ts";

/** A Service's selector and its like: every pair must be there. An empty selector matches everything. */
export function matchesLabels(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => labelOf(labels, key) === value);
}

/** An absent or empty selector matches everything; what the API server would refuse matches nothing. */
export function matchesSelector(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return true;
  if (!matchesLabels(selector.matchLabels ?? {}, labels)) return false;
  return (selector.matchExpressions ?? []).every(({ key = "", operator, values = [] }) => {
    if (key === "") return false;
    const value = labelOf(labels, key);
    if (operator === "In") return value !== undefined && values.includes(value);
    if (operator === "NotIn") return values.length > 0 && (value === undefined || !values.includes(value));
    if (operator === "Exists") return value !== undefined;
    if (operator === "DoesNotExist") return value === undefined;
    return false;
  });
}

function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
