/** From the text of a configuration to the configuration. Loads zod and the YAML reader: import it when there is a text. */
import { createHash } from "node:crypto";

import { COMPONENTS } from "../istio/versions.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";
import { isObject } from "../kubernetes/json.ts";
import { parseYaml } from "../kubernetes/yaml/yaml.ts";
import type { YamlDocument } from "../kubernetes/yaml/yaml.ts";
import type { AnyRule } from "../rules/rule.ts";
import { asWritten } from "./as-written.ts";
import { MAX_CONFIGURATION_BYTES } from "./configuration.ts";
import type { Configuration, ConfigurationProblem } from "./configuration.ts";
import { explainIssue } from "./problems.ts";
import type { SettingsProblem } from "./problems.ts";
import { configurationSchema } from "./schema.ts";
import { meshSettingsOf, policyOf } from "./settings.ts";
import { unknownRules } from "./unknown-rules.ts";
import { at, oneLine, quote } from "./wording.ts";

/** Aliases shorten a configuration; nobody has lists of this length. */
const YAML_LIMITS = { maxDepth: 100, maxAliasedCharacters: MAX_CONFIGURATION_BYTES };
const MAX_PROBLEMS = 100;
const HASH_DIGITS = 12;

/** All problems at once, in the order of the text; of very many, some. */
type ParseResult =
  | { readonly configuration: Configuration }
  | { readonly problems: readonly ConfigurationProblem[] };

/** Never throws. A text without any setting means the defaults. */
export function parseConfiguration(text: string, rules: readonly AnyRule[]): ParseResult {
  if (Buffer.byteLength(text) > MAX_CONFIGURATION_BYTES) {
    return refusal(1, `a configuration has at most ${MAX_CONFIGURATION_BYTES / 1024} KiB, this is longer`);
  }
  const { documents, problems } = parseYaml(text, YAML_LIMITS);
  if (problems.length > 0) return { problems: inTextOrder(problems) };
  const [document, second] = documents;
  if (second) return refusal(second.line, "a configuration is one document, and a second begins here");
  if (isManifest(document?.value)) {
    return refusal(
      1,
      'expected settings, found a Kubernetes object; give only the text under its data["config.yaml"]',
    );
  }
  const hash = createHash("sha256").update(text).digest("hex").slice(0, HASH_DIGITS);
  return parseDocument(document, rules, hash);
}

function parseDocument(
  document: YamlDocument | undefined,
  rules: readonly AnyRule[],
  hash: string,
): ParseResult {
  const root = document?.value ?? {};
  const schema = configurationSchema(rules);
  const source = (path: FieldPath) => document?.places.source(path);
  const parsed = schema.safeParse(asWritten(root, source, rules));
  const duplicates = (document?.duplicateKeys ?? []).map(({ path, position }) => ({
    ...position,
    message: `${at(path.slice(0, -1))}the key ${quote(String(path.at(-1)))} stands here a second time`,
  }));
  const homes = homesOf(Object.keys(schema.shape), rules);
  if (parsed.success && duplicates.length === 0) {
    const warnings = inTextOrder(locate(unknownRules(root, rules, homes), document));
    return {
      configuration: {
        policy: policyOf(parsed.data, rules),
        mesh: meshSettingsOf(parsed.data),
        hash,
        warnings,
      },
    };
  }
  const settings = { root, source, homes };
  const issues = (parsed.error?.issues ?? []).flatMap((issue) => [...explainIssue(issue, settings)]);
  return { problems: inTextOrder([...duplicates, ...locate(issues, document)]) };
}

/** Where keys belong that are easily put in the wrong place, by a wrong indentation in particular. */
function homesOf(settings: readonly string[], rules: readonly AnyRule[]): ReadonlyMap<string, string> {
  return new Map<string, string>([
    ["action", "under the id of its rule"],
    ...settings.map((name): [string, string] => [name, 'beside "rules"']),
    ...COMPONENTS.map((component): [string, string] => [component, 'under "assume"']),
    ...rules.map(({ id }): [string, string] => [id, 'under "rules"']),
  ]);
}

/** Each place costs a search through the text, and nobody reads hundreds of lines. */
function locate(
  problems: readonly SettingsProblem[],
  document: YamlDocument | undefined,
): ConfigurationProblem[] {
  return problems.slice(0, MAX_PROBLEMS).map(({ field, message }) => {
    const { line, column } = document?.places.position(field) ?? { line: 1, column: 1 };
    return { line, column, message };
  });
}

function inTextOrder(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  const sorted = problems.toSorted((one, other) => one.line - other.line || one.column - other.column);
  return sorted.slice(0, MAX_PROBLEMS).map((problem) => ({ ...problem, message: oneLine(problem.message) }));
}

function refusal(line: number, message: string): ParseResult {
  return { problems: [{ line, column: 1, message }] };
}

/** The whole ConfigMap, where only what it holds was expected. */
function isManifest(root: unknown): boolean {
  return isObject(root) && Object.hasOwn(root, "apiVersion") && Object.hasOwn(root, "kind");
}
