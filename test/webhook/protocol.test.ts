import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { isObject } from "../../src/kubernetes/json.ts";
import { GVK, reviewOf, startWebhook } from "./under-test.ts";
import type { Sent } from "./under-test.ts";

const OWNED = { apiVersion: "v1", kind: "Service", metadata: { name: "web", labels: { owner: "shop" } } };
const UNOWNED = { apiVersion: "v1", kind: "Service", metadata: { name: "web" } };
const POD = { apiVersion: "v1", kind: "Pod", metadata: { name: "web" } };

const WARNING = {
  uid: "u-1",
  allowed: true,
  warnings: [
    "service-is-owned: CREATE of shop/web, which nobody owns (metadata.labels.owner)",
    "service-is-owned: fix: Repair service-is-owned.",
  ],
  auditAnnotations: { rules: "service-is-owned=Warn", config: "c0ffee" },
};
const SILENCE = { uid: "u-1", allowed: true };

describe("an answer has the version of its review", () => {
  for (const version of ["v1", "v1beta1"]) {
    test(version, async (t) => {
      const { send } = await startWebhook(t);
      const body = reviewOf({ kind: GVK.Service, object: UNOWNED }, version);
      const answered = await send("/validate", { body });
      assert.equal(answered.status, 200);
      assert.equal(answered.headers["content-type"], "application/json; charset=utf-8");
      assert.deepEqual(answered.body, {
        apiVersion: `admission.k8s.io/${version}`,
        kind: "AdmissionReview",
        response: WARNING,
      });
    });
  }

  test("v1 if it has none that is known", async (t) => {
    const { send } = await startWebhook(t);
    const { body } = await send("/validate", { body: { request: { uid: "u-1" } } });
    assert.deepEqual(body, { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: SILENCE });
  });
});

describe("silence is the answer to", () => {
  const cases: Readonly<Record<string, object>> = {
    "an object without a finding": { kind: GVK.Service, object: OWNED },
    "a kind that foresail does not know": { kind: GVK.Secret, object: UNOWNED },
    "a kind of another group": { kind: { ...GVK.Service, group: "serving.knative.dev" }, object: UNOWNED },
    "a subresource": { kind: GVK.Service, object: UNOWNED, operation: "UPDATE", subResource: "status" },
    "any subresource": { kind: GVK.Pod, object: POD, subResource: "ephemeralcontainers" },
    CONNECT: { kind: GVK.Service, object: UNOWNED, operation: "CONNECT" },
    "an operation that foresail does not know": { kind: GVK.Service, object: UNOWNED, operation: "PATCH" },
    "no operation": { kind: GVK.Service, object: UNOWNED, operation: null },
    "no kind": { object: UNOWNED },
    "no object": { kind: GVK.Service, object: null },
    "no old object on DELETE, as for a collection": { kind: GVK.Service, operation: "DELETE", name: "" },
  };
  for (const [name, request] of Object.entries(cases)) {
    test(name, async (t) => {
      const { review } = await startWebhook(t);
      assert.deepEqual(await review("/validate", request), SILENCE);
      assert.deepEqual(await review("/mutate", request), SILENCE);
    });
  }
});

