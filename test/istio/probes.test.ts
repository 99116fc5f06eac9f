import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { appProbesOf, proxyPortsOf, rewritingWishOf } from "../../src/istio/probes/probes.ts";
import { readObject } from "../../src/kubernetes/objects.ts";
import { podTemplateOf } from "../../src/kubernetes/pod-template.ts";

function probesOf(spec: object, annotations: object = {}) {
  return appProbesOf(podTemplateOf("Pod", readObject("Pod", { metadata: { annotations }, spec })));
}

function injected(probe: object, probers: unknown) {
  const env = [{ name: "ISTIO_KUBE_APP_PROBERS", value: JSON.stringify(probers) }];
  return {
    containers: [
      { name: "app", readinessProbe: probe },
      { name: "istio-proxy", image: "istio/proxyv2:1.20.0", env },
    ],
  };
}

describe("the probes of the app", () => {
  test("are all three kinds of all containers that keep running, in order", () => {
    const spec = {
      containers: [
        { name: "a", readinessProbe: { httpGet: { port: 8080 } }, livenessProbe: { tcpSocket: { port: 1 } } },
        { name: "b", startupProbe: { grpc: { port: 9000 } } },
      ],
      initContainers: [
        { name: "once", livenessProbe: { tcpSocket: { port: 2 } } },
        { name: "sidecar", restartPolicy: "Always", livenessProbe: { tcpSocket: { port: 3 } } },
      ],
    };
    assert.deepEqual(
      probesOf(spec).map(({ field, kind, port }) => [field.join("."), kind, port]),
      [
        ["spec.containers.0.livenessProbe.tcpSocket.port", "tcpSocket", 1],
        ["spec.containers.0.readinessProbe.httpGet.port", "httpGet", 8080],
        ["spec.containers.1.startupProbe.grpc.port", "grpc", 9000],
        ["spec.initContainers.1.livenessProbe.tcpSocket.port", "tcpSocket", 3],
      ],
    );
  });

  test("leave out what never meets the sidecar", () => {
    const silent = [
      { exec: { command: ["true"] } },
      { httpGet: { path: "/" } },
      { httpGet: { port: "" } },
      { tcpSocket: { port: 0 } },
      { tcpSocket: { port: 70_000 } },
      { tcpSocket: { port: 80.5 } },
      { httpGet: { port: 8080, host: "127.0.0.1" } },
      { httpGet: { port: 15_021, path: "/healthz/ready" } },
      {},
    ];
    for (const livenessProbe of silent)
      assert.deepEqual(probesOf({ containers: [{ name: "app", livenessProbe }] }), []);
    const proxy = { name: "istio-proxy", image: "auto", readinessProbe: { httpGet: { port: 8080 } } };
    assert.deepEqual(probesOf({ containers: [proxy] }), []);
  });

  test("find a named port in their own container only", () => {
    const ports = [{ name: "http", containerPort: 8080 }];
    const readinessProbe = { httpGet: { port: "http" } };
    const spec = {
      containers: [
        { name: "a", readinessProbe },
        { name: "b", ports, readinessProbe },
      ],
    };
    assert.deepEqual(
      probesOf(spec).map(({ port, writtenPort }) => [port, writtenPort]),
      [
        [undefined, "http"],
        [8080, "http"],
      ],
    );
  });

  test("read digits in quotes as a number, as the kubelet does", () => {
    const [probe] = probesOf({ containers: [{ name: "a", livenessProbe: { tcpSocket: { port: "8087" } } }] });
    assert.equal(probe?.port, 8087);
  });
});

describe("a probe that the injector rewrote", () => {
  const path = "/app-health/app/readyz";

  test("asks the app's own port, as the agent knows it", () => {
    const spec = injected({ httpGet: { path, port: 15_020 } }, { [path]: { tcpSocket: { port: 8087 } } });
    const [probe, ...rest] = probesOf(spec);
    assert.deepEqual(rest, []);
    assert.deepEqual([probe?.kind, probe?.port, probe?.isRewritten], ["tcpSocket", 8087, true]);
  });

  test("is known on another status port as well", () => {
    const probers = { [path]: { httpGet: { port: 8080, path: "/" } } };
    const [probe] = probesOf(injected({ httpGet: { path, port: 16_020 } }, probers));
    assert.deepEqual([probe?.port, probe?.isRewritten], [8080, true]);
    const annotations = { "status.sidecar.istio.io/port": "16020" };
    assert.deepEqual(probesOf(injected({ httpGet: { path, port: 16_020 } }, {}), annotations), []);
  });

  test("has no port where the agent knows others, and not this one", () => {
    const others = { "/app-health/app/livez": { tcpSocket: { port: 8087 } } };
    const [probe, ...rest] = probesOf(injected({ httpGet: { path, port: 15_020 } }, others));
    assert.deepEqual(rest, []);
    assert.deepEqual([probe?.port, probe?.writtenPort, probe?.isRewritten], [undefined, undefined, true]);
  });

  test("says nothing where its original cannot be read", () => {
    for (const probers of ["{", 7, null, [], { [path]: 7 }, { [path]: { httpGet: { port: "x" } } }])
      assert.deepEqual(probesOf(injected({ httpGet: { path, port: 15_020 } }, probers)), []);
  });

  test("is not one of the app's own that only looks like it", () => {
    const [probe] = probesOf(injected({ httpGet: { path, port: 8080 } }, {}));
    assert.deepEqual([probe?.port, probe?.isRewritten], [8080, false]);
  });
});

function wish(value: string) {
  return rewritingWishOf({ "sidecar.istio.io/rewriteAppHTTPProbers": value });
}

describe("the annotation about rewriting", () => {
  test("is read as Go reads a boolean", () => {
    for (const value of ["1", "t", "T", "TRUE", "true", "True"]) assert.equal(wish(value), true, value);
    for (const value of ["0", "f", "F", "FALSE", "false", "False"]) assert.equal(wish(value), false, value);
    for (const value of ["", "yes", "tRUE", " true", "on"]) assert.equal(wish(value), undefined, value);
    assert.equal(rewritingWishOf({}), undefined);
  });
});

test("the proxy's ports hold the status port of the Pod", () => {
  assert.ok(proxyPortsOf({}).includes(15_090));
  assert.ok(proxyPortsOf({ "status.sidecar.istio.io/port": "16020" }).includes(16_020));
  assert.ok(!proxyPortsOf({ "status.sidecar.istio.io/port": "0" }).includes(0));
});
