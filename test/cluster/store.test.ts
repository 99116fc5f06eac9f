import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import type { ObjectId } from "../../src/cluster/view.ts";
import { coversHost } from "../../src/istio/hosts.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import type { ClusterView } from "../../src/rules/cluster-view.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";

/** Objects of a small world, so that names, hosts and labels meet often. */
interface Made {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly object: object;
}

const NAMESPACES = ["a", "b"];
const namespace = fc.constantFrom(...NAMESPACES);
const name = fc.constantFrom("web", "api");
const labels = fc.record(
  { app: fc.constantFrom("x", "y"), tier: fc.constantFrom("1", "2"), "pod-template-hash": fc.string() },
  { requiredKeys: [] },
);
const HOSTS = ["api.example.com", "*.example.com", "*-b.example.com", "web.a.svc.cluster.local"];

interface Fields {
  readonly metadata?: object;
  readonly spec?: object;
}

function made(kind: Kind, fields: fc.Arbitrary<Fields>): fc.Arbitrary<Made> {
  return fc.tuple(namespace, name, fields).map(([ofNamespace, ofName, { metadata = {}, ...rest }]) => ({
    kind,
    namespace: ofNamespace,
    name: ofName,
    object: { ...rest, metadata: { ...metadata, name: ofName, namespace: ofNamespace } },
  }));
}

const service = made(
  "Service",
  fc.record({
    spec: fc.record(
      {
        selector: labels,
        type: fc.constantFrom("ClusterIP", "ExternalName"),
        externalName: fc.constant("db.example.com"),
        ports: fc.subarray([{ port: 3306 }, { port: 6379, name: "redis" }]),
      },
      { requiredKeys: [] },
    ),
  }),
);
const serviceEntry = made(
  "ServiceEntry",
  fc.record({
    spec: fc.record(
      {
        hosts: fc.subarray(HOSTS),
        addresses: fc.constant(["10.0.0.1"]),
        ports: fc.subarray([{ number: 3306, protocol: "TCP" }, { number: 6379 }]),
      },
      { requiredKeys: ["hosts"] },
    ),
  }),
);
const podTemplate = fc.record({
  metadata: fc.record({ labels }),
  spec: fc.constantFrom({}, { containers: [{ name: "istio-proxy", image: "p" }] }),
});
const pod = made(
  "Pod",
  podTemplate.map(({ metadata, spec }) => ({ metadata: { ...metadata, uid: "1" }, spec })),
);
const deployment = made("Deployment", fc.record({ spec: fc.record({ template: podTemplate }) }));
const workloadEntry = made("WorkloadEntry", fc.record({ spec: fc.record({ labels }) }));
const anyObject = fc.oneof(service, serviceEntry, pod, deployment, workloadEntry);

type Step = { readonly put: Made } | { readonly delete: Made };
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    anyObject.map((one) => ({ put: one })),
    anyObject.map((one) => ({ delete: one })),
  ),
  { maxLength: 30 },
);

/** The answers by looking at every object. */
class Model {
  readonly #objects = new Map<string, Made>();

  apply(step: Step): void {
    if ("put" in step) this.#objects.set(keyOf(step.put), step.put);
    else this.#objects.delete(keyOf(step.delete));
  }

  *all(kind: Kind, excluded?: ObjectId): Generator<Made & { readonly object: LooseObject }> {
    for (const one of this.#objects.values()) {
      if (one.kind === kind && !(excluded && keyOf(one) === keyOf(excluded)))
        yield { ...one, object: one.object };
    }
  }
}

interface LooseObject {
  readonly metadata?: { readonly labels?: Loose };
  readonly spec?: {
    readonly selector?: Loose;
    readonly type?: string;
    readonly externalName?: string;
    readonly hosts?: readonly string[];
    readonly addresses?: readonly string[];
    readonly ports?: readonly { readonly port?: number; readonly number?: number }[];
    readonly containers?: readonly object[];
    readonly template?: LooseObject;
  };
}
type Loose = Readonly<Record<string, string>>;

const keyOf = ({ kind, namespace: ofNamespace, name: ofName }: ObjectId) =>
  `${kind}/${ofNamespace}/${ofName}`;