describe("a warning is the answer to", () => {
  const speaksOf = (operation: string, name: string) =>
    `service-is-owned: ${operation} of ${name}, which nobody owns (metadata.labels.owner)`;
  const cases: Readonly<Record<string, readonly [request: object, warning: string]>> = {
    CREATE: [{ object: UNOWNED }, speaksOf("CREATE", "shop/web")],
    UPDATE: [{ operation: "UPDATE", object: UNOWNED, oldObject: OWNED }, speaksOf("UPDATE", "shop/web")],
    "UPDATE without the old object": [
      { operation: "UPDATE", object: UNOWNED },
      speaksOf("UPDATE", "shop/web"),
    ],
    "DELETE, of what is deleted": [
      { operation: "DELETE", object: null, oldObject: UNOWNED },
      speaksOf("DELETE", "shop/web"),
    ],
    "an unknown version of the kind": [
      { kind: { ...GVK.Service, version: "v9" }, object: UNOWNED },
      speaksOf("CREATE", "shop/web"),
    ],
    "an object that was sent in another version": [
      { requestKind: { group: "x", version: "y", kind: "Z" }, object: UNOWNED },
      speaksOf("CREATE", "shop/web"),
    ],
    "a dry run": [{ dryRun: true, object: UNOWNED }, speaksOf("CREATE", "shop/web")],
    "an object whose name is still to be generated": [
      { name: undefined, object: { metadata: { generateName: "web-" } } },
      speaksOf("CREATE", "shop/web-*"),
    ],
    "an object whose name has been generated": [
      { name: "", object: { metadata: { generateName: "web-", name: "web-x7k" } } },
      speaksOf("CREATE", "shop/web-x7k"),
    ],
    "an object that names another namespace than its request": [
      { object: { metadata: { namespace: "elsewhere" } } },
      speaksOf("CREATE", "shop/web"),
    ],
  };
  for (const [name, [request, warning]] of Object.entries(cases)) {
    test(name, async (t) => {
      const { review } = await startWebhook(t);
      assert.deepEqual(await review("/validate", { kind: GVK.Service, ...request }), {
        ...WARNING,
        warnings: [warning, WARNING.warnings[1]],
      });
    });
  }
});

test("a denial names rule, remedy and page, for people and for programs; warnings survive it", async (t) => {
  const { review } = await startWebhook(t);
  const object = { spec: { exportTo: [".", "b"] } };
  assert.deepEqual(await review("/validate", { kind: GVK.DestinationRule, object }), {
    uid: "u-1",
    allowed: false,
    status: {
      code: 403,
      reason: "Forbidden",
      message: [
        "rule-has-host: web has no host (spec.host)",
        "fix: Repair rule-has-host.",
        "docs: foresail explain rule-has-host",
      ].join("\n"),
      details: { causes: [{ reason: "rule-has-host", field: "spec.host", message: "web has no host" }] },
    },
    warnings: [
      "rule-has-host: Exported to . (spec.exportTo[0])",
      "rule-has-host: Exported to b (spec.exportTo[1])",
      "rule-has-host: fix: Keep it at home.",
    ],
    auditAnnotations: { rules: "rule-has-host=Deny", config: "c0ffee" },
  });
});

describe("a deletion that is refused", () => {
  const metadata = { name: "web", uid: "0a1b-2c3d" };
  const deletion = { kind: GVK.Service, operation: "DELETE", object: null, oldObject: { metadata } };
  const refusing = async (t: TestContext) => {
    const { policy, review } = await startWebhook(t);
    const rules = new Map([["service-is-owned", { action: "Deny" as const, options: {} }]]);
    policy.current = { ...policy.current, rules };
    return (given: object) => review("/validate", { ...deletion, ...given });
  };
  const audited = {
    ...SILENCE,
    auditAnnotations: { rules: "service-is-owned=Audit", config: "c0ffee" },
  };

  test("says last how to confirm it", async (t) => {
    const review = await refusing(t);
    const response = await review({ userInfo: { username: "jane" } });
    assert(isObject(response) && isObject(response["status"]));
    assert.deepEqual(String(response["status"]["message"]).split("\n"), [
      "service-is-owned: DELETE of shop/web, which nobody owns (metadata.labels.owner)",
      "fix: Repair service-is-owned.",
      "docs: foresail explain service-is-owned",
      "to delete it all the same: kubectl annotate --overwrite services web -n shop foresail.io/confirm-delete=0a1b-2c3d",
    ]);
  });

  test("passes when it is confirmed", async (t) => {
    const review = await refusing(t);
    const annotations = { "foresail.io/confirm-delete": metadata.uid };
    assert.deepEqual(await review({ oldObject: { metadata: { ...metadata, annotations } } }), audited);
  });

  test("passes for the namespace controller", async (t) => {
    const review = await refusing(t);
    const username = "system:serviceaccount:kube-system:namespace-controller";
    assert.deepEqual(await review({ userInfo: { username } }), audited);
  });

  test("is refused as well if it is not said who asks", async (t) => {
    const review = await refusing(t);
    for (const userInfo of [undefined, null, "jane", {}, { username: 7 }]) {
      const response = await review({ userInfo });
      assert(isObject(response) && response["allowed"] === false);
    }
  });
});

