/** The configuration that `serve` goes by, followed while it serves. */
import type { Logger } from "pino";
import { DEFAULT_CONFIGURATION } from "../config/configuration.ts";
import type { ConfigurationEvents, CurrentConfiguration } from "../config/last-good.ts";
import { ForesailError } from "../errors.ts";
import type { AnyRule } from "../rules/rule.ts";
import { problemFacts } from "./problem-facts.ts";

export interface ConfigurationOptions {
  readonly config?: string;
}

export interface FollowedConfiguration {
  readonly configuration: CurrentConfiguration;
  close(): void;
}

/** Below the 2 s within which a change has to count. */
const INTERVAL_MS = 1000;

/** `onChange` is called whenever another configuration applies, after the first one. */
export async function openConfiguration(
  options: ConfigurationOptions,
  rules: readonly AnyRule[],
  log: Logger,
  onChange: () => void,
): Promise<FollowedConfiguration> {
  if (options.config === undefined) {
    return {
      configuration: { current: DEFAULT_CONFIGURATION, isValid: true, lastSuccess: new Date() },
      close: () => {},
    };
  }
  return followFile(options.config, rules, log, onChange);
}

/** A file that cannot be read is a wrong flag; one with mistakes in it is waited for, with the defaults and without Deny. */
async function followFile(
  file: string,
  rules: readonly AnyRule[],
  log: Logger,
  onChange: () => void,
): Promise<FollowedConfiguration> {
  const [{ readConfigurationFile }, { watchConfigurationFile }] = await Promise.all([
    import("../config/file.ts"),
    import("../config/file-watch.ts"),
  ]);
  const first = await readConfigurationFile(file);
  if (first instanceof ForesailError) throw first;
  const watch = await watchConfigurationFile(file, rules, {
    intervalMs: INTERVAL_MS,
    ...eventsOf(file, log, onChange),
  });
  return { configuration: watch, close: () => watch.close() };
}

function eventsOf(source: string, log: Logger, onChange: () => void): ConfigurationEvents {
  return {
    onChange({ hash, warnings }) {
      log.info({ config: hash }, "configuration read");
      for (const warning of warnings) {
        log.warn({ file: source, ...warning }, "part of the configuration is ignored");
      }
      onChange();
    },
    onInvalid: (problem) =>
      log.error(problemFacts(problem), "configuration not read; the last good one stays"),
  };
}
