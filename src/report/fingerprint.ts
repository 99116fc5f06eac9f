/** What stays of a finding when lines, documents, files and list items move. */
import { createHash } from "node:crypto";
import { groupOf } from "../kubernetes/objects.ts";
import type { ReportedFinding } from "./finding.ts";

const LENGTH = 32;

/** Lower case hexadecimal digits. Several findings of an object may have the same one. */
export function fingerprintOf({ verdict, object, stableField }: ReportedFinding): string {
  const { rule, messageId } = verdict;
  const { apiVersion, kind, namespace, name } = object;
  const identity = [rule, messageId, groupOf(apiVersion), kind, namespace, name, stableField];
  return createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, LENGTH);
}
