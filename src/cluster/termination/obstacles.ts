/** What keeps the API server from listing, converting or deleting: parts of it that others serve. */
import type { ApiServer } from "../../api-server/client.ts";
import { ApiStatusError } from "../../api-server/status-error.ts";
import { readObject } from "../../kubernetes/objects.ts";
import { anything, list, object, string } from "../../kubernetes/shape.ts";
import type { Shape } from "../../kubernetes/shape.ts";
import type { Content, LostApi, LostConversion, RefusingWebhook } from "../../termination/facts.ts";
import { resourceName } from "../../termination/facts.ts";

type Api = Pick<ApiServer, "request">;

const NOT_FOUND = 404;
const SERVER_ERROR = 500;

const APIS = "/apis/apiregistration.k8s.io/v1/apiservices";
const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1";

const itemsShape = object({ items: list(anything) });

const serviceShape = object({ name: string, namespace: string });
const definitionShape = object({
  spec: object({
    conversion: object({
      strategy: string,
      webhook: object({ clientConfig: object({ url: string, service: serviceShape }) }),
    }),
  }),
});
const configurationShape = object({
  metadata: object({ name: string }),
  webhooks: list(object({ name: string })),
});
const CONFIGURATION_KINDS = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] as const;
type ConfigurationKind = (typeof CONFIGURATION_KINDS)[number];

/** Undefined if nobody may list APIServices. */
export async function findLostApis(api: Api): Promise<readonly LostApi[] | undefined> {
  const answer = await api.request({ path: APIS });
  return answer.status === 200 ? lostApisAmong(itemsOf(answer.body)) : undefined;
}

/** Of APIServices. */
export function lostApisAmong(items: readonly unknown[]): readonly LostApi[] {
  return items.flatMap((item): LostApi[] => {
    const { metadata, spec, status } = readObject("APIService", item);
    const available = status?.conditions?.find(({ type }) => type === "Available");
    if (spec?.service === undefined || available?.status === "True") return [];
    const { namespace = "", name = "" } = spec.service;
    const reason = available?.message || available?.reason || "nothing is known of it yet";
    return [{ name: metadata?.name ?? "", service: `${namespace}/${name}`, reason }];
  });
}

function itemsOf(body: unknown): readonly unknown[] {
  return itemsShape.read(body)?.items ?? [];
}

/** Of the kinds that could not be listed, those whose objects somebody else has to convert. */
export async function findLostConversions(
  api: Api,
  content: readonly Content[],
): Promise<readonly LostConversion[]> {
  const failed = content.filter(({ refusal }) => (refusal?.status ?? 0) >= SERVER_ERROR);
  const found = await Promise.all(failed.map(({ resource }) => conversionOf(api, resourceName(resource))));
  return found.filter((one) => one !== undefined);
}

async function conversionOf(api: Api, name: string): Promise<LostConversion | undefined> {
  const definition = await get(api, `${DEFINITIONS}/${name}`, definitionShape);
  const { strategy, webhook } = definition?.spec?.conversion ?? {};
  if (strategy !== "Webhook") return undefined;
  const { url = "", service } = webhook?.clientConfig ?? {};
  if (service === undefined) return { name, converter: url, isConverterThere: true };
  const { namespace = "", name: serviceName = "" } = service;
  const { status } = await api.request({ path: `/api/v1/namespaces/${namespace}/services/${serviceName}` });
  const converter = `Service ${namespace}/${serviceName}`;
  return { name, converter, isConverterThere: status !== NOT_FOUND };
}

// Source: k8s.io/apiserver v0.36, pkg/admission/plugin/webhook/errors/statuserror.go, and generic/webhook.go.
const LOST_WEBHOOK = /failed calling webhook "([^"]+)"/g;
const DENYING_WEBHOOK = /admission webhook "([^"]+)" denied the request/g;

/** Those of which the namespace controller speaks. */
export async function findWebhooks(
  api: Api,
  messages: readonly string[],
): Promise<readonly RefusingWebhook[]> {
  if (webhooksNamedIn(messages, () => []).length === 0) return [];
  const items = new Map<ConfigurationKind, readonly unknown[]>();
  for (const kind of CONFIGURATION_KINDS)
    items.set(kind, itemsOf(await get(api, `${CONFIGURATIONS}/${kind.toLowerCase()}s`, anything)));
  return webhooksNamedIn(messages, (kind) => items.get(kind) ?? []);
}

/** `configurations` gives all objects of the kind. */
export function webhooksNamedIn(
  messages: readonly string[],
  configurations: (kind: ConfigurationKind) => readonly unknown[],
): readonly RefusingWebhook[] {
  const text = messages.join("\n");
  const found = new Map<string, string>();
  for (const kind of CONFIGURATION_KINDS) {
    for (const item of configurations(kind)) {
      const { metadata, webhooks = [] } = configurationShape.read(item) ?? {};
      for (const { name = "" } of webhooks) found.set(name, `${kind.toLowerCase()} ${metadata?.name ?? ""}`);
    }
  }
  return ([LOST_WEBHOOK, DENYING_WEBHOOK] as const).flatMap((pattern) => {
    const names = new Set([...text.matchAll(pattern)].map(([, name = ""]) => name));
    const isLost = pattern === LOST_WEBHOOK;
    return [...names].map((name) => ({ name, configuration: found.get(name), isLost }));
  });
}

/** Undefined for what is not there, and where nobody may look. */
async function get<T>(api: Api, path: string, shape: Shape<T>): Promise<T | undefined> {
  const answer = await api.request({ path });
  if (answer.status >= SERVER_ERROR) throw new ApiStatusError(answer);
  return answer.status === 200 ? shape.read(answer.body) : undefined;
}
