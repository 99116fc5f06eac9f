/** The clients of each namespace, computed anew only when something has changed that can make or unmake one. */
import type { Injector } from "../istio/injection.ts";
import type { Kind } from "../kubernetes/objects.ts";
import type { Client } from "../rules/cluster-view.ts";
import type { MeshSettings } from "../rules/policy.ts";
import { clientsIn } from "./clients.ts";
import type { Store } from "./store.ts";

interface OfNamespace {
  readonly generation: number;
  readonly clients: readonly Client[];
}

/** For one configuration, and as long as the injectors stay as they are. */
export class KnownClients {
  readonly #store: Store;
  readonly #settings: MeshSettings;
  readonly #injectors: readonly Injector[];
  readonly #byNamespace = new Map<string, OfNamespace>();
  #namespaces: { readonly generation: number; readonly names: readonly string[] } | undefined;

  constructor(store: Store, settings: MeshSettings, injectors: readonly Injector[]) {
    this.#store = store;
    this.#settings = settings;
    this.#injectors = injectors;
  }

  inNamespace(namespace: string): readonly Client[] {
    const generation = this.#store.clientGenerationOf(namespace);
    const known = this.#byNamespace.get(namespace);
    if (known?.generation === generation) return known.clients;
    const clients = clientsIn(namespace, {
      store: this.#store,
      settings: this.#settings,
      injectors: this.#injectors,
      isExcluded: () => false,
      podGroups: this.#store.pods.inNamespace(namespace, undefined),
    });
    this.#byNamespace.set(namespace, { generation, clients });
    return clients;
  }

  /** Those with at least one, in order. */
  namespaces(): readonly string[] {
    const { clientGeneration: generation } = this.#store;
    if (this.#namespaces?.generation !== generation) {
      const names = this.#possible().filter((namespace) => this.inNamespace(namespace).length > 0);
      this.#namespaces = { generation, names };
    }
    return this.#namespaces.names;
  }

  #possible(): readonly string[] {
    const kinds: readonly Kind[] = ["KubernetesGateway", "WorkloadEntry", "WorkloadGroup"];
    const names = new Set([
      ...this.#store.list("Namespace", "").map(([name]) => name),
      ...this.#store.pods.namespaces(),
      ...this.#settings.clientNamespaces.names,
      ...kinds.flatMap((kind) => [...this.#store.namespacesOf(kind)]),
    ]);
    return [...names].toSorted();
  }
}
