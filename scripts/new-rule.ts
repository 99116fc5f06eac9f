/** `npm run new-rule ID`: the two files of a new rule, which fail until they say something. */
import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { camelCase } from "./generators/names.ts";

const ROOT = join(import.meta.dirname, "..");
const ID = /^[a-z][a-z0-9]*(-[a-z0-9]+)+$/;

const id = process.argv[2] ?? "";
if (!ID.test(id)) {
  process.stderr.write("usage: npm run new-rule SUBJECT-WHAT-HOLDS, for example gateway-secret-exists\n");
  process.exit(2);
}

const rule = `import { defineRule } from "./rule.ts";

export default defineRule({
  id: "${id}",
  title: "",
  symptoms: [""],
  why: "",
  remedy: "",
  notes: [],
  zh: { title: "", symptoms: [""], why: "", remedy: "", notes: [] },
  sources: [],
  example: { bad: "", good: "" },
  action: "Warn",
  kinds: ["Service"],
  operations: ["CREATE", "UPDATE"],
  reads: [],
  gates: [],
  options: {},
  messages: { wrong: "" },
  *check({ object }) {
    if (object.spec?.type === undefined) return;
    yield { message: "wrong", field: ["spec", "type"] };
  },
});
`;

const test = `import ${camelCase(id)} from "../../src/rules/${id}.ts";
import { testRule } from "./rule-tester.ts";

testRule(${camelCase(id)}, {
  valid: [],
  invalid: [],
});
`;

for (const [file, content] of [
  [`src/rules/${id}.ts`, rule],
  [`test/rules/${id}.test.ts`, test],
] as const) {
  const exists = await access(join(ROOT, file)).then(
    () => true,
    () => false,
  );
  if (exists) {
    process.stderr.write(`${file} is there already\n`);
    process.exit(2);
  }
  await writeFile(join(ROOT, file), content);
  process.stdout.write(`${file}\n`);
}
process.stdout.write("Write the test first; then npm run generate and npm run check.\n");
