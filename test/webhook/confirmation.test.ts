import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pino } from "pino";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import type { Miss } from "../../src/rules/cluster-view.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../../src/rules/policy.ts";
import { parseReview } from "../../src/webhook/admission-review.ts";
import type { Endpoint } from "../../src/webhook/admission-review.ts";
import { createReviewer } from "../../src/webhook/reviewer.ts";
import type { ReviewerOptions } from "../../src/webhook/reviewer.ts";
import { smallRule } from "./small-rules.ts";
import { GVK, metricsUnderTest, NOW, reviewOf } from "./under-test.ts";

/** Denies a ServiceEntry, and repairs a Pod, by whether its namespace is there. */
const namespaceIsThere = smallRule({
  id: "namespace-is-there",
  action: "Deny",
  kinds: ["ServiceEntry"],
  reads: ["Namespace"],
  messages: { missing: "Namespace {{namespace}} is missing" },
  *check({ namespace }, cluster) {
    if (cluster.get("Namespace", "", namespace)) return;
    yield { message: "missing", field: [], data: { namespace } };
  },
});
const podIsPlaced = smallRule({
  id: "pod-is-placed",
  action: "Fix",
  kinds: ["Pod"],
  reads: ["Namespace"],
  messages: { unplaced: "Placed" },
  *check({ namespace }, cluster) {
    if (!cluster.get("Namespace", "", namespace)) return;
    const field = ["metadata", "annotations", "example.org/placed"];
    yield { message: "unplaced", field, fix: [{ path: field, value: "yes" }] };
  },
});
const warns = smallRule({
  id: "service-is-warned-of",
  action: "Warn",
  kinds: ["Service"],
  reads: ["Namespace"],
  messages: { always: "{{namespace}}" },
  *check({ namespace }, cluster) {
    cluster.get("Namespace", "", namespace);
    yield { message: "always", field: [], data: { namespace } };
  },
});

const SHOP: Miss = { kind: "Namespace", namespace: "", name: "shop" };

interface Asked {
  readonly answer: string | Promise<string>;
  readonly store: Store;
  readonly asked: readonly (readonly Miss[])[];
}

function ask(
  kind: "Pod" | "Service" | "ServiceEntry",
  confirm: (store: Store) => ReturnType<NonNullable<ReviewerOptions["confirm"]>>,
  { endpoint = "validate", decideWithinMs = 1000 }: { endpoint?: Endpoint; decideWithinMs?: number } = {},
): Asked {
  const store = new Store("cluster.local");
  const asked: (readonly Miss[])[] = [];
  const reviewer = createReviewer({
    rules: [namespaceIsThere, podIsPlaced, warns],
    configuration: () => ({ policy: DEFAULT_POLICY, hash: "c0ffee" }),
    viewFor: (subject, missed) =>
      createView({ store, settings: DEFAULT_MESH_SETTINGS, isComplete: true }, subject, missed),
    confirm(misses) {
      asked.push(misses);
      return confirm(store);
    },
    now: () => NOW,
    log: pino({ level: "silent" }),
    metrics: metricsUnderTest(),
  });
  const request = parseReview(reviewOf({ kind: GVK[kind], object: { metadata: { name: "web" }, spec: {} } }));
  assert.ok(request);
  const arrivedAt = performance.now();
  const answer = reviewer.review(endpoint, request, { arrivedAt, decideUntil: arrivedAt + decideWithinMs });
  return { answer, store, asked };
}

async function responseOf({ answer }: Asked): Promise<unknown> {
  const { auditAnnotations: _, ...response } = JSON.parse(await answer).response;
  return response;
}

describe("a refusal for something that is missing", () => {
  test("is confirmed, and taken back if it was there", async () => {
    const asked = ask("ServiceEntry", async (store) => {
      store.put("Namespace", { metadata: { name: "shop" } });
      return true;
    });
    assert.ok(asked.answer instanceof Promise);
    assert.deepEqual(await responseOf(asked), { uid: "u-1", allowed: true });
    assert.deepEqual(asked.asked, [[SHOP]]);
  });

  test("stands if it is not there", async () => {
    const asked = ask("ServiceEntry", async () => true);
    const response = await responseOf(asked);
    assert.match(JSON.stringify(response), /"allowed":false.*Namespace shop is missing/);
    assert.equal(asked.asked.length, 1);
  });

  test("is a warning if nobody can tell", async () => {
    const response = await responseOf(ask("ServiceEntry", async () => false));
    assert.match(JSON.stringify(response), /"allowed":true.*Namespace shop is missing/);
  });

  test("is answered as a bug of ours if confirming throws", async () => {
    const response = await responseOf(
      ask("ServiceEntry", async () => {
        throw new Error("a bug");
      }),
    );
    assert.match(JSON.stringify(response), /"allowed":true.*internal error/);
  });
});

describe("nothing is confirmed, and the answer is there at once", () => {
  const never = async () => assert.fail("it was asked");
  test("for a warning", () => assert.equal(typeof ask("Service", never).answer, "string"));

  test("for a review that is too late anyway", () =>
    assert.equal(typeof ask("ServiceEntry", never, { decideWithinMs: -1 }).answer, "string"));
});

describe("a repair", () => {
  test("is made in a namespace that was created a moment ago", async () => {
    const asked = ask(
      "Pod",
      async (store) => {
        store.put("Namespace", { metadata: { name: "shop" } });
        return true;
      },
      { endpoint: "mutate" },
    );
    assert.match(JSON.stringify(await responseOf(asked)), /"patchType":"JSONPatch"/);
  });
});
