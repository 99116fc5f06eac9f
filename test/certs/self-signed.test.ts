import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { writeFailure } from "../../src/certs/certificate-folder.ts";
import { parseServingCertificate } from "../../src/certs/key-pair.ts";
import {
  ensureSelfSigned,
  LOCAL_HOSTS,
  type Renewal,
  startSelfSignedRenewal,
} from "../../src/certs/self-signed.ts";
import { watchCertificateFiles } from "../../src/certs/serving-certificate.ts";
import { DAY_MS, issuePair, openssl, readCertificate, startServer, temporaryFolder } from "./certificates.ts";
import { skipOrFail } from "../harness/missing-tool.ts";

const NOW = Date.UTC(2027, 0, 1);
const FILES = ["ca.crt", "ca.key", "tls.crt", "tls.key"];

/** A folder made at NOW, and the certificates in it. */
async function madeFolder(t: TestContext, options: { hosts?: string[]; now?: number } = {}) {
  const directory = join(temporaryFolder(t), "certs");
  const { now = NOW, hosts = [] } = options;
  await ensureSelfSigned({ directory, hosts, now: () => now });
  return {
    directory,
    ensure: (at = NOW, ...wanted: string[]) => reasons(directory, at, wanted),
    ...read(directory),
  };
}

async function reasons(directory: string, at: number, hosts: string[]): Promise<readonly Renewal[]> {
  return (await ensureSelfSigned({ directory, hosts, now: () => at })).renewals;
}

function read(directory: string) {
  return { authority: readCertificate(directory, "ca.crt"), serving: readCertificate(directory, "tls.crt") };
}

function mode(...path: string[]): number {
  return statSync(join(...path)).mode & 0o777;
}

test("a folder that is not there is made, with four files, keys for the owner only, and says what was made", async (t) => {
  const directory = join(temporaryFolder(t), "not", "there");
  const made = await ensureSelfSigned({ directory, now: () => NOW });
  assert.deepEqual(made, {
    caFile: join(directory, "ca.crt"),
    certFile: join(directory, "tls.crt"),
    keyFile: join(directory, "tls.key"),
    renewals: [
      { what: "CA", reason: `Cannot use the certificate ${join(directory, "ca.crt")}: no such file` },
      { what: "serving certificate", reason: "its CA is replaced" },
    ],
  });
  assert.deepEqual(readdirSync(directory).sort(), FILES);
  assert.deepEqual([mode(directory, "ca.key"), mode(directory, "tls.key")], [0o600, 0o600]);
  for (const name of FILES) assert.match(readFileSync(join(directory, name), "utf8"), /[^\n]\n$/);

  const { authority, serving } = read(directory);
  assert(serving.checkIssued(authority) && serving.verify(authority.publicKey));
  assert.equal(authority.validToDate.getTime() - NOW, 365 * DAY_MS);
  assert.equal(serving.validToDate.getTime() - NOW, 90 * DAY_MS);
  const texts = [made.certFile, made.keyFile].map((file) => readFileSync(file, "utf8"));
  assert.doesNotThrow(() => parseServingCertificate(texts[0] ?? "", texts[1] ?? "", made));
});

test("the certificate is valid for the local hosts and those asked for, addresses as such", async (t) => {
  const { serving } = await madeFolder(t, { hosts: ["Foresail.Example.", "192.168.1.7", "localhost"] });
  assert.equal(
    serving.subjectAltName,
    "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:foresail.foresail.svc, " +
      "DNS:foresail.foresail.svc.cluster.local, DNS:foresail.example, IP Address:192.168.1.7",
  );
  assert.equal(LOCAL_HOSTS.length, 5);
});

test("a good folder is left as it is: nothing is written, not even a lock", async (t) => {
  const { directory, ensure } = await madeFolder(t);
  const times = () =>
    [".", ...FILES].map((name) => statSync(join(directory, name), { bigint: true }).ctimeNs);
  const before = times();
  assert.deepEqual(await ensure(NOW + 59 * DAY_MS), []);
  assert.deepEqual(times(), before);
});

