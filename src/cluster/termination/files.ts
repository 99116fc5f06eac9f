/** Why a namespace does not end, as files tell it: what `kubectl get` wrote of a cluster. */
import { finalizerFacts } from "../../kubernetes/finalizers.ts";
import { findKind, groupOf, KIND_FACTS, readObject } from "../../kubernetes/objects.ts";
import { matchesLabels } from "../../kubernetes/selectors.ts";
import { number, object, string } from "../../kubernetes/shape.ts";
import type {
  Content,
  ControllerSight,
  FinalizerSight,
  Resource,
  TerminationFacts,
} from "../../termination/facts.ts";
import type { Manifest } from "../files/manifest.ts";
import { readRemaining } from "./content.ts";
import { managerIn, sightOfPods } from "./controllers.ts";
import { lostApisAmong, webhooksNamedIn } from "./obstacles.ts";
import { factsOfNamespace } from "./read-termination.ts";

const definitionShape = object({
  spec: object({ group: string, names: object({ kind: string, plural: string }) }),
});
const deploymentShape = object({ status: object({ readyReplicas: number }) });

/** Undefined if the files do not hold the namespace. What they do not hold need not be missing in the cluster. */
export function terminationIn(manifests: readonly Manifest[], name: string): TerminationFacts | undefined {
  const found = manifests.findLast((one) => one.kind === "Namespace" && one.name === name);
  if (found === undefined) return undefined;
  const namespace = factsOfNamespace(name, found.object);
  const contained = manifests.filter((one) => one.namespace === name && isNamespaced(one));
  const ofKind = (kindName: string) =>
    manifests.filter((one) => one.kindName === kindName).map((one) => one.object);
  return {
    namespace,
    content: contentOf(contained, manifests),
    lostApis: lostApisAmong(ofKind("APIService")),
    undiscovered: [],
    lostConversions: [],
    webhooks: webhooksNamedIn(
      namespace.report.failures.map(({ message }) => message),
      ofKind,
    ),
    finalizers: sightsOf(contained, manifests),
  };
}

function isNamespaced({ kind }: Manifest): boolean {
  return kind === undefined || KIND_FACTS[kind].namespaced;
}

function contentOf(contained: readonly Manifest[], all: readonly Manifest[]): readonly Content[] {
  const byKind = Map.groupBy(contained, ({ apiVersion, kindName }) => `${groupOf(apiVersion)}/${kindName}`);
  return [...byKind.values()].flatMap(([first, ...others]): Content[] => {
    if (first === undefined) return [];
    const objects = [first, ...others].map((one) => readRemaining(one.object));
    return [{ resource: resourceOf(first, all), objects }];
  });
}

function resourceOf({ apiVersion, kindName }: Manifest, all: readonly Manifest[]): Resource {
  const group = groupOf(apiVersion);
  const known = findKind(group, kindName);
  const plural = known
    ? KIND_FACTS[known].plural
    : (definedPlural(group, kindName, all) ?? guessPlural(kindName));
  return { group, version: apiVersion.slice(apiVersion.lastIndexOf("/") + 1), plural, kind: kindName };
}

function definedPlural(group: string, kind: string, all: readonly Manifest[]): string | undefined {
  for (const one of all) {
    if (one.kindName !== "CustomResourceDefinition") continue;
    const { spec } = definitionShape.read(one.object) ?? {};
    if (spec?.group === group && spec.names?.kind === kind) return spec.names.plural;
  }
  return undefined;
}

/** Source: UnsafeGuessKindToResource of k8s.io/apimachinery/pkg/api/meta. */
function guessPlural(kind: string): string {
  const singular = kind.toLowerCase();
  if (singular === "endpoints") return singular;
  if (singular.endsWith("s")) return `${singular}es`;
  return singular.endsWith("y") ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}

function sightsOf(
  contained: readonly Manifest[],
  all: readonly Manifest[],
): ReadonlyMap<string, FinalizerSight> {
  const sights = new Map<string, FinalizerSight>();
  for (const one of contained) {
    const value = one.object;
    for (const finalizer of readRemaining(value).finalizers) {
      if (sights.has(finalizer)) continue;
      const manager = managerIn(value, finalizer);
      sights.set(finalizer, { manager, controller: controllerAmong(all, finalizer, manager) });
    }
  }
  return sights;
}

function controllerAmong(
  all: readonly Manifest[],
  finalizer: string,
  manager: string | undefined,
): ControllerSight {
  const facts = finalizerFacts(finalizer);
  if (facts === undefined) return manager === undefined ? "unknown" : deploymentAmong(all, manager);
  if (typeof facts.runs !== "object") return "unknown";
  const { pods } = facts.runs;
  const sight = sightOfPods(
    all
      .filter(({ kind }) => kind === "Pod")
      .map((one) => one.object)
      .filter((pod) => {
        const { labels = {} } = readObject("Pod", pod).metadata ?? {};
        return pods.some((wanted) => matchesLabels(wanted, labels));
      }),
  );
  return sight.seen === undefined ? "unknown" : sight;
}

function deploymentAmong(all: readonly Manifest[], name: string): ControllerSight {
  const found = all.find((one) => one.kind === "Deployment" && one.name === name);
  if (found === undefined) return "unknown";
  const { readyReplicas = 0 } = deploymentShape.read(found.object)?.status ?? {};
  return { seen: `deployment ${found.namespace ?? ""}/${name}`, isReady: readyReplicas > 0 };
}
