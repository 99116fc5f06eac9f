import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { createApiServer } from "../../src/api-server/client.ts";
import type { ApiServer } from "../../src/api-server/client.ts";
import type { ReadCredentials } from "../../src/api-server/credentials.ts";
import { ApiStatusError } from "../../src/api-server/status-error.ts";

const NO_SIGN: ReadCredentials = async () => ({ headers: {}, tls: {} });

interface Server {
  readonly api: ApiServer;
  readonly url: string;
  readonly requests: readonly IncomingMessage[];
  /** How many connections there were. */
  connections(): number;
}

async function startServer(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  { prefix = "", readCredentials = NO_SIGN }: { prefix?: string; readCredentials?: ReadCredentials } = {},
): Promise<Server> {
  const requests: IncomingMessage[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  server.on("connection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const url = `http://127.0.0.1:${address.port}${prefix}`;
  const api = createApiServer({ url, readCredentials });
  t.after(async () => {
    await api.close();
    server.closeAllConnections();
    server.close();
  });
  return { api, url, requests, connections: () => connections };
}

const sendJson = (response: ServerResponse, value: unknown, status = 200) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));

describe("a request", () => {
  test("has path, query, types and body, and its answer status and JSON", async (t) => {
    const bodies: string[] = [];
    const { api, requests } = await startServer(
      t,
      (request, response) => {
        void text(request).then((body) => bodies.push(body));
        sendJson(response, { kind: "ConfigMap" }, 201);
      },
      { prefix: "/k8s/clusters/one/" },
    );
    const answer = await api.request({
      method: "PATCH",
      path: "/api/v1/namespaces/shop/configmaps/a",
      query: { fieldManager: "foresail", force: "true" },
      contentType: "application/apply-patch+yaml",
      body: { data: { a: "ü" } },
    });
    assert.deepEqual(answer, { status: 201, body: { kind: "ConfigMap" } });
    const [{ method, url, headers }] = [requests[0] ?? assert.fail()];
    assert.deepEqual(
      [method, url],
      ["PATCH", "/k8s/clusters/one/api/v1/namespaces/shop/configmaps/a?fieldManager=foresail&force=true"],
    );
    assert.equal(headers["content-type"], "application/apply-patch+yaml");
    assert.equal(headers.accept, "application/json");
    assert.deepEqual(bodies, ['{"data":{"a":"ü"}}']);
  });

  test("is answered with any status, and with how long to wait", async (t) => {
    const { api } = await startServer(t, (_request, response) =>
      response.writeHead(429, { "retry-after": "3" }).end("404 page not found"),
    );
    assert.deepEqual(await api.request({ path: "/" }), { status: 429, body: undefined, retryAfterMs: 3000 });
  });

  test("uses a connection that is open", async (t) => {
    const server = await startServer(t, (_request, response) => sendJson(response, {}));
    for (let count = 0; count < 20; count++) await server.api.request({ path: "/" });
    // The first may still be busy with the end of its answer.
    assert.ok(server.connections() <= 2, `${server.connections()} connections`);
  });

  test("is given up after its time, when it is aborted, and without a connection", async (t) => {
    const { api } = await startServer(t, () => {});
    await assert.rejects(api.request({ path: "/", timeoutMs: 20 }), { name: "TimeoutError" });
    await assert.rejects(api.request({ path: "/", signal: AbortSignal.abort() }), { name: "AbortError" });
    const nobody = createApiServer({ url: "http://127.0.0.1:1", readCredentials: NO_SIGN });
    await assert.rejects(nobody.request({ path: "/" }), { code: "ECONNREFUSED" });
    await nobody.close();
  });
});

