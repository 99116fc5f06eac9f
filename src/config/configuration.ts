/** What a configuration is once it is read. Loads no package: commands without a configuration need only this. */
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../rules/policy.ts";
import type { MeshSettings, Policy } from "../rules/policy.ts";

/** Much more than anybody writes by hand, and quick to read. */
export const MAX_CONFIGURATION_BYTES = 256 * 1024;

/** Line and column count from 1. The message is one line. */
export interface ConfigurationProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Never changed in place: whoever decides takes one of these and keeps it until the decision is made. */
export interface Configuration {
  readonly policy: Policy;
  readonly mesh: MeshSettings;
  /** The same for the same text: 12 hexadecimal digits, or a word where there is no text. */
  readonly hash: string;
  /** Parts that are ignored because this version does not know them. */
  readonly warnings: readonly ConfigurationProblem[];
}

/** Without any configuration. */
export const DEFAULT_CONFIGURATION: Configuration = {
  policy: DEFAULT_POLICY,
  mesh: DEFAULT_MESH_SETTINGS,
  hash: "default",
  warnings: [],
};

/** From a start with an invalid configuration until a valid one is read: nobody knows what should have been denied. */
export const WEAKENED_CONFIGURATION: Configuration = {
  ...DEFAULT_CONFIGURATION,
  policy: { ...DEFAULT_POLICY, denyIsWeakened: true },
  hash: "default-weakened",
};
