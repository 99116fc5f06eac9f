/** How much a change changes. */
import type { ImpactFinding } from "../../impact/finding-difference.ts";

export function countFindings(findings: readonly ImpactFinding[]): Record<"Audit" | "Deny" | "Warn", number> {
  const counts = { Audit: 0, Warn: 0, Deny: 0 };
  for (const { verdict } of findings) if (verdict.action !== "Fix") counts[verdict.action]++;
  return counts;
}

/** `1 object`, `2 objects` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
