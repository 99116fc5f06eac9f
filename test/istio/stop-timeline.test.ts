import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { drainHookCommand, FAQ_HOOKS } from "../../src/istio/drain/drain.ts";
import { drainSettingsOf } from "../../src/istio/drain/settings.ts";
import { stopTimelineOf } from "../../src/istio/drain/stop-timeline.ts";
import { readObject } from "../../src/kubernetes/objects.ts";
import { podTemplateOf } from "../../src/kubernetes/pod-template.ts";

const ISTIO_DRAIN = { exec: { command: ["pilot-agent", "request", "--debug-port=15020", "POST", "drain"] } };
const CLASSIC = { name: "istio-proxy", image: "istio/proxyv2:1.31.0", args: ["proxy", "sidecar"] };
const NATIVE = { ...CLASSIC, restartPolicy: "Always", lifecycle: { preStop: ISTIO_DRAIN } };

interface Parts {
  readonly classic?: object;
  readonly native?: object;
  readonly app?: object;
  readonly grace?: number;
  readonly config?: string;
  readonly labels?: object;
  readonly annotations?: object;
}

function timelineOf({ classic, native, app = {}, grace = 30, config = "", ...metadata }: Parts) {
  const pod = {
    metadata: {
      labels: metadata.labels,
      annotations: { "proxy.istio.io/config": config, ...metadata.annotations },
    },
    spec: {
      containers: [{ name: "app", ...app }, ...(classic ? [classic] : [])],
      initContainers: native ? [native] : [],
      terminationGracePeriodSeconds: grace,
    },
  };
  const template = podTemplateOf("Pod", readObject("Pod", pod));
  return stopTimelineOf(template, drainSettingsOf(template, { proxyMetadata: {} }));
}

/** `5 istio-proxy stops 5`, `<20 ...` at the latest, `~30 ...` after the app. */
function eventsOf(parts: Parts): readonly string[] {
  const marks = { at: "", atLatest: "<", afterApp: "~" };
  return timelineOf(parts).events.map(({ seconds, bound, who, kind, detail }) =>
    `${marks[bound]}${seconds} ${who} ${kind} ${detail}`.trim(),
  );
}

function trafficOf(parts: Parts): readonly string[] {
  return timelineOf(parts).traffic.map(
    ({ seconds, newRequests, runningRequests, ownRequests }) =>
      `${seconds} ${newRequests} ${runningRequests} ${ownRequests}`,
  );
}

const preStop = (handler: object) => ({ ...CLASSIC, lifecycle: { preStop: handler } });
const EXIT_ON_ZERO = 'proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true", MINIMUM_DRAIN_DURATION: 7s}';

describe("without a sidecar", () => {
  test("the app has the whole grace period", () => {
    assert.deepEqual(eventsOf({}), ["0 Kubernetes deleted", "0 app terminated app", "30 Kubernetes killed"]);
    assert.deepEqual(trafficOf({}), ["0 upToApp served sent"]);
  });

  test("a negative grace period is one second, as the API server has it", () => {
    assert.equal(timelineOf({ grace: -5 }).graceSeconds, 1);
  });

  test("the app's own hook comes before its SIGTERM", () => {
    const sleep = { lifecycle: { preStop: { sleep: { seconds: 10 } } } };
    const script = { lifecycle: { preStop: { exec: { command: ["sh", "-c", "sleep 5\necho done"] } } } };
    assert.deepEqual(eventsOf({ app: sleep }).slice(1, 3), [
      "0 app hookBegins app: sleep 10 s",
      "10 app terminated app",
    ]);
    assert.deepEqual(eventsOf({ app: script }).slice(1, 3), [
      "0 app hookBegins app: sh -c sleep 5",
      "<30 app terminated app",
    ]);
  });
});

