import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pino } from "pino";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import type { Labels } from "../../src/kubernetes/objects.ts";
import type { Ground } from "../../src/rules/cluster-view.ts";
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
    if (cluster.get("Namespace", "", namespace)) return;
    yield { message: "always", field: [], data: { namespace } };
  },
});

/** Denies unless the label `next` leads from namespace to namespace to one that is labelled `end`. */
const chainEnds = smallRule({
  id: "chain-ends",
  action: "Deny",
  kinds: ["DestinationRule"],
  reads: ["Namespace"],
  messages: { broken: "No end after {{namespace}}" },
  *check({ namespace }, cluster) {
    let last = namespace;
    for (let labels = labelsOf(last); labels["end"] === undefined; labels = labelsOf(last)) {
      if (labels["next"] === undefined) {
        yield { message: "broken", field: [], data: { namespace: last } };
        return;
      }
      last = labels["next"];
    }
    function labelsOf(name: string): Labels {
      return cluster.get("Namespace", "", name)?.metadata?.labels ?? {};
    }
  },
});

/** Notes something that rests on another object. */
const audits = smallRule({
  id: "entry-is-audited",
  action: "Audit",
  kinds: ["ServiceEntry"],
  reads: ["Namespace"],
  messages: { always: "{{namespace}}" },
  *check({ namespace }, cluster) {
    cluster.get("Namespace", "", "elsewhere");
    yield { message: "always", field: [], data: { namespace } };
  },
});

const SHOP: Ground = { kind: "Namespace", namespace: "", name: "shop", isMissing: true };

/** Warns of a WorkloadEntry where ServiceEntries are served. */
const kindIsServed = smallRule({
  id: "kind-is-served",
  action: "Warn",
  kinds: ["WorkloadEntry"],
  reads: ["ServiceEntry"],
  messages: { served: "Served" },
  *check(_review, cluster) {
    if (cluster.serves("ServiceEntry") === true) yield { message: "served", field: [] };
  },
});

interface Asked {
  readonly answer: string | Promise<string>;
  readonly store: Store;
  readonly asked: readonly (readonly Ground[])[];
  /** How many reviews were not confirmed, as counted. */
  readonly unconfirmed: () => Promise<number>;
}

