/** What a finding suggests to apply, as YAML. */
import type { Verdict } from "../engine/verdict.ts";
import { emitYaml } from "../kubernetes/yaml/yaml.ts";

/** Documents with `---` between them; empty if the finding suggests nothing. */
export function suggestionOf({ suggestion = [] }: Verdict): string {
  return suggestion.map((object) => emitYaml(object)).join("---\n");
}