test("the configuration says where the docs are", async (t) => {
  const { review, policy } = await startWebhook(t);
  policy.current = { ...policy.current, docsUrl: "https://docs.example.org/{rule}.html" };
  const response = await review("/validate", { kind: GVK.DestinationRule, object: {} });
  assert(isObject(response) && isObject(response["status"]));
  assert.match(
    String(response["status"]["message"]),
    /\ndocs: https:\/\/docs\.example\.org\/rule-has-host\.html$/,
  );
});

describe("a Pod", () => {
  const patch = [{ op: "add", path: "/metadata/annotations", value: { "example.org/hello": "world" } }];

  test("is repaired by /mutate without a word", async (t) => {
    const { review } = await startWebhook(t);
    assert.deepEqual(await review("/mutate", { kind: GVK.Pod, object: POD }), {
      uid: "u-1",
      allowed: true,
      patch: Buffer.from(JSON.stringify(patch)).toString("base64"),
      patchType: "JSONPatch",
      auditAnnotations: { rules: "pod-is-greeted=Fix", fixes: "pod-is-greeted", config: "c0ffee" },
    });
  });

  test("that is repaired gets neither patch nor warning", async (t) => {
    const { review } = await startWebhook(t);
    const object = { ...POD, metadata: { annotations: { "example.org/hello": "you" } } };
    assert.deepEqual(await review("/mutate", { kind: GVK.Pod, object }), SILENCE);
    assert.deepEqual(await review("/validate", { kind: GVK.Pod, object }), SILENCE);
  });

  test("whose repair was lost on the way is warned of by /validate, which never patches", async (t) => {
    const { review } = await startWebhook(t);
    assert.deepEqual(await review("/validate", { kind: GVK.Pod, object: POD }), {
      uid: "u-1",
      allowed: true,
      warnings: [
        'pod-is-greeted: Not repaired at admission: Nobody greets web (metadata.annotations["example.org/hello"])',
        "pod-is-greeted: fix: Repair pod-is-greeted.",
      ],
      auditAnnotations: { rules: "pod-is-greeted=Warn", config: "c0ffee" },
    });
  });
});

test("what is only audited is told to the audit log alone", async (t) => {
  const { review } = await startWebhook(t);
  assert.deepEqual(await review("/validate", { kind: GVK.ConfigMap, object: { metadata: {} } }), {
    uid: "u-1",
    allowed: true,
    auditAnnotations: { rules: "config-map-is-alone=Audit", config: "c0ffee" },
  });
});

test("the cluster is seen without the object under review", async (t) => {
  const { review } = await startWebhook(t);
  const request = { kind: GVK.ConfigMap, name: "other", operation: "UPDATE", object: { metadata: {} } };
  assert.deepEqual(await review("/validate", request), SILENCE);
});

