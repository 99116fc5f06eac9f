import { execFile } from "node:child_process";
import { access, constants, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** How a program ended that ended by itself. */
export type ToolResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

type ToolOptions = {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly stdin?: string;
  readonly timeoutMs: number;
};

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * Runs a program to its end and returns its exit code, also when that is not 0.
 * Rejects when the program cannot be started, is killed, or has not ended after `timeoutMs`.
 */
export function runTool(file: string, args: readonly string[], options: ToolOptions): Promise<ToolResult> {
  const { timeoutMs, stdin = "", ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { ...rest, timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: MAX_OUTPUT_BYTES },
      (error, stdout, stderr) => {
        if (error === null) resolve({ code: 0, stdout, stderr });
        else if (typeof error.code === "number") resolve({ code: error.code, stdout, stderr });
        else {
          const reason = error.killed === true ? `killed after at most ${timeoutMs} ms` : error.message;
          reject(new Error(`${file} ${args.join(" ")}: ${reason}\n${stderr}`, { cause: error }));
        }
      },
    );
    // A program that ends without reading its input closes the pipe; its exit code tells the rest.
    child.stdin?.on("error", () => {});
    child.stdin?.end(stdin);
  });
}

/** The path of a program in a folder of `PATH`. */
export async function findOnPath(program: string): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, program);
    if (folder !== "" && (await isExecutable(path))) return path;
  }
  return undefined;
}

export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
