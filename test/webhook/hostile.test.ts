import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isObject } from "../../src/kubernetes/json.ts";
import { BODY_LIMITS } from "../../src/webhook/body.ts";
import { GVK, reviewOf, startWebhook } from "./under-test.ts";

const MIB = 1024 * 1024;
const RUNS = 2000;

/** A review in the API server's order, whose object is this text, of which JSON.stringify would make a mess. */
function reviewAround(object: string, uid = "u-1"): Buffer {
  const head = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","request":{"uid":"${uid}"`;
  const kind = JSON.stringify(GVK.DestinationRule);
  return Buffer.from(
    `${head},"kind":${kind},"namespace":"shop","name":"web","operation":"CREATE","object":${object}}}`,
  );
}

function nested(depth: number): string {
  return `{"spec":{"x":${"[".repeat(depth)}${"]".repeat(depth)}}}`;
}

/** The one response, whatever else is asserted of it. */
function responseIn(body: unknown, apiVersion = "admission.k8s.io/v1"): Readonly<Record<string, unknown>> {
  assert(isObject(body));
  assert.deepEqual(Object.keys(body), ["apiVersion", "kind", "response"]);
  assert.equal(body["apiVersion"], apiVersion);
  assert.equal(body["kind"], "AdmissionReview");
  const { response } = body;
  assert(isObject(response));
  return response;
}

describe("what a user can put into an object cannot keep the rule from denying it:", () => {
  const cases: Readonly<Record<string, string>> = {
    "a key __proto__": '{"spec":{"__proto__":{"host":"web"}}}',
    "a prototype for everything": '{"__proto__":{"spec":{"host":"web"}},"spec":{}}',
    "a key constructor": '{"spec":{"constructor":{"prototype":{"host":"web"}}}}',
    "1,000 levels": nested(1000),
    "9,980 levels": nested(9980),
    "100,000 levels": nested(100_000),
    "duplicate keys": '{"spec":{"host":"web"},"spec":{}}',
    "a spec that is a list": '{"spec":[{"host":"web"}]}',
    "a host that is a number": '{"spec":{"host":1}}',
    "a lone surrogate": '{"spec":{"x":"\\ud800"}}',
    "a megabyte of <": `{"spec":{"x":"${"\\u003c".repeat(MIB)}"}}`,
    "20 MiB of text": `{"spec":{"x":"${"x".repeat(20 * MIB)}"}}`,
    "4,200,000 empty lists": `{"spec":{"x":[${"[],".repeat(2_100_000)}[]]}}`,
  };
  for (const [name, object] of Object.entries(cases)) {
    test(name, async (t) => {
      const { send } = await startWebhook(t);
      const { status, body } = await send("/validate", { body: reviewAround(object) });
      assert.equal(status, 200);
      const response = responseIn(body, "admission.k8s.io/v1beta1");
      assert.deepEqual([response["uid"], response["allowed"]], ["u-1", false]);
    });
  }
});

describe("a review that is too large", () => {
  const WARNING = "foresail: too large a review, no rule was checked";
  const bodies: Readonly<Record<string, Buffer>> = {
    "to be kept": reviewAround(`{"spec":{"x":"${"x".repeat(40 * MIB)}"}}`),
    "to be parsed": reviewAround(`{"spec":{"x":[${"[],".repeat(2_600_000)}[]]}}`),
    "whose uid comes last": Buffer.from(
      `{"request":{"object":{"uid":"no"},"x":"${'\\\\\\"'.repeat(9 * MIB)}","uid":"u-1"},"apiVersion":"admission.k8s.io/v1beta1"}`,
    ),
  };
  for (const [name, body] of Object.entries(bodies)) {
    test(`${name} is allowed with a warning by default`, async (t) => {
      const { send, metrics } = await startWebhook(t);
      const answered = await send("/validate", { body });
      assert.equal(answered.status, 200);
      assert.deepEqual(responseIn(answered.body, "admission.k8s.io/v1beta1"), {
        uid: "u-1",
        allowed: true,
        warnings: [WARNING],
      });
      assert.match(await metrics(), /^foresail_oversize_total 1$/m);
    });

    test(`${name} is denied if the configuration says so, without its length`, async (t) => {
      const { send, policy } = await startWebhook(t);
      policy.current = { ...policy.current, onInternalError: "Deny" };
      const answered = await send("/mutate", { body, headers: { "transfer-encoding": "chunked" } });
      assert.equal(answered.status, 200);
      assert.deepEqual(responseIn(answered.body, "admission.k8s.io/v1beta1"), {
        uid: "u-1",
        allowed: false,
        status: { code: 413, reason: "RequestEntityTooLarge", message: WARNING },
      });
    });
  }

  test("is an error if it has no uid", async (t) => {
    const { send, metrics } = await startWebhook(t);
    const answered = await send("/validate", { body: Buffer.alloc(BODY_LIMITS.maxBytes + 1, "[") });
    assert.equal(answered.status, 413);
    assert.deepEqual(answered.body, { error: "the body is too large, and has no request.uid" });
    assert.match(await metrics(), /^foresail_rejected_requests_total\{reason="oversize"\} 1$/m);
  });
});

