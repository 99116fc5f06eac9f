import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  coversHost,
  meantHost,
  parseServiceHostname,
  resolveHost,
  serviceHostname,
} from "../../src/istio/hosts.ts";

const DOMAIN = "cluster.local";

test("only a host without a dot is a Service's of the own namespace", () => {
  assert.equal(resolveHost("web", "b", DOMAIN), "web.b.svc.cluster.local");
  const literal = [
    "web.b",
    "web.b.svc",
    "web.b.svc.cluster.local",
    "*",
    "*.b",
    "10.0.0.1",
    "fd00::1",
    "::1",
    "",
  ];
  for (const host of literal) assert.equal(resolveHost(host, "b", DOMAIN), host);
  assert.equal(resolveHost("*web", "b", DOMAIN), "*web.b.svc.cluster.local");
});

describe("a host covers", () => {
  test("the same string, to the letter", () => {
    assert.ok(coversHost("web.b", "web.b"));
    assert.ok(!coversHost("Web.b", "web.b"));
    assert.ok(!coversHost("web.b.", "web.b"));
    assert.ok(!coversHost("web.b", "*.b"));
  });

  test("by a wildcard all that ends alike, also within a label", () => {
    assert.ok(coversHost("*", "anything.example"));
    assert.ok(coversHost("*.local", "web.b.svc.cluster.local"));
    assert.ok(coversHost("*b.svc.cluster.local", "web.bb.svc.cluster.local"));
    assert.ok(!coversHost("*.b.svc.cluster.local", "web.bb.svc.cluster.local"));
    assert.ok(!coversHost("*.example.com", "example.com"));
    assert.ok(coversHost("*example.com", "example.com"));
  });

  test("a wildcard host by the same or a wider wildcard only", () => {
    assert.ok(coversHost("*.example.com", "*.example.com"));
    assert.ok(coversHost("*.com", "*.example.com"));
    assert.ok(coversHost("*", "*.example.com"));
    assert.ok(!coversHost("*.a.example.com", "*.example.com"));
    assert.ok(!coversHost("a.example.com", "*.example.com"));
  });

  test("by a wildcard what a narrower wildcard covers", () => {
    const part = fc.stringMatching(/^[ab.]{0,4}$/);
    fc.assert(
      fc.property(part, part, part, fc.constantFrom("", "*"), (one, two, three, star) => {
        const [host, narrow, wide] = [`${star}${one}${two}${three}`, `*${two}${three}`, `*${three}`];
        assert.ok(coversHost(narrow, host) && coversHost(wide, narrow) && coversHost(wide, host));
      }),
    );
  });
});

describe("a Service's hostname", () => {
  test("gives back its name and namespace", () => {
    const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,5}[a-z0-9])?$/);
    fc.assert(
      fc.property(
        label,
        label,
        fc.constantFrom("cluster.local", "corp.example", "local"),
        (name, namespace, domain) => {
          const parts = parseServiceHostname(serviceHostname(name, namespace, domain), domain);
          assert.deepEqual(parts, { name, namespace });
        },
      ),
    );
  });

  test("is nothing else", () => {
    const others = [
      "web",
      "web.b",
      "web.b.svc",
      "web.b.svc.",
      "web.b.svc.cluster.local.",
      "Web.b.svc.cluster.local",
      "*.b.svc.cluster.local",
      "a.web.b.svc.cluster.local",
      "-web.b.svc.cluster.local",
      "web.b.svc.corp.example",
      "web.b.svc.xcluster.local",
      "web.b.pod.cluster.local",
      ".b.svc.cluster.local",
      "",
    ];
    for (const host of others) assert.equal(parseServiceHostname(host, DOMAIN), undefined, host);
  });
});

describe("what was meant by a host that matches nothing", () => {
  const meant = (host: string, ...namespaces: string[]) =>
    meantHost(host, DOMAIN, (name) => namespaces.includes(name));

  test("is the whole name of a Service, where the second label is a namespace", () => {
    assert.equal(meant("web.b", "b"), "web.b.svc.cluster.local");
    assert.equal(meant("example.com", "b"), "example.com");
    assert.equal(meant("web.b.svc"), "web.b.svc.cluster.local");
    assert.equal(meant("web.b.pod", "b"), "web.b.pod");
  });

  test("is in lower case and without dots at its end", () => {
    assert.equal(meant("API.Example.com.."), "api.example.com");
    assert.equal(meant("Web.B.", "b"), "web.b.svc.cluster.local");
  });

  test("is itself where nothing is wrong", () => {
    for (const host of ["api.example.com", "*.example.com", "web", "*", ".b", ""])
      assert.equal(meant(host), host);
  });
});
