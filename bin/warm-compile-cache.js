// Run once while an image is built, as the user who runs it: Node keeps there what it makes of the sources.
import { chmodSync, globSync } from "node:fs";
import module from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

for (const file of globSync(join(import.meta.dirname, "../src/**/*.ts")))
  await import(pathToFileURL(file).href);
module.flushCompileCache();
const folder = module.getCompileCacheDir();
if (folder === undefined)
  throw new Error("there is no compile cache: is NODE_COMPILE_CACHE a folder that can be written?");
// For everybody to read and nobody to write: it is code.
for (const file of globSync(join(folder, "*"))) chmodSync(file, 0o444);
for (const one of [folder, dirname(folder)]) chmodSync(one, 0o555);
