import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { Agent, request as requestOver } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { ensureSelfSigned } from "../../src/certs/self-signed.ts";
import { serve } from "../../src/commands/serve.ts";
import type { ServeOptions } from "../../src/commands/serve.ts";
import { ForesailError } from "../../src/errors.ts";
import { isObject } from "../../src/kubernetes/json.ts";
import { issuePair } from "../certs/certificates.ts";
import { folderWith } from "../foresail.ts";
import { SMALL_RULES } from "../webhook/small-rules.ts";
import { GVK, reviewOf } from "../webhook/under-test.ts";
import { startServe } from "./serve-process.ts";
import type { ServeProcess } from "./serve-process.ts";

const STATE = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n";
const OTHER = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: other, namespace: shop }\n";
const REVIEW = reviewOf({ kind: GVK.ConfigMap, object: {} });
const DENIED = reviewOf({ kind: GVK.DestinationRule, object: {} });

interface Client {
  review(
    review: object,
  ): Promise<{ readonly response: Readonly<Record<string, unknown>>; readonly connection: string }>;
  readonly agent: Agent;
}

async function clientOf(t: TestContext, folder: string, { address }: ServeProcess): Promise<Client> {
  const agent = new Agent({ keepAlive: true, ca: await readFile(join(folder, "certs/ca.crt")) });
  t.after(() => agent.destroy());
  return { agent, review: (review) => post(agent, address, review) };
}

async function post(agent: Agent, address: string, review: object) {
  const headers = { "content-type": "application/json" };
  const sending = requestOver(`${address}/validate`, { agent, method: "POST", headers });
  sending.end(JSON.stringify(review));
  const [answered] = await once(sending, "response");
  const body = await json(answered);
  assert.equal(answered.statusCode, 200);
  assert(isObject(body) && isObject(body["response"]));
  return { response: body["response"], connection: String(answered.headers.connection) };
}

function unexpected(code: number) {
  assert.fail(`exit ${code}`);
}

describe("serve does not begin with", () => {
  const cases: Readonly<
    Record<string, readonly [options: Partial<ServeOptions>, code: string, message: RegExp]>
  > = {
    "a kubeconfig that is not there": [
      { meshState: [], kubeconfig: "nowhere" },
      "KUBECONFIG_UNREADABLE",
      /nowhere cannot be used: there is no file .*nowhere$/,
    ],
    "a cluster besides files": [
      { kubeconfig: "nowhere" },
      "USAGE",
      /^--mesh-state and --kubeconfig exclude each other$/,
    ],
    "a state that is not there": [{ meshState: ["nowhere"] }, "STATE_UNREADABLE", /nowhere/],
    "a state that cannot be read": [{ meshState: ["broken.yaml"] }, "STATE_UNREADABLE", /broken\.yaml:1:/],
    "an address without a port": [
      { listen: "127.0.0.1" },
      "USAGE",
      /^--listen "127\.0\.0\.1" is no address$/,
    ],
    "a port that is none": [{ metrics: ":65536" }, "USAGE", /^--metrics ":65536" is no address$/],
    "a host that nobody has": [
      { listen: "192.0.2.1:0" },
      "USAGE",
      /^cannot listen on 192\.0\.2\.1:0: this machine/,
    ],
    "a certificate without its key": [{ tlsCert: "certs/tls.crt" }, "USAGE", /^--tls-cert needs --tls-key$/],
    "a key without its certificate": [{ tlsKey: "certs/tls.key" }, "USAGE", /^--tls-key needs --tls-cert$/],
    "two certificates": [
      { tlsCert: "a", tlsKey: "b", tlsSelfSigned: "c" },
      "USAGE",
      /^--tls-cert and --tls-self-signed exclude each other$/,
    ],
    "a certificate that is not there": [
      { tlsCert: "a", tlsKey: "b" },
      "CERTIFICATE_UNREADABLE",
      /no such file/,
    ],
    "a name that is no host": [{ tlsHost: ["https://x"] }, "USAGE", /https:\/\/x/],
    "a client CA that is none": [{ clientCa: "state" }, "CERTIFICATE_UNREADABLE", /state/],
    "a ConfigMap without a namespace": [
      { configMap: "foresail" },
      "USAGE",
      /^--config-map foresail names no ConfigMap$/,
    ],
    "a ConfigMap whose name none can have": [
      { configMap: "foresail/Foresail?" },
      "USAGE",
      /^--config-map foresail\/Foresail\? names no ConfigMap$/,
    ],
    "a ConfigMap besides a file": [
      { config: "nowhere.yaml", configMap: "foresail/foresail" },
      "USAGE",
      /^--config and --config-map exclude each other$/,
    ],
    "a ConfigMap of a cluster that is not there": [
      { configMap: "foresail/foresail", kubeconfig: "nowhere" },
      "KUBECONFIG_UNREADABLE",
      /nowhere cannot be used: there is no file .*nowhere$/,
    ],
    "a configuration that is not there": [
      { config: "nowhere.yaml" },
      "CONFIG_INVALID",
      /nowhere\.yaml does not exist/,
    ],
  };
  for (const [name, [options, code, message]] of Object.entries(cases)) {
    test(name, async (t) => {
      const folder = await folderWith(t, { "state/shop.yaml": STATE, "broken.yaml": "a: [" });
      const within = (path: string) =>
        /^(?:nowhere|broken|certs|state)/.test(path) ? join(folder, path) : path;
      const paths = Object.fromEntries(
        Object.entries({
          tlsSelfSigned: options.tlsCert ? undefined : "certs",
          meshState: ["state"],
          ...options,
        }).flatMap(([key, value]) => {
          if (value === undefined) return [];
          return [[key, Array.isArray(value) ? value.map(within) : within(String(value))]];
        }),
      );
      const given = { listen: "127.0.0.1:0", metrics: "127.0.0.1:0", meshState: [], tlsHost: [], ...paths };
      await assert.rejects(
        serve(given, { rules: SMALL_RULES, version: "1.2.3", exit: unexpected }),
        (error) => {
          assert(error instanceof ForesailError);
          assert.equal(error.code, code);
          assert.match(error.message, message);
          assert.notEqual(error.hint, "");
          return true;
        },
      );
      assert(!existsSync(join(folder, "certs")), "nothing is made");
    });
  }

  for (const flag of ["listen", "metrics"] as const) {
    test(`a port for --${flag} that another process has`, async (t) => {
      const folder = await folderWith(t, { "state/shop.yaml": STATE });
      const other = createServer().listen(0, "127.0.0.1");
      await once(other, "listening");
      t.after(() => other.close());
      const address = other.address();
      assert(typeof address === "object" && address !== null);
      const given = {
        listen: "127.0.0.1:0",
        metrics: "127.0.0.1:0",
        meshState: [join(folder, "state")],
        tlsSelfSigned: join(folder, "certs"),
        tlsHost: [],
        [flag]: `127.0.0.1:${address.port}`,
      };
      await assert.rejects(serve(given, { rules: SMALL_RULES, version: "1.2.3", exit: unexpected }), {
        code: "USAGE",
        message: `cannot listen on 127.0.0.1:${address.port}: another process is there already`,
        hint: `Stop it, or name another address with --${flag}.`,
      });
      assert(!existsSync(join(folder, "certs")), "nothing is made");
    });
  }
});