test("a rule that throws costs its own findings only, and is no denial", async (t) => {
  const { review, metrics, log } = await startWebhook(t);
  const request = { kind: GVK.Service, name: "unlucky", object: UNOWNED };
  assert.deepEqual(await review("/validate", request), {
    ...WARNING,
    warnings: [
      "service-is-owned: CREATE of shop/unlucky, which nobody owns (metadata.labels.owner)",
      "workload-throws: internal error, not checked",
      "service-is-owned: fix: Repair service-is-owned.",
    ],
  });
  assert.match(await metrics(), /^foresail_rule_errors_total\{rule="workload-throws"\} 1$/m);
  const line = log.find((one) => isObject(one) && one["msg"] === "rule failed");
  assert(isObject(line) && isObject(line["err"]));
  assert.equal(line["rule"], "workload-throws");
  assert.match(String(line["err"]["stack"]), /Error: out of luck\n\s+at .*small-rules\.ts/);
});

describe("a rule that does not come to an end in time", () => {
  const request = { kind: GVK.ServiceEntry, object: { spec: {} } };
  const finding = "entry-is-endless: Found again (spec)";
  const remedy = "entry-is-endless: fix: Repair entry-is-endless.";
  // Long enough for a first finding on a machine that is busy with something else.
  const path = "/validate?timeout=1s";

  test("is a warning by default, with what was found until then", async (t) => {
    const { review, metrics } = await startWebhook(t);
    assert.deepEqual(await review(path, request), {
      uid: "u-1",
      allowed: true,
      warnings: ["foresail: out of time, not all rules were checked", finding, remedy],
    });
    assert.match(await metrics(), /^foresail_deadline_exceeded_total 1$/m);
    assert.match(await metrics(), /^foresail_admission_requests_total\{.*decision="error"\} 1$/m);
  });

  test("is a denial if the configuration says so", async (t) => {
    const { review, policy } = await startWebhook(t);
    policy.current = { ...policy.current, onInternalError: "Deny" };
    assert.deepEqual(await review(path, request), {
      uid: "u-1",
      allowed: false,
      status: {
        code: 500,
        reason: "InternalError",
        message: "foresail: out of time, not all rules were checked",
      },
      warnings: [finding, remedy],
    });
  });

  test("is no denial for the namespace controller", async (t) => {
    const { review, policy } = await startWebhook(t);
    policy.current = { ...policy.current, onInternalError: "Deny" };
    const userInfo = { username: "system:serviceaccount:kube-system:namespace-controller" };
    const response = await review(path, { ...request, userInfo });
    assert(isObject(response) && response["allowed"] === true);
  });

  test("is answered before the API server stops waiting", async (t) => {
    const { review } = await startWebhook(t);
    const begun = performance.now();
    await review("/validate?timeout=3s", request);
    assert(performance.now() - begun < 3000);
  });
});

