import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { pino } from "pino";
import { createHandshakeFailures } from "../../src/webhook/handshake-failures.ts";

const MINUTE_MS = 60_000;

function underTest() {
  const lines: string[] = [];
  const log = pino(
    { base: null, timestamp: false },
    { write: (line: string) => void lines.push(line.trimEnd().replace('"level":40,', "")) },
  );
  return { failures: createHandshakeFailures(log), taken: () => lines.splice(0) };
}

function opensslError(reason: string): Error {
  const message = `40DD64242F7F0000:error:0A00009C:SSL routines:somewhere:${reason}:../deps/openssl/ssl.c:68:\n`;
  return Object.assign(new Error(message), { reason, library: "SSL routines" });
}

test("a reason is said at once, and then once a minute how often, for as long as it goes on", (t) => {
  mock.timers.enable({ apis: ["setInterval"] });
  t.after(() => mock.timers.reset());
  const { failures, taken } = underTest();
  const fail = (count: number) => {
    for (let index = 0; index < count; index++) failures.add(opensslError("http request"), "10.0.0.9");
  };
  const reason = "the client speaks HTTP without TLS";
  const first = JSON.stringify({ reason, client: "10.0.0.9", msg: "TLS handshake failed" });
  const counted = (count: number) => JSON.stringify({ reason, count, msg: "TLS handshake failed" });

  fail(1000);
  assert.deepEqual(taken(), [first]);
  mock.timers.tick(MINUTE_MS);
  assert.deepEqual(taken(), [counted(999)]);
  fail(5);
  assert.deepEqual(taken(), []);
  mock.timers.tick(MINUTE_MS);
  assert.deepEqual(taken(), [counted(5)]);
  mock.timers.tick(10 * MINUTE_MS);
  assert.deepEqual(taken(), []);
  fail(3);
  assert.deepEqual(taken(), [first]);
  failures.close();
  assert.deepEqual(taken(), [counted(2)]);
  mock.timers.tick(10 * MINUTE_MS);
  assert.deepEqual(taken(), []);
});

test("an API server that does not trust the certificate leads to caBundle; words that nobody knows stay as they are", () => {
  const { failures, taken } = underTest();
  failures.add(opensslError("ssl/tls alert bad certificate"), undefined);
  failures.add(opensslError("tlsv1 alert unknown ca"), undefined);
  failures.add(opensslError("bad extension"), undefined);
  failures.close();
  assert.match(taken().join("\n"), /^.*does caBundle hold its CA.*\n.*"bad extension".*\n.*"count":1.*$/);
});
