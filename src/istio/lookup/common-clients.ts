/** Sidecars that know what two objects claim the same port for. Source: pilot/pkg/networking/core/listener.go. */
import type { Labels } from "../../kubernetes/objects.ts";
import type { ClaimedHost, PortClaim } from "../ports/claims.ts";
import type { MeshClient } from "./client-classes.ts";
import type { LookupMesh, MeshHost } from "./mesh.ts";
import { ownerFor, sidecarFor } from "./scope.ts";
import { namespacesSeeing } from "./visibility.ts";

interface KnownClients {
  inNamespace(namespace: string): readonly MeshClient[];
  namespaces(): readonly string[];
  isKnown(namespace: string): boolean;
}

export interface CommonClientSources {
  /** With both objects in it. */
  readonly mesh: LookupMesh;
  readonly clients: KnownClients;
  /** Pods there have no sidecar, and ztunnel listens on no port for all addresses. */
  readonly isAmbient: (namespace: string) => boolean;
  /** Where no client is known, none need have a sidecar. */
  readonly isAmbientMesh: boolean;
}

interface Sidecar {
  readonly namespace: string;
  readonly labels: Labels;
}

/** Stands for the namespaces that nothing names; none can be called so, nor means it anything in a Sidecar. */
const ANY_OTHER_NAMESPACE = "any other";

export class CommonClients {
  readonly #sources: CommonClientSources;
  #sidecars: readonly Sidecar[] | undefined;
  readonly #knowing = new WeakMap<PortClaim, readonly Sidecar[]>();

  constructor(sources: CommonClientSources) {
    this.#sources = sources;
  }

  /** The first answer about a host of each that some sidecar knows both. */
  find<T>(
    one: PortClaim,
    other: PortClaim,
    judge: (oneHost: ClaimedHost, otherHost: ClaimedHost) => T | undefined,
  ): T | undefined {
    for (const client of this.#candidates(one, other)) {
      const otherKnown = this.#knownTo(client, other);
      const known = otherKnown.length === 0 ? [] : this.#knownTo(client, one);
      for (const oneHost of known) {
        for (const otherHost of otherKnown) {
          const answer = judge(oneHost, otherHost);
          if (answer !== undefined) return answer;
        }
      }
    }
    return undefined;
  }

  /** Where no sidecar is known at all, one may come to any namespace; else only to those of which nothing is known. */
  #candidates(one: PortClaim, other: PortClaim): readonly Sidecar[] {
    const { clients } = this.#sources;
    this.#sidecars ??= clients.namespaces().flatMap((namespace) => this.#sidecarsIn(namespace));
    const isAnyKnown = this.#sidecars.length > 0;
    const names = this.#namespacesSeeing(one) ?? this.#namespacesSeeing(other);
    if (names === undefined) return isAnyKnown ? this.#allKnowing(one) : this.#conceivable(one, other);
    return names.flatMap((namespace) => {
      const there = this.#sidecarsIn(namespace);
      if (there.length > 0 || (isAnyKnown && clients.isKnown(namespace))) return there;
      return this.#newIn([namespace]);
    });
  }

  /** Found out once, as many others may claim the port. */
  #allKnowing(claim: PortClaim): readonly Sidecar[] {
    const found =
      this.#knowing.get(claim) ??
      (this.#sidecars ?? []).filter((sidecar) => this.#knownTo(sidecar, claim).length > 0);
    this.#knowing.set(claim, found);
    return found;
  }

  #conceivable(one: PortClaim, other: PortClaim): readonly Sidecar[] {
    const own = new Set([one.namespace, other.namespace]);
    const isAmbient = this.#sources.isAmbientMesh || own.values().every((name) => this.#isAmbient(name));
    return this.#newIn(isAmbient ? [] : [...own, ANY_OTHER_NAMESPACE]);
  }

  #newIn(namespaces: readonly string[]): readonly Sidecar[] {
    return namespaces
      .filter((namespace) => !this.#isAmbient(namespace))
      .map((namespace) => ({ namespace, labels: {} }));
  }

  #isAmbient(namespace: string): boolean {
    return this.#sources.isAmbient(namespace);
  }

  #sidecarsIn(namespace: string): readonly Sidecar[] {
    return this.#sources.clients
      .inNamespace(namespace)
      .filter(({ proxy }) => proxy === "sidecar")
      .map(({ labels = {} }) => ({ namespace, labels }));
  }

  #namespacesSeeing(claim: PortClaim): readonly string[] | undefined {
    const { mesh } = this.#sources;
    const owner = mesh.owners(claim.hosts[0]?.hostname ?? "").find((host) => isOwnedBy(host, claim));
    return owner ? namespacesSeeing(owner, mesh.settings) : [];
  }

  /** None where a Sidecar has a listener of its own for the port: whoever wrote it chose what is on it. */
  #knownTo({ namespace, labels }: Sidecar, claim: PortClaim): readonly ClaimedHost[] {
    const mesh = this.#sources.mesh.servedTo(namespace, labels);
    const query = { clientNamespace: namespace, clientLabels: labels, proxy: "sidecar" } as const;
    const { egress = [] } = sidecarFor({ ...query, host: "" }, mesh) ?? {};
    if (egress.some(({ port }) => port === claim.port)) return [];
    return claim.hosts.filter(({ hostname }) => {
      const owner = ownerFor({ ...query, host: hostname }, mesh);
      return owner !== undefined && isOwnedBy(owner, claim);
    });
  }
}

function isOwnedBy(host: MeshHost, { kind, namespace, name }: PortClaim): boolean {
  return host.kind === kind && host.namespace === namespace && host.name === name;
}
