/** Which findings of one list are not in another. */
import type { Manifest } from "../cluster/files/manifests.ts";
import type { Verdict } from "../engine/verdict.ts";

export interface ImpactFinding {
  readonly verdict: Verdict;
  readonly object: {
    readonly apiVersion: string;
    readonly kind: string;
    /** "" for cluster-scoped objects. */
    readonly namespace: string;
    readonly name: string;
  };
  /** The field as it stays when items of lists move. */
  readonly stableField: string;
  /** Undefined where the object's own manifest is not at hand. */
  readonly manifest: Manifest | undefined;
}

/** Two that differ in nothing but their words, which may name other objects, are the same. */
export function missingIn(
  known: readonly ImpactFinding[],
  findings: readonly ImpactFinding[],
): readonly ImpactFinding[] {
  const [knownLeft, left] = withoutPairs(
    known,
    findings,
    (finding) => `${placeOf(finding)} ${finding.verdict.message}`,
  );
  return withoutPairs(knownLeft, left, placeOf)[1];
}

type Findings = readonly ImpactFinding[];

/** What is left of both when each has been paired with one of the other list, as often as there are some. */
function withoutPairs(
  one: Findings,
  other: Findings,
  keyOf: (finding: ImpactFinding) => string,
): readonly [Findings, Findings] {
  const [oneByKey, otherByKey] = [Map.groupBy(one, keyOf), Map.groupBy(other, keyOf)];
  return [leftOver(oneByKey, otherByKey), leftOver(otherByKey, oneByKey)];
}

function leftOver(groups: ReadonlyMap<string, Findings>, others: ReadonlyMap<string, Findings>): Findings {
  return [...groups].flatMap(([key, group]) => group.slice(others.get(key)?.length ?? 0));
}

function placeOf({ object, verdict, stableField }: ImpactFinding): string {
  const { kind, namespace, name } = object;
  return JSON.stringify([
    kind,
    namespace,
    name,
    verdict.rule,
    verdict.messageId,
    verdict.action,
    stableField,
  ]);
}
