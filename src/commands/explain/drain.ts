/** `foresail explain drain`: what happens from a Pod's deletion to its end, with foresail and without. */
import { printable } from "../../engine/render.ts";
import { drainSettingsOf } from "../../istio/drain/settings.ts";
import { expectedImage, expectedSidecars, withExpectedSidecar } from "../../istio/expected-injection.ts";
import { findInjectedProxy, gatewayKindOf, injectionOf, isProxyless } from "../../istio/injection.ts";
import { hasTwoHandlers } from "../../istio/drain/proxy-stop.ts";
import { stopTimelineOf } from "../../istio/drain/stop-timeline.ts";
import { readObject } from "../../kubernetes/objects.ts";
import { podTemplateOf } from "../../kubernetes/pod-template.ts";
import { renderDrainSvg } from "../../report/drain/svg.ts";
import { renderDrain, renderDrainJson } from "../../report/drain/text.ts";
import type { PodStop, StopScenario } from "../../report/drain/words.ts";
import type { Terminal } from "../../report/terminal.ts";
import type { ExplainPodOptions } from "../options.ts";
import { readPods } from "./pods-in-files.ts";
import type { ExplainPodContext, PodInFile } from "./pods-in-files.ts";
import type { CommandResult } from "../result.ts";

/** `path` is a file, a folder, or `-`. @throws ForesailError */
export async function explainDrain(
  path: string,
  options: ExplainPodOptions,
  context: ExplainPodContext,
): Promise<CommandResult> {
  const { pods, problems } = await readPods(path, options, context);
  const stops = pods.map(stopOf);
  return { report: rendered(stops, options.format, context.terminal), problems, exitCode: 0 };
}

function rendered(
  stops: readonly PodStop[],
  format: ExplainPodOptions["format"],
  terminal: Terminal,
): string {
  if (format === "svg") return renderDrainSvg(stops);
  return format === "json" ? renderDrainJson(stops) : renderDrain(stops, terminal);
}

function stopOf(pod: PodInFile): PodStop {
  const { manifest, namespace, object } = pod;
  const { metadata, spec } = templateOf(object);
  const isOwnedByJob = metadata.ownerReferences?.some((owner) => owner.kind === "Job") ?? false;
  return {
    apiVersion: manifest.apiVersion,
    kind: manifest.kindName,
    namespace: printable(namespace),
    name: printable(manifest.name),
    file: printable(manifest.file),
    line: manifest.position([]).line,
    isJob: isOwnedByJob || (spec.restartPolicy ?? "Always") !== "Always",
    scenarios: scenariosOf(pod),
  };
}

function templateOf(object: unknown) {
  return podTemplateOf("Pod", readObject("Pod", object));
}

function scenariosOf(pod: PodInFile): readonly StopScenario[] {
  const { namespace, object, cluster, repaired } = pod;
  const { metadata, spec } = templateOf(object);
  if (findInjectedProxy(spec)) return pairOf("asItIs", object, repaired(object), pod);

  const { labels = {}, annotations = {} } = metadata;
  const query = {
    namespace,
    namespaceLabels: cluster.get("Namespace", "", namespace)?.metadata?.labels ?? {},
    podLabels: labels,
    podAnnotations: annotations,
    hostNetwork: spec.hostNetwork === true,
  };
  if (!injectionOf(query, cluster.mesh.injectors).takesEffect)
    return [scenarioOf("asItIs", "either", object, pod)];

  const isNoSidecar = isProxyless(annotations) || gatewayKindOf(labels, annotations) !== undefined;
  const sidecars = isNoSidecar ? (["classic"] as const) : expectedSidecars(annotations, cluster.versions);
  const image = expectedImage(annotations, cluster.versions.istio);
  return sidecars.flatMap((sidecar) => {
    const injected = (one: unknown) => withExpectedSidecar(one, sidecar, image);
    const certainty = sidecars.length === 1 ? "expected" : "possible";
    // Before the injection, and once more after it.
    return pairOf(certainty, injected(object), repaired(injected(repaired(object))), pod);
  });
}

/** One scenario only where foresail makes no difference. */
function pairOf(
  certainty: StopScenario["certainty"],
  before: unknown,
  after: unknown,
  pod: PodInFile,
): readonly StopScenario[] {
  const [without, repaired] = [
    scenarioOf(certainty, "without", before, pod),
    scenarioOf(certainty, "with", after, pod),
  ];
  const isSame = JSON.stringify(without.timeline) === JSON.stringify(repaired.timeline);
  return isSame ? [{ ...without, foresail: "either" }] : [without, repaired];
}

function scenarioOf(
  certainty: StopScenario["certainty"],
  foresail: StopScenario["foresail"],
  object: unknown,
  { cluster }: PodInFile,
): StopScenario {
  const template = templateOf(object);
  const settings = drainSettingsOf(template, cluster.mesh.defaultProxyConfig);
  const proxy = findInjectedProxy(template.spec)?.container;
  const isRefused = proxy !== undefined && hasTwoHandlers(proxy);
  return { certainty, foresail, isRefused, timeline: stopTimelineOf(template, settings) };
}
