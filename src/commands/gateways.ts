/** `foresail gateways`: Istio's Gateways and those of the Gateway API, in one table. */
import { printable } from "../engine/render.ts";
import { ForesailError } from "../errors.ts";
import { factsOfGateway, factsOfKubernetesGateway } from "../istio/gateway-facts.ts";
import type { GatewayFacts, NamedService } from "../istio/gateway-facts.ts";
import { GATEWAY_KINDS } from "../kubernetes/gateway-kinds.ts";
import type { GatewayKind } from "../kubernetes/gateway-kinds.ts";
import { KIND_FACTS } from "../kubernetes/objects.ts";
import type { Store } from "../cluster/store.ts";
import type { GatewayList, ListedGateway } from "../report/gateways/list.ts";
import { renderGatewaysJson } from "../report/gateways/json.ts";
import { renderGatewaysText } from "../report/gateways/text.ts";
import type { Terminal } from "../report/terminal.ts";
import { namespaceOf } from "./check-options.ts";
import { readGatewayFiles, readGatewaysOfCluster } from "./gateways/read-gateways.ts";
import type { FoundGateways, Where } from "./gateways/read-gateways.ts";
import type { GatewaysOptions } from "./options.ts";
import { refuseTwoSources } from "./read-state.ts";
import type { CommandResult, Progress } from "./result.ts";

interface GatewaysContext {
  readonly terminal: Terminal;
  readonly progress: Progress;
}

/** @throws ForesailError USAGE, STATE_UNREADABLE, KUBECONFIG_UNREADABLE, CLUSTER_UNREACHABLE */
export async function gateways(
  options: GatewaysOptions,
  { terminal, progress }: GatewaysContext,
): Promise<CommandResult> {
  const { meshState, format } = options;
  const where = whereOf(options);
  refuseTwoSources(options);
  const found =
    meshState.length > 0
      ? await readGatewayFiles(meshState, where)
      : await readGatewaysOfCluster(options, where, progress);
  const list = listOf(found);
  return {
    report: format === "json" ? renderGatewaysJson(list) : renderGatewaysText(list, terminal),
    problems: found.problems.map((problem) => `foresail: ${printable(problem)}`),
    exitCode: list.kinds.every(({ isListed }) => isListed) ? 0 : 2,
  };
}

function whereOf({ namespace, allNamespaces = false }: GatewaysOptions): Where {
  if (namespace === undefined) return { namespace, allNamespaces };
  if (!allNamespaces) return { namespace: namespaceOf(namespace), allNamespaces };
  throw usageError("-n and -A exclude each other", "Name one namespace, or ask for all of them.");
}

function usageError(message: string, hint: string): ForesailError {
  return new ForesailError({ code: "USAGE", message, hint });
}

function listOf({ store, namespace, kinds }: FoundGateways): GatewayList {
  const services = [...store.namesOf("Service")].flatMap(([place, name]): NamedService[] => {
    const service = store.get("Service", place, name)?.object;
    return service ? [[place, name, service]] : [];
  });
  const all = GATEWAY_KINDS.flatMap((kind) => gatewaysOf(kind, store, services));
  const shown = all.filter((one) => namespace === undefined || one.namespace === namespace);
  return {
    namespace,
    kinds,
    gateways: shown.toSorted((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1)),
    elsewhere: all.length - shown.length,
  };
}

function gatewaysOf(
  kind: GatewayKind,
  store: Store,
  services: readonly NamedService[],
): readonly ListedGateway[] {
  return [...store.namesOf(kind)].map(([namespace, name]) => ({
    kind,
    namespace,
    name,
    ...factsOf(kind, store, namespace, name, services),
  }));
}

function factsOf(
  kind: GatewayKind,
  store: Store,
  namespace: string,
  name: string,
  services: readonly NamedService[],
): GatewayFacts {
  if (kind === "Gateway") return factsOfGateway(store.get(kind, namespace, name)?.object ?? {}, services);
  return factsOfKubernetesGateway(store.get(kind, namespace, name)?.object ?? {});
}

function sortKey({ kind, namespace, name }: ListedGateway): string {
  return [namespace, name, KIND_FACTS[kind].group].join(" ");
}
