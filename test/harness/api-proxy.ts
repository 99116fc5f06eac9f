/** A proxy in front of an API server that breaks what passes through it, on demand. Plain HTTP towards the client. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, request as requestOver } from "node:https";
import type { ControlPlane } from "./control-plane.ts";

/** What happens to a request: by default it is passed on as it came. */
type Handling =
  | { readonly answer: number; readonly headers?: Readonly<Record<string, string>> }
  /** Another path, or another query, instead of its own. */
  | { readonly passOnAs: URL }
  | "passOn"
  /** Never answered. */
  | "swallow";

/** A watch that passes through. */
interface PassingWatch {
  readonly url: URL;
  /** Sends this to the client, between two lines. */
  inject(text: string): void;
  /** From now on the client hears nothing, and learns of no end. */
  freeze(): void;
  /** Ends the connection to the client. */
  cut(): void;
}

export interface ApiProxy {
  readonly url: string;
  /** All requests until now, in the order in which they came. */
  readonly requests: readonly { readonly url: URL; readonly at: number; readonly accept: string }[];
  /** The watches that are open. */
  readonly watches: ReadonlySet<PassingWatch>;
  /** Asked for every request. */
  handle: (url: URL) => Handling;
  close(): Promise<void>;
}

export async function startApiProxy(cluster: Pick<ControlPlane, "caFile" | "url">): Promise<ApiProxy> {
  const agent = new Agent({ keepAlive: true, ca: await readFile(cluster.caFile) });
  const requests: ApiProxy["requests"][number][] = [];
  const watches = new Set<PassingWatch>();
  const server = createServer((incoming, response) => {
    const url = new URL(incoming.url ?? "", cluster.url);
    requests.push({ url, at: performance.now(), accept: incoming.headers.accept ?? "" });
    const handling = proxy.handle(url);
    if (handling === "swallow") return;
    if (typeof handling === "object" && "answer" in handling) {
      response.writeHead(handling.answer, handling.headers).end();
    } else passOn(incoming, response, handling === "passOn" ? url : handling.passOnAs);
  });

  function passOn(incoming: IncomingMessage, response: ServerResponse, url: URL): void {
    const { method, headers } = incoming;
    const outgoing = requestOver(
      url,
      { agent, method, headers: { ...headers, host: url.host } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        const isWatch = url.searchParams.get("watch") === "true" && answer.statusCode === 200;
        if (!isWatch) {
          answer.pipe(response);
          return;
        }
        response.flushHeaders();
        let isFrozen = false;
        const watch: PassingWatch = {
          url,
          inject: (text) => void response.write(text),
          freeze: () => {
            isFrozen = true;
          },
          cut: () => response.destroy(),
        };
        watches.add(watch);
        response.once("close", () => {
          watches.delete(watch);
          outgoing.destroy();
        });
        answer.on("data", (chunk: Buffer) => {
          if (!isFrozen) response.write(chunk);
        });
        answer.once("close", () => {
          if (!isFrozen) response.end();
        });
      },
    );
    outgoing.on("error", () => response.destroy());
    incoming.pipe(outgoing);
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const proxy: ApiProxy = {
    url: `http://127.0.0.1:${port}`,
    requests,
    watches,
    handle: () => "passOn",
    async close() {
      server.closeAllConnections();
      agent.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}
