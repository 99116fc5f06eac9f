import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ApiAnswer, ApiRequest } from "../../../src/api-server/client.ts";
import { createConfirm } from "../../../src/cluster/live/confirmation.ts";
import type { Miss } from "../../../src/rules/cluster-view.ts";

const PATHS = {
  ConfigMap: "/api/v1/namespaces/istio-system/configmaps",
  Namespace: "/api/v1/namespaces",
  Pod: "/api/v1/pods",
  Service: "/api/v1/services",
  ServiceEntry: "/apis/networking.istio.io/v1/serviceentries",
} as const;
const KINDS = ["ConfigMap", "Namespace", "Pod", "Service", "ServiceEntry"] as const;

interface Asked {
  readonly requests: readonly ApiRequest[];
  readonly offered: readonly unknown[];
  readonly confirm: (misses: readonly Miss[], withinMs?: number) => Promise<boolean>;
}

function startConfirm(
  answer: (request: ApiRequest) => ApiAnswer | Promise<ApiAnswer>,
  states: { readonly [K in (typeof KINDS)[number]]?: "absent" | "pending" } = {},
): Asked {
  const requests: ApiRequest[] = [];
  const offered: unknown[] = [];
  const reflectors = new Map(
    KINDS.map((kind) => [
      kind,
      {
        state: states[kind] ?? ("synced" as const),
        path: states[kind] === undefined ? PATHS[kind] : undefined,
        offer: (value: unknown) => void offered.push(value),
      },
    ]),
  );
  const api = {
    async request(request: ApiRequest) {
      requests.push(request);
      return answer(request);
    },
  };
  const confirm = createConfirm(api, () => reflectors);
  return {
    requests,
    offered,
    confirm: (misses, withinMs = 300) => confirm(misses, performance.now() + withinMs),
  };
}

const NOT_FOUND: ApiAnswer = { status: 404, body: { kind: "Status" } };
const found = ({ path }: ApiRequest): ApiAnswer => ({ status: 200, body: { path } });
const service = (name: string): Miss => ({ kind: "Service", namespace: "shop", name });

describe("what is missed is asked for", () => {
  test("by kind and name, and what is there is offered", async () => {
    const asked = startConfirm((request) => (request.path.endsWith("gone") ? NOT_FOUND : found(request)));
    const misses: Miss[] = [
      service("web"),
      service("gone"),
      service("web"),
      { kind: "Namespace", namespace: "", name: "shop" },
      { kind: "ServiceEntry", namespace: "shop", name: "outside.example.com" },
      { kind: "ConfigMap", namespace: "istio-system", name: "istio" },
    ];
    assert.equal(await asked.confirm(misses), true);
    const paths = [
      "/api/v1/namespaces/shop/services/web",
      "/api/v1/namespaces/shop/services/gone",
      "/api/v1/namespaces/shop",
      "/apis/networking.istio.io/v1/namespaces/shop/serviceentries/outside.example.com",
      "/api/v1/namespaces/istio-system/configmaps/istio",
    ];
    assert.deepEqual(
      asked.requests.map(({ path }) => path),
      paths,
    );
    assert.deepEqual(
      asked.offered,
      paths.filter((path) => !path.endsWith("gone")).map((path) => ({ path })),
    );
  });

  test("for Pods with a proxy at most once, and without their specs", async () => {
    const items = [{ metadata: { name: "one" } }];
    const asked = startConfirm(() => ({ status: 200, body: { items } }));
    const pods = (namespace: string): Miss => ({ kind: "Pod", namespace, name: "" });
    assert.equal(await asked.confirm([pods("shop"), pods("shop"), pods("other")]), true);
    assert.equal(asked.requests.length, 1);
    const [request] = asked.requests;
    assert.equal(request?.path, "/api/v1/namespaces/shop/pods");
    assert.deepEqual(request.query, { limit: "1", labelSelector: "service.istio.io/canonical-name" });
    assert.match(request.accept ?? "", /PartialObjectMetadataList/);
    assert.deepEqual(asked.offered, items);
  });

  test("once by all who ask at a time, but never with an answer that began before", async () => {
    const answers: (() => void)[] = [];
    const asked = startConfirm(
      (request) => new Promise((resolve) => answers.push(() => resolve(found(request)))),
    );
    const first = asked.confirm([service("web")]);
    const later = [asked.confirm([service("web")]), asked.confirm([service("web")])];
    assert.equal(asked.requests.length, 1);
    answers[0]?.();
    assert.equal(await first, true);
    assert.equal(asked.requests.length, 2);
    answers[1]?.();
    assert.deepEqual(await Promise.all(later), [true, true]);
    assert.equal(asked.requests.length, 2);
  });
});

