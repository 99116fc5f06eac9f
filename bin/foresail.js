#!/usr/bin/env node
// Plain JavaScript that old Node versions can read, too: it tells them what is needed, and does the cheap things itself.
import { readFileSync, realpathSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";

const MIN_NODE = 24;
const root = realpathSync(fileURLToPath(new URL("..", import.meta.url)));
const [first] = process.argv.slice(2);

if (first === "--version" || first === "-V") {
  const { version } = JSON.parse(readFileSync(`${root}/package.json`, "utf8"));
  process.stdout.write(`${version}\n`);
} else if (Number.parseInt(process.versions.node, 10) < MIN_NODE) {
  process.stderr.write(`foresail: needs Node ${MIN_NODE} or newer, this is ${process.versions.node}\n`);
  process.exitCode = 2;
} else {
  enterCallersFolder();
  if (/[\\/]node_modules[\\/]/.test(root)) readTypeScriptInPackages();
  module.enableCompileCache();
  const { run } = await import("../src/cli.ts");
  await run();
}

/** Node strips the types of no file below node_modules, which is where `npm install` puts this one. */
function readTypeScriptInPackages() {
  const sources = new URL("../src/", import.meta.url).href;
  module.registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith(sources) || !url.endsWith(".ts")) return nextLoad(url, context);
      const source = stripTypes(readFileSync(fileURLToPath(url), "utf8"));
      return { format: "module", source, shortCircuit: true };
    },
  });
}

/** Without the warning that the function is experimental, which says nothing to those who run foresail. */
function stripTypes(source) {
  const warning = Object.getOwnPropertyDescriptor(process, "emitWarning");
  process.emitWarning = () => {};
  try {
    return module.stripTypeScriptTypes(source);
  } finally {
    if (warning) Object.defineProperty(process, "emitWarning", warning);
  }
}

/** `npm run foresail` starts in the checkout; the paths that were typed are relative to where it was called. */
function enterCallersFolder() {
  const { INIT_CWD } = process.env;
  if (INIT_CWD === undefined || realpathSync(process.cwd()) !== root) return;
  try {
    process.chdir(INIT_CWD);
  } catch {
    // A folder that is gone; paths then are relative to the checkout.
  }
}