for (const { name, at, reason } of [
  { name: "past two thirds of its life", at: NOW + 61 * DAY_MS, reason: "two thirds of its life are over" },
  { name: "expired", at: NOW + 91 * DAY_MS, reason: "it is expired" },
]) {
  test(`a serving certificate that is ${name} is replaced, the CA is kept`, async (t) => {
    const { directory, ensure, authority, serving } = await madeFolder(t);
    assert.deepEqual(await ensure(at), [{ what: "serving certificate", reason }]);
    const renewed = read(directory);
    assert.deepEqual(renewed.authority.raw, authority.raw);
    assert.notEqual(renewed.serving.serialNumber, serving.serialNumber);
    assert.equal(renewed.serving.validToDate.getTime(), at + 90 * DAY_MS);
    assert.deepEqual(readdirSync(directory).sort(), FILES);
  });
}

for (const { name, at, reason } of [
  { name: "past two thirds of its life", at: NOW + 244 * DAY_MS, reason: "two thirds of its life are over" },
  { name: "expired", at: NOW + 366 * DAY_MS, reason: "it is expired" },
  { name: "from the future", at: NOW - DAY_MS, reason: "it is not valid yet" },
]) {
  test(`a CA that is ${name} is replaced with what it issued`, async (t) => {
    const { directory, ensure, authority } = await madeFolder(t);
    assert.deepEqual(await ensure(at), [
      { what: "CA", reason },
      { what: "serving certificate", reason: "its CA is replaced" },
    ]);
    const renewed = read(directory);
    assert.notEqual(renewed.authority.subject, authority.subject);
    assert(renewed.serving.verify(renewed.authority.publicKey));
    assert.deepEqual(readdirSync(directory).sort(), FILES);
  });
}

test("a host that is missing is added, and those there stay, so that two processes do not take turns", async (t) => {
  const { directory, ensure, authority } = await madeFolder(t, { hosts: ["a.example"] });
  assert.deepEqual(await ensure(NOW, "b.example", "10.0.0.1"), [
    { what: "serving certificate", reason: "it is not valid for b.example, 10.0.0.1" },
  ]);
  assert.deepEqual(await ensure(NOW, "a.example"), []);
  assert.deepEqual(read(directory).authority.raw, authority.raw);
  await ensure(NOW + 61 * DAY_MS, "b.example");
  assert.deepEqual(await ensure(NOW + 61 * DAY_MS, "a.example"), [
    { what: "serving certificate", reason: "it is not valid for a.example" },
  ]);
});

test("a host that is none is refused before anything is made", async (t) => {
  const directory = join(temporaryFolder(t), "certs");
  await assert.rejects(ensureSelfSigned({ directory, hosts: ["https://a.example"] }), { code: "USAGE" });
  assert.equal(existsSync(directory), false);
});

const PAIR = ["CA", "serving certificate"];

for (const { name, damage, made } of [
  { name: "ca.crt is missing", damage: (d: string) => rmSync(join(d, "ca.crt")), made: PAIR },
  { name: "ca.key is missing", damage: (d: string) => rmSync(join(d, "ca.key")), made: PAIR },
  { name: "tls.crt is missing", damage: (d: string) => rmSync(join(d, "tls.crt")), made: PAIR.slice(1) },
  { name: "tls.key is missing", damage: (d: string) => rmSync(join(d, "tls.key")), made: PAIR.slice(1) },
  {
    name: "tls.crt is empty",
    damage: (d: string) => writeFileSync(join(d, "tls.crt"), ""),
    made: PAIR.slice(1),
  },
  {
    name: "ca.key is garbage",
    damage: (d: string) => writeFileSync(join(d, "ca.key"), "garbage"),
    made: PAIR,
  },
  {
    name: "tls.key is a folder",
    damage: (d: string) => {
      rmSync(join(d, "tls.key"));
      mkdirSync(join(d, "tls.key"));
    },
    made: PAIR.slice(1),
  },
  {
    name: "ca.key belongs to another certificate",
    damage: (d: string) => cpSync(join(d, "tls.key"), join(d, "ca.key")),
    made: PAIR,
  },
  {
    name: "ca.crt and ca.key are those of a server",
    damage: (d: string) => {
      cpSync(join(d, "tls.crt"), join(d, "ca.crt"));
      cpSync(join(d, "tls.key"), join(d, "ca.key"));
    },
    made: PAIR,
  },
]) {
  test(`when ${name}, what cannot be used is made again`, async (t) => {
    const { directory, ensure, authority } = await madeFolder(t);
    damage(directory);
    const renewals = await ensure();
    assert.deepEqual(
      renewals.map(({ what }) => what),
      made,
    );
    const { authority: after, serving } = read(directory);
    assert.equal(after.subject === authority.subject, made.length === 1);
    assert(serving.verify(after.publicKey));
    assert.deepEqual(await ensure(), []);
  });
}

