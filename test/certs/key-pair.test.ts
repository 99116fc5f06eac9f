import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { parseServingCertificate, readFailure } from "../../src/certs/key-pair.ts";
import { ForesailError } from "../../src/errors.ts";
import { issuePair } from "./certificates.ts";

const FILES = { certFile: "/etc/tls/tls.crt", keyFile: "/etc/tls/tls.key" };
const { authority, serving } = await issuePair();
const other = await issuePair();

function encrypt(pem: string): string {
  const key = createPrivateKey(pem);
  return key.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" }).toString();
}

function refusal(cert: string, key: string): [message: string, hint: string] | undefined {
  try {
    parseServingCertificate(cert, key, FILES);
    return undefined;
  } catch (error) {
    assert(error instanceof ForesailError);
    assert.equal(error.code, "CERTIFICATE_UNREADABLE");
    return [error.message, error.hint];
  }
}

test("a certificate and its key are returned as they are, with the end of their validity", () => {
  assert.deepEqual(parseServingCertificate(serving.cert, serving.key, FILES), {
    ...serving,
    notAfter: Date.parse(new X509Certificate(serving.cert).validTo),
  });
});

test("a chain, text before the certificate and Windows line ends are accepted", () => {
  const cert = `Subject: test\n${serving.cert}${authority.cert}`.replaceAll("\n", "\r\n");
  assert.equal(parseServingCertificate(cert, serving.key, FILES).cert, cert);
});

test("keys in the older formats are accepted", () => {
  const key = createPrivateKey(serving.key).export({ type: "sec1", format: "pem" }).toString();
  assert.match(key, /BEGIN EC PRIVATE KEY/);
  assert.equal(parseServingCertificate(serving.cert, key, FILES).key, key);
});

for (const { name, cert = serving.cert, key = serving.key, message, hint } of [
  {
    name: "an empty certificate",
    cert: "\n",
    message: "Cannot use the certificate /etc/tls/tls.crt: it is empty",
    hint: "Write a PEM certificate into it",
  },
  {
    name: "an empty key",
    key: "",
    message: "Cannot use the key /etc/tls/tls.key: it is empty",
    hint: "Write a PEM key into it",
  },
  {
    name: "garbage as certificate",
    cert: "hello",
    message: "Cannot use the certificate /etc/tls/tls.crt: it holds no certificate",
    hint: "A PEM certificate begins with -----BEGIN CERTIFICATE-----",
  },
  {
    name: "garbage as key",
    key: "hello",
    message: "Cannot use the key /etc/tls/tls.key: it holds no private key",
    hint: "A PEM key begins with -----BEGIN PRIVATE KEY-----",
  },
  {
    name: "a certificate cut off",
    cert: serving.cert.slice(0, 200),
    message: "Cannot use the certificate /etc/tls/tls.crt: its first certificate is damaged",
    hint: "Look at it with: openssl x509 -text -in /etc/tls/tls.crt",
  },
  {
    name: "a key cut off",
    key: serving.key.slice(0, 100),
    message: "Cannot use the key /etc/tls/tls.key: its key is damaged",
    hint: "Look at it with: openssl pkey -noout -check -in /etc/tls/tls.key",
  },
  {
    name: "a key in place of the certificate",
    cert: serving.key,
    message: "Cannot use the certificate /etc/tls/tls.crt: it holds a private key",
    hint: "Perhaps the certificate and the key are swapped",
  },
  {
    name: "a certificate in place of the key",
    key: serving.cert,
    message: "Cannot use the key /etc/tls/tls.key: it holds a certificate",
    hint: "Perhaps the certificate and the key are swapped",
  },
  {
    name: "a certificate request",
    cert: serving.cert.replaceAll("CERTIFICATE", "CERTIFICATE REQUEST"),
    message: "Cannot use the certificate /etc/tls/tls.crt: it holds a certificate request",
    hint: "Give the certificate that the CA made from this request",
  },
  {
    name: "a certificate in DER",
    cert: new X509Certificate(serving.cert).raw.toString("utf8"),
    message: "Cannot use the certificate /etc/tls/tls.crt: it is binary",
    hint: "Convert it: openssl x509 -inform der -in /etc/tls/tls.crt -out tls.crt",
  },
  {
    name: "a key in DER",
    key: createPrivateKey(serving.key).export({ type: "pkcs8", format: "der" }).toString("utf8"),
    message: "Cannot use the key /etc/tls/tls.key: it is binary",
    hint: "Convert it: openssl pkey -inform der -in /etc/tls/tls.key -out tls.key",
  },
  {
    name: "an encrypted key",
    key: encrypt(serving.key),
    message: "Cannot use the key /etc/tls/tls.key: it is encrypted",
    hint: "Decrypt it: openssl pkey -in /etc/tls/tls.key -out tls.key",
  },
  {
    name: "a key of another certificate",
    key: other.serving.key,
    message: "The key /etc/tls/tls.key does not belong to the certificate /etc/tls/tls.crt",
    hint: "Replace both files by a pair that was made together",
  },
  {
    name: "a key of another type",
    key: generateKeyPairSync("rsa", { modulusLength: 2048 })
      .privateKey.export({ type: "pkcs8", format: "pem" })
      .toString(),
    message: "The key /etc/tls/tls.key does not belong to the certificate /etc/tls/tls.crt",
    hint: "Replace both files by a pair that was made together",
  },
  {
    name: "a chain that begins with the CA",
    cert: authority.cert + serving.cert,
    message: "The key /etc/tls/tls.key does not belong to the certificate /etc/tls/tls.crt",
    hint: "Put the certificate of the server first in /etc/tls/tls.crt, its issuers after it",
  },
]) {
  test(`${name} is refused with a hint`, () => assert.deepEqual(refusal(cert, key), [message, hint]));
}

test("a chain whose second certificate is damaged is refused, as TLS would", () => {
  const [message = "", hint = ""] =
    refusal(serving.cert + authority.cert.replace(/\n.{20}/, "\n"), serving.key) ?? [];
  assert.match(message, /^TLS refuses the certificate \/etc\/tls\/tls\.crt: .+/);
  assert.match(hint, /rest of its chain/);
});

for (const { code, message, hint } of [
  { code: "ENOENT", message: "no such file", hint: /^Check the path/ },
  { code: "ENOTDIR", message: "no such file", hint: /^Check the path/ },
  {
    code: "EISDIR",
    message: "it is a folder",
    hint: /^Give the file in it, such as \/etc\/tls\/tls\.key\/tls\.key$/,
  },
  {
    code: "EACCES",
    message: "permission denied",
    hint: /^Let the user that runs foresail( \(uid \d+\))? read it$/,
  },
  { code: "EIO", message: "EIO: i/o error, read", hint: /^Check that the file can be read$/ },
]) {
  test(`${code} is said in words, with a hint`, () => {
    const cause = Object.assign(new Error("EIO: i/o error, read"), { code });
    const failure = readFailure("key", FILES.keyFile, cause);
    assert.equal(failure.message, `Cannot use the key /etc/tls/tls.key: ${message}`);
    assert.match(failure.hint, hint);
    assert.equal(failure.cause, cause);
  });
}
