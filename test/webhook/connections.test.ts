import assert from "node:assert/strict";
import { once } from "node:events";
import { request as requestOver } from "node:https";
import { connect as connectPlain } from "node:net";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { connect } from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { generate } from "selfsigned";
import { BODY_LIMITS } from "../../src/webhook/body.ts";
import { issueAuthority } from "../../src/certs/issue.ts";
import type { IssuedCertificate } from "../../src/certs/issue.ts";
import { eventually } from "../harness/eventually.ts";
import { DAY_MS, issuePair } from "../certs/certificates.ts";
import { GVK, reviewOf, startWebhook } from "./under-test.ts";
import type { UnderTest } from "./under-test.ts";

const REVIEW = reviewOf({ kind: GVK.Service, object: {} });
/** Long enough for a handshake on a machine that is busy with something else. */
const QUICK = {
  keepAliveTimeout: 120_000,
  headersTimeout: 1000,
  requestTimeout: 1000,
  handshakeTimeout: 1000,
  connectionsCheckingInterval: 20,
};

async function open({ port, ca }: UnderTest, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, ca, host: "127.0.0.1", servername: "localhost", ...options });
  await once(socket, "secureConnect");
  return socket;
}

function head(length: number, more = ""): string {
  return `POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}Content-Length: ${length}\r\n\r\n`;
}

describe("TLS", () => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`is spoken in ${version}`, async (t) => {
      const socket = await open(await startWebhook(t), { minVersion: version, maxVersion: version });
      assert.equal(socket.getProtocol(), version);
      socket.destroy();
    });
  }

  test("is refused in 1.1, which is counted", async (t) => {
    const tested = await startWebhook(t);
    const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    await assert.rejects(open(tested, old));
    const counted = (await tested.metrics()).match(/^foresail_rejected_requests_total.*$/gm);
    assert.deepEqual(counted, ['foresail_rejected_requests_total{reason="tls"} 1']);
  });

  test("is missed by clients that do not speak it, which are a line a reason, and a count", async (t) => {
    const tested = await startWebhook(t);
    const sendPlain = async (said: string) => {
      const socket = connectPlain({ port: tested.port, host: "127.0.0.1" });
      socket.end(said);
      await once(socket.resume(), "close");
    };
    for (let count = 0; count < 20; count++) await sendPlain("GET / HTTP/1.1\r\n\r\n");
    for (let count = 0; count < 3; count++) await sendPlain("");
    await eventually("all are counted", async () =>
      /^foresail_rejected_requests_total\{reason="tls"\} 23$/m.test(await tested.metrics()),
    );
    await tested.webhook.close(0);
    const http = "the client speaks HTTP without TLS";
    const away = "the client went away before its end, as probes of a TCP port do";
    const line = { level: 40, msg: "TLS handshake failed" };
    assert.deepEqual(tested.log, [
      { ...line, reason: http, client: "127.0.0.1" },
      { ...line, reason: away },
      { ...line, reason: http, count: 19 },
      { ...line, reason: away, count: 2 },
    ]);
  });

  test("carries HTTP/1.1 even for clients that would rather have HTTP/2", async (t) => {
    const socket = await open(await startWebhook(t), { ALPNProtocols: ["h2", "http/1.1"] });
    assert.equal(socket.alpnProtocol, "http/1.1");
    socket.destroy();
  });

  test("shows the certificate that was set last, and keeps older connections", async (t) => {
    const tested = await startWebhook(t);
    const { authority, serving } = await issuePair();
    assert.equal((await tested.send("/validate", { body: REVIEW })).status, 200);
    tested.webhook.setCertificate(serving);
    assert.equal((await tested.send("/validate", { body: REVIEW })).status, 200);
    await assert.rejects(open(tested), { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
    const socket = await open(tested, { ca: authority.cert });
    const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    await assert.rejects(open(tested, { ca: authority.cert, ...old }));
    socket.destroy();
  });

  test("with a client CA is only for clients with a certificate of it, also after a change", async (t) => {
    const known = await issueAuthority("known", Date.now(), DAY_MS);
    const strange = await issueAuthority("strange", Date.now(), DAY_MS);
    const tested = await startWebhook(t, { clientCa: known.cert });
    const post = async (client?: { readonly cert: string; readonly key: string }) =>
      (await tested.send("/validate", { body: REVIEW }, { agent: false, ...client })).status;
    for (const _ of ["before", "after"]) {
      assert.equal(await post(await issueClient(known)), 200);
      await assert.rejects(post());
      await assert.rejects(post(await issueClient(strange)));
      tested.webhook.setCertificate(tested.certificate);
    }
  });
});

