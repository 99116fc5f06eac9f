/** `serve` in a process of its own, for signals and shared ports. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { ManagedTimes } from "../../src/certs/bundle-writer.ts";
import { isObject } from "../../src/kubernetes/json.ts";
import type { ServeOptions } from "../../src/commands/serve.ts";
import { cleanEnvironment } from "../foresail.ts";

export interface ServeProcess {
  readonly pid: number;
  /** `https://...` */
  readonly address: string;
  /** `http://...` */
  readonly probes: string;
  /** Resolves with the next line of the log that says so, and leaves out those before it. One at a time. */
  until(message: string): Promise<Readonly<Record<string, unknown>>>;
  kill(signal: NodeJS.Signals): void;
  /** From now on nobody reads the log. */
  stopReading(): void;
  readonly exitCode: Promise<number | null>;
}

export interface ServeProcessContext {
  readonly lameDuckMs?: number;
  readonly certificateTimes?: Partial<ManagedTimes>;
  /** Each request needs a TLS handshake. */
  readonly isOneRequestPerConnection?: boolean;
}

const SCRIPT = fileURLToPath(new URL("serve-script.ts", import.meta.url));

/** Resolves when it is ready. `lameDuckMs` is 100 if left out. */
export async function startServe(
  t: TestContext,
  cwd: string,
  options: Partial<ServeOptions>,
  context: ServeProcessContext = {},
): Promise<ServeProcess> {
  const given = {
    listen: "127.0.0.1:0",
    metrics: "127.0.0.1:0",
    meshState: ["state"],
    tlsHost: [],
    ...options,
  };
  const child = spawn(
    process.execPath,
    [SCRIPT, JSON.stringify(given), JSON.stringify({ lameDuckMs: 100, ...context })],
    {
      cwd,
      env: cleanEnvironment(),
      stdio: ["ignore", "inherit", "pipe"],
    },
  );
  const exitCode = once(child, "exit").then(([code]: (number | null)[]) => code ?? null);
  t.after(async () => {
    child.kill("SIGKILL");
    await exitCode;
  });

  const lines: string[] = [];
  const changes = new EventEmitter();
  createInterface({ input: child.stderr }).on("line", (text) => {
    lines.push(text);
    changes.emit("change");
  });
  let hasEnded = false;
  child.once("close", () => {
    hasEnded = true;
    changes.emit("change");
  });
  const until = async (message: string): Promise<Readonly<Record<string, unknown>>> => {
    for (;;) {
      for (let text = lines.shift(); text !== undefined; text = lines.shift()) {
        const line = parseLine(text);
        if (line["msg"] === message) return line;
      }
      assert(!hasEnded, `the process ended without saying "${message}"`);
      await once(changes, "change");
    }
  };
  const { address, probes } = await until("listening");
  assert(typeof address === "string" && typeof probes === "string" && child.pid !== undefined);
  return {
    pid: child.pid,
    address,
    probes,
    until,
    exitCode,
    kill: (signal) => void child.kill(signal),
    stopReading: () => void child.stderr.pause(),
  };
}

/** What is no JSON is something that Node says. */
function parseLine(text: string): Readonly<Record<string, unknown>> {
  const line: unknown = text.startsWith("{") ? JSON.parse(text) : { msg: text };
  assert(isObject(line));
  return line;
}
