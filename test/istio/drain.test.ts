import assert from "node:assert/strict";
import { test } from "node:test";
import {
  beginsIstioDrain,
  drainHookCommand,
  FAQ_HOOKS,
  fullGraceSeconds,
  hookSeconds,
  isDistroless,
  isDrainHook,
  isFaqHook,
  isSidecar,
  isTrue,
  leastGraceSeconds,
} from "../../src/istio/drain/drain.ts";

test("reads true as Go does", () => {
  for (const text of ["1", "t", "T", "true", "TRUE", "True"]) assert.equal(isTrue(text), true, text);
  for (const text of [undefined, "", "tRUE", "yes", "0", "false", " true"])
    assert.equal(isTrue(text), false, text);
});

test("leaves the proxy 5 s and its drain duration, and the hook at least one second", () => {
  assert.equal(hookSeconds(30, 5), 20);
  assert.equal(hookSeconds(300, 60), 235);
  assert.equal(hookSeconds(30, 0.5), 24);
  assert.equal(hookSeconds(30, 24), 1);
  assert.equal(hookSeconds(30, 60), 1);
  assert.equal(hookSeconds(0, 5), 1);
});

test("knows grace periods that the hook and the drain fit into", () => {
  for (const drainSeconds of [0, 0.5, 5, 24, 25, 90]) {
    const least = leastGraceSeconds(drainSeconds);
    assert.ok(hookSeconds(least, drainSeconds) + 5 + drainSeconds <= least, `${drainSeconds}`);
    assert.equal(hookSeconds(fullGraceSeconds(drainSeconds), Math.ceil(drainSeconds)), 20);
  }
});

test("knows its own hook with any limit, and no other", () => {
  assert.equal(isDrainHook(drainHookCommand(1)), true);
  assert.equal(isDrainHook([...drainHookCommand(1234)]), true);
  const [shell = "", flag = "", script = ""] = drainHookCommand(20);
  for (const command of [
    [],
    [shell, flag],
    [shell, flag, `${script}sleep 5\n`],
    [shell, flag, script, "more"],
    ["/bin/bash", flag, script],
    [shell, flag, "limit=20\nsleep 20"],
    [...FAQ_HOOKS.preStop],
  ])
    assert.equal(isDrainHook(command), false, command.join(" "));
});

test("needs no more of YAML than a literal block, and of Kubernetes no variable", () => {
  const [, , script = ""] = drainHookCommand(20);
  assert.doesNotMatch(script, /\t|'|[^\n -~]| \n/);
  assert.doesNotMatch(script, /\$\([A-Za-z_][A-Za-z0-9_]*\)/);
});

test("knows the FAQ's hook as foresail writes it", () => {
  assert.equal(isFaqHook([...FAQ_HOOKS.preStop]), true);
  assert.equal(
    isFaqHook([...FAQ_HOOKS.preStop].map((word) => word.replace(" | grep -v pilot-agent", ""))),
    false,
  );
});

test("sees that a preStop still begins Istio's drain", () => {
  for (const command of [
    ["pilot-agent", "request", "--debug-port=15020", "POST", "drain"],
    ["/usr/local/bin/pilot-agent", "request", "--debug-port=15999", "POST", "/drain"],
    ["/bin/sh", "-c", "sleep 5; pilot-agent request --debug-port=15020 POST drain"],
    ["curl", "-fsS", "-X", "POST", "http://localhost:15020/drain"],
  ])
    assert.equal(beginsIstioDrain(command), true, command.join(" "));
  for (const command of [
    [],
    ["sleep", "5"],
    ["pilot-agent", "wait"],
    ["/bin/sh", "-c", "echo drained"],
    drainHookCommand(9),
  ])
    assert.equal(beginsIstioDrain(command), false, command.join(" "));
});

test("tells distroless images by their tag", () => {
  for (const image of ["istio/proxyv2:1.22.3-distroless", "r:5000/a/proxyv2:1.22-distroless@sha256:00"])
    assert.equal(isDistroless(image), true, image);
  for (const image of [
    "istio/proxyv2:1.22.3",
    "a-distroless/proxyv2:1.22",
    "proxyv2@sha256:00",
    "proxyv2:1.22-debug",
    "",
  ])
    assert.equal(isDistroless(image), false, image);
});

test("tells a sidecar's proxy from other containers of that name", () => {
  const image = "istio/proxyv2:1.22.3";
  assert.equal(isSidecar({}), true);
  assert.equal(isSidecar({ image, args: ["proxy", "sidecar", "--domain", "a.svc"] }), true);
  assert.equal(isSidecar({ image, args: ["proxy", "--domain", "a.svc"] }), true);
  assert.equal(isSidecar({ image: "r:5000/ztunnels/proxyv2:1" }), true);
  for (const role of ["router", "waypoint", "ztunnel"])
    assert.equal(isSidecar({ image, args: ["proxy", role] }), false);
  assert.equal(isSidecar({ image: "istio/ztunnel:1.24.0" }), false);
  assert.equal(isSidecar({ image, env: [{ name: "DISABLE_ENVOY", value: "true" }] }), false);
});
