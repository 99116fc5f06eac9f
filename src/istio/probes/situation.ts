/** What decides about the probes of a Pod with a sidecar, from the Pod and what is known of its mesh. */
import type { PodTemplate } from "../../kubernetes/pod-template.ts";
import { holds } from "../gates.ts";
import { interceptionOf } from "./inbound-ports.ts";
import {
  findInjectedProxy,
  gatewayKindOf,
  injectionOf,
  isProxyless,
  revisionOfInjected,
} from "../injection.ts";
import type { InjectionQuery, Injector, InjectorSettings } from "../injection.ts";
import type { ProbeSituation } from "./repair.ts";
import { rewritingWishOf } from "./probes.ts";
import type { ProbeKind } from "./probes.ts";
import type { ProxySettings } from "../proxy-config.ts";
import type { Versions } from "../versions.ts";

interface ProbeMesh {
  readonly injectors: readonly Injector[];
  injectorSettings(revision: string): InjectorSettings | undefined;
  readonly defaultProxyConfig: ProxySettings;
}

/** A Pod that has a sidecar or will have one. */
export interface ProbedSidecar {
  readonly isInjected: boolean;
  /** Of the injector that put the sidecar there, or will. */
  readonly settings: InjectorSettings | undefined;
}

/** Undefined without a sidecar, and where the proxy is no sidecar. */
export function probedSidecarOf(
  { metadata, spec }: PodTemplate,
  { namespace, namespaceLabels }: Pick<InjectionQuery, "namespace" | "namespaceLabels">,
  mesh: ProbeMesh,
): ProbedSidecar | undefined {
  const { labels = {}, annotations = {} } = metadata;
  const hostNetwork = spec.hostNetwork ?? false;
  if (hostNetwork || gatewayKindOf(labels, annotations) || isProxyless(annotations)) return undefined;
  const query = { namespace, namespaceLabels, podLabels: labels, podAnnotations: annotations, hostNetwork };
  const injection = injectionOf(query, mesh.injectors);
  const isInjected = findInjectedProxy(spec) !== undefined;
  if (!isInjected && !injection.takesEffect) return undefined;
  const revision = isInjected ? revisionOfInjected(annotations) : injection.revision;
  return { isInjected, settings: mesh.injectorSettings(revision) };
}

export function probeSituationOf(
  pod: PodTemplate,
  { isInjected, settings }: ProbedSidecar,
  surroundings: {
    readonly mesh: ProbeMesh;
    readonly versions: Versions;
    readonly exclude: ProbeSituation["exclude"];
    readonly isServed: (port: number) => boolean;
  },
): ProbeSituation {
  const { mesh, versions, exclude, isServed } = surroundings;
  const wish = rewritingWishOf(pod.metadata.annotations ?? {});
  const isOn = wish ?? settings?.rewriteAppHTTPProbe;
  return {
    isInjected,
    rewriting: isOn === undefined ? "unknown" : isOn ? "on" : "off",
    isRefused: wish === false,
    isListHidden: settings === undefined && mesh.injectors.length > 0,
    exclude,
    canRewrite: (kind) => canRewrite(kind, versions),
    isServed,
    interception: interceptionOf(pod, { ...mesh.defaultProxyConfig, ...settings }),
  };
}

function canRewrite(kind: ProbeKind, versions: Versions): boolean {
  if (kind === "httpGet") return true;
  return holds(kind === "grpc" ? "grpcProbesRewritten" : "tcpProbesRewritten", versions) !== false;
}
