/** The store's answers to the DestinationRule lookup. */
import { createdAt } from "../istio/lookup/age.ts";
import type { LookupMesh, LookupSettings, LookupSidecar } from "../istio/lookup/mesh.ts";
import { lookupRule } from "../istio/lookup/rule.ts";
import type { LookupRule } from "../istio/lookup/rule.ts";
import type { Kind, Kinds } from "../kubernetes/objects.ts";
import type { Store } from "./store.ts";

/** Where a rule's reading is remembered: it depends on the settings alone. */
export type ReadRules = WeakMap<Kinds["DestinationRule"], LookupRule>;

export interface LookupSources {
  readonly store: Store;
  readonly settings: LookupSettings;
  readonly readRules: ReadRules;
  /** Whether this is the object under review, which counts for nothing. */
  readonly isExcluded: (kind: Kind, namespace: string, name: string) => boolean;
}

export function createLookupMesh({ store, settings, readRules, isExcluded }: LookupSources): LookupMesh {
  const read = (namespace: string, name: string, rule: Kinds["DestinationRule"]) => {
    const known = readRules.get(rule) ?? lookupRule({ namespace, name }, rule, settings);
    readRules.set(rule, known);
    return known;
  };
  const rulesOf = (namespace: string, host: string) =>
    [...store.rules.ofHost(namespace, host)].filter(
      ([name]) => !isExcluded("DestinationRule", namespace, name),
    );
  const ownersOf = (hostname: string) =>
    store.hosts.named(hostname).filter(({ kind, namespace, name }) => !isExcluded(kind, namespace, name));
  return {
    settings,
    destinationRules: (namespace, host) =>
      rulesOf(namespace, host).map(([name, rule]) => read(namespace, name, rule)),
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
      store
        .list("Sidecar", namespace)
        .filter(([name]) => !isExcluded("Sidecar", namespace, name))
        .map(([name, sidecar]) => readSidecar(namespace, name, sidecar)),
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

function readSidecar(
  namespace: string,
  name: string,
  { metadata, spec = {} }: Kinds["Sidecar"],
): LookupSidecar {
  const { workloadSelector, egress = [] } = spec;
  return {
    namespace,
    name,
    createdAt: createdAt(metadata),
    selector: workloadSelector && (workloadSelector.labels ?? {}),
    egress: egress.map(({ hosts = [], port }) => ({ hosts, port: portOf(port) })),
  };
}

/** A listener that is an HTTP proxy is for all ports. */
function portOf(
  port: { readonly number?: number; readonly protocol?: string } | undefined,
): number | undefined {
  const isProxy = port?.protocol?.toLowerCase() === "http_proxy";
  return isProxy ? undefined : port?.number || undefined;
}
