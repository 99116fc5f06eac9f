import assert from "node:assert/strict";
import { test } from "node:test";
import { compareVersions, parseVersion, versionOfImage } from "../../src/istio/versions.ts";

test("a version is two or three numbers, whatever follows them", () => {
  assert.deepEqual(parseVersion("1.10"), [1, 10, 0]);
  assert.deepEqual(parseVersion("v1.10.3"), [1, 10, 3]);
  assert.deepEqual(parseVersion("1.32-alpha.0"), [1, 32, 0]);
  assert.deepEqual(parseVersion("v1.28.3+k3s1"), [1, 28, 3]);
  assert.deepEqual(parseVersion("1.10.3.42-g12ab-aliyun"), [1, 10, 3]);
  for (const text of ["", "1", "latest", "v", "x1.2", " 1.2", "1.", ".1", "1,2", "-1.2"]) {
    assert.equal(parseVersion(text), undefined, text);
  }
});

test("versions are compared by number", () => {
  const order = ["0.9", "1.2", "1.9.9", "1.10", "1.10.1", "1.10.10", "2.0"];
  for (const [index, older] of order.entries()) {
    assert.equal(compareVersions(older, older), 0);
    for (const newer of order.slice(index + 1)) {
      assert.ok((compareVersions(older, newer) ?? 0) < 0, `${older} ${newer}`);
      assert.ok((compareVersions(newer, older) ?? 0) > 0, `${newer} ${older}`);
    }
  }
  assert.equal(compareVersions("1.10", "v1.10.0"), 0);
  assert.equal(compareVersions("1.10", "latest"), undefined);
  assert.equal(compareVersions("", "1.10"), undefined);
});

test("an image's version is its tag's", () => {
  assert.equal(versionOfImage("docker.io/istio/proxyv2:1.30.0-distroless"), "1.30.0");
  assert.equal(versionOfImage("registry:5000/proxyv2:v1.10"), "1.10.0");
  assert.equal(versionOfImage("proxyv2:1.30.0@sha256:12ab"), "1.30.0");
  for (const image of [
    "proxyv2",
    "auto",
    "registry:5000/proxyv2",
    "1.30.0/proxyv2",
    "proxyv2:latest",
    "proxyv2@sha256:1.2",
    "",
  ]) {
    assert.equal(versionOfImage(image), undefined, image);
  }
});
