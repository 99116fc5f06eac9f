import { spawn } from "node:child_process";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { once } from "node:events";
import { openSync, closeSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runKubectl, writeKubeconfig } from "./kubectl.ts";
import {
  findControllerManager,
  findControlPlaneTools,
  requireControllerManager,
  requireControlPlane,
} from "./tools.ts";
import { isObject } from "../../src/kubernetes/json.ts";
import type { ChildProcess } from "node:child_process";
import type { TestContext } from "node:test";
import type { ToolResult } from "./run-tool.ts";
import type { ControlPlaneTools } from "./tools.ts";

/** Someone whom the API server knows by a token. */
type User = { readonly name: string; readonly token: string; readonly groups: readonly string[] };

type ControlPlaneOptions = {
  /** Users besides the admin; they may do what RBAC grants to their name and groups. */
  readonly users?: readonly User[];
  /** Writes an audit log, see `readAuditEvents`. */
  readonly audit?: boolean;
  /** More flags of kube-apiserver, as `--etcd-compaction-interval=10s`. */
  readonly apiserverFlags?: readonly string[];
  /**
   * Those that kube-controller-manager shall run, as `deployment-controller`, each under a ServiceAccount of its own; it is
   * not started without any.
   */
  readonly controllers?: readonly string[];
};

/** A program that was started beside the others. */
export type StartedProgram = {
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when it has ended, with its exit code, or null if a signal ended it. */
  readonly ended: Promise<number | null>;
};

/** One line of the audit log, at level Metadata. */
type AuditEvent = {
  readonly verb: string;
  readonly requestURI: string;
  /** The user's name. */
  readonly user: string;
  /** With those that webhooks give: `<webhook name>/<key>`. */
  readonly annotations: Readonly<Record<string, string>>;
};

/** A running kube-apiserver with its etcd, and an admin of group `system:masters`. */
export type ControlPlane = {
  /** Of the API server: `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** The temporary folder with all files: logs (`kube-apiserver.log`, `etcd.log`), keys, data. */
  readonly folder: string;
  /** The admin's kubeconfig file. */
  readonly kubeconfig: string;
  /** The admin's token. */
  readonly token: string;
  /** The certificates, in PEM, by which clients know the API server. */
  readonly caFile: string;
  /** For faults: `process.kill(pids().apiserver, "SIGSTOP")`. */
  pids(): { readonly etcd: number; readonly apiserver: number };
  /** Writes a kubeconfig file for another token, such as one of `kubectl create token`, and returns its path. */
  kubeconfigFor(token: string): Promise<string>;
  /** Runs kubectl, as admin unless `kubeconfig` names another file. Rejects when it takes more than a minute. */
  kubectl(args: readonly string[], stdin?: string, kubeconfig?: string): Promise<ToolResult>;
  /** The requests until now, maybe without the very last; none without the option `audit`. */
  readAuditEvents(): Promise<AuditEvent[]>;
  /**
   * Starts another program, which keeps this process from ending. Its output goes to `NAME.log` in the folder; it ends
   * with the others at the latest.
   */
  start(name: string, file: string, args: readonly string[]): StartedProgram;
  /** Resolves when the API server that runs now has ended, whoever ended it. */
  apiserverEnded(): Promise<void>;
  /** Kills the API server, starts it again on the same port, and waits until it is ready. */
  restartApiserver(): Promise<void>;
  /** Ends both programs and removes the folder. May be called twice. */
  stop(): Promise<void>;
};

/** As measured on two cores: 3 s. A machine that builds at the same time is slower. */
const READY_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 50;
const REQUEST_TIMEOUT_MS = 5_000;
/** The first choice of ports, and another when someone else took one before we used it. */
const START_ATTEMPTS = 2;
const LOG_TAIL_LINES = 20;

const CONTROLLER_MANAGER = "kube-controller-manager";
/** kube-apiserver makes this file in the folder of `--cert-dir` when it starts. */
const CA_FILE = "apiserver.crt";