const sorted = (list: Iterable<string>) => [...list].toSorted();

function hostsOf(model: Model, excluded?: ObjectId): string[][] {
  const services = [...model.all("Service", excluded)].map((one) => [
    `${one.name}.${one.namespace}.svc.cluster.local`,
    keyOf(one),
  ]);
  const entries = [...model.all("ServiceEntry", excluded)].flatMap((one) =>
    (one.object.spec?.hosts ?? []).map((host) => [host, keyOf(one)]),
  );
  return [...services, ...entries];
}

const isSubset = (selector: Loose, of: Loose) =>
  Object.entries(selector).every(([key, value]) => of[key] === value);

function assertSame(view: ClusterView<Kind>, model: Model, excluded?: ObjectId): void {
  const hosts = hostsOf(model, excluded);
  for (const host of [...HOSTS, "*", "*.local", "*.com", "a-b.example.com", "api.b.svc.cluster.local"]) {
    const owners = sorted(hosts.filter(([one]) => one === host).map(([, owner = ""]) => owner));
    assert.deepEqual(sorted(view.hosts.named(host).map(keyOf)), owners);
    const covered = hosts.filter(([one = ""]) => coversHost(host, one)).map((pair) => pair.join(" "));
    const found = [...view.hosts.coveredBy(host)].map((one) => `${one.hostname} ${keyOf(one)}`);
    assert.deepEqual(sorted(found), sorted(covered));
    const above = hosts.map(([one = ""]) => one).filter((one) => one.startsWith("*") && one !== host);
    const narrowest = above
      .filter((one) => coversHost(one, host))
      .toSorted((one, other) => other.length - one.length);
    assert.equal(view.hosts.wildcardAbove(host)?.hostname, narrowest[0]);
  }
  for (const ofName of ["web", "api"]) {
    const places = [...model.all("Service", excluded)].filter((one) => one.name === ofName);
    assert.deepEqual(view.hosts.namespacesOfService(ofName), sorted(places.map((one) => one.namespace)));
  }
  for (const port of [3306, 6379, 80]) {
    const claimed = sorted(claimantsOf(port, model, excluded));
    assert.deepEqual(sorted([...view.ports.claims(port)].map(keyOf)), claimed);
  }
  for (const place of NAMESPACES) assertSameIn(place, view, model, excluded);
}

/** What has the port and no address. */
function claimantsOf(port: number, model: Model, excluded?: ObjectId): string[] {
  const services = [...model.all("Service", excluded)].filter(({ object: { spec = {} } }) => {
    const isNamed = spec.type === "ExternalName" && spec.externalName !== undefined;
    return isNamed && (spec.ports ?? []).some((one) => one.port === port);
  });
  const entries = [...model.all("ServiceEntry", excluded)].filter(({ object: { spec = {} } }) => {
    const isOpen = spec.addresses === undefined && (spec.hosts ?? []).length > 0;
    return isOpen && (spec.ports ?? []).some((one) => one.number === port);
  });
  return [...services, ...entries].map(keyOf);
}

function assertSameIn(place: string, view: ClusterView<Kind>, model: Model, excluded?: ObjectId): void {
  const inPlace = (kind: Kind) => [...model.all(kind, excluded)].filter((one) => one.namespace === place);
  const pods = [...inPlace("Pod"), ...inPlace("Deployment")].map(
    ({ object }) => object.spec?.template ?? object,
  );
  for (const selector of [{ app: "x" }, { tier: "2", app: "y" }, { app: "x", "pod-template-hash": "no" }]) {
    const { "pod-template-hash": _, ...shared }: Loose = selector;
    const count = pods.filter(({ metadata }) => isSubset(shared, metadata?.labels ?? {})).length;
    const groups = view.pods.selectedBy(place, selector);
    assert.equal(
      groups.reduce((total, group) => total + group.count, 0),
      count,
    );
    assert.equal(new Set(groups.map((group) => JSON.stringify({ ...group, count: 0 }))).size, groups.length);
    const services = inPlace("Service").filter(({ object: { spec = {} } }) => {
      const own = spec.selector ?? {};
      return Object.keys(own).length > 0 && spec.type !== "ExternalName" && isSubset(own, selector);
    });
    const found = view.services.selecting(place, selector).map(({ metadata }) => metadata?.name ?? "");
    assert.deepEqual(found, sorted(services.map((one) => one.name)));
  }
  assert.deepEqual(view.pods.selectedBy(place, {}), []);
  for (const kind of ["Service", "ServiceEntry", "Deployment", "WorkloadEntry"] as const) {
    const listed = view.list(kind, place).map(({ metadata }) => metadata?.name ?? "");
    assert.deepEqual(listed, sorted(inPlace(kind).map((one) => one.name)));
  }
  const isInjected = ({ spec }: LooseObject) => (spec?.containers ?? []).length > 0;
  const clients = pods.filter(isInjected).length + inPlace("WorkloadEntry").length;
  assert.equal(view.clients.inNamespace(place).length > 0, clients > 0);
  assert.equal(view.clients.namespaces().includes(place), clients > 0);
  assert.equal(view.clients.isKnown(place), pods.length > 0);
}

