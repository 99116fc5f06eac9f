/** What applies while a configuration is edited, wherever it is read from: the last good one. */
import type { ForesailError } from "../errors.ts";
import { WEAKENED_CONFIGURATION } from "./configuration.ts";
import type { Configuration } from "./configuration.ts";

export interface ConfigurationEvents {
  /** Another configuration applies, or the same one again after an invalid one. May not throw. */
  readonly onChange: (configuration: Configuration) => void;
  /** Nothing changes: the last good one stays, or at start the defaults without Deny. May not throw. */
  readonly onInvalid: (error: ForesailError) => void;
}

export interface CurrentConfiguration {
  readonly current: Configuration;
  /** False from an invalid configuration until the next valid one. */
  readonly isValid: boolean;
  /** When `current` was taken; undefined until a valid one was. */
  readonly lastSuccess: Date | undefined;
}

interface LastGood extends CurrentConfiguration {
  take(configuration: Configuration): void;
  refuse(error: ForesailError): void;
}

export function keepLastGood({ onChange, onInvalid }: ConfigurationEvents): LastGood {
  let current = WEAKENED_CONFIGURATION;
  let isValid = false;
  let lastSuccess: Date | undefined;
  return {
    get current() {
      return current;
    },
    get isValid() {
      return isValid;
    },
    get lastSuccess() {
      return lastSuccess;
    },
    take(configuration) {
      [current, isValid, lastSuccess] = [configuration, true, new Date()];
      onChange(configuration);
    },
    refuse(error) {
      isValid = false;
      onInvalid(error);
    },
  };
}
