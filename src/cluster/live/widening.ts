/** Fewer questions for grounds that are many: one about all objects instead of one about each. */
import type { Ground } from "../../rules/cluster-view.ts";

/** Of one kind: as many are asked for one by one in any case. */
const MAX_ALIKE = 6;

/** The grounds as they are, or wider ones if there are more than `max`; there may be more all the same. */
export function within(max: number, grounds: readonly Ground[]): readonly Ground[] {
  if (grounds.length <= max) return grounds;
  const byKind = Map.groupBy(grounds, groupOf);
  return [...byKind.values()].flatMap((alike) => (alike.length > MAX_ALIKE ? covering(alike) : alike));
}

function groupOf({ kind, plane = "data", labelSelector = "" }: Ground): string {
  return `${plane} ${kind} ${labelSelector}`;
}

/** All objects of their namespace; of the cluster, if they are in several. */
function covering(alike: readonly Ground[]): readonly Ground[] {
  const [namespace = "", ...others] = new Set(alike.map((ground) => ground.namespace));
  return alike.slice(0, 1).map(({ kind, plane, labelSelector }) => ({
    kind,
    ...(plane === undefined ? {} : { plane }),
    namespace: others.length === 0 ? namespace : "",
    name: "",
    ...(labelSelector === undefined ? {} : { labelSelector }),
  }));
}
