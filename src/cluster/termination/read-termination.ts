/** Asks a cluster why a namespace does not end. */
import type { ApiServer } from "../../api-server/client.ts";
import { ApiStatusError } from "../../api-server/status-error.ts";
import { readNamespaceReport } from "../../kubernetes/namespace-conditions.ts";
import { readObject } from "../../kubernetes/objects.ts";
import type { NamespaceFacts, TerminationFacts } from "../../termination/facts.ts";
import { resourceName } from "../../termination/facts.ts";
import { findControllers } from "./controllers.ts";
import { listContent, timeOf } from "./content.ts";
import { findLostApis, findLostConversions, findWebhooks } from "./obstacles.ts";
import { discoverResources } from "./resources.ts";

/** @throws ApiStatusError for every answer but 200 */
export async function readNamespace(
  api: Pick<ApiServer, "request">,
  name: string,
): Promise<{ readonly facts: NamespaceFacts; readonly object: unknown }> {
  const answer = await api.request({ path: `/api/v1/namespaces/${name}` });
  if (answer.status !== 200) throw new ApiStatusError(answer);
  return { facts: factsOfNamespace(name, answer.body), object: answer.body };
}

export function factsOfNamespace(name: string, value: unknown): NamespaceFacts {
  const object = readObject("Namespace", value);
  const { metadata = {}, spec = {} } = object;
  return {
    name,
    uid: metadata.uid ?? "",
    deletedAt: timeOf(metadata.deletionTimestamp ?? ""),
    specFinalizers: spec.finalizers ?? [],
    finalizers: metadata.finalizers ?? [],
    report: readNamespaceReport(object),
  };
}

/** @throws ApiStatusError if the API server does not even say which kinds it has */
export async function readTermination(
  api: ApiServer,
  namespace: NamespaceFacts,
  onProgress: (line: string) => void,
): Promise<TerminationFacts> {
  onProgress("asking which kinds there are");
  const [lostApis, { resources, undiscovered }] = await Promise.all([
    findLostApis(api),
    discoverResources(api),
  ]);
  const content = await listContent({
    api,
    namespace: namespace.name,
    resources,
    onKind: (done, resource) =>
      onProgress(
        `looking into ${namespace.name}: ${done} of ${resources.length} kinds, ${resourceName(resource)}`,
      ),
  });
  onProgress("looking for what should remove the finalizers");
  const [lostConversions, webhooks, finalizers] = await Promise.all([
    findLostConversions(api, content),
    findWebhooks(
      api,
      namespace.report.failures.map(({ message }) => message),
    ),
    findControllers(api, namespace.name, content),
  ]);
  return { namespace, content, lostApis, undiscovered, lostConversions, webhooks, finalizers };
}
