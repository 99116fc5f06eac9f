/** The drain hook, run by a real shell with the real netstat against real processes and sockets. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { drainHookCommand } from "../../src/istio/drain/drain.ts";
import { skipOrFail } from "../harness/missing-tool.ts";

/** The proxy's connections to the app come from here. */
const PROXY_ADDRESS = "127.0.0.6";
/** Longer than any of the tests takes. */
const LONG_SECONDS = 60;

/** Listens, says on which port, and does as it is told by its input. */
const LISTENER = `
  const server = require("node:net").createServer();
  const sockets = [];
  server.on("connection", (socket) => sockets.push(socket.on("error", () => {})) && console.log("connected"));
  server.listen(0, process.argv[1], () => console.log(server.address().port));
  process.stdin.on("data", (order) => {
    if (String(order) === "stop listening") server.close();
    else for (const socket of sockets) socket.destroy();
    console.log("done");
  });
  process.stdin.on("end", () => process.exit());
`;

interface Listener {
  readonly port: number;
  order(order: "stop listening" | "hang up"): Promise<void>;
  /** A connection to it that is established. */
  connection(from?: string): Promise<Socket>;
}

async function listen(t: TestContext, program: string, host = "127.0.0.1"): Promise<Listener> {
  const child = spawn(process.execPath, ["--eval", LISTENER, host], {
    argv0: program,
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [port] = await once(child.stdout, "data");
  return {
    port: Number(port),
    async order(order) {
      const done = once(child.stdout, "data");
      child.stdin.write(order);
      await done;
    },
    async connection(from) {
      const connected = once(child.stdout, "data");
      const socket = connect({
        port: Number(port),
        host,
        ...(from === undefined ? {} : { localAddress: from }),
      });
      t.after(() => socket.destroy());
      socket.on("error", () => {});
      await connected;
      return socket;
    },
  };
}

interface Hook {
  /** After that many further looks at the sockets; rejects if the hook ends first. */
  looked(times: number): Promise<void>;
  readonly looks: () => number;
  readonly ended: Promise<unknown>;
}

/** Starts the hook where netstat shows only the listeners' ports: other programs on this machine have sockets too. */
async function startHook(
  t: TestContext,
  listeners: readonly Listener[],
  limitSeconds = LONG_SECONDS,
): Promise<Hook> {
  const folder = await mkdtemp(join(tmpdir(), "drain-hook-"));
  t.after(() => rm(folder, { recursive: true }));
  const ports = listeners.map(({ port }) => port).join("|");
  const netstat = `#!/bin/sh\necho look >&3\n${await findNetstat()} "$@" | grep -E ":(${ports}) "\n`;
  await writeFile(join(folder, "netstat"), netstat);
  await chmod(join(folder, "netstat"), 0o755);
  return run(t, [folder, process.env["PATH"] ?? ""].join(delimiter), limitSeconds);
}

function run(t: TestContext, path: string, limitSeconds: number): Hook {
  const [shell = "", ...args] = drainHookCommand(limitSeconds);
  const child = spawn(shell, args, { env: { PATH: path }, stdio: ["ignore", "inherit", "inherit", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const looks = new EventEmitter();
  let count = 0;
  child.stdio[3]?.on("data", (chunk) => {
    count += String(chunk).split("\n").length - 1;
    looks.emit("look");
  });
  const exit = once(child, "exit");
  const failed = exit.then(([code]) => assert.fail(`the hook has ended with ${code}`));
  failed.catch(() => {});
  return {
    async looked(times) {
      for (let seen = 0; seen < times; seen++) await Promise.race([once(looks, "look"), failed]);
    },
    looks: () => count,
    ended: exit.then(([code]) => code),
  };
}

async function findNetstat(): Promise<string | undefined> {
  const search = promisify(execFile)("/bin/sh", ["-c", "command -v netstat"]);
  return search.then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

const HAS_IPV6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === "::1"),
);
const HAS_NETSTAT = (await findNetstat()) !== undefined;

function hookTest(name: string, body: (t: TestContext) => Promise<void>): void {
  test(name, async (t) => {
    if (HAS_NETSTAT) return body(t);
    return skipOrFail(t, { tool: "netstat", needs: "netstat", remedy: "install net-tools" });
  });
}

describe("the drain hook", { concurrency: true }, () => {
  hookTest("waits while the app listens, and ends when it no longer does", async (t) => {
    const [idle, app] = [await listen(t, "envoy"), await listen(t, "app")];
    const hook = await startHook(t, [idle, app]);
    await hook.looked(3);
    await app.order("stop listening");
    assert.equal(await hook.ended, 0);
  });

  hookTest("waits for a connection that is open when the app no longer listens", async (t) => {
    const app = await listen(t, "app");
    await app.connection();
    const hook = await startHook(t, [app]);
    await hook.looked(2);
    await app.order("stop listening");
    await hook.looked(2);
    await app.order("hang up");
    assert.equal(await hook.ended, 0);
  });

  hookTest("waits for the proxy's connection where the app stopped listening before", async (t) => {
    const app = await listen(t, "app");
    await app.connection(PROXY_ADDRESS);
    await app.order("stop listening");
    const hook = await startHook(t, [app]);
    await hook.looked(3);
    await app.order("hang up");
    assert.equal(await hook.ended, 0);
  });

  hookTest("does not wait for envoy and pilot-agent, nor for what the app has opened to them", async (t) => {
    const proxies = [await listen(t, "/usr/local/bin/envoy"), await listen(t, "pilot-agent")];
    for (const proxy of proxies) await proxy.connection();
    const hook = await startHook(t, proxies);
    assert.equal(await hook.ended, 0);
    assert.equal(hook.looks(), 1);
  });

  hookTest("waits for an app whose name only ends as envoy's does", async (t) => {
    const app = await listen(t, "my-envoy");
    const hook = await startHook(t, [app]);
    await hook.looked(3);
  });

  hookTest("waits for the second of two ports", async (t) => {
    const [one, other] = [await listen(t, "app"), await listen(t, "app")];
    const hook = await startHook(t, [one, other]);
    await hook.looked(2);
    await one.order("stop listening");
    await hook.looked(2);
    await other.order("stop listening");
    assert.equal(await hook.ended, 0);
  });

  hookTest("ends at its limit while the app still listens", async (t) => {
    const hook = await startHook(t, [await listen(t, "app")], 1);
    assert.equal(await hook.ended, 0);
    assert.ok(hook.looks() >= 2);
  });

  test("ends at once where there is no netstat", async (t) => {
    assert.equal(await run(t, "/nowhere", LONG_SECONDS).ended, 0);
  });

  hookTest("waits for an app that listens on IPv6", async (t) => {
    if (!HAS_IPV6) return t.skip("this machine has no IPv6");
    const app = await listen(t, "app", "::1");
    const hook = await startHook(t, [app]);
    await hook.looked(3);
    await app.order("stop listening");
    assert.equal(await hook.ended, 0);
  });
});
