/**
 * `make run`: foresail over HTTPS with the example mesh as its cluster. Sends the example reviews as the API server would,
 * prints what kubectl would print, and serves until Ctrl-C.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { applyPatch } from "rfc6902";
import { isObject } from "../src/kubernetes/json.ts";
import { findKind, groupOf, KIND_FACTS, readObject } from "../src/kubernetes/objects.ts";
import { object, boolean, list, string } from "../src/kubernetes/shape.ts";
import type { Shaped } from "../src/kubernetes/shape.ts";
import { parseYaml } from "../src/kubernetes/yaml/yaml.ts";

const ROOT = join(import.meta.dirname, "..");
const PORT = 8443;
const METRICS_PORT = 9090;
const READY_WITHIN_MS = 15_000;
const MAX_VALUE_LENGTH = 160;

const answerShape = object({
  response: object({
    allowed: boolean,
    warnings: list(string),
    patch: string,
    status: object({ message: string, reason: string }),
  }),
});
type Answer = NonNullable<Shaped<typeof answerShape>["response"]>;

const server = spawn(
  process.execPath,
  [
    join(ROOT, "bin/foresail.js"),
    "serve",
    `--listen=127.0.0.1:${PORT}`,
    `--metrics=127.0.0.1:${METRICS_PORT}`,
    "--mesh-state=examples/mesh",
    "--tls-self-signed=certs",
  ],
  // In a process group of its own, so that Ctrl-C reaches it once: a second signal would end it at once.
  {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "pipe"],
    env: { ...process.env, INIT_CWD: ROOT },
    detached: true,
  },
);
let isTalking = true;
createInterface(server.stderr).on("line", (line) => {
  // Between the answers, only what is wrong; afterwards everything.
  if (!isTalking || !/"level":[123]0/.test(line)) process.stderr.write(`${line}\n`);
});
server.on("exit", (code) => process.exit(code ?? 1));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => server.kill(signal));

await untilReady();
const ca = await readFile(join(ROOT, "certs/ca.crt"));
for (const name of (await readdir(join(ROOT, "examples/reviews"))).toSorted())
  await apply(`examples/reviews/${name}`);
print(
  `foresail serves https://127.0.0.1:${PORT}/validate and /mutate (CA: certs/ca.crt); metrics: http://127.0.0.1:${METRICS_PORT}/metrics`,
);
print("Ctrl-C ends it. Change a file in examples/mesh, and the next review sees it.");
isTalking = false;

async function untilReady(): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(`http://127.0.0.1:${METRICS_PORT}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await setTimeout(50);
  }
  throw new Error("foresail is not ready in time");
}

/** As `kubectl apply -f FILE` shows it. */
async function apply(file: string): Promise<void> {
  const text = await readFile(join(ROOT, file), "utf8");
  print(`${text.split("\n")[0] ?? ""}\n$ kubectl apply -f ${file}`);
  for (const { value } of parseYaml(text).documents) await create(file, value);
  print("");
}

async function create(file: string, written: unknown): Promise<void> {
  const { apiVersion = "", kind = "" } = object({ apiVersion: string, kind: string }).read(written) ?? {};
  const known = findKind(groupOf(apiVersion), kind);
  if (known === undefined || !isObject(written))
    throw new Error(`${file} holds a kind that foresail does not know`);

  const mutated = known === "Pod" ? await ask("mutate", written) : undefined;
  const patch = JSON.parse(Buffer.from(mutated?.patch ?? "", "base64").toString() || "[]");
  const stored = structuredClone(written);
  applyPatch(stored, patch);
  const { warnings = [], allowed = false, status = {} } = await ask("validate", stored);

  for (const warning of [...(mutated?.warnings ?? []), ...warnings]) print(`Warning: ${warning}`);
  if (allowed) {
    const { group, plural } = KIND_FACTS[known];
    const resource = `${plural.replace(/s$/, "")}${group === "" ? "" : `.${group}`}`;
    print(`${resource}/${readObject(known, written).metadata?.name ?? ""} created`);
    for (const { op, path, value } of patch) print(`  ${op} ${path}: ${shortened(JSON.stringify(value))}`);
  } else {
    print(
      `Error from server (${status.reason ?? ""}): error when creating "${file}": ` +
        `admission webhook "validate.foresail.io" denied the request: ${status.message ?? ""}`,
    );
  }
}

function ask(endpoint: "mutate" | "validate", written: unknown): Promise<Answer> {
  const { apiVersion = "", kind = "" } = object({ apiVersion: string, kind: string }).read(written) ?? {};
  const { namespace = "default", name = "" } = readObject("Namespace", written).metadata ?? {};
  const review = {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: randomUUID(),
      kind: { group: groupOf(apiVersion), version: apiVersion.split("/").at(-1), kind },
      operation: "CREATE",
      namespace,
      name,
      object: written,
      oldObject: null,
      dryRun: false,
    },
  };
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: "127.0.0.1",
        port: PORT,
        path: `/${endpoint}?timeout=3s`,
        method: "POST",
        ca,
        headers: { "content-type": "application/json" },
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (text: string) => {
          body += text;
        });
        response.on("end", () => resolve(answerShape.read(JSON.parse(body))?.response ?? {}));
      },
    );
    call.on("error", reject);
    call.end(JSON.stringify(review));
  });
}

function shortened(text: string): string {
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)} ...` : text;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
