/** What the answers to the DestinationRule lookup rest on. */
import { isWildcard } from "../istio/hosts.ts";
import type { LookupMesh } from "../istio/lookup/mesh.ts";
import type { Grounds } from "./grounds.ts";

export function withGrounds(mesh: LookupMesh, grounds: Grounds): LookupMesh {
  /** Where one is known, others change little; where none is, one could be anywhere. */
  const noteRoutes = (routes: readonly { readonly namespace: string; readonly name: string }[]) => {
    for (const { namespace, name } of routes) grounds.object("VirtualService", namespace, name);
    if (routes.length === 0) grounds.all("VirtualService", "");
  };
  return {
    settings: mesh.settings,
    revision: mesh.revision,
    reads(namespace, revision) {
      grounds.namespace(namespace);
      return mesh.reads(namespace, revision);
    },
    servedTo(namespace, labels) {
      grounds.mesh();
      grounds.object("Namespace", "", namespace);
      const served = mesh.servedTo(namespace, labels);
      return served === mesh ? this : withGrounds(served, grounds);
    },
    destinationRules(namespace, host) {
      grounds.all("DestinationRule", namespace);
      return mesh.destinationRules(namespace, host);
    },
    hostsCovering(namespace, hostname) {
      grounds.all("DestinationRule", namespace);
      return mesh.hostsCovering(namespace, hostname);
    },
    // Tells only where to look; what is there, the other questions tell.
    rulesMeeting: (host) => mesh.rulesMeeting(host),
    owners(hostname) {
      const owners = mesh.owners(hostname);
      grounds.named(hostname, owners);
      return owners;
    },
    hostnamesCoveredBy(host) {
      if (isWildcard(host)) for (const kind of ["Service", "ServiceEntry"] as const) grounds.all(kind, "");
      else grounds.named(host, mesh.owners(host));
      return mesh.hostnamesCoveredBy(host);
    },
    sidecars(namespace) {
      grounds.all("Sidecar", namespace);
      return mesh.sidecars(namespace);
    },
    // Tells only which clients to ask for one by one.
    namespacesWithSidecars: () => mesh.namespacesWithSidecars(),
    virtualServicesTo(hostname) {
      const virtualServices = mesh.virtualServicesTo(hostname);
      noteRoutes(virtualServices);
      return virtualServices;
    },
    virtualService(namespace, name) {
      grounds.object("VirtualService", namespace, name);
      return mesh.virtualService(namespace, name);
    },
    subsetRoutesTo(host) {
      const routes = [...mesh.subsetRoutesTo(host)];
      noteRoutes(routes);
      return routes;
    },
  };
}