function ask(
  kind: "DestinationRule" | "Pod" | "Service" | "ServiceEntry" | "WorkloadEntry",
  confirm: (store: Store, grounds: readonly Ground[]) => ReturnType<NonNullable<ReviewerOptions["confirm"]>>,
  {
    endpoint = "validate",
    decideWithinMs = 1000,
    serves = () => undefined,
  }: { endpoint?: Endpoint; decideWithinMs?: number; serves?: () => boolean | undefined } = {},
): Asked {
  const store = new Store("cluster.local");
  const asked: (readonly Ground[])[] = [];
  const metrics = metricsUnderTest();
  const reviewer = createReviewer({
    rules: [namespaceIsThere, podIsPlaced, audits, warns, chainEnds, kindIsServed],
    configuration: () => ({ policy: DEFAULT_POLICY, hash: "c0ffee" }),
    viewFor: (subject, note) =>
      createView({ store, settings: DEFAULT_MESH_SETTINGS, isComplete: true, serves }, subject, note),
    confirm(grounds) {
      asked.push(grounds);
      return confirm(store, grounds);
    },
    now: () => NOW,
    log: pino({ level: "silent" }),
    metrics,
  });
  const request = parseReview(reviewOf({ kind: GVK[kind], object: { metadata: { name: "web" }, spec: {} } }));
  assert.ok(request);
  const arrivedAt = performance.now();
  const answer = reviewer.review(endpoint, request, { arrivedAt, decideUntil: arrivedAt + decideWithinMs });
  const unconfirmed = async () =>
    Number(/^foresail_unconfirmed_total (\d+)$/m.exec(await metrics.format())?.[1]);
  return { answer, store, asked, unconfirmed };
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
    assert.equal(await asked.unconfirmed(), 0);
  });

  test("is a warning if nobody can tell, and is counted", async () => {
    const asked = ask("ServiceEntry", async () => false);
    assert.match(JSON.stringify(await responseOf(asked)), /"allowed":true.*Namespace shop is missing/);
    assert.equal(await asked.unconfirmed(), 1);
  });

  test("is taken back if it was there, whatever else is not known", async () => {
    const asked = ask("ServiceEntry", async (store) => {
      store.put("Namespace", { metadata: { name: "shop" } });
      return false;
    });
    assert.deepEqual(await responseOf(asked), { uid: "u-1", allowed: true });
    assert.equal(await asked.unconfirmed(), 0);
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

describe("a warning for something that is missing", () => {
  test("asks nobody, and is given if it is still missing a moment later", async () => {
    const asked = ask("Service", async () => true);
    assert.match(JSON.stringify(await responseOf(asked)), /"allowed":true.*service-is-warned-of: shop/);
    assert.deepEqual(asked.asked, []);
  });

  test("is not given if the view hears of it in this moment", async () => {
    const asked = ask("Service", async () => true);
    asked.store.put("Namespace", { metadata: { name: "shop" } });
    assert.deepEqual(await responseOf(asked), { uid: "u-1", allowed: true });
  });

  test("is given at once if there is no time left", async () => {
    const asked = ask("Service", async () => true, { decideWithinMs: 1 });
    assert.match(JSON.stringify(await responseOf(asked)), /"allowed":true/);
  });
});

describe("what other rules rest on", () => {
  test("is not asked for", async () => {
    const asked = ask("ServiceEntry", async () => true);
    await responseOf(asked);
    assert.deepEqual(asked.asked, [[SHOP]]);
  });
});

describe("what was found may rest on something else", () => {
  const chain = (store: Store, name: string, labels: Labels) => {
    store.put("Namespace", { metadata: { name, labels } });
    return true;
  };

  test("which is confirmed as well", async () => {
    const asked = ask("DestinationRule", async (store, [ground]) =>
      ground?.name === "shop" ? chain(store, "shop", { next: "two" }) : chain(store, "two", { end: "" }),
    );
    assert.deepEqual(await responseOf(asked), { uid: "u-1", allowed: true });
    assert.deepEqual(asked.asked, [
      [SHOP],
      [{ kind: "Namespace", namespace: "", name: "two", isMissing: true }],
    ]);
  });

  test("which was found, and is confirmed as well", async () => {
    const asked = ask("DestinationRule", async (store, [ground]) => {
      if (ground?.name === "shop") chain(store, "two", {});
      return chain(store, "shop", { next: "two" });
    });
    assert.match(JSON.stringify(await responseOf(asked)), /"allowed":false.*No end after two/);
    assert.deepEqual(asked.asked, [[SHOP], [{ kind: "Namespace", namespace: "", name: "two" }]]);
  });

  test("but what finds no end is not refused", async () => {
    const asked = ask("DestinationRule", async (store, [ground]) =>
      chain(store, ground?.name ?? "", { next: `${ground?.name}-x` }),
    );
    assert.match(JSON.stringify(await responseOf(asked)), /"allowed":true.*No end after shop-x-x-x"/);
    assert.equal(asked.asked.length, 3);
    assert.equal(await asked.unconfirmed(), 1);
  });
});

describe("a kind that was not served", () => {
  const absent: Ground = { kind: "ServiceEntry", namespace: "", name: "", isAbsent: true };

  test("is asked for, and counts if it was just installed", async () => {
    let isServed = false;
    const install = async () => {
      isServed = true;
      return false;
    };
    const asked = ask("WorkloadEntry", install, { serves: () => isServed });
    assert.match(JSON.stringify(await responseOf(asked)), /"kind-is-served: Served"/);
    assert.deepEqual(asked.asked, [[absent]]);
    assert.equal(await asked.unconfirmed(), 0);
  });

  test("is asked for once, and nothing is said if it is not there", async () => {
    const asked = ask("WorkloadEntry", async () => true, { serves: () => false });
    assert.deepEqual(await responseOf(asked), { uid: "u-1", allowed: true });
    assert.deepEqual(asked.asked, [[absent]]);
  });
});

describe("nothing is confirmed", () => {
  const never = async () => assert.fail("it was asked");
  test("for a review that is too late anyway", () =>
    assert.equal(typeof ask("ServiceEntry", never, { decideWithinMs: -1 }).answer, "string"));

  for (const isServed of [true, undefined]) {
    test(`where it is ${isServed ? "known" : "not known"} whether a kind is served`, () =>
      assert.doesNotReject(responseOf(ask("WorkloadEntry", never, { serves: () => isServed }))));
  }
});

describe("a repair", () => {
  test("of a Pod asks for nothing but its namespace", async () => {
    const asked = ask("Pod", async () => true, { endpoint: "mutate" });
    await responseOf(asked);
    assert.deepEqual(asked.asked, [[SHOP]]);
  });

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
