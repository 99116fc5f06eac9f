/**
 * Records what the kubectl on PATH makes of each file in test/kubernetes/yaml-corpus, beside it.
 * `node scripts/record-yaml-corpus.ts && npm run format`
 */
import { writeFile } from "node:fs/promises";
import { askKubectl, goldenPath, listCorpus, yamlPath } from "../test/kubernetes/yaml-corpus/kubectl.ts";

for (const name of listCorpus()) {
  const reading = await askKubectl([yamlPath(name)]);
  await writeFile(goldenPath(name), `${JSON.stringify(reading, null, 2)}\n`);
}
