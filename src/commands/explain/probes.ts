/** `foresail explain probes`: who answers each probe of a Pod, and what the proxy and mTLS do to it. */
import { explainProbes as explainProbesOf } from "../../istio/probes/explanation.ts";
import type { ExplainedProbe } from "../../istio/probes/explanation.ts";
import { findStrictPolicy } from "../../istio/peer-authentication.ts";
import { probedSidecarOf, probeSituationOf } from "../../istio/probes/situation.ts";
import { printable } from "../../engine/render.ts";
import { readObject } from "../../kubernetes/objects.ts";
import { podTemplateOf } from "../../kubernetes/pod-template.ts";
import { renderProbes, renderProbesJson } from "../../report/probes-text.ts";
import type { PodProbes } from "../../report/probes-text.ts";
import type { ExplainPodOptions } from "../options.ts";
import { readPods } from "./pods-in-files.ts";
import type { ExplainPodContext, PodInFile } from "./pods-in-files.ts";
import type { CommandResult } from "../result.ts";

/** `path` is a file, a folder, or `-`. @throws ForesailError */
export async function explainProbes(
  path: string,
  options: ExplainPodOptions,
  context: ExplainPodContext,
): Promise<CommandResult> {
  const { pods, problems } = await readPods(path, options, context);
  const explained = pods.map(probesOf);
  const report =
    options.format === "json" ? renderProbesJson(explained) : renderProbes(explained, context.terminal);
  return { report, problems, exitCode: 0 };
}

function probesOf(pod: PodInFile): PodProbes {
  const { manifest, kind, namespace, object, cluster, repaired } = pod;
  const { apiVersion, kindName, name, file } = manifest;
  const template = templateOf(object);
  const sidecar = sidecarOf(template, pod);
  return {
    apiVersion,
    kind: kindName,
    namespace: printable(namespace),
    name: printable(name),
    file: printable(file),
    line: manifest.position([]).line,
    root: podTemplateOf(kind, readObject(kind, manifest.object)).path,
    sidecar: sidecar === undefined ? "none" : sidecar.isInjected ? "injected" : "expected",
    now: explain(object, pod),
    repaired: explain(repaired(object), { ...pod, cluster }),
  };
}

function templateOf(object: unknown) {
  return podTemplateOf("Pod", readObject("Pod", object));
}

function sidecarOf(template: ReturnType<typeof templateOf>, { namespace, cluster }: PodInFile) {
  const namespaceLabels = cluster.get("Namespace", "", namespace)?.metadata?.labels ?? {};
  return probedSidecarOf(template, { namespace, namespaceLabels }, cluster.mesh);
}

function explain(object: unknown, pod: PodInFile): readonly ExplainedProbe[] {
  const { namespace, cluster } = pod;
  const { mesh, versions } = cluster;
  const template = templateOf(object);
  const sidecar = sidecarOf(template, pod);
  // Who answers does not depend on which ports Services have: only the repair does.
  const situation =
    sidecar &&
    probeSituationOf(template, sidecar, { mesh, versions, exclude: "dedicatedPorts", isServed: () => false });
  const own = cluster.list("PeerAuthentication", namespace);
  const root = cluster.list("PeerAuthentication", mesh.rootNamespace);
  return explainProbesOf(template, {
    situation,
    strictPolicy(port) {
      const policy = findStrictPolicy(port, template.metadata.labels ?? {}, own, root);
      if (!policy) return undefined;
      const at = own.includes(policy) ? namespace : mesh.rootNamespace;
      return printable(`${at}/${policy.metadata?.name ?? ""}`);
    },
  });
}
