import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkServerIdentity, connect } from "node:tls";
import { issueAuthority, issueServingCertificate } from "../../src/certs/issue.ts";
import { DAY_MS, issuePair, openssl, startServer, temporaryFolder } from "./certificates.ts";
import { skipOrFail } from "../harness/missing-tool.ts";

/** OIDs in DER: ecdsa-with-SHA256, and keyUsage with `critical` and the two bytes of its bits. */
const ECDSA_WITH_SHA256 = "06082a8648ce3d040302";
const KEY_USAGE = "0603551d0f0101ff0404";
const HOUR_MS = 60 * 60 * 1000;

test("a CA is one that Go accepts: SHA-256, EC P-256, for signing only, valid since an hour", async () => {
  const now = Date.UTC(2027, 0, 1);
  const { cert } = await issueAuthority("test CA", now, 365 * DAY_MS);
  const certificate = new X509Certificate(cert);
  const der = certificate.raw.toString("hex");
  assert.equal(certificate.ca, true);
  assert(certificate.verify(certificate.publicKey));
  assert.match(certificate.subject, /^CN=test CA [0-9a-f]{8}$/);
  assert.equal(certificate.issuer, certificate.subject);
  assert.equal(der.split(ECDSA_WITH_SHA256).length, 3, "named inside and outside the signed part");
  assert(der.includes(`${KEY_USAGE}03020106`), "keyCertSign and cRLSign");
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  assert.equal(certificate.keyUsage, undefined, "no extended key usage");
  assert.equal(certificate.validFromDate.getTime(), now - HOUR_MS);
  assert.equal(certificate.validToDate.getTime(), now + 365 * DAY_MS);
});

test("a serving certificate is one that Go accepts: SHA-256, alternative names, serverAuth, no CA", async () => {
  const now = Date.UTC(2027, 0, 1);
  const authority = await issueAuthority("test CA", now, 365 * DAY_MS);
  const { cert, key } = await issueServingCertificate(
    "test",
    ["localhost", "127.0.0.1"],
    authority,
    now,
    90 * DAY_MS,
  );
  const certificate = new X509Certificate(cert);
  const issuer = new X509Certificate(authority.cert);
  const der = certificate.raw.toString("hex");
  assert.equal(certificate.ca, false);
  assert(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
  assert.match(certificate.subject, /^CN=test [0-9a-f]{8}$/);
  assert.equal(der.split(ECDSA_WITH_SHA256).length, 3, "named inside and outside the signed part");
  assert(der.includes(`${KEY_USAGE}03020780`), "digitalSignature");
  assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1"], "serverAuth");
  assert.equal(certificate.subjectAltName, "DNS:localhost, IP Address:127.0.0.1");
  assert.equal(certificate.validFromDate.getTime(), now - HOUR_MS);
  assert.equal(certificate.validToDate.getTime(), now + 90 * DAY_MS);
  assert.match(key, /^-----BEGIN PRIVATE KEY-----\n/);
});

test("a serving certificate ends no later than its CA", async () => {
  const now = Date.UTC(2027, 0, 1);
  const authority = await issueAuthority("test CA", now, 10 * DAY_MS);
  const { cert } = await issueServingCertificate("test", ["localhost"], authority, now, 90 * DAY_MS);
  assert.equal(new X509Certificate(cert).validToDate.getTime(), now + 10 * DAY_MS);
});

test("every PEM text ends with one newline, so that two CAs can be joined to a bundle", async () => {
  const { authority, serving } = await issuePair();
  for (const pem of [authority.cert, authority.key, serving.cert, serving.key]) {
    assert.match(pem, /^-----BEGIN [^\r]+-----END [A-Z ]+-----\n$/s);
  }
});

test("two CAs have different names, or OpenSSL would try the first one only", async () => {
  const [a, b] = await Promise.all([issuePair(), issuePair()]);
  assert.notEqual(
    new X509Certificate(a.authority.cert).subject,
    new X509Certificate(b.authority.cert).subject,
  );
});

test("clients that trust a bundle of two CAs reach servers of either, under each host", async (t) => {
  const hosts = ["localhost", "foresail.foresail.svc", "127.0.0.1", "::1"];
  const pairs = await Promise.all([issuePair(hosts), issuePair(hosts)]);
  const ca = pairs.map(({ authority }) => authority.cert).join("");
  for (const { serving } of pairs) {
    const { port } = await startServer(t, serving);
    for (const host of hosts) {
      await new Promise<void>((resolve, reject) => {
        const socket = connect(
          { port, host: "127.0.0.1", ca, checkServerIdentity: (_, peer) => checkServerIdentity(host, peer) },
          () => {
            socket.end();
            resolve();
          },
        );
        socket.on("error", reject);
      });
    }
  }
});

test("a client that trusts another CA refuses the server", async (t) => {
  const [pair, other] = await Promise.all([issuePair(), issuePair()]);
  const { port } = await startServer(t, pair.serving);
  const refused = new Promise((_, reject) => {
    connect({ port, host: "127.0.0.1", servername: "localhost", ca: other.authority.cert }).on(
      "error",
      reject,
    );
  });
  await assert.rejects(refused, { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
});

test("openssl verifies both certificates against a bundle of two CAs", async (t) => {
  if (openssl("version") === undefined) {
    return skipOrFail(t, { tool: "openssl", needs: "openssl", remedy: "install openssl" });
  }
  const folder = temporaryFolder(t);
  const pairs = await Promise.all([issuePair(), issuePair()]);
  const bundle = join(folder, "bundle.crt");
  writeFileSync(bundle, pairs.map(({ authority }) => authority.cert).join(""));
  for (const { serving } of pairs) {
    const file = join(folder, "tls.crt");
    writeFileSync(file, serving.cert);
    const verify = [
      "verify",
      "-CAfile",
      bundle,
      "-purpose",
      "sslserver",
      "-verify_hostname",
      "localhost",
      file,
    ];
    assert.equal(openssl(...verify), `${file}: OK\n`);
  }
});
