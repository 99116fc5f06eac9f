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
  module.enableCompileCache();
  const { run } = await import("../src/cli.ts");
  await run();
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
