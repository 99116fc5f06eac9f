/** The configuration in a ConfigMap, followed while the webhook serves. */
import type { ApiServer } from "../api-server/client.ts";
import { createEventWriter } from "../api-server/events.ts";
import type { EventSubject } from "../api-server/events.ts";
import { followObject } from "../api-server/follow-object.ts";
import { ForesailError, nearest } from "../errors.ts";
import { mapOf, object, string } from "../kubernetes/shape.ts";
import { LastSaid } from "../polling.ts";
import type { AnyRule } from "../rules/rule.ts";
import { DEFAULT_CONFIGURATION } from "./configuration.ts";
import type { Configuration } from "./configuration.ts";
import { parseReading } from "./file.ts";
import { keepLastGood } from "./last-good.ts";
import type { ConfigurationEvents, CurrentConfiguration } from "./last-good.ts";

export interface ConfigMapName {
  readonly namespace: string;
  readonly name: string;
}

export interface ConfigMapEvents extends ConfigurationEvents {
  /** It cannot be read for now; what was read last stays. Said rarely while it is the same. */
  readonly onProblem: (problem: Error) => void;
  readonly onEventProblem: (problem: Error) => void;
  /** For tests: between two Events about it. */
  readonly eventIntervalMs?: number;
}

export interface FollowedConfigMap extends CurrentConfiguration {
  /** What keeps the configuration from being known, a line each. */
  unmetConditions(): readonly string[];
  close(): void;
}

const CONFIG_KEY = "config.yaml";
const EVENT_REASON = "ConfigInvalid";

const shape = object({
  metadata: object({ uid: string, resourceVersion: string }),
  data: mapOf(string),
  binaryData: mapOf(string),
});
type ConfigMap = NonNullable<ReturnType<typeof shape.read>>;

/**
 * Resolves when it was read or could not be. No ConfigMap at the start, or one without the key, means the defaults. Later
 * its deletion changes nothing, for it is made again by many tools that replace it; a key that is removed counts.
 */
export async function followConfigMap(
  api: ApiServer,
  { namespace, name }: ConfigMapName,
  rules: readonly AnyRule[],
  events: ConfigMapEvents,
): Promise<FollowedConfigMap> {
  const { onProblem, onEventProblem, onInvalid, onChange, eventIntervalMs } = events;
  const label = `ConfigMap ${namespace}/${name}`;
  const closing = new AbortController();
  const { promise: first, resolve: onFirst } = Promise.withResolvers<void>();
  const writer = createEventWriter(api, {
    onProblem: onEventProblem,
    ...(eventIntervalMs === undefined ? {} : { intervalMs: eventIntervalMs }),
  });
  let subject: EventSubject = { apiVersion: "v1", kind: "ConfigMap", namespace, name };
  let problem: Error | undefined;
  const said = new LastSaid();
  let isKnown = false;
  let hasExisted = false;
  let seen: string | undefined;

  const lastGood = keepLastGood({
    onChange(configuration) {
      writer.withdraw(subject, EVENT_REASON);
      onChange(configuration);
    },
    onInvalid(error) {
      writer.warn(subject, EVENT_REASON, error.message);
      onInvalid(error);
    },
  });
  const take = async (configMap: ConfigMap | undefined) => {
    const content = contentOf(configMap, hasExisted);
    hasExisted ||= configMap !== undefined;
    if (configMap) subject = { ...subject, ...configMap.metadata };
    if (JSON.stringify(content) !== seen) {
      const result = await read(label, content, rules);
      if (closing.signal.aborted) return;
      if (result instanceof ForesailError) lastGood.refuse(result);
      else lastGood.take(result);
    }
    seen = JSON.stringify(content);
    isKnown = true;
    problem = undefined;
    said.forget();
    onFirst();
  };
  const follow = async () => {
    const options = {
      path: `/api/v1/namespaces/${namespace}/configmaps`,
      name,
      signal: closing.signal,
      onProblem(found: Error) {
        problem = found;
        if (said.isNews(found.message)) onProblem(found);
        onFirst();
      },
    };
    for await (const found of followObject(api, options)) await take(shape.read(found));
  };

  void follow();
  await first;
  return Object.assign(lastGood, {
    unmetConditions: () => (isKnown ? [] : [`the ${label} was not read: ${problem?.message}`]),
    close() {
      closing.abort();
      writer.close();
    },
  });
}

/** The text, or what stands in the place of one. */
type Content =
  | { readonly text: string }
  | { readonly wrong: string; readonly hint: string }
  | { readonly none: true };

function contentOf(configMap: ConfigMap | undefined, hasExisted: boolean): Content {
  if (!configMap) {
    if (!hasExisted) return { none: true };
    return { wrong: "it was deleted", hint: "Make it again; without one the defaults apply after a restart" };
  }
  const { data = {}, binaryData = {} } = configMap;
  const text = data[CONFIG_KEY];
  if (text !== undefined) return { text };
  if (binaryData[CONFIG_KEY] !== undefined) {
    return { wrong: `${CONFIG_KEY} is under binaryData`, hint: "Write it in UTF-8, then it is under data" };
  }
  const meant = nearest(CONFIG_KEY, Object.keys(data));
  if (meant === undefined) return { none: true };
  return { wrong: `it has no key ${CONFIG_KEY}`, hint: `Rename the key ${meant} to ${CONFIG_KEY}` };
}

async function read(
  label: string,
  content: Content,
  rules: readonly AnyRule[],
): Promise<Configuration | ForesailError> {
  if ("none" in content) return DEFAULT_CONFIGURATION;
  if ("text" in content) return parseReading(`${label}, ${CONFIG_KEY}`, Buffer.from(content.text), rules);
  return new ForesailError({
    code: "CONFIG_INVALID",
    message: `the ${label} cannot be used: ${content.wrong}`,
    hint: content.hint,
  });
}