describe("nothing that is sent brings it down:", () => {
  test("any bytes get a 4xx with an error", async (t) => {
    const { send } = await startWebhook(t);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const { status, body } = await send("/validate", { body: bytes });
        assert.equal(status, 400);
        assert(isObject(body) && typeof body["error"] === "string");
      }),
      { numRuns: 1000 },
    );
  });

  test("any JSON gets a 4xx with an error", async (t) => {
    const { send } = await startWebhook(t);
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (body) => {
        assert.equal((await send("/mutate", { body })).status, 400);
      }),
    );
  });

  test("any review with a uid gets a decision", async (t) => {
    const { send } = await startWebhook(t);
    const anything = fc.oneof(fc.jsonValue({ maxDepth: 5 }), likelyObject());
    const part = fc.record(
      {
        kind: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...Object.values(GVK)) }, anything),
        operation: fc.oneof(fc.constantFrom("CREATE", "UPDATE", "DELETE", "CONNECT"), fc.jsonValue()),
        name: fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue()),
        namespace: fc.oneof(fc.constantFrom("", "shop"), fc.jsonValue()),
        object: anything,
        oldObject: anything,
        options: fc.jsonValue(),
        subResource: fc.oneof({ weight: 4, arbitrary: fc.constant("") }, fc.jsonValue()),
        dryRun: fc.jsonValue(),
        userInfo: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const uid = fc.string({ minLength: 1, unit: "binary" });
    await fc.assert(
      fc.asyncProperty(uid, part, fc.constantFrom("/mutate", "/validate"), async (id, request, path) => {
        const url = `${path}?timeout=100ms`;
        const { status, body } = await send(url, { body: reviewOf({ ...request, uid: id }) });
        assert.equal(status, 200);
        assertIsValid(responseIn(body), id, path);
      }),
      { numRuns: RUNS },
    );
  });
});

/** Near enough to what rules look at to reach their findings. */
function likelyObject() {
  const text = fc.string({ unit: "binary" });
  const metadata = fc.record(
    {
      name: text,
      generateName: text,
      labels: fc.dictionary(text, fc.jsonValue()),
      annotations: fc.oneof(fc.dictionary(text, text), fc.record({ "foresail.io/exempt": text })),
      ownerReferences: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const spec = fc.record(
    { host: fc.jsonValue(), exportTo: fc.array(text, { maxLength: 40 }) },
    { requiredKeys: [] },
  );
  return fc.record({ metadata, spec }, { requiredKeys: [] });
}

/** As k8s.io/apiserver v0.36.3, pkg/admission/plugin/webhook/request, demands it, and its limits on warnings. */
function assertIsValid(response: Readonly<Record<string, unknown>>, uid: string, path: string) {
  const { allowed, status, patch, patchType, warnings = [], auditAnnotations = {} } = response;
  assert.equal(response["uid"], uid);
  assert.equal(typeof allowed, "boolean");
  assert.equal(status === undefined, allowed === true);
  assert.equal(patch === undefined, patchType === undefined);
  if (patch !== undefined) {
    assert.equal(path, "/mutate");
    assert(typeof patch === "string");
    assert.equal(patchType, "JSONPatch");
    const operations: unknown = JSON.parse(Buffer.from(patch, "base64").toString());
    assert(Array.isArray(operations) && operations.length > 0);
  }
  assert(Array.isArray(warnings));
  let total = 0;
  for (const warning of warnings) {
    assert(typeof warning === "string" && warning.isWellFormed() && !/\p{Cc}/u.test(warning));
    assert(Array.from(warning).length <= 256);
    total += Array.from(warning).length;
  }
  assert(total < 4096);
  assert.equal(new Set(warnings).size, warnings.length);
  assert(isObject(auditAnnotations));
  for (const value of Object.values(auditAnnotations)) assert.equal(typeof value, "string");
}
