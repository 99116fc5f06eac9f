/** What a managed serving certificate is valid for. */
import { ForesailError } from "../errors.ts";
import { parseHost } from "./hosts.ts";
import type { WebhookTrust } from "./managed-serving.ts";

const SERVICE_NAME = "foresail";

/** Configurations have two webhooks; whoever writes hundreds of addresses into them gets no certificate of that size. */
const MAX_HOSTS = 50;

/** Names of the Service, the given hosts, and those by which the configurations call. */
export function managedHosts(
  namespace: string,
  configurations: readonly WebhookTrust[],
  hosts: readonly string[],
): readonly string[] {
  const service = `${SERVICE_NAME}.${namespace}`;
  const names = [SERVICE_NAME, service, `${service}.svc`, `${service}.svc.cluster.local`];
  const called = configurations.flatMap(({ webhooks }) => webhooks.flatMap(({ host }) => parsed(host)));
  return [...new Set([...names, ...hosts, ...called.toSorted()])].slice(0, MAX_HOSTS);
}

/** Nothing for what is no host: others write configurations, and a typing error there may not end the service. */
function parsed(host: string): readonly string[] {
  try {
    return [parseHost(host)];
  } catch (error) {
    if (error instanceof ForesailError) return [];
    throw error;
  }
}
