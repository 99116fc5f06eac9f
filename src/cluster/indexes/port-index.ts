/** Who claims a port for all addresses, by the port. */
import { claimsOfExternalName, claimsOfServiceEntry } from "../../istio/ports/claims.ts";
import type { PortClaim } from "../../istio/ports/claims.ts";
import type { Kinds } from "../../kubernetes/objects.ts";

export class PortIndex {
  readonly #clusterDomain: string;
  readonly #byPort = new Map<number, Map<string, PortClaim>>();
  /** The ports of each object that claims some. */
  readonly #ports = new Map<string, readonly number[]>();

  constructor(clusterDomain: string) {
    this.#clusterDomain = clusterDomain;
  }

  addService(service: Kinds["Service"], namespace: string, name: string): void {
    this.#add(claimsOfExternalName(service, namespace, name, this.#clusterDomain));
  }

  addServiceEntry(entry: Kinds["ServiceEntry"], namespace: string, name: string): void {
    this.#add(claimsOfServiceEntry(entry, namespace, name));
  }

  delete(kind: PortClaim["kind"], namespace: string, name: string): void {
    const key = keyOf({ kind, namespace, name });
    for (const port of this.#ports.get(key) ?? []) {
      const claims = this.#byPort.get(port);
      if (claims?.delete(key) && claims.size === 0) this.#byPort.delete(port);
    }
    this.#ports.delete(key);
  }

  /** In no order. */
  claims(port: number): Iterable<PortClaim> {
    return this.#byPort.get(port)?.values() ?? [];
  }

  /** Of a port that an object has twice, which Istio refuses, the first counts. */
  #add(claims: readonly PortClaim[]): void {
    for (const claim of claims) {
      const key = keyOf(claim);
      const there = this.#byPort.get(claim.port) ?? new Map<string, PortClaim>();
      if (there.has(key)) continue;
      there.set(key, claim);
      this.#byPort.set(claim.port, there);
      this.#ports.set(key, [...(this.#ports.get(key) ?? []), claim.port]);
    }
  }
}

function keyOf({ kind, namespace, name }: Pick<PortClaim, "kind" | "namespace" | "name">): string {
  return `${kind}/${namespace}/${name}`;
}
