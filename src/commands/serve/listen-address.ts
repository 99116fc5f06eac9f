/** `HOST:PORT` on the command line, and what to say if nobody can listen there. */
import { once } from "node:events";
import { createServer } from "node:net";
import { ForesailError } from "../../errors.ts";

export interface HostAndPort {
  /** Undefined: every address of the machine. */
  readonly host: string | undefined;
  readonly port: number;
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s/]*)):([0-9]{1,5})$/;
const MAX_PORT = 65_535;

/** `127.0.0.1:8443`, `[::1]:8443`, `localhost:8443`, `:8443`. `flag` is for messages only. */
export function parseAddress(text: string, flag: string): HostAndPort {
  const [, ip6, name, digits] = ADDRESS.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > MAX_PORT) {
    throw new ForesailError({
      code: "USAGE",
      message: `${flag} ${JSON.stringify(text)} is no address`,
      hint: "Write HOST:PORT, such as 127.0.0.1:8443 or [::1]:8443.",
    });
  }
  return { host: (ip6 ?? name) || undefined, port };
}

/** As in a URL. */
export function formatAddress({ host = "0.0.0.0", port }: HostAndPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Listens on all of them at once, for a moment: before anything is made that is served there. By flag.
 * @throws ForesailError USAGE if one cannot be listened on
 */
export async function checkFree(addresses: Readonly<Record<string, HostAndPort>>): Promise<void> {
  const servers = await Promise.allSettled(
    Object.entries(addresses).map(async ([flag, address]) => {
      const server = createServer().listen(address);
      await once(server, "listening").catch((error: unknown) => {
        throw listenFailure(address, flag, error);
      });
      return server;
    }),
  );
  for (const one of servers) if (one.status === "fulfilled") await once(one.value.close(), "close");
  for (const one of servers) if (one.status === "rejected") throw one.reason;
}

/** Errors that are not about the address are returned as they are. */
export function listenFailure(address: HostAndPort, flag: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const [problem, hint] = LISTEN_FAILURES[code] ?? [];
  if (problem === undefined || hint === undefined) return error;
  return new ForesailError({
    code: "USAGE",
    message: `cannot listen on ${formatAddress(address)}: ${problem}`,
    hint: hint.replace("FLAG", flag),
    cause: error,
  });
}

const LISTEN_FAILURES: Readonly<Record<string, readonly [problem: string, hint: string]>> = {
  EACCES: ["permission denied", "Ports below 1024 need privileges: name a higher one with FLAG."],
  EADDRINUSE: ["another process is there already", "Stop it, or name another address with FLAG."],
  EADDRNOTAVAIL: ["this machine has no such address", "Name one of its own with FLAG, or 0.0.0.0 for all."],
  ENOTFOUND: ["there is no host of this name", "Name an address of this machine with FLAG."],
};