const STATE = { settings: DEFAULT_MESH_SETTINGS, isComplete: false };

describe("after any sequence of changes, as by looking at every object,", () => {
  const runs = { numRuns: 500 };

  test("all questions have their answers", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const store = new Store("cluster.local");
        const model = new Model();
        for (const step of all) {
          if ("put" in step) store.put(step.put.kind, step.put.object);
          else store.delete(step.delete.kind, step.delete.namespace, step.delete.name);
          model.apply(step);
        }
        assertSame(createView({ ...STATE, store }), model);
      }),
      runs,
    );
  });

  test("the object under review counts nowhere", () => {
    fc.assert(
      fc.property(steps, anyObject, (all, reviewed) => {
        const store = new Store("cluster.local");
        const model = new Model();
        for (const step of [...all, { put: reviewed }]) {
          if ("put" in step) store.put(step.put.kind, step.put.object);
          else store.delete(step.delete.kind, step.delete.namespace, step.delete.name);
          model.apply(step);
        }
        const view = createView({ ...STATE, store }, reviewed);
        assertSame(view, model, reviewed);
        const { kind, namespace: ofNamespace, name: ofName } = reviewed;
        assert.equal(view.get(kind, ofNamespace, ofName), undefined);
        assert.equal(view.planeOf(kind, ofNamespace, ofName), undefined);
      }),
      runs,
    );
  });

  test("nothing is left when all is deleted", () => {
    fc.assert(
      fc.property(fc.array(anyObject), (all) => {
        const store = new Store("cluster.local");
        for (const { kind, object } of all) store.put(kind, object);
        for (const one of all) store.delete(one.kind, one.namespace, one.name);
        assertSame(createView({ ...STATE, store }), new Model());
        assert.deepEqual([...store.pods.namespaces()], []);
      }),
      runs,
    );
  });
});

describe("the store", () => {
  test("keeps the last of two objects with one name", () => {
    const store = new Store("cluster.local");
    for (const host of ["one.example", "two.example"]) {
      store.put("ServiceEntry", { metadata: { name: "x", namespace: "a" }, spec: { hosts: [host] } });
    }
    assert.deepEqual(store.hosts.named("one.example"), []);
    assert.equal(store.hosts.named("two.example").length, 1);
  });

  test("keeps every object that has no name yet", () => {
    const store = new Store("cluster.local");
    const metadata = { generateName: "job-", namespace: "a" };
    for (const app of ["x", "y", "z"]) {
      store.put("Job", { metadata, spec: { template: { metadata: { labels: { app } } } } });
    }
    assert.deepEqual(
      store.pods.inNamespace("a", undefined).map((group) => group.labels),
      [{ app: "x" }, { app: "y" }, { app: "z" }],
    );
    store.delete("Job", "a", "job-*2");
    store.put("Job", { metadata });
    assert.equal(store.list("Job", "a").length, 3);
  });

  test("puts what names no namespace into default, and knows none for cluster-scoped kinds", () => {
    const store = new Store("cluster.local");
    store.put("Service", { metadata: { name: "one" } });
    store.put("Service", { metadata: { name: "two", namespace: "" } });
    store.put("Namespace", { metadata: { name: "a", namespace: "b" } });
    assert.deepEqual(
      store.list("Service", "default").map(([one]) => one),
      ["one", "two"],
    );
    assert.ok(store.get("Namespace", "", "a"));
  });

  test("survives objects that are none", () => {
    const store = new Store("cluster.local");
    for (const value of [null, [], 7, "text", { metadata: null, spec: [] }, { spec: { hosts: [null, 7] } }]) {
      for (const kind of ["Pod", "Service", "ServiceEntry", "Deployment", "Namespace"] as const) {
        store.put(kind, value);
        store.put(kind, value);
      }
    }
    assert.ok(store.get("Pod", "default", "*"));
  });

  test("says of each object which API server holds it", () => {
    const store = new Store("cluster.local");
    store.put("Service", { metadata: { name: "one", namespace: "a" } });
    store.put("DestinationRule", { metadata: { name: "one", namespace: "a" } }, "mesh");
    const view = createView({ ...STATE, store });
    assert.equal(view.planeOf("Service", "a", "one"), "data");
    assert.equal(view.planeOf("DestinationRule", "a", "one"), "mesh");
    assert.equal(view.planeOf("DestinationRule", "a", "two"), undefined);
  });
});

