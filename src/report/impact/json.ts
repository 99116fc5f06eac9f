/** The impact of a change for programs. Its shape is versioned: keys are only ever added within a version. */
import { formatField } from "../../kubernetes/field-path.ts";
import { KIND_FACTS } from "../../kubernetes/objects.ts";
import type { ImpactFinding } from "../../impact/finding-difference.ts";
import type { Impact } from "../../impact/impact.ts";
import type { LookupChange, LookupOutcome } from "../../impact/lookups.ts";
import type { PodChange, Repair } from "../../impact/pods.ts";
import { countFindings } from "./summary.ts";

const VERSION = 1;

/** `unreadable`: files that could not be read. */
export function renderImpactJson(impact: Impact, unreadable: number): string {
  const { objects, lookups, clients, pods, findings } = impact;
  const json = {
    version: VERSION,
    objects: objects.map(({ manifest, namespace, change }) => ({
      apiVersion: manifest.apiVersion,
      kind: manifest.kindName,
      namespace,
      name: manifest.name,
      change,
    })),
    lookups: lookups.map(lookupJson),
    clients,
    pods: pods.map(podJson),
    findings: { new: findings.added.map(findingJson), solved: findings.solved.map(findingJson) },
    summary: {
      objects: objects.length,
      lookups: lookups.length,
      pods: pods.length,
      findings: { new: countFindings(findings.added), solved: countFindings(findings.solved) },
      unreadable,
    },
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

function lookupJson({ query, before, after, gained, lost, changed }: LookupChange): object {
  const { clientNamespace, clientLabels, proxy, host } = query;
  return {
    clientNamespace,
    clientLabels,
    proxy,
    host,
    before: outcomeJson(before),
    after: outcomeJson(after),
    gained: gained.map(({ name, value }) => ({ setting: name, value })),
    lost: lost.map(({ name, value }) => ({ setting: name, value })),
    changed: changed.map(({ name, before: old, after: current }) => ({
      setting: name,
      before: old,
      after: current,
    })),
  };
}

function outcomeJson({ isVisible, isAlias, destinationRules }: LookupOutcome): object {
  return { visible: isVisible, alias: isAlias, destinationRules };
}

function podJson({ source: { kind, namespace, name }, before, after }: PodChange): object {
  return {
    kind: KIND_FACTS[kind].kind,
    namespace,
    name,
    before: repairJson(before),
    after: repairJson(after),
  };
}

function repairJson(repair: Repair): object {
  return [...repair].map(([field, value]) => ({ field, value }));
}

function findingJson({ verdict, object, manifest }: ImpactFinding): object {
  const { rule, messageId, action, message, remedy, docs, field } = verdict;
  const position = manifest?.position(field);
  return {
    rule,
    messageId,
    action,
    message,
    remedy,
    docs,
    object,
    field: formatField(field),
    file: manifest?.file ?? null,
    line: position?.line ?? null,
    column: position?.column ?? null,
  };
}