test("a serving certificate of another CA is made again", async (t) => {
  const { directory, ensure } = await madeFolder(t);
  const other = await madeFolder(t);
  for (const name of ["ca.crt", "ca.key"]) cpSync(join(other.directory, name), join(directory, name));
  assert.deepEqual(await ensure(), [
    { what: "serving certificate", reason: "it is not issued by the CA beside it" },
  ]);
});

test("an EC P-256 CA that someone brought is used and kept", async (t) => {
  const directory = temporaryFolder(t);
  const { authority } = await issuePair();
  writeFileSync(join(directory, "ca.crt"), authority.cert);
  writeFileSync(join(directory, "ca.key"), authority.key);
  const renewals = await reasons(directory, Date.now(), []);
  assert.deepEqual(
    renewals.map(({ what }) => what),
    ["serving certificate"],
  );
  const { authority: kept, serving } = read(directory);
  assert.equal(kept.toString(), authority.cert);
  assert(serving.verify(kept.publicKey));
  assert.equal(serving.validToDate.getTime(), kept.validToDate.getTime(), "no longer than the CA");
});

test("keys that foresail did not make are kept aside, once", async (t) => {
  const directory = temporaryFolder(t);
  const { serving } = await issuePair();
  writeFileSync(join(directory, "tls.crt"), serving.cert);
  writeFileSync(join(directory, "tls.key"), serving.key);
  await reasons(directory, NOW, []);
  assert.equal(readFileSync(join(directory, "tls.key.replaced"), "utf8"), serving.key);
  assert.equal(readFileSync(join(directory, "tls.crt.replaced"), "utf8"), serving.cert);

  writeFileSync(join(directory, "tls.key"), "garbage");
  await reasons(directory, NOW, []);
  assert.equal(readFileSync(join(directory, "tls.key.replaced"), "utf8"), serving.key);
  const aside = ["tls.crt.replaced", "tls.key.replaced"];
  assert.deepEqual(readdirSync(directory).sort(), [...FILES, ...aside].sort());
});

