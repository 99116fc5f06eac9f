import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GVK, startWebhook } from "./under-test.ts";

/** The value of a series, 0 if it is not there. */
function valueOf(metrics: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const found = metrics
    .split("\n")
    .find((text) => new RegExp(`^${name}(\\{|\\s)`).test(text) && wanted.every((one) => text.includes(one)));
  return Number(found?.split(" ").at(-1) ?? 0);
}

const CANARY = "c4n4ry";
const SECRETIVE = {
  metadata: { labels: { [CANARY]: CANARY }, annotations: { token: CANARY } },
  spec: { exportTo: [CANARY], type: CANARY, env: [{ name: "PASSWORD", value: CANARY }] },
};

describe("metrics", () => {
  test("count reviews by what was asked and answered", async (t) => {
    const { review, metrics } = await startWebhook(t);
    await review("/validate", { kind: GVK.Service, object: {} });
    await review("/validate", { kind: GVK.Service, object: {} });
    await review("/mutate", { kind: GVK.Pod, object: {} });
    await review("/validate", { kind: GVK.DestinationRule, object: {} });
    await review("/mutate", { kind: GVK.Secret, object: {}, operation: "PATCH" });
    const requests = (await metrics()).match(/^foresail_admission_requests_total.*$/gm);
    const series = (labels: string, value: number) => `foresail_admission_requests_total{${labels}} ${value}`;
    assert.deepEqual(requests, [
      series('endpoint="validate",operation="CREATE",kind="Service",decision="warned"', 2),
      series('endpoint="mutate",operation="CREATE",kind="Pod",decision="patched"', 1),
      series('endpoint="validate",operation="CREATE",kind="DestinationRule",decision="denied"', 1),
      series('endpoint="mutate",operation="other",kind="other",decision="allowed"', 1),
    ]);
    assert.equal(
      valueOf(await metrics(), "foresail_admission_duration_seconds_count", { endpoint: "mutate" }),
      2,
    );
  });

  test("count a kind that no rule looks at as other", async (t) => {
    const { review, metrics } = await startWebhook(t);
    await review("/validate", { kind: GVK.Namespace, object: {} });
    assert.equal(valueOf(await metrics(), "foresail_admission_requests_total", { kind: "other" }), 1);
  });

  test("count findings and fixes, but not those of dry runs", async (t) => {
    const { review, metrics } = await startWebhook(t);
    const object = { spec: { exportTo: ["a", "b"] } };
    for (const dryRun of [true, false]) {
      await review("/validate", { kind: GVK.DestinationRule, object, dryRun });
      await review("/mutate", { kind: GVK.Pod, object: {}, dryRun });
    }
    const text = await metrics();
    assert.equal(valueOf(text, "foresail_findings_total", { rule: "rule-has-host", action: "Warn" }), 2);
    assert.equal(valueOf(text, "foresail_findings_total", { rule: "rule-has-host", action: "Deny" }), 1);
    assert.equal(valueOf(text, "foresail_findings_total", { rule: "pod-is-greeted", action: "Fix" }), 1);
    assert.equal(valueOf(text, "foresail_fixes_total", { rule: "pod-is-greeted" }), 1);
    assert.equal(valueOf(text, "foresail_admission_requests_total", { decision: "denied" }), 2);
  });

  test("tell of configuration, certificate, cache and version", async (t) => {
    const { metrics } = await startWebhook(t);
    const text = await metrics();
    assert.equal(valueOf(text, "foresail_config_valid"), 1);
    assert.equal(
      valueOf(text, "foresail_config_last_success_timestamp_seconds"),
      Date.UTC(2026, 2, 4, 20) / 1000,
    );
    assert.equal(
      valueOf(text, "foresail_certificate_not_after_timestamp_seconds", { type: "serving" }),
      Date.UTC(2026, 2, 4, 20) / 1000,
    );
    assert.equal(valueOf(text, "foresail_cache_synced", { kind: "ConfigMap" }), 1);
    assert.equal(valueOf(text, "foresail_cache_objects", { kind: "ConfigMap" }), 1);
    assert.equal(valueOf(text, "foresail_cache_age_seconds", { kind: "ConfigMap" }), 0.5);
    assert.equal(valueOf(text, "foresail_build_info", { version: "1.2.3" }), 1);
  });

  test("are in the format of Prometheus, with help and type for every series", async (t) => {
    const { review, metrics } = await startWebhook(t);
    await review("/validate", { kind: GVK.Service, object: {} });
    const described = new Set<string>();
    for (const text of (await metrics()).split("\n")) {
      const [, name = ""] = /^# (?:HELP|TYPE) (\w+) /.exec(text) ?? [];
      if (name !== "") described.add(name);
      else if (text !== "") {
        const [, series = ""] =
          /^(\w+)(?:\{(?:[a-z]+="(?:[^"\\\n]|\\.)*",?)*\})? (?:[-+0-9.e]+|Na[nN]|[+-]Inf)$/.exec(text) ?? [];
        assert(described.has(series.replace(/_(?:bucket|sum|count)$/, "")) || described.has(series), text);
      }
    }
  });
});

describe("the log", () => {
  test("has a line for a review with findings", async (t) => {
    const { review, log } = await startWebhook(t);
    await review("/validate", { kind: GVK.Service, object: {}, dryRun: true });
    assert.deepEqual(log, [
      {
        level: 30,
        endpoint: "validate",
        kind: "Service",
        namespace: "shop",
        name: "web",
        operation: "CREATE",
        uid: "u-1",
        dryRun: true,
        decision: "warned",
        findings: [
          { rule: "service-is-owned", messageId: "unowned", action: "Warn", field: "metadata.labels.owner" },
        ],
        count: 1,
        exempted: [],
        config: "c0ffee",
        msg: "findings",
      },
    ]);
  });

  test("has none for a review without, unless debugging", async (t) => {
    const request = { kind: GVK.Service, object: { metadata: { labels: { owner: "shop" } } } };
    const silent = await startWebhook(t);
    await silent.review("/validate", request);
    assert.deepEqual(silent.log, []);
    const debugging = await startWebhook(t, { level: "debug" });
    await debugging.review("/validate", request);
    assert.equal(debugging.log.length, 1);
  });

  test("has a line for an exemption that silenced a rule", async (t) => {
    const { review, log } = await startWebhook(t);
    const annotations = { "foresail.io/exempt": "service-is-owned; it is shared" };
    await review("/validate", { kind: GVK.Service, object: { metadata: { annotations } } });
    assert.match(JSON.stringify(log), /"findings":\[\],"count":0,"exempted":\["service-is-owned"\]/);
  });

  test("has nothing of an object but where it stands, nor have metrics", async (t) => {
    const { review, send, log, metrics } = await startWebhook(t, { level: "trace" });
    for (const kind of Object.values(GVK)) {
      for (const path of ["/mutate?timeout=20ms", "/validate?timeout=20ms"]) {
        await review(path, { kind, object: SECRETIVE, oldObject: SECRETIVE, userInfo: { username: CANARY } });
        await review(path, { kind, object: SECRETIVE, operation: "UPDATE", name: "unlucky" });
      }
    }
    await send("/validate", { body: Buffer.from(`{"request":{"uid":"u-1","object":{"x":${CANARY}`) });
    await send("/validate", { body: Buffer.from(CANARY) });
    assert(log.length > 0);
    assert(!JSON.stringify(log).includes(CANARY));
    assert(!(await metrics()).includes(CANARY));
  });

  test("has long and unprintable names cut and cleaned", async (t) => {
    const { review, log } = await startWebhook(t);
    const name = `\u001b[2J\n\u202e${"n".repeat(1_000_000)}`;
    await review("/validate", { kind: GVK.Service, object: {}, name, namespace: name });
    const text = JSON.stringify(log);
    assert(text.length < 2000 && !/[\p{Cc}\u202e]/u.test(text) && !text.includes("\\u001b"));
  });
});
