import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { describe, test } from "node:test";
import { ARROWS, PURE, PURE_PACKAGES } from "./architecture.ts";

const SRC = join(import.meta.dirname, "../src");
const FILES = globSync("**/*.ts", { cwd: SRC }).map((file) => ({
  file,
  folder: folderOf(file),
  text: readFileSync(join(SRC, file), "utf8"),
}));

/** Every import, export-from and dynamic import with a literal. */
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^;"]*?from\s*"([^"]+)"|import\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s*"([^"]+)"/g;

function folderOf(file: string): string {
  return file.includes(sep) ? (file.split(sep)[0] ?? "") : file.replace(/\.ts$/, "");
}

function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map(([, from, dynamic, bare]) => from ?? dynamic ?? bare ?? "");
}

function targetOf(file: string, specifier: string): string {
  return folderOf(relative(SRC, join(SRC, file, "..", specifier)));
}

describe("imports", () => {
  const used = new Set<string>();
  const stray: string[] = [];
  for (const { file, folder, text } of FILES) {
    for (const specifier of importsOf(text).filter((one) => one.startsWith("."))) {
      const target = targetOf(file, specifier);
      if (target === folder || target === "errors") continue;
      used.add(`${folder} -> ${target}`);
      if (!ARROWS[folder]?.includes(target)) stray.push(`${file} imports ${specifier}`);
    }
  }

  test("go only where the table has an arrow", () => assert.deepEqual(stray, []));

  test("leave no arrow of the table unused", () => {
    const arrows = Object.entries(ARROWS).flatMap(([from, targets]) =>
      targets.map((to) => `${from} -> ${to}`),
    );
    assert.deepEqual(
      arrows.filter((arrow) => !used.has(arrow)),
      [],
    );
  });

  test("start only in folders that the table knows", () => {
    const folders = new Set(FILES.map(({ folder }) => folder));
    folders.delete("errors");
    assert.deepEqual([...folders].toSorted(), Object.keys(ARROWS).toSorted());
  });

  test("of errors.ts are none", () => {
    assert.deepEqual(importsOf(FILES.find(({ file }) => file === "errors.ts")?.text ?? ""), []);
  });

  test("of pure folders name no built-in, and a package only in the file that wraps it", () => {
    const mayName = (file: string, specifier: string) => {
      const start = Object.hasOwn(PURE_PACKAGES, specifier) ? PURE_PACKAGES[specifier] : undefined;
      return start !== undefined && file.startsWith(join(start));
    };
    const foreign = FILES.filter(({ folder }) => PURE.includes(folder)).flatMap(({ file, text }) =>
      importsOf(text)
        .filter((one) => !one.startsWith(".") && !mayName(file, one))
        .map((one) => `${file} imports ${one}`),
    );
    assert.deepEqual(foreign, []);
  });
});

describe("effects", () => {
  const filesWith = (pattern: RegExp) =>
    FILES.filter(({ text }) => pattern.test(text)).map(({ file }) => file);

  test("on the exit code are cli.ts's alone", () =>
    assert.deepEqual(filesWith(/process\.exitCode|process\.exit\(/), ["cli.ts"]));

  test("on argv are cli.ts's alone", () => assert.deepEqual(filesWith(/process\.argv/), ["cli.ts"]));

  test("are absent when a file is imported", async () => {
    for (const { file } of FILES.filter(({ file: one }) => one !== "cli.ts")) await import(join(SRC, file));
    assert.equal(process.getActiveResourcesInfo().filter((one) => /TCP|Server|Timeout/.test(one)).length, 0);
  });
});