describe("nobody is asked for", () => {
  const impossible: readonly Miss[] = [
    service("UPPER"),
    service("../../secrets/key"),
    service("web?x=1"),
    service("prefix-*"),
    service("x".repeat(254)),
    service(""),
    { kind: "Service", namespace: "a.b", name: "web" },
    { kind: "Service", namespace: "..", name: "web" },
    { kind: "Namespace", namespace: "", name: "x".repeat(64) },
  ];
  for (const miss of impossible) {
    test(`what cannot exist: ${miss.namespace}/${miss.name.slice(0, 20)}`, async () => {
      const asked = startConfirm(found);
      assert.equal(await asked.confirm([miss]), true);
      assert.deepEqual(asked.requests, []);
    });
  }

  test("a kind that the API server does not serve, or that no rule reads", async () => {
    const asked = startConfirm(found, { ServiceEntry: "absent" });
    const misses: Miss[] = [
      { kind: "ServiceEntry", namespace: "shop", name: "a" },
      { kind: "Deployment", namespace: "shop", name: "a" },
    ];
    assert.equal(await asked.confirm(misses), true);
    assert.deepEqual(asked.requests, []);
  });
});

describe("it cannot be known", () => {
  test("while nobody has said where the kind is served", async () =>
    assert.equal(await startConfirm(found, { Service: "pending" }).confirm([service("web")]), false));

  for (const status of [401, 403, 429, 500]) {
    test(`after ${status}`, async () => {
      const asked = startConfirm(() => ({ status, body: undefined }));
      assert.equal(await asked.confirm([service("web")]), false);
    });
  }

  test("after a broken connection", async () => {
    const broken = startConfirm(() => {
      throw new Error("reset");
    });
    assert.equal(await broken.confirm([service("web")]), false);
  });

  test("without an answer before the deadline, or after a third of a second", async () => {
    const silent = startConfirm(() => new Promise(() => {}));
    const start = performance.now();
    assert.equal(await silent.confirm([service("web")], 20), false);
    assert.equal(await silent.confirm([service("other")], 60_000), false);
    assert.ok(performance.now() - start < 5000);
  });

  test("where more is asked than a review needs", async () => {
    const asked = startConfirm(found);
    const misses = Array.from({ length: 9 }, (_, index) => service(`web-${index}`));
    assert.equal(await asked.confirm(misses), false);
    assert.deepEqual(asked.requests, []);
  });

  test("when too many reviews ask", async () => {
    const asked = startConfirm(found);
    const all = Array.from({ length: 600 }, (_, index) => asked.confirm([service(`web-${index}`)]));
    const answers = await Promise.all(all);
    assert.ok(answers.slice(0, 200).every(Boolean));
    assert.equal(answers.at(-1), false);
    assert.ok(asked.requests.length < 300, `${asked.requests.length} requests`);
  });

  test("but not when as many ask for the same", async () => {
    const asked = startConfirm(found);
    const answers = await Promise.all(Array.from({ length: 600 }, () => asked.confirm([service("web")])));
    assert.ok(answers.every(Boolean));
    assert.ok(asked.requests.length < 10, `${asked.requests.length} requests`);
  });
});
