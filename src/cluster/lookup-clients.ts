/** The clients of a mesh, as far as the DestinationRule lookup can tell them apart. */
import type { LookupQuery } from "../istio/lookup/query.ts";
import type { Kind, Labels } from "../kubernetes/objects.ts";
import type { ClusterView } from "../rules/cluster-view.ts";
import type { Store } from "./store.ts";

export type LookupClient = Omit<LookupQuery, "host">;

/** Those of one namespace: each kind of proxy, with each set of the labels that some selector of the lookup asks for. */
export function lookupClientsIn(
  namespace: string,
  { clients }: Pick<ClusterView<Kind>, "clients">,
  selectorKeys: ReadonlySet<string>,
): readonly LookupClient[] {
  const distinct = new Map<string, LookupClient>();
  for (const { labels = {}, proxy } of clients.inNamespace(namespace)) {
    const clientLabels = only(selectorKeys, labels);
    const pairs = Object.entries(clientLabels).map(([name, value]) => `${name}=${value}`);
    const key = [proxy, ...pairs].join(",");
    distinct.set(key, { clientNamespace: namespace, clientLabels, proxy });
  }
  return [...distinct].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, client]) => client);
}

/** The labels that the namespace's DestinationRules and Sidecars select clients by. */
export function selectorKeysIn(namespace: string, store: Store): ReadonlySet<string> {
  const selectors = [
    ...store.list("DestinationRule", namespace).map(([, { spec }]) => spec?.workloadSelector?.matchLabels),
    ...store.list("Sidecar", namespace).map(([, { spec }]) => spec?.workloadSelector?.labels),
  ];
  return new Set(selectors.flatMap((selector) => Object.keys(selector ?? {})));
}

function only(keys: ReadonlySet<string>, labels: Labels): Labels {
  const kept = Object.entries(labels).filter(([name]) => keys.has(name));
  return Object.fromEntries(kept.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** Of all namespaces; where no client is known at all, every namespace might have some. */
export function lookupClients(
  view: Pick<ClusterView<Kind>, "clients">,
  store: Store,
  declared: readonly string[],
): readonly LookupClient[] {
  const known = view.clients
    .namespaces()
    .flatMap((namespace) => lookupClientsIn(namespace, view, selectorKeysIn(namespace, store)));
  if (known.length > 0) return known;
  return knownNamespaces(store, declared).map((clientNamespace) => ({
    clientNamespace,
    clientLabels: {},
    proxy: "sidecar",
  }));
}

/** Every namespace of which anything is known, in order. */
export function knownNamespaces(store: Store, declared: readonly string[]): readonly string[] {
  return [...new Set([...store.namespaces(), ...declared])].toSorted();
}
