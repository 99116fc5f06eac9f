import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { certifiedHosts, missingHosts, parseHost } from "../../src/certs/hosts.ts";
import { issuePair } from "./certificates.ts";

for (const [text, host] of [
  ["localhost", "localhost"],
  ["Foresail.Example.ORG.", "foresail.example.org"],
  ["bücher.example", "xn--bcher-kva.example"],
  ["*.example.org", "*.example.org"],
  ["my_host.example", "my_host.example"],
  ["10.0.0.1", "10.0.0.1"],
  ["::1", "::1"],
  ["[2001:DB8:0::1]", "2001:db8::1"],
  ["::ffff:10.0.0.1", "::ffff:a00:1"],
  [`${"a".repeat(63)}.example`, `${"a".repeat(63)}.example`],
] as const) {
  test(`${text} is written ${host}`, () => assert.equal(parseHost(text), host));
}

for (const text of [
  "",
  ".",
  "*",
  "*.",
  "a.*.example",
  "https://localhost",
  "localhost:8443",
  "10.0.0.1:8443",
  "[::1]:8443",
  "fe80::1%eth0",
  "two words",
  "-a.example",
  "a..example",
  "a,b",
  `${"a".repeat(64)}.example`,
  Array.from({ length: 64 }, () => "abc").join("."),
]) {
  test(`${JSON.stringify(text)} is refused as a host`, () => {
    assert.throws(() => parseHost(text), {
      name: "ForesailError",
      code: "USAGE",
      message: `A certificate cannot be made for the host ${JSON.stringify(text)}`,
    });
  });
}

test("a certificate lists its hosts as they were asked for, and misses none of them", async () => {
  const hosts = [
    "localhost",
    "*.example.org",
    "xn--bcher-kva.example",
    "10.0.0.1",
    "::1",
    "2001:db8::1",
    "::ffff:a00:1",
  ];
  const { serving } = await issuePair(hosts);
  const certificate = new X509Certificate(serving.cert);
  assert.deepEqual(certifiedHosts(certificate), hosts);
  assert.deepEqual(missingHosts(certificate, [...hosts, "a.example.org"]), []);
  const others = ["example.org", "a.b.example.org", "10.0.0.2", "::2"];
  assert.deepEqual(missingHosts(certificate, [...others, "localhost"]), others);
});