const PLANES = ["data", "mesh"] as const;
const KINDS = ["ConfigMap", "DestinationRule", "Namespace", "Service"] as const;
const isOfBoth = (kind: Kind) => kind === "ConfigMap" || kind === "Namespace";
const place = fc.record({
  kind: fc.constantFrom(...KINDS),
  plane: fc.constantFrom(...PLANES),
  namespace,
  name,
});
const placed = fc.array(fc.tuple(fc.boolean(), place, fc.nat()), { maxLength: 30 });

describe("of two API servers", () => {
  test("each has its own Namespaces and ConfigMaps, of all else there is one", () => {
    fc.assert(
      fc.property(placed, (changes) => {
        const store = new Store("cluster.local");
        const model = new Map<string, string>();
        for (const [isPut, { kind, plane, namespace: inNamespace, name: ofName }, number] of changes) {
          const ofNamespace = kind === "Namespace" ? "" : inNamespace;
          const key = [isOfBoth(kind) ? plane : "", kind, ofNamespace, ofName].join("/");
          const metadata = { name: ofName, namespace: inNamespace, uid: String(number) };
          if (isPut) store.put(kind, { metadata, spec: { host: ofName } }, plane);
          else store.delete(kind, ofNamespace, ofName, plane);
          if (isPut) model.set(key, String(number));
          else model.delete(key);
        }
        for (const kind of KINDS) {
          const inAll = [...model.keys()].filter((key) => key.split("/")[1] === kind);
          assert.equal(store.countOf(kind), inAll.length);
          for (const plane of PLANES) {
            const own = inAll.filter((key) => !isOfBoth(kind) || key.startsWith(plane));
            assert.equal(store.countIn(kind, plane), own.length);
            const found = [...store.namesOf(kind, "", plane)].map(([ofNamespace, ofName]) => {
              const stored = store.get(kind, ofNamespace, ofName, plane);
              const key = [isOfBoth(kind) ? plane : "", kind, ofNamespace, ofName].join("/");
              assert.equal(stored?.object.metadata?.uid, model.get(key));
              return key;
            });
            assert.deepEqual(found.toSorted(), own.toSorted());
          }
        }
      }),
    );
  });

  test("only the data plane's Namespaces make clients", () => {
    const store = new Store("cluster.local");
    const injected = (ofName: string) => ({
      metadata: { name: ofName, labels: { "istio-injection": "enabled" } },
    });
    store.put("Namespace", injected("a"), "mesh");
    store.put("Namespace", injected("b"));
    const before = store.clientGeneration;
    store.put("Namespace", injected("c"), "mesh");
    store.delete("Namespace", "", "c", "mesh");
    assert.equal(store.clientGeneration, before);
    const view = createView({ ...STATE, store });
    assert.deepEqual(view.clients.namespaces(), ["b"]);
    assert.equal(view.get("Namespace", "", "a"), undefined);
    assert.equal(view.clients.isKnown("a"), false);
  });
});
