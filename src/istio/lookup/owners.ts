/** Several owners of one hostname. Source: pilot/pkg/model/push_context.go (initServiceRegistry), sidecar.go. */
import { compareAge } from "./age.ts";
import type { LookupSettings, MeshHost } from "./mesh.ts";
import { isPublic, isVisibleTo } from "./visibility.ts";

/** Those that are exported to the client's namespace by name or privately before public ones, each from the oldest. */
export function visibleOwners(
  owners: readonly MeshHost[],
  clientNamespace: string,
  settings: LookupSettings,
): readonly MeshHost[] {
  return owners
    .filter((owner) => isVisibleTo(owner, clientNamespace, settings))
    .toSorted(
      (one, other) =>
        Number(isPublic(one, settings)) - Number(isPublic(other, settings)) || compareOwners(one, other),
    );
}

/** From the oldest. A ServiceEntry's service is named as its host. */
export function compareOwners(one: MeshHost, other: MeshHost): number {
  return compareAge(asService(one), asService(other)) || compareAge(one, other);
}

function asService(owner: MeshHost): MeshHost {
  return owner.kind === "Service" ? owner : { ...owner, name: owner.hostname };
}

/** The first, unless a Kubernetes Service comes after something else: nobody can take a Service's name from it. */
export function firstOf(owners: readonly MeshHost[], before?: MeshHost): MeshHost | undefined {
  let first = before;
  for (const owner of owners) {
    if (!first || (first.kind !== "Service" && owner.kind === "Service")) first = owner;
  }
  return first;
}

export function oneOfEachNamespace(owners: readonly MeshHost[]): readonly MeshHost[] {
  const groups = Map.groupBy(owners.toSorted(compareOwners), ({ namespace }) => namespace);
  return [...groups.values()].flatMap((group) => firstOf(group) ?? []);
}

/** `port` undefined: whatever ports it has. */
export function hasPort({ ports }: MeshHost, port: number | undefined): boolean {
  return port === undefined || ports.includes(port);
}
