import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ApiAnswer, ApiRequest } from "../../../src/api-server/client.ts";
import { createConfirm } from "../../../src/cluster/live/confirmation.ts";
import type { Reflector } from "../../../src/cluster/live/reflector.ts";
import type { Kind } from "../../../src/kubernetes/objects.ts";
import type { Ground } from "../../../src/rules/cluster-view.ts";

const PATHS = {
  ConfigMap: "/api/v1/namespaces/istio-system/configmaps",
  MutatingWebhookConfiguration: "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
  Namespace: "/api/v1/namespaces",
  Pod: "/api/v1/pods",
  Service: "/api/v1/services",
  ServiceEntry: "/apis/networking.istio.io/v1/serviceentries",
  WorkloadEntry: "/apis/networking.istio.io/v1/workloadentries",
} as const;
const KINDS = [
  "ConfigMap",
  "MutatingWebhookConfiguration",
  "Namespace",
  "Pod",
  "Service",
  "ServiceEntry",
  "WorkloadEntry",
] as const;

type Offer = Parameters<Reflector["offer"]>;

interface Asked {
  readonly requests: readonly ApiRequest[];
  readonly offered: readonly Offer[];
  /** Kinds that shall be looked for at once. */
  readonly lookedFor: readonly Kind[];
  readonly confirm: (grounds: readonly Ground[], deadlineMs?: number) => Promise<boolean>;
}

const BURST = 500;

function startConfirm(
  answer: (request: ApiRequest) => ApiAnswer | Promise<ApiAnswer>,
  states: { readonly [K in (typeof KINDS)[number]]?: "absent" | "pending" } = {},
  { withinMs = 100_000 } = {},
): Asked {
  const requests: ApiRequest[] = [];
  const offered: Offer[] = [];
  const lookedFor: Kind[] = [];
  const reflectors = new Map(
    KINDS.map((kind) => [
      kind,
      {
        state: states[kind] ?? ("synced" as const),
        isServed: { absent: false, pending: undefined, synced: true }[states[kind] ?? "synced"],
        path: states[kind] === undefined ? PATHS[kind] : undefined,
        offer: (...offer: Offer) => void offered.push(offer),
        lookNow: () => void lookedFor.push(kind),
      },
    ]),
  );
  const api = {
    async request(request: ApiRequest) {
      requests.push(request);
      return answer(request);
    },
  };
  // However busy the machine is, nothing is late, and nothing waits for its turn.
  const limits = { withinMs, requestsPerSecond: 0.001, burst: BURST };
  const planes = new Map([["data", { api, reflectors }] as const]);
  const confirm = createConfirm(() => planes, limits);
  return {
    requests,
    offered,
    lookedFor,
    confirm: (grounds, deadlineMs = 100_000) => confirm(grounds, performance.now() + deadlineMs),
  };
}

function list(items: readonly unknown[], more: { readonly continue?: string } = {}): ApiAnswer {
  return { status: 200, body: { metadata: { resourceVersion: "7", ...more }, items } };
}
const found = ({ path }: ApiRequest): ApiAnswer => list([{ path }]);
const NOT_FOUND: ApiAnswer = { status: 404, body: undefined };
const service = (name: string): Ground => ({ kind: "Service", namespace: "shop", name });

