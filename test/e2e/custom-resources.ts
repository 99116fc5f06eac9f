/** Stand-ins for the definitions of Istio's and ASM's kinds: any content, every version that was ever served. */
import { KIND_FACTS } from "../../src/kubernetes/objects.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";

/** By these kubectl tells the two kinds of Gateway apart. */
const SHORT_NAMES: { readonly [K in Kind]?: readonly string[] } = {
  Gateway: ["gw"],
  KubernetesGateway: ["gtw"],
};

const ANYTHING = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

export function customResourceDefinition(kind: Kind): object {
  const facts = KIND_FACTS[kind];
  const newest = facts.versions.at(-1);
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${facts.plural}.${facts.group}`,
      // Demanded for groups of Kubernetes itself.
      annotations: { "api-approved.kubernetes.io": "unapproved, a stand-in" },
    },
    spec: {
      group: facts.group,
      scope: facts.namespaced ? "Namespaced" : "Cluster",
      names: {
        kind: facts.kind,
        plural: facts.plural,
        singular: facts.kind.toLowerCase(),
        shortNames: SHORT_NAMES[kind] ?? [],
      },
      versions: facts.versions.map((name) => ({
        name,
        served: true,
        storage: name === newest,
        schema: { openAPIV3Schema: ANYTHING },
        subresources: { status: {} },
      })),
    },
  };
}
