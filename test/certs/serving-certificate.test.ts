import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:https";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import type { IssuedCertificate } from "../../src/certs/issue.ts";
import type { ServingCertificate } from "../../src/certs/key-pair.ts";
import { watchCertificateFiles } from "../../src/certs/serving-certificate.ts";
import { issuePair, startServer, temporaryFolder } from "./certificates.ts";

const [first, second] = await Promise.all([issuePair(), issuePair()]);

/** Long enough never to come: the tests check by hand. */
const NEVER_MS = 24 * 60 * 60 * 1000;

/** A folder with the first pair under watch, and what the watch has reported. */
async function watchFolder(
  t: TestContext,
  write = writePair,
  onChange?: (certificate: ServingCertificate) => void,
) {
  const folder = temporaryFolder(t);
  write(folder, first.serving);
  const files = { certFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") };
  const changes: string[] = [];
  const problems: string[] = [];
  const watch = await watchCertificateFiles(files, {
    intervalMs: NEVER_MS,
    onChange(certificate) {
      onChange?.(certificate);
      changes.push(certificate.cert);
    },
    onProblem: (problem) => void problems.push(problem.message),
  });
  t.after(watch.close);
  return { folder, files, watch, changes, problems };
}

function writePair(folder: string, { cert, key }: IssuedCertificate): void {
  writeFileSync(join(folder, "tls.crt"), cert);
  writeFileSync(join(folder, "tls.key"), key);
}

/** As the kubelet does: a folder for each version, `..data` pointing to one, the names pointing through `..data`. */
function swapLikeKubelet(folder: string, pair: IssuedCertificate): void {
  const version = `..${process.hrtime.bigint()}`;
  mkdirSync(join(folder, version));
  writePair(join(folder, version), pair);
  symlinkSync(version, join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  for (const name of ["tls.crt", "tls.key"]) {
    symlinkSync(join("..data", name), join(folder, "new"));
    renameSync(join(folder, "new"), join(folder, name));
  }
}

/** As editors do: a new file in the place of the old one. */
function renameOver(folder: string, pair: IssuedCertificate): void {
  const aside = join(folder, "aside");
  mkdirSync(aside, { recursive: true });
  writePair(aside, pair);
  for (const name of ["tls.crt", "tls.key"]) renameSync(join(aside, name), join(folder, name));
}

for (const { name, write } of [
  { name: "written in place", write: writePair },
  { name: "renamed over", write: renameOver },
  { name: "swapped as the kubelet swaps them", write: swapLikeKubelet },
]) {
  test(`files that are ${name} are taken over, and only once`, async (t) => {
    const { folder, watch, changes, problems } = await watchFolder(t, write);
    await watch.check();
    assert.deepEqual(changes, []);
    write(folder, second.serving);
    await watch.check();
    await watch.check();
    assert.deepEqual(changes, [second.serving.cert]);
    assert.equal(watch.current.key, second.serving.key);
    assert.deepEqual(problems, []);
  });
}

test("a swap seen half-way is not reported, the last good pair stays until it is whole", async (t) => {
  const { files, watch, changes, problems } = await watchFolder(t);
  writeFileSync(files.certFile, second.serving.cert);
  await watch.check();
  assert.equal(watch.current.cert, first.serving.cert);
  writeFileSync(files.keyFile, second.serving.key);
  await watch.check();
  assert.equal(watch.current.cert, second.serving.cert);
  assert.deepEqual(changes, [second.serving.cert]);
  assert.deepEqual(problems, []);
});

test("files that stay unusable are reported once for each problem, and the last good pair stays", async (t) => {
  const { folder, files, watch, changes, problems } = await watchFolder(t);
  const checkThrice = async () => {
    for (let check = 0; check < 3; check++) await watch.check();
  };
  writeFileSync(files.keyFile, second.serving.key);
  await checkThrice();
  writeFileSync(files.certFile, "garbage");
  await checkThrice();
  rmSync(files.certFile);
  await checkThrice();
  assert.deepEqual(problems, [
    `The key ${files.keyFile} does not belong to the certificate ${files.certFile}`,
    `Cannot use the certificate ${files.certFile}: it holds no certificate`,
    `Cannot use the certificate ${files.certFile}: no such file`,
  ]);
  assert.equal(watch.current.cert, first.serving.cert);
  writePair(folder, second.serving);
  await watch.check();
  assert.deepEqual(changes, [second.serving.cert]);
});

test("a certificate that cannot be applied is a problem, and is tried again", async (t) => {
  let refusals = 2;
  const { folder, watch, changes, problems } = await watchFolder(t, writePair, () => {
    if (refusals-- > 0) throw new Error("refused");
  });
  writePair(folder, second.serving);
  await watch.check();
  await watch.check();
  assert.equal(watch.current.cert, first.serving.cert);
  await watch.check();
  assert.deepEqual(problems, ["refused"]);
  assert.deepEqual(changes, [second.serving.cert]);
});

test("after the end nothing is taken over", async (t) => {
  const { folder, watch, changes } = await watchFolder(t);
  writePair(folder, second.serving);
  const checked = watch.check();
  await Promise.resolve(); // the files are being read
  watch.close();
  await checked;
  await watch.check();
  assert.deepEqual(changes, []);
});

test("files that cannot be read at the start are an error at once", async (t) => {
  const folder = temporaryFolder(t);
  const files = { certFile: join(folder, "tls.crt"), keyFile: folder };
  const options = { intervalMs: NEVER_MS, onChange: () => assert.fail(), onProblem: assert.fail };
  writeFileSync(files.certFile, first.serving.cert);
  await assert.rejects(watchCertificateFiles(files, options), {
    code: "CERTIFICATE_UNREADABLE",
    message: `Cannot use the key ${folder}: it is a folder`,
    hint: `Give the file in it, such as ${folder}/tls.key`,
  });
});

test("a pair that does not match at the start gets a second chance, and no third", async (t) => {
  const folder = temporaryFolder(t);
  const files = { certFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") };
  const options = { intervalMs: 1, onChange: () => assert.fail(), onProblem: assert.fail };
  writePair(folder, { cert: first.serving.cert, key: second.serving.key });
  await assert.rejects(watchCertificateFiles(files, options), { message: /does not belong/ });

  const watching = watchCertificateFiles(files, { ...options, intervalMs: 100 });
  setImmediate(() => writePair(folder, first.serving));
  const watch = await watching;
  watch.close();
  assert.equal(watch.current.key, first.serving.key);
});

test("a server swaps its certificate without failing a request", async (t) => {
  const { server, port } = await startServer(t, first.serving);
  const { folder, watch } = await watchFolder(t, swapLikeKubelet, ({ cert, key }) => {
    server.setSecureContext({ cert, key });
  });
  const ca = first.authority.cert + second.authority.cert;
  const keptAlive = new Agent({ keepAlive: true, maxSockets: 1, ca });
  t.after(() => keptAlive.destroy());
  const request = (agent?: Agent) =>
    new Promise<string>((resolve, reject) => {
      // Without an agent each request makes a connection of its own.
      get({ port, host: "127.0.0.1", servername: "localhost", ca, agent: agent ?? false }, (response) => {
        response.setEncoding("utf8").on("data", resolve).on("error", reject);
      }).on("error", reject);
    });

  const swapped = new AbortController();
  let requests = 0;
  const clients = Array.from({ length: 4 }, async (_, index) => {
    while (!swapped.signal.aborted) {
      assert.equal(await request(index === 0 ? keptAlive : undefined), "ok");
      requests++;
    }
  });
  const presented: string[] = [];
  for (let swap = 1; swap <= 12; swap++) {
    const pair = swap % 2 === 0 ? first.serving : second.serving;
    swapLikeKubelet(folder, pair);
    await watch.check();
    assert.equal(watch.current.cert, pair.cert);
    presented.push(await presentedIssuer(port, ca));
  }
  swapped.abort();
  await Promise.all(clients);
  assert(requests >= 12, `${requests} requests`);
  assert.equal(new Set(presented).size, 2);
  assert.deepEqual(presented.slice(2), presented.slice(0, -2), "the two in turns");
});

/** The name of the CA whose certificate a new connection gets. */
function presentedIssuer(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca }, () => {
      resolve(String(socket.getPeerX509Certificate()?.issuer));
      socket.end();
    });
    socket.on("error", reject);
  });
}
