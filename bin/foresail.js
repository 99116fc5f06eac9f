#!/usr/bin/env node
// Plain JavaScript that old Node versions can read, too: it tells them what is needed, and does the cheap things itself.
import { spawn } from "node:child_process";
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
  const packaged = findPackagedNode();
  if (packaged !== undefined) runWith(packaged);
  else {
    process.stderr.write(`foresail: needs Node ${MIN_NODE} or newer, this is ${process.versions.node}\n`);
    process.exitCode = 2;
  }
} else {
  enterCallersFolder();
  if (/[\\/]node_modules[\\/]/.test(root)) readTypeScriptInPackages();
  module.enableCompileCache();
  const { run } = await import("../src/cli.ts");
  await run();
}

/** On Linux it comes with foresail, as an optional package. */
function findPackagedNode() {
  try {
    const { resolve } = module.createRequire(import.meta.url);
    return resolve(`node-${process.platform}-${process.arch}/bin/node`);
  } catch {
    return undefined;
  }
}

/** In place of this one: what is sent to this process goes there, and its end is the end of both. */
function runWith(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    if (signal !== null) process.removeAllListeners(signal);
    if (signal === null) process.exitCode = code;
    else process.kill(process.pid, signal);
  });
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
