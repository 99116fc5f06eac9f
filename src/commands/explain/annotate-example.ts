/** What a rule says about its own bad example, for its page. */
import { parseManifests } from "../../cluster/manifests.ts";
import { Store } from "../../cluster/store.ts";
import type { Annotation } from "../../report/rule-page.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../../rules/policy.ts";
import type { AnyRule } from "../../rules/rule.ts";
import { checkManifests } from "../check/check-manifests.ts";

/** Of the first object only: the rest of an example is the cluster around it. */
export function annotateExample(rule: AnyRule): Annotation[] {
  const { manifests } = parseManifests("example", rule.example.bad, true);
  const [subject] = manifests;
  const store = new Store(DEFAULT_MESH_SETTINGS.clusterDomain);
  const { findings } = checkManifests({
    manifests,
    state: { store, settings: DEFAULT_MESH_SETTINGS, isComplete: true },
    namespace: "default",
    rules: [rule],
    policy: DEFAULT_POLICY,
    today: "",
  });
  const ofSubject = findings.filter(
    ({ object }) => object.kind === subject?.kindName && object.name === subject.name,
  );
  const texts = new Map(
    ofSubject.map(({ line, verdict: { message: text } }) => [`${line} ${text}`, { line, text }]),
  );
  return [...texts.values()];
}