const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{ level: Metadata }]
`;

/**
 * Kills the processes whose ids the last line of its input names, and removes the folder, when its input ends: that is
 * when this process has ended in whatever way, SIGKILL included.
 */
const GUARD =
  'while read -r line; do pids=$line; done; [ -z "$pids" ] || { kill -KILL $pids; sleep 1; }; rm -rf "$1"';

/**
 * Starts etcd and kube-apiserver on free ports of 127.0.0.1 and waits until they are ready. RBAC is on; there are no
 * controllers but the API server's own and those of the option, and no ServiceAccount admission. They end with this process at the latest.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const tools = await findControlPlaneTools();
  if ("needs" in tools) throw new Error(`needs ${tools.needs}: ${tools.remedy}`);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await tryStart(tools, options);
    } catch (error) {
      if (attempt === START_ATTEMPTS || !String(error).includes("address already in use")) throw error;
    }
  }
}

/**
 * One control plane for all tests of a file. Each test asks for it; the first starts it, and it is stopped after the
 * last. A test that gets `undefined` has been marked as skipped and returns at once.
 */
export function sharedControlPlane(
  options: ControlPlaneOptions = {},
): (t: TestContext) => Promise<ControlPlane | undefined> {
  let started: Promise<ControlPlane> | undefined;
  after(async () => {
    await (await started?.catch(() => undefined))?.stop();
  });
  return async (t) => {
    if (!(await requireControlPlane(t))) return undefined;
    if (options.controllers !== undefined && !(await requireControllerManager(t))) return undefined;
    started ??= startControlPlane(options);
    return await started;
  };
}

async function tryStart(tools: ControlPlaneTools, options: ControlPlaneOptions): Promise<ControlPlane> {
  const folder = await mkdtemp(join(tmpdir(), "foresail-control-plane-"));
  const guard = startGuard(folder);
  const started: Program[] = [];
  const start = (name: string, file: string, flags: readonly string[]): Program => {
    const program = startProgram(file, flags, join(folder, `${name}.log`), guard);
    started.push(program);
    return program;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(started.map(endProgram));
    await rm(folder, { recursive: true, force: true });
    guard.end();
  };

  try {
    const token = randomUUID();
    const [etcdPort = 0, peerPort = 0, port = 0] = await findFreePorts(3);
    const url = `https://127.0.0.1:${port}`;
    const etcdUrl = `http://127.0.0.1:${etcdPort}`;
    const flags = await writeApiserverFiles(folder, token, options);
    flags.push(`--etcd-servers=${etcdUrl}`, `--secure-port=${port}`, ...(options.apiserverFlags ?? []));
    const etcd = start(
      "etcd",
      tools.etcd,
      etcdFlags(join(folder, "etcd"), etcdUrl, `http://127.0.0.1:${peerPort}`),
    );
    const startApiserver = async (): Promise<Program> => {
      const apiserver = start("kube-apiserver", tools.kubeApiserver, flags);
      await waitUntilReady({ url, caFile: join(folder, CA_FILE), token }, [etcd, apiserver]);
      return apiserver;
    };
    let apiserver = await startApiserver();
    const clients = await createClients(tools, { folder, url, token });
    if (options.controllers !== undefined) {
      start(CONTROLLER_MANAGER, await controllerManager(), [
        `--kubeconfig=${clients.kubeconfig}`,
        `--controllers=${options.controllers.join(",")}`,
        "--secure-port=0",
        "--leader-elect=false",
        // As every real cluster does: webhooks see who it is.
        "--use-service-account-credentials=true",
      ]);
    }
    return {
      ...clients,
      pids: () => ({ etcd: etcd.pid, apiserver: apiserver.pid }),
      readAuditEvents: () => readAuditEvents(join(folder, "audit.log")),
      start(name, file, args) {
        const { child, pid, logFile } = start(name, file, args);
        child.ref();
        return { pid, logFile, ended: once(child, "exit").then(() => child.exitCode) };
      },
      async apiserverEnded() {
        if (!hasEnded(apiserver)) await once(apiserver.child, "exit");
      },
      async restartApiserver() {
        await endProgram(apiserver);
        apiserver = await startApiserver();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Clients = Omit<
  ControlPlane,
  "apiserverEnded" | "pids" | "readAuditEvents" | "restartApiserver" | "start" | "stop"
>;

async function controllerManager(): Promise<string> {
  const found = await findControllerManager();
  if (typeof found === "string") return found;
  throw new Error(`needs ${found.needs}: ${found.remedy}`);
}

async function createClients(
  tools: ControlPlaneTools,
  { folder, url, token }: Pick<ControlPlane, "folder" | "url" | "token">,
): Promise<Clients> {
  const caFile = join(folder, CA_FILE);
  const home = join(folder, "home");
  await mkdir(home);
  const ca = await readFile(caFile);
  let count = 0;
  const kubeconfigFor = async (userToken: string): Promise<string> => {
    count += 1;
    const path = join(folder, `kubeconfig-${count}.yaml`);
    await writeKubeconfig(path, url, ca, userToken);
    return path;
  };
  const adminKubeconfig = await kubeconfigFor(token);
  return {
    url,
    folder,
    token,
    caFile,
    kubeconfig: adminKubeconfig,
    kubeconfigFor,
    kubectl: (args, stdin = "", kubeconfig = adminKubeconfig) =>
      runKubectl(tools.kubectl, { kubeconfig, home, stdin }, args),
  };
}

function etcdFlags(dataFolder: string, clientUrl: string, peerUrl: string): string[] {
  return [
    `--data-dir=${dataFolder}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    "--unsafe-no-fsync",
    // The only member elects itself in a tenth of a second instead of a whole one.
    "--heartbeat-interval=10",
    "--election-timeout=100",
  ];
}

/** Writes what the API server reads and returns the flags that name it. */
async function writeApiserverFiles(
  folder: string,
  adminToken: string,
  { users = [], audit = false }: ControlPlaneOptions,
): Promise<string[]> {
  const keyFile = join(folder, "service-accounts.key");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  await writeFile(keyFile, privateKey.export({ type: "sec1", format: "pem" }));

  const tokensFile = join(folder, "tokens.csv");
  const admin: User = { name: "admin", token: adminToken, groups: ["system:masters"] };
  const rows = [admin, ...users].map(
    ({ name, token, groups }) => `${token},${name},${name},"${groups.join(",")}"\n`,
  );
  await writeFile(tokensFile, rows.join(""));

  const flags = [
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--cert-dir=${folder}`,
    `--service-account-key-file=${keyFile}`,
    `--service-account-signing-key-file=${keyFile}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    "--authorization-mode=RBAC",
    `--token-auth-file=${tokensFile}`,
    "--service-cluster-ip-range=10.96.0.0/16",
    "--allow-privileged=true",
    "--disable-admission-plugins=ServiceAccount",
  ];
  if (audit) {
    const policyFile = join(folder, "audit-policy.yaml");
    await writeFile(policyFile, AUDIT_POLICY);
    flags.push(`--audit-policy-file=${policyFile}`, `--audit-log-path=${join(folder, "audit.log")}`);
  }
  return flags;
}

async function readAuditEvents(file: string): Promise<AuditEvent[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  // The API server may be writing the last line.
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => parseAuditEvent(JSON.parse(line)));
}

function parseAuditEvent(value: unknown): AuditEvent {
  if (!isObject(value)) throw new TypeError("an audit event is no object");
  const { verb, requestURI, user, annotations } = value;
  const texts = isObject(annotations) ? Object.entries(annotations) : [];
  return {
    verb: String(verb),
    requestURI: String(requestURI),
    user: isObject(user) ? String(user["username"]) : "",
    annotations: Object.fromEntries(texts.map(([key, text]) => [key, String(text)])),
  };
}

type Guard = {
  readonly pids: Set<number>;
  /** Tells the guard which processes to kill: those in `pids`. */
  tell(): void;
  end(): void;
};

function startGuard(folder: string): Guard {
  // In a process group of its own, so that Ctrl-C does not end it before it has cleaned up.
  const child = spawn("sh", ["-c", GUARD, "sh", folder], {
    detached: true,
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
  child.stdin.on("error", () => {});
  const pids = new Set<number>();
  return {
    pids,
    tell: () => child.stdin.write(`${[...pids].join(" ")}\n`),
    end: () => child.stdin.end(),
  };
}

type Program = {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly logFile: string;
};

/** Starts a program that does not keep this process from ending; its output goes to the log file. */
function startProgram(file: string, args: readonly string[], logFile: string, guard: Guard): Program {
  const log = openSync(logFile, "a");
  // In a process group of its own: Ctrl-C is for this process, which ends the others in their order.
  const child = spawn(file, args, { stdio: ["ignore", log, log], detached: true });
  closeSync(log);
  child.unref();
  const { pid } = child;
  if (pid === undefined) {
    child.on("error", () => {});
    throw new Error(`${file} cannot be started`);
  }
  guard.pids.add(pid);
  guard.tell();
  child.once("exit", () => {
    guard.pids.delete(pid);
    guard.tell();
  });
  return { child, pid, logFile };
}

function hasEnded({ child }: Program): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Returns when the process has ended. */
async function endProgram(program: Program): Promise<void> {
  if (hasEnded(program)) return;
  const { child } = program;
  child.ref();
  const ended = once(child, "exit");
  // A clean end takes over a second, waits for watches, and would only save data that is thrown away.
  child.kill("SIGKILL");
  await ended;
}

type Server = Pick<ControlPlane, "url" | "caFile" | "token">;

/** Throws, with the end of the log, when a program ends before it is ready or when that takes too long. */
async function waitUntilReady(server: Server, programs: readonly Program[]): Promise<void> {
  const deadlineMs = Date.now() + READY_TIMEOUT_MS;
  while (!(await isReady(server))) {
    const ended = programs.find(hasEnded);
    if (ended !== undefined) throw new Error(await describeFailure("ended before it was ready", [ended]));
    if (Date.now() > deadlineMs) {
      throw new Error(await describeFailure(`not ready after ${READY_TIMEOUT_MS} ms`, programs));
    }
    await sleep(READY_POLL_MS);
  }
}

async function isReady({ url, caFile, token }: Server): Promise<boolean> {
  try {
    const ca = await readFile(caFile);
    const ask = (path: string): Promise<boolean> => answersOk(`${url}${path}`, ca, token);
    // The API server makes this namespace last, a moment after it says that it is ready.
    return (await ask("/readyz")) && (await ask("/api/v1/namespaces/default"));
  } catch {
    // No certificate yet, or half of it, or nobody listens.
    return false;
  }
}

async function describeFailure(what: string, programs: readonly Program[]): Promise<string> {
  let text = what;
  for (const { child, logFile } of programs) {
    const log = await readFile(logFile, "utf8").catch(String);
    const tail = log.trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
    text += `\n${child.spawnfile}, exit code ${child.exitCode}:\n${tail}`;
  }
  return text;
}

/** Whether a GET is answered with status 200. */
function answersOk(url: string, ca: Buffer, token: string): Promise<boolean> {
  const options = {
    ca,
    headers: { authorization: `Bearer ${token}` },
    agent: false,
    timeout: REQUEST_TIMEOUT_MS,
  };
  return new Promise((resolve, reject) => {
    const get = request(url, options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    get.on("timeout", () => get.destroy());
    get.on("error", reject);
    get.end();
  });
}

/** Different ports of 127.0.0.1 on which nobody listens at this moment. */
export async function findFreePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  const ports: number[] = [];
  for (const server of servers) {
    if (!server.listening) await once(server, "listening");
    const address = server.address();
    if (typeof address === "object" && address !== null) ports.push(address.port);
  }
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