describe("what a refusal rests on is asked for", () => {
  test("by kind and name, and what is there is offered with its place", async () => {
    const asked = startConfirm(({ query }) =>
      list(query?.["fieldSelector"] === "metadata.name=gone" ? [] : ["it"]),
    );
    const grounds: Ground[] = [
      service("web"),
      service("gone"),
      service("web"),
      { kind: "Namespace", namespace: "", name: "shop" },
      { kind: "ServiceEntry", namespace: "shop", name: "outside.example.com" },
      { kind: "ConfigMap", namespace: "istio-system", name: "istio" },
    ];
    assert.equal(await asked.confirm(grounds), true);
    assert.deepEqual(
      asked.requests.map(({ path, query }) => [path, query]),
      [
        ["/api/v1/namespaces/shop/services", "web"],
        ["/api/v1/namespaces/shop/services", "gone"],
        ["/api/v1/namespaces", "shop"],
        ["/apis/networking.istio.io/v1/namespaces/shop/serviceentries", "outside.example.com"],
        ["/api/v1/namespaces/istio-system/configmaps", "istio"],
      ].map(([path, name]) => [path, { limit: "500", fieldSelector: `metadata.name=${name}` }]),
    );
    assert.deepEqual(
      asked.offered.map(([{ values, resourceVersion }, scope]) => [values, resourceVersion, scope]),
      [
        [["it"], "7", { namespace: "shop", name: "web" }],
        [[], "7", { namespace: "shop", name: "gone" }],
        [["it"], "7", { namespace: "", name: "shop" }],
        [["it"], "7", { namespace: "shop", name: "outside.example.com" }],
        [["it"], "7", { namespace: "istio-system", name: "istio" }],
      ],
    );
  });

  test("as all of a namespace, or of the cluster", async () => {
    const asked = startConfirm(() => list([]));
    const grounds: Ground[] = [
      { kind: "WorkloadEntry", namespace: "shop", name: "" },
      { kind: "ServiceEntry", namespace: "", name: "" },
      { kind: "MutatingWebhookConfiguration", namespace: "", name: "" },
    ];
    assert.equal(await asked.confirm(grounds), true);
    assert.deepEqual(
      asked.requests.map(({ path, query }) => ({ path, query })),
      [
        "/apis/networking.istio.io/v1/namespaces/shop/workloadentries",
        "/apis/networking.istio.io/v1/serviceentries",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
      ].map((path) => ({ path, query: { limit: "500" } })),
    );
    assert.deepEqual(
      asked.offered.map(([, scope]) => scope),
      [
        { namespace: "shop", name: "" },
        { namespace: "", name: "" },
        { namespace: "", name: "" },
      ],
    );
  });

  test("by namespace, or in the whole cluster, where it is much", async () => {
    const services = (namespaces: number): Ground[] =>
      Array.from({ length: 30 }, (_, index) => ({
        kind: "Service",
        namespace: `shop-${index % namespaces}`,
        name: `web-${index}`,
        isMissing: true,
      }));
    for (const [namespaces, path] of [
      [1, "/api/v1/namespaces/shop-0/services"],
      [2, "/api/v1/services"],
    ] as const) {
      const asked = startConfirm(() => list([]));
      assert.equal(
        await asked.confirm([...services(namespaces), { kind: "Namespace", namespace: "", name: "a" }]),
        true,
      );
      assert.deepEqual(
        asked.requests.map((request) => [request.path, request.query?.["fieldSelector"]]),
        [
          [path, undefined],
          ["/api/v1/namespaces", "metadata.name=a"],
        ],
      );
    }
  });

  test("of Pods by labels, without their specs, and not as all there are", async () => {
    const items = [{ metadata: { name: "one" } }];
    const asked = startConfirm(() => list(items));
    assert.equal(
      await asked.confirm([{ kind: "Pod", namespace: "shop", name: "", labelSelector: "app" }]),
      true,
    );
    const [request] = asked.requests;
    assert.equal(request?.path, "/api/v1/namespaces/shop/pods");
    assert.deepEqual(request.query, { limit: "20", labelSelector: "app" });
    assert.match(request.accept ?? "", /PartialObjectMetadataList/);
    assert.deepEqual(
      asked.offered.map(([{ values }, scope]) => [values, scope]),
      [[items, undefined]],
    );
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
  const impossible: readonly Ground[] = [
    service("UPPER"),
    service("../../secrets/key"),
    service("web?x=1"),
    service("prefix-*"),
    service("x".repeat(254)),
    { kind: "Service", namespace: "", name: "web" },
    { kind: "Service", namespace: "a.b", name: "" },
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

  test("a kind that no rule reads", async () => {
    const asked = startConfirm(found);
    assert.equal(await asked.confirm([{ kind: "Deployment", namespace: "shop", name: "a" }]), true);
    assert.deepEqual(asked.requests, []);
  });
});

describe("of a kind that the API server did not serve", () => {
  const grounds: readonly Ground[] = [
    { kind: "ServiceEntry", namespace: "shop", name: "" },
    { kind: "WorkloadEntry", namespace: "shop", name: "" },
  ];
  const absent = { ServiceEntry: "absent", WorkloadEntry: "absent" } as const;

  test("it is asked whether it serves the group by now", async () => {
    const asked = startConfirm(() => NOT_FOUND, absent);
    assert.equal(await asked.confirm(grounds), true);
    assert.deepEqual(
      asked.requests.map(({ path }) => path),
      ["/apis/networking.istio.io"],
    );
    assert.deepEqual(asked.lookedFor, []);
  });

  test("nothing is known once it does, and it is looked for at once", async () => {
    const asked = startConfirm(({ path }) => {
      if (path === "/apis/networking.istio.io")
        return { status: 200, body: { versions: [{ version: "v1" }] } };
      return { status: 200, body: { resources: [{ name: "workloadentries" }] } };
    }, absent);
    assert.equal(await asked.confirm(grounds), false);
    assert.deepEqual(
      asked.requests.map(({ path }) => path),
      ["/apis/networking.istio.io", "/apis/networking.istio.io/v1"],
    );
    assert.deepEqual(asked.lookedFor, ["WorkloadEntry"]);
  });

  test("it is asked for the kind alone where nothing else matters, and only if it was not served", async () => {
    const wanted = (["ServiceEntry", "WorkloadEntry", "Service"] as const).map((kind): Ground => ({
      kind,
      namespace: "",
      name: "",
      isAbsent: true,
    }));
    const asked = startConfirm(() => NOT_FOUND, { ServiceEntry: "absent", WorkloadEntry: "pending" });
    assert.equal(await asked.confirm(wanted), true);
    assert.deepEqual(
      asked.requests.map(({ path }) => path),
      ["/apis/networking.istio.io"],
    );
  });

  test("nothing is known while it does not say so", async () =>
    assert.equal(
      await startConfirm(() => ({ status: 503, body: undefined }), absent).confirm(grounds),
      false,
    ));
});

describe("it cannot be known", () => {
  test("while nobody has said where the kind is served", async () =>
    assert.equal(await startConfirm(found, { Service: "pending" }).confirm([service("web")]), false));

  for (const status of [401, 403, 404, 429, 500]) {
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

  test("without an answer before the deadline, or before the limit for each answer", async () => {
    const answer = () => new Promise<ApiAnswer>(() => {});
    assert.equal(await startConfirm(answer).confirm([service("web")], 20), false);
    assert.equal(await startConfirm(answer, {}, { withinMs: 20 }).confirm([service("web")]), false);
  });

  test("where there is more than one page of it, but that page is offered", async () => {
    const asked = startConfirm(() => list(["one"], { continue: "there" }));
    assert.equal(await asked.confirm([{ kind: "ServiceEntry", namespace: "shop", name: "" }]), false);
    assert.deepEqual(
      asked.offered.map(([{ values }, scope]) => [values, scope]),
      [[["one"], undefined]],
    );
  });

  test("but what can be known is offered", async () => {
    const asked = startConfirm((request) =>
      request.query?.["fieldSelector"] === "metadata.name=broken"
        ? { status: 500, body: "" }
        : found(request),
    );
    assert.equal(await asked.confirm([service("broken"), service("web")]), false);
    assert.equal(asked.offered.length, 1);
  });

  test("where a review rests on too much", async () => {
    const asked = startConfirm(found);
    const kinds = ["ConfigMap", "Service", "ServiceEntry", "WorkloadEntry", "Pod"] as const;
    const grounds = kinds.flatMap((kind) =>
      Array.from({ length: 5 }, (_, index): Ground => ({ kind, namespace: "shop", name: `it-${index}` })),
    );
    assert.equal(await asked.confirm(grounds), false);
    assert.deepEqual(asked.requests, []);
    assert.equal(await asked.confirm(grounds.slice(1)), true);
  });

  test("when too many reviews ask", async () => {
    const asked = startConfirm(found);
    const all = Array.from({ length: 2 * BURST }, (_, index) => asked.confirm([service(`web-${index}`)]));
    const answers = await Promise.all(all);
    assert.deepEqual(
      answers,
      answers.map((_, index) => index < BURST),
    );
    assert.equal(asked.requests.length, BURST);
  });

  test("but not when as many ask for the same", async () => {
    const asked = startConfirm(found);
    const answers = await Promise.all(Array.from({ length: 3000 }, () => asked.confirm([service("web")])));
    assert.ok(answers.every(Boolean));
    assert.ok(asked.requests.length < 10, `${asked.requests.length} requests`);
  });
});

describe("with an API server of the mesh's own", () => {
  const NAMESPACES = "/api/v1/namespaces";
  const RULES = "/apis/networking.istio.io/v1/destinationrules";

  function startBoth(answerOfMesh: () => ApiAnswer) {
    const requests: string[] = [];
    const offered: string[] = [];
    const planeOf = (plane: "data" | "mesh", kinds: readonly (readonly [Kind, string])[]) => ({
      api: {
        async request({ path, query }: ApiRequest) {
          requests.push(`${plane} ${path} ${query?.["fieldSelector"] ?? ""}`.trim());
          return plane === "mesh" ? answerOfMesh() : list([]);
        },
      },
      reflectors: new Map(
        kinds.map(([kind, path]) => [
          kind,
          {
            state: "synced" as const,
            path,
            isServed: true,
            offer: () => void offered.push(`${plane} ${kind}`),
            lookNow: () => {},
          },
        ]),
      ),
    });
    const planes = new Map([
      ["data", planeOf("data", [["Namespace", NAMESPACES]])] as const,
      [
        "mesh",
        planeOf("mesh", [
          ["Namespace", NAMESPACES],
          ["DestinationRule", RULES],
        ]),
      ] as const,
    ]);
    const confirm = createConfirm(() => planes, {
      withinMs: 100_000,
      requestsPerSecond: 0.001,
      burst: BURST,
    });
    return { requests, offered, confirm };
  }

  const grounds: readonly Ground[] = [
    { kind: "Namespace", namespace: "", name: "shop" },
    { kind: "Namespace", namespace: "", name: "shop", plane: "mesh" },
    { kind: "DestinationRule", namespace: "shop", name: "" },
  ];

  test("each is asked for what it has", async () => {
    const { requests, offered, confirm } = startBoth(() => list([]));
    assert.equal(await confirm(grounds, performance.now() + 100_000), true);
    assert.deepEqual(requests.toSorted(), [
      "data /api/v1/namespaces metadata.name=shop",
      "mesh /api/v1/namespaces metadata.name=shop",
      "mesh /apis/networking.istio.io/v1/namespaces/shop/destinationrules",
    ]);
    assert.deepEqual(offered.toSorted(), ["data Namespace", "mesh DestinationRule", "mesh Namespace"]);
  });

  test("what rests on it is not confirmed while it does not answer, and all else is", async () => {
    const { confirm } = startBoth(() => ({ status: 503, body: undefined }));
    assert.equal(await confirm(grounds.slice(0, 1), performance.now() + 100_000), true);
    assert.equal(await confirm(grounds.slice(1, 2), performance.now() + 100_000), false);
    assert.equal(await confirm(grounds.slice(2), performance.now() + 100_000), false);
  });

  test("questions that are too many are asked together of the one that has the answers", async () => {
    const { requests, confirm } = startBoth(() => list([]));
    const many = Array.from({ length: 20 }, (_, index) => `shop-${index}`);
    const wanted = many.flatMap((name): Ground[] => [
      { kind: "Namespace", namespace: "", name },
      { kind: "Namespace", namespace: "", name, plane: "mesh" },
    ]);
    assert.equal(await confirm(wanted, performance.now() + 100_000), true);
    assert.deepEqual(requests.toSorted(), ["data /api/v1/namespaces", "mesh /api/v1/namespaces"]);
  });
});
