/** What a person types so that CCM leaves load balancers when their Services go. */
import { GATEWAY_NAME } from "./exposure.ts";
import type { Exposure } from "./exposure.ts";
import { holds } from "../gates.ts";
import { ID_ANNOTATION, PRESERVE_ANNOTATION } from "./load-balancers.ts";
import type { Versions } from "../versions.ts";

/** A warning ends after 256 characters, of which the rule's name and the remedy's own words take some. */
const MAX_LENGTH = 199;

/** In one line; in words where that would be too long. All are of one namespace. */
export function keepCommand(exposures: readonly Exposure[], versions: Versions): string {
  const [first, ...others] = exposures;
  if (first === undefined) return "";
  // Older versions of CCM only leave what they believe to be the user's own, which takes the id of each.
  const isPreserved = holds("loadBalancersPreserved", versions) !== false;
  const id = first.loadBalancer?.id || "ID_OF_THE_LOAD_BALANCER";
  const [key, value] = isPreserved ? [PRESERVE_ANNOTATION, "true"] : [ID_ANNOTATION, id];
  const command = others.length === 0 || isPreserved ? commandFor(exposures, key, value) : undefined;
  if (command !== undefined && command.length <= MAX_LENGTH) return command;
  const target = placeOf(exposures);
  return isPreserved
    ? `set ${key}: "true" in ${target}`
    : `set ${key} to the load balancer's id in ${target}`;
}

/** Of an IstioGateway's Service they are written by ASM. */
function placeOf(exposures: readonly Exposure[]): string {
  const which = exposures.length === 1 ? "the" : "each";
  const isGateway = ({ kind }: Exposure) => kind === "IstioGateway";
  if (!exposures.some(isGateway)) return `the annotations of ${which} Service`;
  const ofGateways = `spec.serviceAnnotations of ${which} IstioGateway`;
  return exposures.every(isGateway) ? ofGateways : `${ofGateways}, in the annotations of each other Service`;
}

/** Undefined where there is not one for all. */
function commandFor(exposures: readonly Exposure[], key: string, value: string): string | undefined {
  const [first] = exposures;
  if (first === undefined) return undefined;
  const { kind, namespace, name } = first;
  if (exposures.every((one) => one.kind !== "IstioGateway")) {
    const isUnseen = kind !== "Service" && first.service === undefined;
    const services = exposures.map(({ service, name: own }) => service?.metadata?.name ?? own).join(" ");
    const selected = isUnseen ? `-l ${GATEWAY_NAME}=${name}` : services;
    return `kubectl annotate --overwrite services ${selected} -n ${namespace} ${key}=${value}`;
  }
  if (exposures.length > 1 || kind !== "IstioGateway") return undefined;
  const patch = JSON.stringify({ spec: { serviceAnnotations: { [key]: value } } });
  return `kubectl patch istiogateways ${name} -n ${namespace} --type=merge -p '${patch}'`;
}
