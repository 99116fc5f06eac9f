/** `docs/LANGUAGE/rules/ID.md`, with the rule's own messages in its bad example. */
import { identityOf, Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import { evaluate } from "../../src/engine/evaluate.ts";
import { isObject } from "../../src/kubernetes/json.ts";
import { findKind, groupOf, readObject } from "../../src/kubernetes/objects.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { parseYaml } from "../../src/kubernetes/yaml.ts";

import { renderRulePage } from "../../src/report/rule-page.ts";
import type { Annotation } from "../../src/report/rule-page.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../../src/rules/policy.ts";
import type { AnyRule } from "../../src/rules/rule.ts";

export function rulePages(rule: AnyRule): ReadonlyMap<string, string> {
  const annotations = annotationsOf(rule);
  return new Map(
    (["en", "zh"] as const).map((language) => [
      `docs/${language}/rules/${rule.id}.md`,
      renderRulePage(rule, language, annotations),
    ]),
  );
}

/** What `check` says of the example, under the lines it says it of. */
function annotationsOf(rule: AnyRule): readonly Annotation[] {
  const { documents } = parseYaml(rule.example.bad);
  const store = new Store(DEFAULT_MESH_SETTINGS.clusterDomain);
  for (const { value } of documents.slice(1)) store.put(kindOf(value), value);
  const [document] = documents;
  if (!document) throw new Error(`${rule.id}: the bad example is empty`);
  const kind = kindOf(document.value);
  const { namespace, name } = identityOf(kind, readObject(kind, document.value));
  const { verdicts } = evaluate(
    { operation: "CREATE", kind, namespace, name, object: document.value, oldObject: undefined },
    {
      moment: "check",
      rules: [rule],
      cluster: createView({ store, settings: DEFAULT_MESH_SETTINGS, isComplete: true }),
      policy: DEFAULT_POLICY,
      today: "2000-01-01",
      expired: () => false,
    },
  );
  return verdicts.map(({ message, field }) => ({ line: document.position(field).line, text: message }));
}

function kindOf(value: unknown): Kind {
  const { apiVersion, kind } = isObject(value) ? value : {};
  const found = findKind(groupOf(String(apiVersion)), String(kind));
  if (!found)
    throw new Error(`the example has an object of a kind that foresail does not know: ${String(kind)}`);
  return found;
}
