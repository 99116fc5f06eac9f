/** The store's answers to the DestinationRule lookup. */
import { injectionOf } from "../istio/injection.ts";
import { narrowedExport } from "../istio/lookup/visibility.ts";
import type { LookupMesh, LookupSettings, MeshHost } from "../istio/lookup/mesh.ts";
import { isInRevision } from "../istio/lookup/revision.ts";
import { lookupRule } from "../istio/lookup/rule.ts";
import type { LookupRule } from "../istio/lookup/rule.ts";
import type { Kind, Labels } from "../kubernetes/objects.ts";
import { matchesSelector } from "../kubernetes/selectors.ts";
import type { RevisedMesh } from "./mesh.ts";
import type { StoredRule } from "./indexes/rule-index.ts";
import type { Store } from "./store.ts";

export interface LookupSources {
  readonly store: Store;
  readonly mesh: RevisedMesh;
  readonly isComplete: boolean;
  /** Whether this is the object under review, which counts for nothing. */
  readonly isExcluded: (kind: Kind, namespace: string, name: string) => boolean;
}

/** `revision`: of the control plane; "" is the default one. */
export function createLookupMesh(sources: LookupSources, revision = ""): LookupMesh {
  const { store, mesh, isExcluded } = sources;
  const settings = mesh.ofRevision(revision);
  const rulesOf = (namespace: string, host: string): readonly StoredRule[] => {
    const rules = [...store.rules.ofHost(namespace, host)];
    return rules.filter(({ name }) => !isExcluded("DestinationRule", namespace, name));
  };
  const narrowed = (host: MeshHost): MeshHost => {
    if (host.kind === "Service" || !settings.serviceEntryVisibility) return host;
    const labels = { "kubernetes.io/metadata.name": host.namespace, ...labelsOf(host.namespace, sources) };
    return { ...host, exportTo: narrowedExport(host, labels, settings) };
  };
  const ownersOf = (hostname: string) =>
    store.hosts
      .named(hostname)
      .filter(({ kind, namespace, name }) => !isExcluded(kind, namespace, name))
      .map(narrowed);
  return {
    settings,
    revision,
    reads: (namespace, label) =>
      isInRevision(label, revision) && isDiscovered(namespace, settings.discoverySelectors, sources),
    servedTo(clientNamespace, clientLabels) {
      const served = revisionServing(clientNamespace, clientLabels, sources);
      return served === revision ? this : createLookupMesh(sources, served);
    },
    destinationRules: (namespace, host) => rulesOf(namespace, host).map((one) => readUnder(settings, one)),
    hostsCovering: (namespace, hostname) =>
      store.rules.hostsCovering(namespace, hostname).filter((host) => rulesOf(namespace, host).length > 0),
    *rulesMeeting(host) {
      for (const one of store.rules.meeting(host)) {
        if (rulesOf(one.namespace, one.host).length > 0) yield one;
      }
    },
    *hostnamesCoveredBy(host) {
      for (const hostname of store.hosts.hostnamesCoveredBy(host)) {
        if (ownersOf(hostname).length > 0) yield hostname;
      }
    },
    owners: ownersOf,
    sidecars: (namespace) =>
      [...store.sidecars.inNamespace(namespace)].filter(
        ({ name }) => !isExcluded("Sidecar", namespace, name),
      ),
    // The one under review may be the only one there: a namespace too many does no harm.
    namespacesWithSidecars: () => store.sidecars.namespaces(),
    virtualService: (namespace, name) =>
      isExcluded("VirtualService", namespace, name) ? undefined : store.routes.named(namespace, name),
    virtualServicesTo: (hostname) =>
      [...store.routes.leadingTo(hostname)].filter(
        ({ namespace, name }) => !isExcluded("VirtualService", namespace, name),
      ),
    *subsetRoutesTo(host) {
      for (const route of store.routes.toSubsetsOf(host)) {
        if (!isExcluded("VirtualService", route.namespace, route.name)) yield route;
      }
    },
  };
}

function readUnder(settings: LookupSettings, stored: StoredRule): LookupRule {
  if (stored.read?.settings !== settings) {
    stored.read = { settings, rule: lookupRule(stored, stored.object, settings) };
  }
  return stored.read.rule;
}

/** Undefined where nothing is known about the namespace, or it is under review. */
function labelsOf(namespace: string, { store, isExcluded }: LookupSources): Labels | undefined {
  if (isExcluded("Namespace", "", namespace)) return undefined;
  const stored = store.get("Namespace", "", namespace);
  return stored && (stored.object.metadata?.labels ?? {});
}

function isDiscovered(
  namespace: string,
  selectors: LookupMesh["settings"]["discoverySelectors"],
  sources: LookupSources,
): boolean {
  if (selectors.length === 0) return true;
  // Of Services those of the data plane count, of its own kinds those of the control plane: one that is read is enough.
  const inMesh = sources.store.get("Namespace", "", namespace, "mesh")?.object.metadata?.labels;
  const inData = labelsOf(namespace, sources);
  if (inData === undefined && inMesh === undefined && !sources.isComplete) return true;
  return [inData, ...(inMesh === undefined ? [] : [inMesh])].some((labels) => {
    const all = { "kubernetes.io/metadata.name": namespace, ...labels };
    return selectors.some((selector) => matchesSelector(selector, all));
  });
}

/** As the injector chose for the proxy; where none would have, as the Pod's own label says. */
function revisionServing(namespace: string, podLabels: Labels, sources: LookupSources): string {
  const { injectors } = sources.mesh;
  const namespaceLabels = labelsOf(namespace, sources) ?? {};
  const query = { namespace, namespaceLabels, podLabels, podAnnotations: {}, hostNetwork: false };
  const { takesEffect, revision } = injectionOf(query, injectors);
  const named = takesEffect ? revision : (podLabels["istio.io/rev"] ?? onlyRevision(injectors));
  return named === "default" ? "" : named;
}

function onlyRevision(injectors: RevisedMesh["injectors"]): string {
  const [only = "", ...others] = new Set(injectors.map(({ revision }) => revision));
  return others.length === 0 ? only : "";
}
