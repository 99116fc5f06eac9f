/** `foresail serve` as a process of its own, and its shipped webhook configurations with the process's address in them. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { once } from "node:events";
import { object, string } from "../../src/kubernetes/shape.ts";
import { isObject } from "../../src/kubernetes/json.ts";
import { emitYaml, parseYaml } from "../../src/kubernetes/yaml/yaml.ts";
import type { Json, JsonObject } from "../../src/kubernetes/json.ts";
import { CHECKOUT, cleanEnvironment, EXECUTABLE } from "../foresail.ts";

const listeningShape = object({ msg: string, address: string, probes: string });

export interface ServedForesail {
  /** `https://127.0.0.1:PORT` */
  readonly address: string;
  /** `http://127.0.0.1:PORT`, for /readyz and /metrics. */
  readonly probes: string;
  readonly ca: string;
  /** Every line that it has logged. */
  readonly log: readonly string[];
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** In an environment with these variables besides. */
export async function serveForesail(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ServedForesail> {
  const certificates = await mkdtemp(join(tmpdir(), "foresail-certs-"));
  const flags = [
    "--listen=127.0.0.1:0",
    "--metrics=127.0.0.1:0",
    `--tls-self-signed=${certificates}`,
    ...args,
  ];
  const child = spawn(process.execPath, [EXECUTABLE, "serve", ...flags], {
    cwd: CHECKOUT,
    env: { ...cleanEnvironment(), ...environment },
    stdio: ["ignore", "inherit", "pipe"],
  });
  const exited = once(child, "exit");
  const log: string[] = [];
  const lines = createInterface(child.stderr);
  const {
    promise: listening,
    resolve,
    reject,
  } = Promise.withResolvers<{ address: string; probes: string }>();
  lines.on("line", (line) => {
    log.push(line);
    const { msg, address, probes } = listeningShape.read(parseLine(line)) ?? {};
    if (msg === "listening" && address !== undefined && probes !== undefined) resolve({ address, probes });
  });
  void exited.then(() => reject(new Error(`foresail serve ended: ${log.join("\n")}`)));
  const addresses = await listening;
  return {
    ...addresses,
    ca: await readFile(join(certificates, "ca.crt"), "utf8"),
    log,
    async stop(signal = "SIGINT") {
      child.kill(signal);
      await exited;
      await rm(certificates, { recursive: true, force: true });
      return child.exitCode;
    },
  };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The shipped configurations; `clientConfig.service` gives way to the URL of this process, and nothing else differs. */
export async function webhookManifests(
  { address, ca }: Pick<ServedForesail, "address" | "ca">,
  changes: JsonObject = {},
): Promise<string> {
  const text = await readFile(join(CHECKOUT, "manifests/base/webhooks.yaml"), "utf8");
  const documents = parseYaml(text).documents.map(({ value }) => {
    if (!isJsonObject(value))
      throw new Error("manifests/base/webhooks.yaml holds something that is no object");
    const webhooks = Array.isArray(value["webhooks"]) ? value["webhooks"] : [];
    return { ...value, webhooks: webhooks.map((webhook) => withUrl(webhook, address, ca, changes)) };
  });
  return documents.map((document) => emitYaml(document)).join("---\n");
}

function withUrl(webhook: Json, address: string, ca: string, changes: JsonObject): Json {
  const clientConfig = isJsonObject(webhook) ? webhook["clientConfig"] : undefined;
  const service = isJsonObject(clientConfig) ? clientConfig["service"] : undefined;
  const path = isJsonObject(service) ? service["path"] : undefined;
  if (!isJsonObject(webhook) || typeof path !== "string") {
    throw new Error("a webhook without clientConfig.service.path");
  }
  const url = `${address}${path}`;
  return { ...webhook, clientConfig: { url, caBundle: Buffer.from(ca).toString("base64") }, ...changes };
}

function isJsonObject(value: Json | undefined): value is JsonObject {
  return isObject(value);
}
