/** Where kubeconfigs are looked for; apart from what reads them, which is slow to load. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { ForesailError } from "../errors.ts";

/** The named one, else those that kubectl would take. @throws ForesailError KUBECONFIG_UNREADABLE if none exists */
export function kubeconfigFiles(file: string | undefined): readonly string[] {
  if (file !== undefined) return [file];
  const named = (process.env["KUBECONFIG"] ?? "").split(delimiter).filter((name) => name !== "");
  const files = named.length > 0 ? named : [join(homedir(), ".kube", "config")];
  const existing = files.filter((name) => existsSync(name));
  if (existing.length > 0) return existing;
  throw new ForesailError({
    code: "KUBECONFIG_UNREADABLE",
    message: `there is no kubeconfig: ${files.join(", ")} ${files.length > 1 ? "do" : "does"} not exist`,
    hint: "Name one with --kubeconfig, or the files of a cluster with --mesh-state.",
  });
}
