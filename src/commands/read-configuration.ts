/** The configuration that a command goes by which reads it once: --config and --assume. */
import { DEFAULT_CONFIGURATION } from "../config/configuration.ts";
import type { Configuration } from "../config/configuration.ts";
import type { AnyRule } from "../rules/rule.ts";
import { parseAssumptions } from "./check-options.ts";

export interface ConfigurationFlags {
  readonly config?: string;
  /** `istio=1.10,kubernetes=1.22`, each. */
  readonly assume: readonly string[];
}

/** @throws ForesailError USAGE, CONFIG_INVALID */
export async function readConfiguration(
  { config, assume: texts }: ConfigurationFlags,
  rules: readonly AnyRule[],
): Promise<Configuration> {
  const assumed = parseAssumptions(texts);
  const configuration = await configurationOf(config, rules);
  const { mesh } = configuration;
  return { ...configuration, mesh: { ...mesh, assume: { ...mesh.assume, ...assumed } } };
}

async function configurationOf(file: string | undefined, rules: readonly AnyRule[]): Promise<Configuration> {
  if (file === undefined) return DEFAULT_CONFIGURATION;
  const { loadConfiguration } = await import("../config/file.ts");
  return loadConfiguration(file, rules);
}

/** What of it is ignored, a line each. */
export function configurationProblems(
  { config }: ConfigurationFlags,
  { warnings }: Configuration,
): readonly string[] {
  return warnings.map(({ line, column, message }) => `${config}:${line}:${column}: ${message}`);
}
