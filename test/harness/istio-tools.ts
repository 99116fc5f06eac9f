import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { BASE_FLAGS, buildPrograms, hasGo } from "./go-build.ts";
import { skipOrFail } from "./missing-tool.ts";
import type { MissingTool } from "./missing-tool.ts";

/** Where Istio's programs are: absolute paths. */
type IstioTools = { readonly istiod: string; readonly istioctl: string };

const MODULE = join(import.meta.dirname, "..", "real-istio");
const ORACLE = join(MODULE, "oracle");

const PACKAGES = {
  istiod: "istio.io/istio/pilot/cmd/pilot-discovery",
  istioctl: "istio.io/istio/istioctl/cmd/istioctl",
} as const;

const FLAGS = [...BASE_FLAGS, "-ldflags", "-s -w"];

/** istiod and istioctl, built with Go, which takes minutes the first time and nothing after that. Throws when that fails. */
export function findIstioTools(): Promise<IstioTools | MissingTool> {
  istio ??= buildIstio();
  return istio;
}

/** The program of test/real-istio/oracle, built likewise. */
export function findOracle(): Promise<string | MissingTool> {
  oracle ??= buildOracle();
  return oracle;
}

/** Done once: the programs stay where they are while a process runs, and every test asks. */
let istio: Promise<IstioTools | MissingTool> | undefined;
let oracle: Promise<string | MissingTool> | undefined;

/** Whether a test has its istiod. If not, the test is skipped, or fails as `skipOrFail` says. */
export async function requireIstio(t: Pick<TestContext, "skip">): Promise<boolean> {
  const found = await findIstioTools();
  if (!("needs" in found)) return true;
  skipOrFail(t, found);
  return false;
}

async function buildIstio(): Promise<IstioTools | MissingTool> {
  if (!(await hasGo(MODULE))) return missing("istiod and istioctl");
  const folder = await buildPrograms(["istiod", "istioctl"], {
    module: MODULE,
    bin: join(MODULE, "bin", "istio"),
    packages: PACKAGES,
    flags: FLAGS,
    sources: [],
    label: "Istio",
    about: ": the first time takes about 5 minutes",
  });
  return { istiod: join(folder, "istiod"), istioctl: join(folder, "istioctl") };
}

async function buildOracle(): Promise<string | MissingTool> {
  if (!(await hasGo(MODULE))) return missing("Istio's own lookup");
  const sources = (await readdir(ORACLE)).toSorted().map((file) => join(ORACLE, file));
  const folder = await buildPrograms(["oracle"], {
    module: MODULE,
    bin: join(MODULE, "bin", "oracle"),
    packages: { oracle: "./oracle" },
    flags: FLAGS,
    sources,
    label: "Istio",
    about: ": the first time takes about 5 minutes",
  });
  return join(folder, "oracle");
}

async function missing(needs: string): Promise<MissingTool> {
  const text = await readFile(join(MODULE, "go.mod"), "utf8");
  const version = /^go (\d+\.\d+)/m.exec(text)?.[1] ?? "";
  return { tool: "istiod", needs, remedy: `install Go ${version}` };
}