describe("no review is", () => {
  const review = reviewOf({ kind: GVK.Service, object: OWNED });
  const withType = (type: string): Sent => ({ body: review, headers: { "content-type": type } });
  const cases: Readonly<Record<string, readonly [path: string, sent: Sent, status: number, reason: string]>> =
    {
      GET: ["/validate", { method: "GET" }, 405, "method"],
      HEAD: ["/mutate", { method: "HEAD" }, 405, "method"],
      PUT: ["/mutate?timeout=1s", { method: "PUT", body: review }, 405, "method"],
      TRACE: ["/validate", { method: "TRACE" }, 405, "method"],
      OPTIONS: ["/validate", { method: "OPTIONS" }, 405, "method"],
      PROPFIND: ["/validate", { method: "PROPFIND" }, 405, "method"],
      "the root": ["/", { body: review }, 404, "path"],
      "another path": ["/validation", { body: review }, 404, "path"],
      "a path below": ["/validate/x", { body: review }, 404, "path"],
      "a path in other letters": ["/Validate", { body: review }, 404, "path"],
      "a broken path": ["/validate%zz", { body: review }, 404, "path"],
      "GET of another path": ["/metrics", { method: "GET" }, 404, "path"],
      "plain text": ["/validate", withType("text/plain"), 415, "mediaType"],
      "no type": ["/validate", withType(""), 415, "mediaType"],
      "a form": ["/validate", withType("application/x-www-form-urlencoded"), 415, "mediaType"],
      "JSON of another type": ["/validate", withType("application/json-patch+json"), 415, "mediaType"],
      "JSON lines": ["/validate", withType("application/jsonl"), 415, "mediaType"],
      "two types": ["/validate", withType("application/json, text/plain"), 415, "mediaType"],
      "a type and a tab": ["/validate", withType("application/json\ttext/plain"), 415, "mediaType"],
      "a type before another": ["/validate", withType("text/plain;application/json"), 415, "mediaType"],
      compressed: ["/validate", { body: review, headers: { "content-encoding": "gzip" } }, 415, "mediaType"],
      "an empty body": ["/validate", {}, 400, "empty"],
      "half of JSON": ["/validate", { body: Buffer.from('{"request":{"uid":"u-1"') }, 400, "json"],
      "JSON with a comment": ["/validate", { body: Buffer.from('{"request":{"uid":"u-1"}}//') }, 400, "json"],
      YAML: ["/validate", { body: Buffer.from("request:\n  uid: u-1\n") }, 400, "json"],
      "an empty object": ["/validate", { body: {} }, 400, "uid"],
      "a list": ["/validate", { body: [reviewOf({})] }, 400, "uid"],
      null: ["/validate", { body: null }, 400, "uid"],
      "a text": ["/validate", { body: "u-1" }, 400, "uid"],
      "a review without a request": ["/validate", { body: { kind: "AdmissionReview" } }, 400, "uid"],
      "a request without a uid": ["/validate", { body: reviewOf({ uid: undefined }) }, 400, "uid"],
      "a request with an empty uid": ["/validate", { body: reviewOf({ uid: "" }) }, 400, "uid"],
      "a request whose uid is a number": ["/validate", { body: reviewOf({ uid: 1 }) }, 400, "uid"],
      "a uid in the wrong place": ["/validate", { body: { uid: "u-1", request: {} } }, 400, "uid"],
    };
  for (const [name, [path, sent, status, reason]] of Object.entries(cases)) {
    test(`${name}: ${status}`, async (t) => {
      const { send, metrics, log, review: reviewed } = await startWebhook(t);
      const answered = await send(path, sent);
      assert.equal(answered.status, status);
      if (sent.method !== "HEAD") {
        assert(isObject(answered.body));
        assert.deepEqual(Object.keys(answered.body), ["error"]);
        assert.equal(typeof answered.body["error"], "string");
      }
      assert.equal(answered.headers.allow, status === 405 ? "POST" : undefined);
      const counted = new RegExp(`^foresail_rejected_requests_total\\{reason="${reason}"\\} 1$`, "m");
      assert.match(await metrics(), counted);
      assert.equal(log.length, 1);
      assert.deepEqual(await reviewed("/validate", { kind: GVK.Service, object: OWNED }), SILENCE);
    });
  }
});

describe("a review is", () => {
  const body = reviewOf({ kind: GVK.Service, object: OWNED });
  for (const type of [
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    "application/json ; q=1",
    "Application/JSON",
  ]) {
    test(`what comes as ${type}`, async (t) => {
      const { send } = await startWebhook(t);
      const answered = await send("/validate", { body, headers: { "content-type": type } });
      const expected = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: SILENCE };
      assert.deepEqual([answered.status, answered.body], [200, expected]);
    });
  }

  for (const query of [
    "?timeout=5s",
    "?dryRun=All&timeout=",
    "?timeout=never",
    "?x=%zz&y",
    "?",
    "?__proto__=1",
  ]) {
    test(`what comes to /validate${query}`, async (t) => {
      const { send } = await startWebhook(t);
      assert.equal((await send(`/validate${query}`, { body })).status, 200);
    });
  }

  test("what comes in pieces without a length", async (t) => {
    const { send } = await startWebhook(t);
    assert.equal(
      (await send("/validate", { body, headers: { "transfer-encoding": "chunked" } })).status,
      200,
    );
  });
});
