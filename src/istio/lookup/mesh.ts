/** What the lookup asks of a mesh. Whoever implements it answers from indexes, never by scanning. */
import type { Labels, LabelSelector } from "../../kubernetes/objects.ts";
import { coversHost, hostsOverlap, moreSpecific } from "../hosts.ts";
import type { LookupEra } from "./era.ts";
import type { LookupRule } from "./rule.ts";
import type { ServiceEntryVisibility } from "./visibility.ts";
import type { SubsetRoute } from "./subset-routes.ts";
import type { LookupVirtualService } from "./virtual-service.ts";

export interface LookupSettings {
  readonly rootNamespace: string;
  readonly clusterDomain: string;
  /** meshConfig.defaultDestinationRuleExportTo; empty if unset. */
  readonly defaultDestinationRuleExportTo: readonly string[];
  /** meshConfig.defaultServiceExportTo, for ServiceEntries as well; empty if unset. */
  readonly defaultServiceExportTo: readonly string[];
  /** meshConfig.defaultVirtualServiceExportTo; empty if unset. */
  readonly defaultVirtualServiceExportTo: readonly string[];
  /** meshConfig.discoverySelectors: namespaces that match none of them are not read; empty: all are read. */
  readonly discoverySelectors: readonly LabelSelector[];
  /** meshConfig.serviceEntryVisibility; undefined if it is not for sidecars. */
  readonly serviceEntryVisibility: ServiceEntryVisibility | undefined;
  readonly era: LookupEra;
}

/** An object of Istio's own kinds: each control plane leaves those of other revisions alone. */
export interface Revised {
  /** The label istio.io/rev; undefined: for all revisions. */
  readonly revision: string | undefined;
}

/** A hostname that the mesh knows, and who owns it. */
export interface MeshHost extends Revised {
  /** As Istio has it: `web.b.svc.cluster.local`, or a ServiceEntry's host, `*.example.com` included. */
  readonly hostname: string;
  readonly kind: "Service" | "ServiceEntry";
  readonly namespace: string;
  readonly name: string;
  /** To whom it is exported: the annotation or field; empty if neither is set. */
  readonly exportTo: readonly string[];
  /** An ExternalName Service: since 1.21 Istio builds no cluster for it. */
  readonly isExternalName: boolean;
  readonly ports: readonly number[];
  /** Seconds since 1970; 0 where unknown. */
  readonly createdAt: number;
}

/** One egress listener of a Sidecar. */
export interface EgressListener {
  /** As written: `ns1/*`, `./web.ns1.svc.cluster.local`, `~/*`. */
  readonly hosts: readonly string[];
  /** Only services with this port are imported; undefined: all. */
  readonly port: number | undefined;
}

export interface LookupSidecar extends Revised {
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: number;
  readonly selector: Labels | undefined;
  /** Empty: everything. */
  readonly egress: readonly EgressListener[];
}

/** The rules of a namespace that have one resolved host. */
export interface RulesOfHost {
  readonly namespace: string;
  readonly host: string;
}

/** Answers hold all objects there are; what the control plane reads of them, `reads` tells. */
export interface LookupMesh {
  readonly settings: LookupSettings;
  /** Of the control plane; "" is the default one. */
  readonly revision: string;
  /** Whether the control plane has objects of this namespace and revision label at all. */
  reads(namespace: string, revision: string | undefined): boolean;
  /** The mesh as the control plane of these proxies sees it. */
  servedTo(clientNamespace: string, clientLabels: Labels): LookupMesh;
  /** Of this namespace and resolved host, in no order. */
  destinationRules(namespace: string, host: string): readonly LookupRule[];
  /** The resolved hosts of the namespace's rules that cover this hostname, the most specific first. */
  hostsCovering(namespace: string, hostname: string): readonly string[];
  /** Where rules are whose hosts can have a hostname in common with this host. Lazily, in no order. */
  rulesMeeting(host: string): Iterable<RulesOfHost>;
  /** Every owner of exactly this hostname. */
  owners(hostname: string): readonly MeshHost[];
  /** The known hostnames that a rule's host covers. Lazily, in no order. */
  hostnamesCoveredBy(host: string): Iterable<string>;
  /** In no order. */
  sidecars(namespace: string): readonly LookupSidecar[];
  namespacesWithSidecars(): Iterable<string>;
  /** Those with this host among their destinations or those of their delegates, in no order. */
  virtualServicesTo(hostname: string): readonly LookupVirtualService[];
  virtualService(namespace: string, name: string): LookupVirtualService | undefined;
  /** The routes to subsets of hosts that this host covers. Lazily, in no order. */
  subsetRoutesTo(host: string): Iterable<SubsetRoute>;
}

