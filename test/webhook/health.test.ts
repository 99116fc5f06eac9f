import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { createHealthServer } from "../../src/webhook/health.ts";
import { metricsUnderTest } from "./under-test.ts";

async function startHealth(t: TestContext, unmet: readonly string[] = []) {
  const server = createHealthServer({ metrics: metricsUnderTest(), unmetConditions: () => unmet });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  return async (path: string, method = "GET") => {
    const response = await fetch(`http://127.0.0.1:${address.port}${path}`, { method });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
}

describe("the plain port", () => {
  test("says that the process is alive and ready", async (t) => {
    const get = await startHealth(t);
    for (const path of ["/livez", "/readyz", "/readyz?verbose"]) {
      const { status, text } = await get(path);
      assert.deepEqual([status, text], [200, "ok\n"]);
    }
  });

  test("says what keeps it from being ready, a line each, and is alive all the same", async (t) => {
    const get = await startHealth(t, ["starting", "the serving certificate is expired"]);
    const { status, text } = await get("/readyz");
    assert.deepEqual([status, text], [503, "starting\nthe serving certificate is expired\n"]);
    assert.equal((await get("/livez")).status, 200);
  });

  test("gives the metrics", async (t) => {
    const get = await startHealth(t);
    const { status, headers, text } = await get("/metrics");
    assert.equal(status, 200);
    assert.match(headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    assert.match(text, /^foresail_build_info\{version="1\.2\.3"\} 1$/m);
  });

  test("has no other page and no other method", async (t) => {
    const get = await startHealth(t);
    for (const path of ["/", "/validate", "/healthz", "/__proto__", "/constructor"])
      assert.equal((await get(path)).status, 404);
    const { status, headers } = await get("/livez", "POST");
    assert.deepEqual([status, headers.get("allow")], [405, "GET, HEAD"]);
    assert.deepEqual((await get("/livez", "HEAD")).text, "");
  });
});
