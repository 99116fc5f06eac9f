/** The configuration that `serve` goes by, followed while it serves. */
import type { Logger } from "pino";
import type { ApiServer } from "../../api-server/client.ts";
import { isInPod } from "../../api-server/in-pod.ts";
import { DEFAULT_CONFIGURATION } from "../../config/configuration.ts";
import type { ConfigurationEvents, CurrentConfiguration } from "../../config/last-good.ts";
import { ForesailError } from "../../errors.ts";
import type { AnyRule } from "../../rules/rule.ts";
import { problemFacts } from "./problem-facts.ts";

export interface ConfigurationOptions {
  readonly config?: string;
  /** `NAMESPACE/NAME`; in a Pod also if nothing else is named, `foresail` in its namespace. */
  readonly configMap?: string;
  /** With these no cluster is contacted that no flag asks for. */
  readonly meshState: readonly string[];
}

export interface ConfigurationContext {
  readonly rules: readonly AnyRule[];
  readonly api: () => Promise<ApiServer>;
  /** Of foresail itself. */
  readonly namespace: string;
  readonly log: Logger;
  /** Another configuration applies. */
  readonly onChange: () => void;
}

export interface FollowedConfiguration {
  readonly configuration: CurrentConfiguration;
  /** What keeps it from being known, a line each. */
  unmetConditions(): readonly string[];
  close(): void;
}

/** Below the 2 s within which a change has to count. */
const INTERVAL_MS = 1000;
const CONFIG_MAP_NAME = "foresail";

/** RFC 1123, as the API server has it. */
const LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const CONFIG_MAP = new RegExp(`^(?<namespace>${LABEL})/(?<name>${LABEL}(?:\\.${LABEL})*)$`);

/** @throws ForesailError USAGE for flags that do not go together, and for a name that is none */
export function checkConfigurationFlags({ config, configMap }: ConfigurationOptions): void {
  if (config !== undefined && configMap !== undefined) {
    throw usageError("--config and --config-map exclude each other", "Name a file or a ConfigMap.");
  }
  if (configMap !== undefined) parseName(configMap);
}

export async function openConfiguration(
  { config, configMap, meshState }: ConfigurationOptions,
  context: ConfigurationContext,
): Promise<FollowedConfiguration> {
  if (config !== undefined) return followFile(config, context);
  if (configMap !== undefined) return followMap(parseName(configMap), context);
  if (isInPod() && meshState.length === 0) {
    return followMap({ namespace: context.namespace, name: CONFIG_MAP_NAME }, context);
  }
  return {
    configuration: { current: DEFAULT_CONFIGURATION, isValid: true, lastSuccess: new Date() },
    unmetConditions: () => [],
    close: () => {},
  };
}

/** A file that cannot be read is a wrong flag; one with mistakes in it is waited for, with the defaults and without Deny. */
async function followFile(file: string, context: ConfigurationContext): Promise<FollowedConfiguration> {
  const [{ readConfigurationFile }, { watchConfigurationFile }] = await Promise.all([
    import("../../config/file.ts"),
    import("../../config/file-watch.ts"),
  ]);
  const first = await readConfigurationFile(file);
  if (first instanceof ForesailError) throw first;
  const watch = await watchConfigurationFile(file, context.rules, {
    intervalMs: INTERVAL_MS,
    ...eventsOf(file, context),
  });
  return { configuration: watch, unmetConditions: () => [], close: () => watch.close() };
}

async function followMap(
  name: { readonly namespace: string; readonly name: string },
  context: ConfigurationContext,
): Promise<FollowedConfiguration> {
  const { followConfigMap } = await import("../../config/config-map.ts");
  const { rules, log } = context;
  const source = `ConfigMap ${name.namespace}/${name.name}`;
  const followed = await followConfigMap(await context.api(), name, rules, {
    ...eventsOf(source, context),
    onProblem: (problem) =>
      log.warn({ source, ...problemFacts(problem) }, "ConfigMap not followed; it is tried again"),
    onEventProblem: (problem) => log.warn(problemFacts(problem), "Event not written"),
  });
  return {
    configuration: followed,
    unmetConditions: () => followed.unmetConditions(),
    close: () => followed.close(),
  };
}

function eventsOf(source: string, { log, onChange }: ConfigurationContext): ConfigurationEvents {
  let hasGood = false;
  return {
    onChange({ hash, warnings }) {
      hasGood = true;
      log.info({ config: hash }, "configuration read");
      for (const warning of warnings) {
        log.warn({ file: source, ...warning }, "part of the configuration is ignored");
      }
      onChange();
    },
    onInvalid: (problem) =>
      log.error(
        problemFacts(problem),
        hasGood
          ? "configuration not read; the last good one stays"
          : "configuration not read; the defaults apply, without Deny",
      ),
  };
}

function parseName(text: string): { readonly namespace: string; readonly name: string } {
  const { namespace, name } = CONFIG_MAP.exec(text)?.groups ?? {};
  if (namespace !== undefined && name !== undefined) return { namespace, name };
  throw usageError(
    `--config-map ${text} names no ConfigMap`,
    "Write it as NAMESPACE/NAME, as foresail/foresail.",
  );
}

function usageError(message: string, hint: string): ForesailError {
  return new ForesailError({ code: "USAGE", message, hint });
}