describe("serve", () => {
  test("answers reviews, probes and scrapes", async (t) => {
    const folder = await folderWith(t, { "state/shop.yaml": STATE, "state/other.yaml": OTHER });
    const served = await startServe(t, folder, {});
    const client = await clientOf(t, folder, served);
    assert.deepEqual((await client.review(REVIEW)).response, {
      uid: "u-1",
      allowed: true,
      auditAnnotations: { rules: "config-map-is-alone=Audit", config: "default" },
    });
    assert.equal(await (await fetch(`${served.probes}/readyz`)).text(), "ok\n");
    const metrics = await (await fetch(`${served.probes}/metrics`)).text();
    assert.match(metrics, /^foresail_cache_objects\{kind="ConfigMap"\} 1$/m);
    assert.match(metrics, /^foresail_config_valid 1$/m);
  });

  test("follows its files: state, configuration, certificate", async (t) => {
    const folder = await folderWith(t, { "state/shop.yaml": STATE, "config.yaml": "rules: {}\n" });
    const { certFile, keyFile, caFile } = await ensureSelfSigned({ directory: join(folder, "certs") });
    const served = await startServe(t, folder, { config: "config.yaml", tlsCert: certFile, tlsKey: keyFile });
    const client = await clientOf(t, folder, served);
    assert.equal((await client.review(REVIEW)).response["auditAnnotations"], undefined);

    await writeFile(join(folder, "state/other.yaml"), OTHER);
    await served.until("mesh state read again");
    assert(isObject((await client.review(REVIEW)).response["auditAnnotations"]));

    assert.equal((await client.review(DENIED)).response["allowed"], false);
    await writeFile(join(folder, "config.yaml"), "rules: { rule-has-host: Warn }\n");
    await served.until("configuration read");
    assert.equal((await client.review(DENIED)).response["allowed"], true);
    await writeFile(join(folder, "config.yaml"), "rules: { rule-has-host: Sometimes }\n");
    const { problem } = await served.until("configuration not read; the last good one stays");
    assert.match(String(problem), /config\.yaml:1:/);
    assert.equal((await client.review(DENIED)).response["allowed"], true);
    assert.match(await (await fetch(`${served.probes}/metrics`)).text(), /^foresail_config_valid 0$/m);

    const { authority, serving } = await issuePair(["127.0.0.1"]);
    await Promise.all([
      writeFile(`${keyFile}.new`, serving.key),
      writeFile(`${certFile}.new`, serving.cert),
      writeFile(caFile, authority.cert),
    ]);
    await Promise.all([rename(`${keyFile}.new`, keyFile), rename(`${certFile}.new`, certFile)]);
    await served.until("certificate changed");
    const later = await clientOf(t, folder, served);
    assert.equal((await later.review(DENIED)).response["allowed"], true);
    assert.equal((await client.review(DENIED)).response["allowed"], true);
  });

  test("denies nothing from a start with an invalid configuration until there is a valid one", async (t) => {
    const folder = await folderWith(t, { "state/shop.yaml": STATE, "config.yaml": "rulez: {}\n" });
    const served = await startServe(t, folder, { config: "config.yaml" });
    const client = await clientOf(t, folder, served);
    assert.equal((await client.review(DENIED)).response["allowed"], true);
    await writeFile(join(folder, "config.yaml"), "clusterDomain: example.org\n");
    await served.until("mesh state read again");
    assert.equal((await client.review(DENIED)).response["allowed"], false);
  });
});

