import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { explainProbes } from "../../src/istio/probes/explanation.ts";
import type { ProbeSituation } from "../../src/istio/probes/repair.ts";
import { readObject } from "../../src/kubernetes/objects.ts";
import { podTemplateOf } from "../../src/kubernetes/pod-template.ts";

const SITUATION: ProbeSituation = {
  isInjected: false,
  rewriting: "off",
  isRefused: false,
  isListHidden: false,
  exclude: "dedicatedPorts",
  canRewrite: () => true,
  isServed: () => false,
  interception: (port) => (port === 9000 ? "none" : "byDefault"),
};

function explain(
  livenessProbe: object,
  situation: Partial<ProbeSituation> | undefined,
  strictPolicy?: string,
  container: object = {},
) {
  const pod = { spec: { containers: [{ name: "first" }, { name: "app", livenessProbe, ...container }] } };
  const explained = explainProbes(podTemplateOf("Pod", readObject("Pod", pod)), {
    situation: situation && { ...SITUATION, ...situation },
    strictPolicy: () => strictPolicy,
  });
  assert.equal(explained.length, 1);
  const [one] = explained;
  return [one?.answeredBy, one?.isSeenByProxy, one?.mtls, one?.reason];
}

const tcp = { tcpSocket: { port: 8087 } };
const http = { httpGet: { port: 8087, path: "/ok" } };

describe("a probe", () => {
  test("is answered by the app where no sidecar comes between", () => {
    assert.deepEqual(explain(tcp, undefined), ["app", false, "nothing", "noSidecar"]);
    assert.deepEqual(explain({ exec: { command: ["true"] } }, {}), ["app", false, "nothing", "exec"]);
    const status = { httpGet: { port: 15_020 } };
    assert.deepEqual(explain(status, undefined), ["app", false, "nothing", "noSidecar"]);
    assert.deepEqual(explain({ tcpSocket: { port: 9000 } }, {}), ["app", false, "nothing", "excluded"]);
  });

  test("is answered by the agent where it is rewritten", () => {
    assert.deepEqual(explain(tcp, { rewriting: "on" }), ["agent", false, "nothing", "rewritten"]);
    const rewritten = { httpGet: { port: 15_020, path: "/app-health/app/livez" } };
    assert.deepEqual(explain(rewritten, { isInjected: true }), ["agent", false, "nothing", "rewritten"]);
  });

  test("over TCP is answered by Envoy, whatever mTLS says", () => {
    assert.deepEqual(explain(tcp, {}), ["sidecar", true, "nothing", "notRewritten"]);
    assert.deepEqual(explain(tcp, {}, "shop/default"), ["sidecar", true, "nothing", "notRewritten"]);
  });

  test("over HTTP and gRPC goes through Envoy, unless mTLS is STRICT", () => {
    for (const probe of [http, { grpc: { port: 8087 } }]) {
      assert.deepEqual(explain(probe, {}), ["appThroughProxy", true, "wouldRefuse", "notRewritten"]);
      assert.deepEqual(explain(probe, {}, "shop/default"), ["nobody", true, "refuses", "notRewritten"]);
    }
  });

  test("is nobody's knowledge where the injector's settings are not known", () => {
    const unknown = { rewriting: "unknown" } as const;
    assert.deepEqual(explain(tcp, unknown), ["unknown", undefined, "nothing", "unknownRewriting"]);
    assert.deepEqual(explain(http, unknown), ["unknown", undefined, "unknown", "unknownRewriting"]);
    const old = { ...unknown, canRewrite: () => false };
    assert.deepEqual(explain(tcp, old), ["sidecar", true, "nothing", "notRewritten"]);
  });

  test("fails where its port has no such name, or is missing", () => {
    assert.deepEqual(explain({ tcpSocket: { port: "x" } }, {}), [
      "nobody",
      false,
      "nothing",
      "unresolvedPort",
    ]);
    for (const httpGet of [{ path: "/" }, { port: 70_000 }, { port: 0 }])
      assert.deepEqual(explain({ httpGet }, {}), ["nobody", false, "nothing", "unresolvedPort"]);
  });

  test("is refused in an init container that ends", () => {
    const pod = { spec: { initContainers: [{ name: "once", livenessProbe: tcp }] } };
    const template = podTemplateOf("Pod", readObject("Pod", pod));
    for (const situation of [SITUATION, undefined]) {
      const [one] = explainProbes(template, { situation, strictPolicy: () => undefined });
      assert.deepEqual([one?.answeredBy, one?.reason], ["nobody", "initContainer"]);
    }
  });

  test("of the proxy, or to its ports, is the proxy's own", () => {
    const ready = { httpGet: { port: 15_021, path: "/healthz/ready" } };
    assert.deepEqual(explain(ready, {}), ["proxy", false, "nothing", "ownProbe"]);
    assert.deepEqual(explain(tcp, {}, undefined, { name: "istio-proxy" }), [
      "proxy",
      false,
      "nothing",
      "ownProbe",
    ]);
  });

  test("to another host is not this Pod's", () => {
    assert.deepEqual(explain({ httpGet: { port: 80, host: "example.org" } }, {}), [
      "elsewhere",
      false,
      "nothing",
      "host",
    ]);
  });
});

test("all probes of all containers are explained, init containers first", () => {
  const pod = {
    spec: {
      initContainers: [{ name: "log", restartPolicy: "Always", startupProbe: tcp }],
      containers: [{ name: "app", livenessProbe: tcp, readinessProbe: http }],
    },
  };
  const explained = explainProbes(podTemplateOf("Pod", readObject("Pod", pod)), {
    situation: undefined,
    strictPolicy: () => undefined,
  });
  assert.deepEqual(
    explained.map(({ container, probe, kind, port }) => [container, probe, kind, port]),
    [
      ["log", "startupProbe", "tcpSocket", 8087],
      ["app", "livenessProbe", "tcpSocket", 8087],
      ["app", "readinessProbe", "httpGet", 8087],
    ],
  );
});
