import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { BASE_FLAGS, buildPrograms, hasGo } from "./go-build.ts";
import { skipOrFail } from "./missing-tool.ts";
import type { MissingTool } from "./missing-tool.ts";
import { findOnPath, isExecutable, runTool } from "./run-tool.ts";

/** Where the programs of a control plane are: absolute paths. */
export type ControlPlaneTools = {
  readonly etcd: string;
  readonly kubeApiserver: string;
  readonly kubectl: string;
};

const MODULE = join(import.meta.dirname, "..", "control-plane");

/** The programs that this harness builds, and their packages in test/control-plane/go.mod. */
const PACKAGES = {
  etcd: "go.etcd.io/etcd/server/v3",
  "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
  "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
  kubectl: "k8s.io/kubernetes/cmd/kubectl",
} as const;

type Program = keyof typeof PACKAGES;
const CONTROLLER_MANAGER = "kube-controller-manager";

const VERSION_TIMEOUT_MS = 20_000;

/** https://kubernetes.io/releases/version-skew-policy: kubectl may be one minor version older or newer. */
const KUBECTL_SKEW = 1;

/**
 * The programs of a control plane: from `KUBEBUILDER_ASSETS`, else built with Go, which takes minutes the first time
 * and nothing after that. Throws when `KUBEBUILDER_ASSETS` is incomplete or a build fails.
 */
export function findControlPlaneTools(): Promise<ControlPlaneTools | MissingTool> {
  search ??= searchControlPlaneTools();
  return search;
}

/** Done once: the tools stay where they are while a process runs, and every test asks. */
let search: Promise<ControlPlaneTools | MissingTool> | undefined;

async function searchControlPlaneTools(): Promise<ControlPlaneTools | MissingTool> {
  const assets = process.env["KUBEBUILDER_ASSETS"] ?? "";
  const versions = await readVersions();
  const kubectl = await findKubectl(assets, versions.kubernetes);
  const wanted: Program[] = kubectl === undefined ? ["kubectl"] : [];
  if (assets === "") wanted.unshift("etcd", "kube-apiserver");
  else await checkAssets(assets);

  let built = "";
  if (wanted.length > 0) {
    if (!(await hasGo(MODULE))) return missingControlPlane(assets, versions.go);
    built = await build(wanted, versions.kubernetes);
  }
  const folder = assets === "" ? built : assets;
  return {
    etcd: join(folder, "etcd"),
    kubeApiserver: join(folder, "kube-apiserver"),
    kubectl: kubectl ?? join(built, "kubectl"),
  };
}

/** kube-controller-manager, which only those ask for who need controllers: it is never in `KUBEBUILDER_ASSETS`. */
export async function findControllerManager(): Promise<string | MissingTool> {
  const { go, kubernetes } = await readVersions();
  if (!(await hasGo(MODULE))) {
    const needs = "kube-controller-manager";
    return { tool: needs, needs, remedy: `install Go ${go}` };
  }
  return join(await build([CONTROLLER_MANAGER], kubernetes), CONTROLLER_MANAGER);
}

/** Whether a test has its control plane. If not, the test is skipped, or fails as `skipOrFail` says. */
export async function requireControlPlane(t: Pick<TestContext, "skip">): Promise<boolean> {
  const found = await findControlPlaneTools();
  if (!("needs" in found)) return true;
  skipOrFail(t, found);
  return false;
}

/** As `requireControlPlane`, for tests that need controllers besides. */
export async function requireControllerManager(t: Pick<TestContext, "skip">): Promise<boolean> {
  const found = await findControllerManager();
  if (typeof found === "string") return true;
  skipOrFail(t, found);
  return false;
}

function missingControlPlane(assets: string, goVersion: string): MissingTool {
  if (assets === "") {
    const remedy = `install Go ${goVersion} or set KUBEBUILDER_ASSETS`;
    return { tool: "kube-apiserver", needs: "kube-apiserver and etcd", remedy };
  }
  return { tool: "kubectl", needs: "kubectl", remedy: `install it or Go ${goVersion}` };
}

async function checkAssets(assets: string): Promise<void> {
  for (const program of ["etcd", "kube-apiserver"]) {
    if (!(await isExecutable(join(assets, program)))) {
      throw new Error(`KUBEBUILDER_ASSETS is ${assets}, which has no program ${program}`);
    }
  }
}

type Versions = { readonly go: string; readonly kubernetes: string };

/** The versions that go.mod asks for, as `1.26` and `v1.36.3`. */
async function readVersions(): Promise<Versions> {
  const text = await readFile(join(MODULE, "go.mod"), "utf8");
  const go = /^go (\d+\.\d+)/m.exec(text)?.[1];
  const kubernetes = /^\s*k8s\.io\/kubernetes (v\d+\.\d+\.\S+)/m.exec(text)?.[1];
  if (go === undefined || kubernetes === undefined) {
    throw new Error(`${MODULE}/go.mod names no version of go or k8s.io/kubernetes`);
  }
  return { go, kubernetes };
}

function minorVersion(version: string): number {
  return Number(/^v1\.(\d+)\./.exec(version)?.[1] ?? Number.NaN);
}

/** kubectl from `assets` or `PATH`; one on `PATH` that is too old or too new for the API server does not count. */
async function findKubectl(assets: string, kubernetes: string): Promise<string | undefined> {
  const beside = join(assets, "kubectl");
  if (assets !== "" && (await isExecutable(beside))) return beside;
  const path = await findOnPath("kubectl");
  if (path === undefined) return undefined;
  const run = runTool(path, ["version", "--client"], { timeoutMs: VERSION_TIMEOUT_MS });
  const output = await run.catch(() => undefined);
  const client = /^Client Version: (\S+)/m.exec(output?.stdout ?? "")?.[1] ?? "";
  return Math.abs(minorVersion(client) - minorVersion(kubernetes)) <= KUBECTL_SKEW ? path : undefined;
}

function buildFlags(kubernetes: string): string[] {
  // Without its version the API server says v0.0.0 and clients misbehave.
  const stamped = `-X k8s.io/component-base/version.git`;
  const ldflags = [
    "-s -w",
    `${stamped}Version=${kubernetes}`,
    `${stamped}Major=1`,
    `${stamped}Minor=${minorVersion(kubernetes)}`,
  ];
  return [...BASE_FLAGS, "-ldflags", ldflags.join(" ")];
}

function build(programs: readonly Program[], kubernetes: string): Promise<string> {
  return buildPrograms(programs, {
    module: MODULE,
    bin: join(MODULE, "bin"),
    packages: PACKAGES,
    flags: buildFlags(kubernetes),
    sources: [],
    label: "control plane",
    about: ` of Kubernetes ${kubernetes}: the first time takes about 5 minutes`,
  });
}
