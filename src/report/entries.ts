/** Findings as people are told of them: what admission repairs is one entry an object, where its first finding stands. */
import { printable } from "../engine/render.ts";
import { formatField } from "../kubernetes/field-path.ts";
import { findKind, groupOf } from "../kubernetes/objects.ts";
import { isPodKind } from "../kubernetes/pod-template.ts";
import type { ReportedFinding } from "./finding.ts";

export interface Entry {
  /** The first one, if there are several. */
  readonly finding: ReportedFinding;
  /** Ids, with a comma between them. */
  readonly rules: string;
  /** One line. */
  readonly text: string;
  /** Nobody need do anything. */
  readonly isRepair: boolean;
}

/** `showAudit`: those that only audit, too. */
export function entriesOf(findings: readonly ReportedFinding[], showAudit: boolean): Entry[] {
  const shown = findings.filter(({ verdict }) => showAudit || verdict.action !== "Audit");
  const repairs = Map.groupBy(shown, (finding) =>
    repairOf(finding) === undefined ? undefined : identityOf(finding),
  );
  return shown.flatMap((finding): Entry[] => {
    const repair = repairOf(finding);
    if (repair === undefined) return [entryOf(finding)];
    const ofObject = repairs.get(identityOf(finding)) ?? [];
    return ofObject[0] === finding ? [repairEntry(finding, ofObject, repair)] : [];
  });
}

function entryOf(finding: ReportedFinding): Entry {
  const { rule, message, field } = finding.verdict;
  const where = field.length === 0 ? "" : ` (${printable(formatField(field))})`;
  return { finding, rules: rule, text: message + where, isRepair: false };
}

function repairEntry(finding: ReportedFinding, ofObject: readonly ReportedFinding[], repair: string): Entry {
  return {
    finding,
    rules: [...new Set(ofObject.map(({ verdict }) => verdict.rule))].join(", "),
    text: `${nameOf(finding)}: ${repair}`,
    isRepair: true,
  };
}

/** `Service shop/web`, in one line. */
export function nameOf({ object: { kind, namespace, name } }: ReportedFinding): string {
  return printable(`${kind} ${namespace === "" ? name : `${namespace}/${name}`}`);
}

/** What happens to the object without anyone's doing; undefined if nothing does. */
function repairOf({ verdict, object }: ReportedFinding): string | undefined {
  const kind = findKind(groupOf(object.apiVersion), object.kind);
  if (verdict.action !== "Fix" || kind === undefined || !isPodKind(kind)) return undefined;
  return kind === "Pod" ? "repaired at admission" : "its Pods are repaired at admission";
}

function identityOf({ file, object }: ReportedFinding): string {
  return JSON.stringify([file, object.apiVersion, object.kind, object.namespace, object.name]);
}
