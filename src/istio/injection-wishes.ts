/** What labels ask of Istio's injectors, in the words of the labels. */
import type { FieldPath } from "../kubernetes/field-path.ts";
import type { Labels } from "../kubernetes/objects.ts";
import type { PodTemplate } from "../kubernetes/pod-template.ts";
import { INJECT_KEY, REVISION_LABEL } from "./injection.ts";
import type { Injector } from "./injection.ts";

/** How a Pod asks for a proxy. */
export interface Wish {
  readonly by: "label" | "revision" | "annotation" | "image";
  /** `"label sidecar.istio.io/inject"`. */
  readonly words: string;
  readonly field: FieldPath;
}

/** The strongest one; undefined if the Pod does not ask, or says no. */
export function wishOf({ metadata, spec, path }: PodTemplate): Wish | undefined {
  const { labels = {}, annotations = {} } = metadata;
  const label = labels[INJECT_KEY];
  const said = label ?? annotations[INJECT_KEY] ?? "";
  if (said === "false") return undefined;
  const at = (map: "labels" | "annotations", key: string) => [...path, "metadata", map, key];
  if (label !== undefined && meaningOf(label) === "yes") {
    return { by: "label", words: `label ${INJECT_KEY}`, field: at("labels", INJECT_KEY) };
  }
  if (labels[REVISION_LABEL]) {
    return { by: "revision", words: `label ${REVISION_LABEL}`, field: at("labels", REVISION_LABEL) };
  }
  if (label === undefined && meaningOf(said) === "yes") {
    return { by: "annotation", words: `annotation ${INJECT_KEY}`, field: at("annotations", INJECT_KEY) };
  }
  const index = (spec.containers ?? []).findIndex(
    ({ name, image }) => name === "istio-proxy" && image === "auto",
  );
  if (index < 0) return undefined;
  const field = [...path, "spec", "containers", index, "image"];
  return { by: "image", words: "image auto of istio-proxy", field };
}

const YES = new Set(["1", "enable", "enabled", "on", "t", "true", "y", "yes"]);
const NO = new Set(["0", "disable", "disabled", "f", "false", "n", "never", "no", "none", "off"]);

/** What a person means by the value of an injection label, which Istio may not understand. */
export function meaningOf(value: string): "yes" | "no" | "nothing" | "unclear" {
  const word = value.toLowerCase();
  if (word === "") return "nothing";
  if (YES.has(word)) return "yes";
  return NO.has(word) ? "no" : "unclear";
}

/** Without what only injectors since Istio 1.10 select Pods by. */
export function labelsBeforePodsCounted(labels: Labels): Labels {
  return labels[INJECT_KEY] === "false" ? { [INJECT_KEY]: "false" } : {};
}

/** The revisions and tags that namespaces can name, in order. */
export function revisionsServed(injectors: readonly Injector[]): readonly string[] {
  const served = injectors.flatMap(({ namespaceSelector: { matchLabels = {}, matchExpressions = [] } }) => [
    matchLabels[REVISION_LABEL] ?? "",
    ...matchExpressions
      .filter(({ key, operator }) => key === REVISION_LABEL && operator === "In")
      .flatMap(({ values = [] }) => values),
  ]);
  return [...new Set(served)].filter((revision) => revision !== "").toSorted();
}