/** With owners of hostnames besides those that are there. */
export function withOwners(mesh: LookupMesh, added: readonly MeshHost[]): LookupMesh {
  const byHostname = Map.groupBy(added, ({ hostname }) => hostname);
  return {
    ...mesh,
    servedTo: (namespace, labels) => withOwners(mesh.servedTo(namespace, labels), added),
    owners: (hostname) => [...mesh.owners(hostname), ...(byHostname.get(hostname) ?? [])],
    *hostnamesCoveredBy(host) {
      const known = new Set(mesh.hostnamesCoveredBy(host));
      yield* known;
      for (const hostname of byHostname.keys()) {
        if (coversHost(host, hostname) && !known.has(hostname)) yield hostname;
      }
    },
  };
}

/** With the rule in place of the one that has its name. */
export function withRule(mesh: LookupMesh, rule: LookupRule): LookupMesh {
  const without = withoutRule(mesh, rule.namespace, rule.name);
  const isThere = (namespace: string, host: string) => namespace === rule.namespace && host === rule.host;
  return {
    ...without,
    servedTo: (namespace, labels) => withRule(mesh.servedTo(namespace, labels), rule),
    destinationRules(namespace, host) {
      const others = without.destinationRules(namespace, host);
      return isThere(namespace, host) ? [...others, rule] : others;
    },
    hostsCovering(namespace, hostname) {
      const others = without.hostsCovering(namespace, hostname);
      const isAdded =
        namespace === rule.namespace && coversHost(rule.host, hostname) && !others.includes(rule.host);
      return isAdded ? [...others, rule.host].toSorted(moreSpecific) : others;
    },
    *rulesMeeting(host) {
      let isAdded = hostsOverlap(rule.host, host);
      for (const one of without.rulesMeeting(host)) {
        yield one;
        isAdded &&= !isThere(one.namespace, one.host);
      }
      if (isAdded) yield { namespace: rule.namespace, host: rule.host };
    },
  };
}

export function withoutRule(mesh: LookupMesh, namespace: string, name: string): LookupMesh {
  const destinationRules = (place: string, host: string) => {
    const rules = mesh.destinationRules(place, host);
    return place === namespace ? rules.filter((rule) => rule.name !== name) : rules;
  };
  return {
    settings: mesh.settings,
    revision: mesh.revision,
    reads: (place, revision) => mesh.reads(place, revision),
    servedTo: (place, labels) => withoutRule(mesh.servedTo(place, labels), namespace, name),
    destinationRules,
    hostsCovering(place, hostname) {
      const hosts = mesh.hostsCovering(place, hostname);
      return place === namespace ? hosts.filter((host) => destinationRules(place, host).length > 0) : hosts;
    },
    *rulesMeeting(host) {
      for (const one of mesh.rulesMeeting(host)) {
        if (one.namespace !== namespace || destinationRules(namespace, one.host).length > 0) yield one;
      }
    },
    owners: (hostname) => mesh.owners(hostname),
    hostnamesCoveredBy: (host) => mesh.hostnamesCoveredBy(host),
    sidecars: (place) => mesh.sidecars(place),
    namespacesWithSidecars: () => mesh.namespacesWithSidecars(),
    virtualServicesTo: (hostname) => mesh.virtualServicesTo(hostname),
    virtualService: (place, one) => mesh.virtualService(place, one),
    subsetRoutesTo: (host) => mesh.subsetRoutesTo(host),
  };
}
