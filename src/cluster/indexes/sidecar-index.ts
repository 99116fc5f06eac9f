/** Sidecars by namespace, as the lookup reads them. */
import { createdAt } from "../../istio/lookup/age.ts";
import type { LookupSidecar } from "../../istio/lookup/mesh.ts";
import { revisionOf } from "../../istio/lookup/revision.ts";
import type { Kinds } from "../../kubernetes/objects.ts";

export class SidecarIndex {
  readonly #byNamespace = new Map<string, Map<string, LookupSidecar>>();

  add(sidecar: Kinds["Sidecar"], namespace: string, name: string): void {
    const sidecars = this.#byNamespace.get(namespace) ?? new Map<string, LookupSidecar>();
    sidecars.set(name, readSidecar(sidecar, namespace, name));
    this.#byNamespace.set(namespace, sidecars);
  }

  delete(namespace: string, name: string): void {
    const sidecars = this.#byNamespace.get(namespace);
    if (sidecars?.delete(name) && sidecars.size === 0) this.#byNamespace.delete(namespace);
  }

  namespaces(): Iterable<string> {
    return this.#byNamespace.keys();
  }

  inNamespace(namespace: string): Iterable<LookupSidecar> {
    return this.#byNamespace.get(namespace)?.values() ?? [];
  }
}

function readSidecar(
  { metadata, spec = {} }: Kinds["Sidecar"],
  namespace: string,
  name: string,
): LookupSidecar {
  const { workloadSelector, egress = [] } = spec;
  return {
    namespace,
    name,
    revision: revisionOf(metadata),
    createdAt: createdAt(metadata),
    selector: workloadSelector && (workloadSelector.labels ?? {}),
    egress: egress.map(({ hosts = [], port = {} }) => ({ hosts, port: importedPort(port) })),
  };
}

/** A listener that is an HTTP proxy is for all ports. */
function importedPort({ number = 0, protocol = "" }): number | undefined {
  return number === 0 || protocol.toLowerCase() === "http_proxy" ? undefined : number;
}