describe("a classic sidecar", () => {
  test("stops 5 s after the deletion, whatever still runs", () => {
    assert.deepEqual(eventsOf({ classic: CLASSIC }), [
      "0 Kubernetes deleted",
      "0 app terminated app",
      "0 istio-proxy drainBegins",
      "5 istio-proxy stops 5",
      "5 app cut",
      "30 Kubernetes killed",
    ]);
    assert.deepEqual(trafficOf({ classic: CLASSIC }), ["0 sentAway served sent", "5 refused cut fail"]);
    assert.equal(timelineOf({ classic: CLASSIC }).cutAfterSeconds, 5);
  });

  test("goes on for terminationDrainDuration, if the grace period is longer", () => {
    const longer = { classic: CLASSIC, config: "terminationDrainDuration: 20s" };
    assert.equal(timelineOf(longer).cutAfterSeconds, 20);
    assert.equal(timelineOf({ ...longer, grace: 15 }).cutAfterSeconds, 15);
    assert.deepEqual(eventsOf({ ...longer, grace: 15 }).slice(-2), [
      "0 istio-proxy drainBegins",
      "15 Kubernetes killed",
    ]);
  });

  test("closes its listeners after Envoy's own drainDuration, if it goes on for longer", () => {
    const longer = { classic: CLASSIC, config: "terminationDrainDuration: 60s", grace: 90 };
    assert.deepEqual(eventsOf(longer).slice(2), [
      "0 istio-proxy drainBegins",
      "45 istio-proxy listenersClose",
      "60 istio-proxy stops 60",
      "60 app cut",
      "90 Kubernetes killed",
    ]);
    assert.deepEqual(trafficOf(longer), [
      "0 sentAway served sent",
      "45 refused served sent",
      "60 refused cut fail",
    ]);
    const shorter = { classic: CLASSIC, config: "{terminationDrainDuration: 20s, drainDuration: 10s}" };
    assert.deepEqual(trafficOf(shorter).slice(1), ["10 refused served sent", "20 refused cut fail"]);
  });

  test("waits for the app with the drain hook, and drains afterwards", () => {
    const classic = preStop({ exec: { command: drainHookCommand(20) } });
    assert.deepEqual(eventsOf({ classic }).slice(2), [
      "0 istio-proxy drainHookBegins 20",
      "<20 istio-proxy drainBegins",
      "<25 istio-proxy stops 5",
      "<25 app cut",
      "30 Kubernetes killed",
    ]);
    assert.deepEqual(trafficOf({ classic }), [
      "0 accepted served sent",
      "20 sentAway served sent",
      "25 refused cut fail",
    ]);
  });

  test("waits until no connection is open with EXIT_ON_ZERO_ACTIVE_CONNECTIONS", () => {
    const parts = { classic: CLASSIC, config: EXIT_ON_ZERO };
    assert.deepEqual(eventsOf(parts).slice(2), [
      "0 istio-proxy drainBegins",
      "7 istio-proxy waitsForConnections 7",
      "30 Kubernetes killed",
    ]);
    assert.deepEqual(trafficOf({ ...parts, grace: 60 }), [
      "0 sentAway served sent",
      "45 refused served sent",
    ]);
    const old = { ...CLASSIC, image: "istio/proxyv2:1.11.4" };
    assert.equal(timelineOf({ ...parts, classic: old }).cutAfterSeconds, 5);
  });

  test("never drains with the FAQ's own loop, and does with foresail's", () => {
    const script = FAQ_HOOKS.preStop[2].replace(" | grep -v pilot-agent", "");
    const endless = eventsOf({ classic: preStop({ exec: { command: ["/bin/sh", "-c", script] } }) });
    assert.deepEqual(endless.slice(2), ["0 istio-proxy endlessHookBegins", "30 Kubernetes killed"]);
    const mended = eventsOf({ classic: preStop({ exec: { command: FAQ_HOOKS.preStop } }) });
    assert.equal(mended[2], "0 istio-proxy faqHookBegins");
  });

  test("sleeps as long as its preStop says", () => {
    const slept = eventsOf({ classic: preStop({ sleep: { seconds: 12 } }) });
    assert.deepEqual(slept.slice(2, 5), [
      "0 istio-proxy hookBegins sleep 12 s",
      "12 istio-proxy drainBegins",
      "17 istio-proxy stops 5",
    ]);
  });
});

describe("a native sidecar", () => {
  test("drains at once and stops after the app", () => {
    assert.deepEqual(eventsOf({ native: NATIVE }).slice(1), [
      "0 app terminated app",
      "0 istio-proxy istioDrainBegins pilot-agent request --debug-port=15020 POST drain",
      "~30 istio-proxy stopsAtOnce",
      "30 Kubernetes killed",
    ]);
    assert.deepEqual(trafficOf({ native: NATIVE }), ["0 sentAway served sent"]);
    assert.deepEqual(trafficOf({ native: NATIVE, grace: 90 }), ["0 sentAway served sent"]);
    assert.ok(!eventsOf({ native: NATIVE, grace: 90 }).some((line) => line.includes("listenersClose")));
    assert.equal(timelineOf({ native: NATIVE, config: "terminationDrainDuration: 2s" }).cutAfterSeconds, 30);
  });

  test("sends no client away where its preStop is another", () => {
    const native = { ...NATIVE, lifecycle: { preStop: { exec: { command: ["sleep", "1"] } } } };
    assert.deepEqual(trafficOf({ native }), ["0 accepted served sent"]);
    assert.ok(eventsOf({ native }).includes("~30 istio-proxy drainBegins"));
  });
});

test("a gateway drains for 5 s, and there is no app to be cut off", () => {
  const classic = { ...CLASSIC, args: ["proxy", "router"] };
  const labels = { istio: "ingressgateway" };
  assert.equal(timelineOf({ classic, labels }).proxy, "gateway");
  assert.ok(!eventsOf({ classic, labels }).some((line) => line.includes("cut")));
});

test("gRPC without a proxy is not cut", () => {
  const annotations = { "inject.istio.io/templates": "grpc-agent" };
  const { proxy, cutAfterSeconds } = timelineOf({ classic: CLASSIC, annotations });
  assert.deepEqual([proxy, cutAfterSeconds], ["proxyless", 30]);
});

test("bars fill no more than the grace period, and none is empty", () => {
  const hook = preStop({ exec: { command: drainHookCommand(50) } });
  for (const grace of [0, 1, 6, 30, 300]) {
    for (const parts of [
      {},
      { classic: CLASSIC },
      { classic: hook },
      { native: NATIVE },
      { classic: hook, config: EXIT_ON_ZERO },
    ]) {
      const { lanes, traffic, events } = timelineOf({ ...parts, grace });
      for (const { from, to } of lanes.flatMap(({ spans }) => spans))
        assert.ok(from < to && to <= grace, `${grace}: ${from} to ${to}`);
      assert.equal(traffic[0]?.seconds, 0);
      for (const { seconds } of [...traffic, ...events]) assert.ok(seconds <= grace);
    }
  }
});