async function issueClient(ca: IssuedCertificate) {
  const { cert, private: key } = await generate([{ name: "commonName", value: "API server" }], {
    ca,
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    extensions: [{ name: "extKeyUsage", clientAuth: true }],
  });
  return { cert, key };
}

describe("a connection", () => {
  test("is kept for longer than Go's client keeps an idle one", async (t) => {
    const { webhook, send } = await startWebhook(t);
    assert.equal(webhook.server.keepAliveTimeout, 120_000);
    assert.equal(webhook.server.headersTimeout, 15_000);
    assert.equal(webhook.server.requestTimeout, 15_000);
    const { headers } = await send("/validate", { body: REVIEW });
    assert.equal(headers["keep-alive"], "timeout=120");
  });

  test("is not ended by the timeouts of requests while it is idle", async (t) => {
    const tested = await startWebhook(t, { timeouts: QUICK });
    const socket = await open(tested);
    const body = JSON.stringify(REVIEW);
    socket.write(head(Buffer.byteLength(body)) + body);
    await once(socket, "data");
    await untilTimeoutsHavePassed(t);
    socket.write(head(Buffer.byteLength(body)) + body);
    const [answered] = await once(socket, "data");
    assert.match(String(answered), /^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  test("on which nothing was asked yet is as good as an idle one", async (t) => {
    const tested = await startWebhook(t, { timeouts: QUICK });
    const socket = await open(tested);
    t.after(() => socket.destroy());
    await untilTimeoutsHavePassed(t);
    const body = JSON.stringify(REVIEW);
    socket.write(head(Buffer.byteLength(body)) + body);
    const [answered] = await once(socket, "data");
    assert.match(String(answered), /^HTTP\/1\.1 200 /);
    assert.doesNotMatch(await tested.metrics(), /^foresail_rejected_requests_total/m);
  });

  test("on which nothing is ever asked is ended as an idle one, without a word", async (t) => {
    const tested = await startWebhook(t, { timeouts: { ...QUICK, keepAliveTimeout: 1000 } });
    assert.equal(await text(await open(tested)), "");
  });

  const slow: Readonly<Record<string, string>> = {
    "that does not come to the end of its headers": "POST /validate HTTP/1.1\r\nHost: x\r\n",
    "that does not come to the end of its body": `${head(1000)}{"request":{"uid":`,
  };
  for (const [name, said] of Object.entries(slow)) {
    test(`${name} is ended, and counted`, async (t) => {
      const tested = await startWebhook(t, { timeouts: QUICK });
      const socket = await open(tested);
      socket.write(said);
      assert.match(await text(socket), /^HTTP\/1\.1 408 .*\{"error":"the request came too slowly"\}$/s);
      assert.match(await tested.metrics(), /^foresail_rejected_requests_total\{reason="timeout"\} 1$/m);
    });
  }

  test("that never ends its handshake is ended", async (t) => {
    const { port, metrics } = await startWebhook(t, { timeouts: QUICK });
    const socket = connectPlain({ port, host: "127.0.0.1" });
    await once(socket.resume(), "close");
    assert.match(await metrics(), /^foresail_rejected_requests_total\{reason="tls"\} 1$/m);
  });

  const broken: Readonly<Record<string, string>> = {
    "no HTTP": "EHLO example.org\r\n\r\n",
    "HTTP/2 without asking": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "two lengths": head(3, "Content-Length: 4\r\n"),
    "a length and pieces": head(3, "Transfer-Encoding: chunked\r\n"),
    "a header too long": head(3, `X: ${"x".repeat(20_000)}\r\n`),
  };
  for (const [name, said] of Object.entries(broken)) {
    test(`that speaks ${name} gets an error and is ended`, async (t) => {
      const tested = await startWebhook(t);
      const socket = await open(tested);
      socket.write(said);
      assert.match(await text(socket), /^HTTP\/1\.1 400 .*\{"error":"this is no HTTP request"\}$/s);
      assert.match(await tested.metrics(), /^foresail_rejected_requests_total\{reason="http"\} 1$/m);
      assert.equal((await tested.send("/validate", { body: REVIEW })).status, 200);
    });
  }

  test("that speaks no type at all gets 415", async (t) => {
    const socket = await open(await startWebhook(t));
    socket.write("POST /validate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
    assert.match(await text(socket), /^HTTP\/1\.1 415 /);
  });

  test("that is cut in the middle of a body leaves no room taken", async (t) => {
    const tested = await startWebhook(t, { limits: { ...BODY_LIMITS, maxBytesInFlight: 5000 } });
    for (let time = 0; time < 5; time++) {
      const socket = await open(tested);
      socket.write(head(4000) + "x".repeat(3000));
      socket.destroy();
      await once(socket, "close");
    }
    assert.equal((await tested.send("/validate", { body: REVIEW })).status, 200);
  });
});

/** Other connections that have to end take longer than the timeouts. */
async function untilTimeoutsHavePassed(t: TestContext): Promise<void> {
  const other = await startWebhook(t, { timeouts: QUICK });
  for (let time = 0; time < 2; time++) {
    const socket = await open(other);
    socket.write("POST");
    await once(socket.resume(), "close");
  }
}

describe("too much at once", () => {
  test("is sent away with the wish to try again, and served when it does", async (t) => {
    const body = JSON.stringify(reviewOf({ kind: GVK.Service, object: { x: "x".repeat(60_000) } }));
    const tested = await startWebhook(t, { limits: { ...BODY_LIMITS, maxBytesInFlight: 200_000 } });
    const { port, ca } = tested;
    let sheds = 0;
    const once200 = async (): Promise<void> => {
      const { status, headers } = await tested.send(
        "/validate",
        { body: Buffer.from(body) },
        { agent: false },
      );
      if (status === 200) return;
      sheds++;
      assert.equal(status, 503);
      assert.deepEqual([headers["retry-after"], headers.connection], ["1", "close"]);
      await once200();
    };
    // Holds most of the room until the others are through.
    const holder = requestOver({
      port,
      ca,
      host: "localhost",
      path: "/validate",
      method: "POST",
      agent: false,
    });
    holder.on("error", () => {});
    holder.setHeader("content-type", "application/json");
    holder.setHeader("content-length", "150000");
    holder.write("x".repeat(140_000));
    const shed = await untilShed(tested, body);
    assert.equal(shed, 503);
    holder.destroy();
    await Promise.all(Array.from({ length: 50 }, once200));
    assert(Number(/^foresail_shed_total (\d+)$/m.exec(await tested.metrics())?.[1]) >= sheds + 1);
  });
});

/** The holder's bytes are on their way: until they have come there is room. */
async function untilShed(tested: UnderTest, body: string): Promise<number> {
  const { status } = await tested.send("/validate", { body: Buffer.from(body) });
  return status === 503 ? status : untilShed(tested, body);
}

async function untilRefused(tested: UnderTest): Promise<void> {
  try {
    (await open(tested)).destroy();
  } catch {
    return undefined;
  }
  return untilRefused(tested);
}

describe("while draining", () => {
  test("every answer is given, and asks for another connection", async (t) => {
    const { webhook, send } = await startWebhook(t);
    assert.equal((await send("/validate", { body: REVIEW })).headers.connection, "keep-alive");
    webhook.startDraining();
    for (const [path, status] of [
      ["/validate", 200],
      ["/other", 404],
    ] as const) {
      const answered = await send(path, { body: REVIEW });
      assert.deepEqual([answered.status, answered.headers.connection], [status, "close"]);
    }
  });

  test("a request that has begun is answered after the port is closed", async (t) => {
    const tested = await startWebhook(t);
    const body = JSON.stringify(REVIEW);
    const socket = await open(tested);
    socket.write(head(Buffer.byteLength(body)) + body.slice(0, 10));
    await tested.send("/validate", { body: REVIEW });
    const closed = tested.webhook.close(60_000);
    await untilRefused(tested);
    socket.write(body.slice(10));
    assert.match(await text(socket), /^HTTP\/1\.1 200 .*connection: close.*"uid":"u-1"/is);
    await closed;
  });

  test("a request that does not come to its end is broken off in the end", async (t) => {
    const tested = await startWebhook(t);
    const socket = await open(tested);
    socket.write(head(1000));
    await tested.send("/validate", { body: REVIEW });
    const ended = once(
      socket.resume().on("error", () => {}),
      "close",
    );
    await tested.webhook.close(50);
    await ended;
  });
});
