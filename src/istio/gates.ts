/** In which versions a fact holds, with its source. Rules name a gate; they never compare versions themselves. */
import { compareVersions } from "./versions.ts";
import type { Component, Versions } from "./versions.ts";

export interface Gate {
  readonly about: string;
  readonly component: Component;
  /** First version in which it holds; from the beginning if left out. */
  readonly since?: string;
  /** First version in which it no longer holds; to this day if left out. */
  readonly until?: string;
  /** A variable of the component's environment that, being false, keeps the fact from holding in versions before this one. */
  readonly switch?: { readonly variable: string; readonly until: string };
  /** `"title, where"`. */
  readonly source: string;
}

const CHANGE_NOTES = (minor: string) =>
  `Istio 1.${minor} change notes, https://istio.io/latest/news/releases/1.${minor}.x/announcing-1.${minor}/change-notes/`;
const PUSH_CONTEXT =
  "pilot/pkg/model/push_context.go of the releases, https://github.com/istio/istio/blob/master/pilot/pkg/model/push_context.go";

export const GATES = {
  addressesAllocatedByController: {
    about: "istiod writes an address for each host into a ServiceEntry that has none",
    component: "istio",
    since: "1.25",
    source: CHANGE_NOTES("25"),
  },
  asmKeepsExternalNamesApart: {
    about: "ASM tells ExternalName Services with the same port apart, whatever its version of Istio",
    component: "asm",
    since: "1.11",
    source: "Alibaba Cloud Service Mesh, FAQ, https://www.alibabacloud.com/help/en/asm/",
  },
  bestDestinationIsPicked: {
    about:
      "of several owners of a VirtualService's destination a sidecar takes a Kubernetes Service, then the oldest",
    component: "istio",
    since: "1.30",
    source: CHANGE_NOTES("30"),
  },
  destinationRuleExportsMatter: {
    about: "DestinationRules of one host are merged only where their exportTo agree",
    component: "istio",
    since: "1.24",
    source: CHANGE_NOTES("24"),
  },
  destinationRuleOwnNameAmongOthersIsPrivate: {
    about: "a DestinationRule that names its own namespace beside others is private, by mistake",
    component: "istio",
    since: "1.20",
    until: "1.20.2",
    source: "istio/istio issue 48312, https://github.com/istio/istio/issues/48312",
  },
  destinationRuleSelectors: {
    about:
      "DestinationRules have a workloadSelector, and their own namespace alone in exportTo makes them private",
    component: "istio",
    since: "1.14",
    source: CHANGE_NOTES("14"),
  },
  destinationRuleSelectorsSortFirst: {
    about: "DestinationRules with a workloadSelector come before all others",
    component: "istio",
    since: "1.22",
    source: CHANGE_NOTES("22"),
  },
  exitOnZero: {
    about: "EXIT_ON_ZERO_ACTIVE_CONNECTIONS and MINIMUM_DRAIN_DURATION are read by the proxy's agent",
    component: "istio",
    since: "1.12",
    source: CHANGE_NOTES("12"),
  },
  externalNameIsAlias: {
    about:
      "an ExternalName Service is another name of its target and has no cluster of its own (before 1.24 not where istiod has ENABLE_EXTERNAL_NAME_ALIAS=false)",
    component: "istio",
    since: "1.21",
    switch: { variable: "ENABLE_EXTERNAL_NAME_ALIAS", until: "1.24" },
    source: CHANGE_NOTES("21"),
  },
  grpcProbesRewritten: {
    about: "the injector rewrites gRPC probes",
    component: "istio",
    since: "1.13",
    source:
      "Istio, Health Checking of Istio Services, https://istio.io/latest/docs/ops/configuration/mesh/app-health-check/",
  },
  injectValuesAreStrict: {
    about: 'only "false" of sidecar.istio.io/inject prevents injection, not also "no" or any other word',
    component: "istio",
    since: "1.27",
    source: "istio/istio pull request 56737, https://github.com/istio/istio/pull/56737",
  },
  istioInitFailsTwice: {
    about: "istio-init fails when it runs a second time in a Pod, because its iptables rules are there",
    component: "istio",
    until: "1.24",
    source: "istio/istio pull request 50328, https://github.com/istio/istio/pull/50328",
  },
  loadBalancersPreserved: {
    about: "preserve-lb-on-delete keeps the load balancer of a Service that is deleted",
    component: "ccm",
    since: "2.10",
    source:
      "Cloud Controller Manager release notes, October 2024, https://www.alibabacloud.com/help/en/ack/product-overview/cloud-controller-manager",
  },
  localReachableWithIptables: {
    about:
      "kube-proxy in iptables mode sends what Pods address to a load balancer's IP to every endpoint, despite Local",
    component: "kubernetes",
    since: "1.15",
    source: "kubernetes/kubernetes issue 79865, https://github.com/kubernetes/kubernetes/issues/79865",
  },
  localReachableWithIpvs: {
    about: "kube-proxy in IPVS mode does so as well, for Pods that are not on the host network",
    component: "kubernetes",
    since: "1.21",
    source: "kubernetes/kubernetes pull request 97081, https://github.com/kubernetes/kubernetes/pull/97081",
  },
  namespaceLabelSyncIsOptional: {
    about:
      "ASMReconcileNSLabels can keep ASM from copying injection labels of its namespaces to those of the cluster",
    component: "asm",
    since: "1.28",
    source:
      "ASM, ASMReconcileNSLabels, https://www.alibabacloud.com/help/en/asm/sidecar/asmreconcilenslabels-crd-documentation",
  },
  nativeSidecarDrains: {
    about: "a native sidecar is injected with a preStop that begins its drain",
    component: "istio",
    since: "1.20",
    source: "istio/istio pull request 47226, https://github.com/istio/istio/pull/47226",
  },
  nativeSidecarsRun: {
    about: "init containers with restartPolicy Always keep running beside the app",
    component: "kubernetes",
    since: "1.29",
    source:
      "Kubernetes, Sidecar Containers, https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/",
  },
  networkingV1: {
    about: "the API networking.istio.io/v1 is served",
    component: "istio",
    since: "1.22",
    source: CHANGE_NOTES("22"),
  },
  podLabelsCauseInjection: {
    about: "labels of a Pod cause injection where its namespace has no label about it",
    component: "istio",
    since: "1.10",
    source:
      "Istio 1.10 upgrade notes, https://istio.io/latest/news/releases/1.10.x/announcing-1.10/upgrade-notes/",
  },
  removedInitContainersRunAgain: {
    about: "the kubelet runs an init container again that was removed while its Pod's containers run",
    component: "kubernetes",
    until: "1.20",
    source: "kubernetes/kubernetes pull request 96572, https://github.com/kubernetes/kubernetes/pull/96572",
  },
  rootPrivateHostsAreSorted: {
    about: "of the root namespace's private DestinationRules the one with the longest host wins",
    component: "istio",
    since: "1.12",
    source: PUSH_CONTEXT,
  },
  serviceEntryVisibility: {
    about: "meshConfig.serviceEntryVisibility can narrow the exportTo of ServiceEntries",
    component: "istio",
    since: "1.31",
    source: CHANGE_NOTES("31"),
  },
  sidecarExclusions: {
    about: "~namespace/host in a Sidecar's egress takes hosts away",
    component: "istio",
    since: "1.31",
    source: CHANGE_NOTES("31"),
  },
  tcpProbesRewritten: {
    about: "the injector rewrites TCP probes",
    component: "istio",
    since: "1.12",
    source: CHANGE_NOTES("12"),
  },
  unifiedSidecarScopes: {
    about: "of several owners of a hostname a sidecar takes its own namespace's, then a Kubernetes Service",
    component: "istio",
    since: "1.24",
    source: CHANGE_NOTES("24"),
  },
} as const satisfies Readonly<Record<string, Gate>>;

export type GateName = keyof typeof GATES;

/** Variables by which a component's environment decides about facts. */
export const SWITCHES: readonly string[] = Object.values(GATES).flatMap(
  (gate: Gate) => gate.switch?.variable ?? [],
);

/** As Go's strconv.ParseBool reads what is false. */
const FALSE = ["0", "f", "F", "false", "FALSE", "False"];

/** Whether the fact holds; undefined if the version is not known or cannot be read. */
export function holds(name: GateName, versions: Versions): boolean | undefined {
  const { component, since, until, switch: byVariable }: Gate = GATES[name];
  const { value: version, environment = {} } = versions[component] ?? {};
  if (version === undefined) return undefined;
  const isSince = isAtLeast(version, since ?? "0.0");
  const isOver = isAtLeast(version, until ?? "99999.0");
  if (isSince === undefined || isOver === undefined) return undefined;
  const isOff =
    byVariable !== undefined &&
    FALSE.includes(environment[byVariable.variable] ?? "") &&
    isAtLeast(version, byVariable.until) === false;
  return isSince && !isOver && !isOff;
}

function isAtLeast(version: string, other: string): boolean | undefined {
  const order = compareVersions(version, other);
  return order === undefined ? undefined : order >= 0;
}
