/** What the namespace controller says about a namespace that it is deleting. */
import type { Kinds } from "./objects.ts";

interface Remaining {
  /** `pods`, `virtualservices.networking.istio.io`. */
  readonly resource: string;
  readonly count: number;
}

export interface NamespaceReport {
  /** It has looked at least once. */
  readonly isThere: boolean;
  readonly content: readonly Remaining[];
  readonly finalizers: readonly string[];
  /** Why it does not know, or could not delete, all there is: types of conditions with their messages. */
  readonly failures: readonly { readonly type: string; readonly message: string }[];
}

/** Source: k8s.io/kubernetes v1.36, pkg/controller/namespace/deletion/status_condition_utils.go. */
const FAILURES = [
  "NamespaceDeletionDiscoveryFailure",
  "NamespaceDeletionGroupVersionParsingFailure",
  "NamespaceDeletionContentFailure",
];
const CONTENT = /([a-z0-9-]+)\.([a-z0-9.-]*) has (\d+) resource instances/g;
const FINALIZER = /([^\s,]+) in \d+ resource instances/g;

/**
 * That content remains is true when it is said; that none does is not: since Kubernetes 1.33 the same is said while Pods
 * remain and nothing else was looked at.
 */
export function readNamespaceReport({ status }: Kinds["Namespace"]): NamespaceReport {
  const conditions = status?.conditions ?? [];
  const isTrue = (wanted: string) =>
    conditions.find(({ type, status: value }) => type === wanted && value === "True");
  const messageOf = (wanted: string) => isTrue(wanted)?.message ?? "";
  return {
    isThere: conditions.length > 0,
    content: [...messageOf("NamespaceContentRemaining").matchAll(CONTENT)].map(
      ([, name = "", group = "", count = ""]) => ({
        resource: group === "" ? name : `${name}.${group}`,
        count: Number(count),
      }),
    ),
    finalizers: [...messageOf("NamespaceFinalizersRemaining").matchAll(FINALIZER)].map(
      ([, finalizer = ""]) => finalizer,
    ),
    failures: FAILURES.filter(isTrue).map((type) => ({ type, message: messageOf(type) })),
  };
}