describe("credentials", () => {
  const byToken = (accepted: () => string) => (request: IncomingMessage, response: ServerResponse) =>
    sendJson(response, {}, request.headers.authorization === accepted() ? 200 : 401);

  test("that are refused are read again, and the request is sent once more", async (t) => {
    let current = "old";
    const reads: boolean[] = [];
    const readCredentials: ReadCredentials = async (wereRefused) => {
      reads.push(wereRefused);
      return { headers: { authorization: current }, tls: {} };
    };
    const { api, requests } = await startServer(
      t,
      byToken(() => "new"),
      { readCredentials },
    );
    assert.equal((await api.request({ path: "/" })).status, 401);
    // Not more than once a second.
    assert.deepEqual(reads, [false]);
    t.mock.method(performance, "now", laterBy(2000));
    current = "new";
    assert.equal((await api.request({ path: "/" })).status, 200);
    assert.deepEqual(reads, [false, true]);
    assert.equal(requests.length, 3);
    assert.equal((await api.request({ path: "/" })).status, 200);
    assert.equal(requests.length, 4);
  });

  test("are read again after a minute, and the last ones stay while that fails", async (t) => {
    let current: string | undefined = "first";
    const readCredentials: ReadCredentials = async () => {
      if (current === undefined) throw new Error("no file");
      return { headers: { authorization: current }, tls: {} };
    };
    const { api, requests } = await startServer(t, (_request, response) => sendJson(response, {}), {
      readCredentials,
    });
    await api.request({ path: "/" });
    current = "second";
    await api.request({ path: "/" });
    const now = t.mock.method(performance, "now", laterBy(61_000));
    await api.request({ path: "/" });
    current = undefined;
    now.mock.mockImplementation(laterBy(61_000));
    await api.request({ path: "/" });
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      ["first", "first", "second", "second"],
    );
  });

  test("that cannot be read at all reject the request", async (t) => {
    const readCredentials: ReadCredentials = async () => {
      throw new Error("no file");
    };
    const { api, requests } = await startServer(t, () => {}, { readCredentials });
    await assert.rejects(api.request({ path: "/" }), { message: "no file" });
    assert.deepEqual(requests, []);
  });
});

describe("a watch", () => {
  const read = async (lines: AsyncIterable<string>) => {
    const all: string[] = [];
    for await (const line of lines) all.push(line);
    return all;
  };

  test("gives whole lines, however they come, until the server ends it", async (t) => {
    const { api } = await startServer(t, (_request, response) => {
      const bytes = Buffer.from("first\nsecond ü\n\nfourth\ncut off");
      const umlaut = bytes.indexOf("ü");
      response.write(bytes.subarray(0, 3));
      response.write(bytes.subarray(3, umlaut + 1));
      setImmediate(() => response.end(bytes.subarray(umlaut + 1)));
    });
    assert.deepEqual(await read(api.watch({ path: "/", silenceMs: 1000 })), [
      "first",
      "second ü",
      "",
      "fourth",
    ]);
  });

  test("ends when nothing comes any more", async (t) => {
    const { api } = await startServer(t, (_request, response) => void response.write("first\n"));
    assert.deepEqual(await read(api.watch({ path: "/", silenceMs: 100 })), ["first"]);
  });

  test("ends when it is aborted, and closes its connection", async (t) => {
    const closed = Promise.withResolvers<void>();
    const { api } = await startServer(t, (_request, response) => {
      response.once("close", () => closed.resolve());
      response.write("first\n");
    });
    const stop = new AbortController();
    for await (const line of api.watch({ path: "/", silenceMs: 60_000, signal: stop.signal })) {
      assert.equal(line, "first");
      stop.abort();
    }
    await closed.promise;
  });

  test("rejects with the server's words, and when the connection breaks", async (t) => {
    const { api } = await startServer(t, (request, response) => {
      if (request.url === "/forbidden") sendJson(response, { message: "services is forbidden" }, 403);
      else response.write("first\n", () => response.destroy());
    });
    await assert.rejects(read(api.watch({ path: "/forbidden", silenceMs: 1000 })), (error) => {
      assert.ok(error instanceof ApiStatusError);
      assert.deepEqual([error.status, error.message], [403, "403 services is forbidden"]);
      return true;
    });
    await assert.rejects(read(api.watch({ path: "/broken", silenceMs: 1000 })), {
      message: /terminated|closed/,
    });
  });
});

function laterBy(ms: number): () => number {
  const now = performance.now() + ms;
  return () => now;
}
