/** What to do when a client gets no DestinationRule, a line each. */
import type { MeshHost } from "../../istio/lookup/mesh.ts";
import { sidecarFor } from "../../istio/lookup/scope.ts";
import { isVisibleTo } from "../../istio/lookup/visibility.ts";
import type { ExplainedLookup } from "./text.ts";

export function adviceOn(lookup: ExplainedLookup): readonly string[] {
  const { isVisible, isAlias, chosen, owner } = lookup.answer;
  if (!isVisible) return lookup.mesh.owners(lookup.query.host).map((one) => adviceOnHidden(one, lookup));
  if (isAlias) return ["Write the rule for the host that this Service stands for, its spec.externalName."];
  return chosen || !owner ? [] : [adviceOnNone(owner, lookup)];
}

function adviceOnHidden(owner: MeshHost, { query, mesh: cluster }: ExplainedLookup): string {
  const { clientNamespace, clientLabels, host } = query;
  const mesh = cluster.servedTo(clientNamespace, clientLabels);
  const name = `${owner.kind} ${owner.namespace}/${owner.name}`;
  if (!mesh.reads(owner.namespace, undefined)) {
    return `${name} is not read by Istio: meshConfig.discoverySelectors leave out the namespace ${owner.namespace}.`;
  }
  if (!mesh.reads(owner.namespace, owner.revision)) {
    return `${name} is for the revision ${owner.revision} (label istio.io/rev), which does not serve ${clientNamespace}.`;
  }
  if (isVisibleTo(owner, clientNamespace, mesh.settings)) {
    const sidecar = sidecarFor(query, mesh);
    return `${name} is left out by Sidecar ${sidecar?.namespace}/${sidecar?.name}: add ${owner.namespace}/${host} to the hosts of its egress.`;
  }
  if (owner.exportTo.length === 0) {
    const defaults = mesh.settings.defaultServiceExportTo.join(", ");
    return `meshConfig.defaultServiceExportTo is "${defaults}": export ${name} to ${clientNamespace} with ${placeOfExport(owner)}.`;
  }
  return `${name} is exported to "${owner.exportTo.join(", ")}": add ${clientNamespace} to ${placeOfExport(owner)}.`;
}

function placeOfExport({ kind }: MeshHost): string {
  return kind === "Service" ? "its annotation networking.istio.io/exportTo" : "its spec.exportTo";
}

function adviceOnNone({ namespace: serviceNamespace }: MeshHost, lookup: ExplainedLookup): string {
  const { query, answer, elsewhere } = lookup;
  const { clientNamespace, host } = query;
  const ending = answer.steps.find(({ outcome }) => outcome === "match");
  if (ending) {
    return `Add a DestinationRule for ${host} without workloadSelector to ${ending.namespace}: any rule there ends the lookup.`;
  }
  const places =
    clientNamespace === serviceNamespace
      ? `in ${serviceNamespace}`
      : `in ${serviceNamespace} for all clients, or in ${clientNamespace} for the clients there`;
  const [misplaced] = elsewhere;
  if (misplaced) return `Put ${misplaced.namespace}/${misplaced.name} ${places}.`;
  return answer.steps.some(({ candidates }) => candidates.length > 0)
    ? `Change the rule that is listed above as its reason says, or write one for ${host} ${places}.`
    : `If it shall have one, write a DestinationRule for ${host} ${places}.`;
}