test("a log that nobody reads keeps no review from its answer", async (t) => {
  const folder = await folderWith(t, { "state/shop.yaml": STATE });
  const served = await startServe(t, folder, {});
  const client = await clientOf(t, folder, served);
  served.stopReading();
  // A line each, and a pipe holds 64 KiB.
  for (let count = 0; count < 1000; count++) await client.review(DENIED);
  served.kill("SIGKILL");
});

describe("SIGTERM", () => {
  test("makes it unready at once, while it goes on answering; then it ends with 0", async (t) => {
    const folder = await folderWith(t, { "state/shop.yaml": STATE });
    const served = await startServe(t, folder, {}, { lameDuckMs: 1000 });
    const client = await clientOf(t, folder, served);
    assert.equal((await client.review(DENIED)).connection, "keep-alive");
    served.kill("SIGTERM");
    await served.until("stopping");
    const ready = await fetch(`${served.probes}/readyz`);
    assert.deepEqual([ready.status, await ready.text()], [503, "draining\n"]);
    assert.equal((await fetch(`${served.probes}/livez`)).status, 200);
    assert.equal((await client.review(DENIED)).connection, "close");
    await served.until("stopped");
    assert.equal(await served.exitCode, 0);
  });

  test("ends it at once the second time", async (t) => {
    const folder = await folderWith(t, { "state/shop.yaml": STATE });
    const served = await startServe(t, folder, {}, { lameDuckMs: 600_000 });
    served.kill("SIGTERM");
    await served.until("stopping");
    served.kill("SIGTERM");
    assert.equal(await served.exitCode, 1);
  });

  test("loses no request when one process takes the place of another on the same port", async (t) => {
    const folder = await folderWith(t, { "state/shop.yaml": STATE });
    let current = await startServe(t, folder, { reusePort: true });
    const listen = new URL(current.address).host;
    const stopped = new AbortController();
    let answered = 0;
    const load = Array.from({ length: 8 }, async () => {
      const client = await clientOf(t, folder, current);
      while (!stopped.signal.aborted) {
        await client.review(DENIED);
        answered++;
      }
    });
    for (let restart = 0; restart < 4; restart++) {
      const next = await startServe(t, folder, { reusePort: true, listen }, { lameDuckMs: 300 });
      current.kill("SIGTERM");
      assert.equal(await current.exitCode, 0);
      current = next;
    }
    stopped.abort();
    await Promise.all(load);
    // Enough to meet every change, however slow the machine.
    assert(answered > 100);
  });
});

test("SIGINT ends it as soon as what has begun is answered", async (t) => {
  const folder = await folderWith(t, { "state/shop.yaml": STATE });
  const served = await startServe(t, folder, {}, { lameDuckMs: 600_000 });
  const client = await clientOf(t, folder, served);
  await client.review(DENIED);
  served.kill("SIGINT");
  assert.equal(await served.exitCode, 0);
});

test("an error that nobody caught ends it with a last line in the log", async (t) => {
  const folder = await folderWith(t, { "state/shop.yaml": STATE });
  const served = await startServe(t, folder, {});
  served.kill("SIGUSR2");
  const { err } = await served.until("ended by an unexpected error");
  assert(isObject(err));
  assert.match(String(err["stack"]), /^Error: nobody caught this\n/);
  assert.equal(await served.exitCode, 1);
});
