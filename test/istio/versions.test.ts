import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asmVersionOfImage,
  compareVersions,
  parseVersion,
  versionOfImage,
  versionOfRevisionName,
} from "../../src/istio/versions.ts";

test("a version is two or three numbers, whatever follows them", () => {
  assert.deepEqual(parseVersion("1.10"), [1, 10, 0]);
  assert.deepEqual(parseVersion("v1.10.3"), [1, 10, 3]);
  assert.deepEqual(parseVersion("1.32-alpha.0"), [1, 32, 0]);
  assert.deepEqual(parseVersion("v1.28.3+k3s1"), [1, 28, 3]);
  assert.deepEqual(parseVersion("1.10.3.42-g12ab-aliyun"), [1, 10, 3]);
  assert.deepEqual(parseVersion("v1.30.1-aliyun.1"), [1, 30, 1]);
  assert.deepEqual(parseVersion("v1.29.3-eks-adc7111"), [1, 29, 3]);
  assert.deepEqual(parseVersion("v1.27.3-gke.100"), [1, 27, 3]);
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

test("an image of Alibaba Cloud Service Mesh has its version, others have none", () => {
  const registry = "registry-vpc.cn-beijing.aliyuncs.com/acs";
  assert.equal(asmVersionOfImage(`${registry}/proxyv2:v1.14.3.47-ga31201346f-aliyun`), "1.14.3");
  assert.equal(asmVersionOfImage(`${registry}/proxyv2:v1.10.5.40-g2adf45be-aliyun-distroless`), "1.10.5");
  for (const image of [
    `${registry}/proxyv2:1.8.6`,
    "mirror/aliyun/proxyv2:1.22.3",
    "proxyv2:1.22.3-aliyunx",
    "proxyv2:latest-aliyun",
    `proxyv2:1.2.3${".1".repeat(40)}`,
    "",
  ]) {
    assert.equal(asmVersionOfImage(image), undefined, image);
  }
});

test("a revision may be named after its version", () => {
  const versions = {
    "1-22-3": "1.22.3",
    "asm-1-22-3": "1.22.3",
    "v1-24-0": "1.24.0",
    "default-v1-26": "1.26.0",
  };
  for (const [name, version] of Object.entries(versions)) assert.equal(versionOfRevisionName(name), version);
  for (const name of ["", "canary", "default", "prod-2", "blue-11-22", "asm-managed", "1-222", "x1-22"]) {
    assert.equal(versionOfRevisionName(name), undefined, name);
  }
});