test("an RSA CA cannot issue our EC certificates and is kept aside", async (t) => {
  const directory = temporaryFolder(t);
  if (openssl("version") === undefined) {
    return skipOrFail(t, { tool: "openssl", needs: "openssl", remedy: "install openssl" });
  }
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const [certFile, keyFile] = [join(directory, "ca.crt"), join(directory, "ca.key")];
  writeFileSync(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
  openssl("req", "-x509", "-new", "-key", keyFile, "-subj", "/CN=mine", "-days", "9", "-out", certFile);
  const [renewal] = await reasons(directory, Date.now(), []);
  assert.deepEqual(renewal, { what: "CA", reason: "its key is not EC P-256" });
  assert.equal(readCertificate(directory, "ca.crt.replaced").subject, "CN=mine");
  assert(existsSync(join(directory, "ca.key.replaced")));
});

test("many at once in one process make one set", async (t) => {
  const directory = join(temporaryFolder(t), "certs");
  const made = await Promise.all(Array.from({ length: 20 }, () => reasons(directory, NOW, [])));
  assert.equal(made.filter((renewals) => renewals.length > 0).length, 1);
  const { authority, serving } = read(directory);
  assert(serving.verify(authority.publicKey));
  assert.deepEqual(readdirSync(directory).sort(), FILES);
});

test("many processes at once make one set, and none sees another CA", async (t) => {
  const folder = temporaryFolder(t);
  const rounds = Array.from({ length: 5 }, (_, round) => join(folder, `${round}`));
  const module = JSON.stringify(new URL("../../src/certs/self-signed.ts", import.meta.url));
  const script = `
    import { readFileSync } from "node:fs";
    import { ensureSelfSigned } from ${module};
    for (const directory of ${JSON.stringify(rounds)}) {
      const { caFile, renewals } = await ensureSelfSigned({ directory });
      console.log(JSON.stringify({ directory, ca: readFileSync(caFile, "utf8"), renewals: renewals.length }));
    }`;
  const run = promisify(execFile);
  const outputs = await Promise.all(
    Array.from({ length: 6 }, () => run(process.execPath, ["--input-type=module", "--eval", script])),
  );
  const lines = outputs.flatMap(({ stdout }) => stdout.trim().split("\n"));
  assert.equal(lines.length, 6 * rounds.length);
  for (const directory of rounds) {
    const seen = lines.filter((line) => line.includes(JSON.stringify(directory)));
    assert.equal(new Set(seen.map((line) => /"ca":"[^"]+"/.exec(line)?.[0])).size, 1, "one CA");
    assert.equal(seen.filter((line) => line.includes('"renewals":2')).length, 1, "made by one");
    assert.deepEqual(await reasons(directory, Date.now(), []), []);
    assert.deepEqual(readdirSync(directory).sort(), FILES);
  }
});

test("a process that keeps running renews after the clock has jumped, and its server takes the new pair", async (t) => {
  t.mock.timers.enable({ apis: ["Date", "setInterval"], now: Date.now() });
  const directory = join(temporaryFolder(t), "certs");
  const files = await ensureSelfSigned({ directory });
  const ca = readFileSync(files.caFile, "utf8");
  const renewed: (readonly Renewal[])[] = [];
  const renewal = startSelfSignedRenewal(
    { directory },
    { onRenewal: (renewals) => void renewed.push(renewals), onProblem: assert.fail },
  );
  t.after(renewal.close);

  const first = { cert: readFileSync(files.certFile, "utf8"), key: readFileSync(files.keyFile, "utf8") };
  const { server, port } = await startServer(t, first);
  const watch = await watchCertificateFiles(files, {
    onChange: ({ cert, key }) => server.setSecureContext({ cert, key }),
    onProblem: assert.fail,
  });
  t.after(watch.close);

  t.mock.timers.tick(60_000);
  await renewal.check();
  assert.deepEqual(renewed, []);
  t.mock.timers.setTime(Date.now() + 61 * DAY_MS);
  await renewal.check();
  assert.deepEqual(renewed, [[{ what: "serving certificate", reason: "two thirds of its life are over" }]]);
  await watch.check();
  assert.notEqual(watch.current.cert, first.cert);
  assert.equal(watch.current.notAfter, read(directory).serving.validToDate.getTime());

  // The new certificate is not valid before the day of the jump, so the real clock of TLS is told apart from ours.
  const error = await new Promise<unknown>((resolve) => {
    get({ port, host: "127.0.0.1", servername: "localhost", ca, agent: false }, resolve).on("error", resolve);
  });
  assert(error instanceof Error && "code" in error);
  assert.equal(error.code, "CERT_NOT_YET_VALID");
});

test("a renewal that fails while running is reported once, with a hint", async (t) => {
  const { directory } = await madeFolder(t);
  rmSync(directory, { recursive: true });
  writeFileSync(directory, "a file");
  const problems: Error[] = [];
  const renewal = startSelfSignedRenewal(
    { directory },
    { onRenewal: () => assert.fail(), onProblem: (problem) => void problems.push(problem) },
  );
  t.after(renewal.close);
  await renewal.check();
  await renewal.check();
  assert.deepEqual(
    problems.map(({ message }) => message),
    [`Cannot make certificates in the folder ${directory}: a file of this name is in the way`],
  );
});

for (const { code, message, hint } of [
  {
    code: "EACCES",
    message: "permission denied",
    hint: /^Let the user that runs foresail.* write into it, or name /,
  },
  {
    code: "EROFS",
    message: "the file system is read-only",
    hint: /^Mount a volume that can be written, or name /,
  },
  { code: "ENOTDIR", message: "a file of this name is in the way", hint: /^Remove the file, or name / },
  { code: "ENOSPC", message: "no space is left", hint: /^Make space, or name / },
  { code: "EIO", message: "EIO: i/o error", hint: /^Check the folder, or name / },
]) {
  test(`a folder that cannot be written because of ${code} is said in words, with a hint`, () => {
    const cause = Object.assign(new Error("EIO: i/o error"), { code, syscall: "open" });
    const failure = writeFailure("certs", cause);
    assert(failure instanceof Error && "hint" in failure && typeof failure.hint === "string");
    assert.equal(failure.message, `Cannot make certificates in the folder certs: ${message}`);
    assert.match(failure.hint, hint);
  });
}

test(
  "a file system that makes no folders is said, and not waited for",
  { skip: !existsSync("/proc/self") },
  async () => {
    await assert.rejects(ensureSelfSigned({ directory: "/proc/foresail/certs" }), {
      message:
        /^Cannot make certificates in the folder \/proc\/foresail\/certs: ENOENT: no such file or directory/,
    });
  },
);

test("an error that is none of the file system is not taken for one", () => {
  const error = new Error("bug");
  assert.equal(writeFailure("certs", error), error);
});
