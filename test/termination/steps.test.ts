import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Content, FinalizerSight, TerminationFacts } from "../../src/termination/facts.ts";
import { stepsFor } from "../../src/termination/steps.ts";

const NOW = Date.UTC(2026, 7, 1, 12);
const HOUR_MS = 60 * 60 * 1000;

const NAMESPACE = {
  name: "shop",
  uid: "u-1",
  deletedAt: NOW - HOUR_MS,
  specFinalizers: ["kubernetes"],
  finalizers: [],
  report: { isThere: true, content: [], finalizers: [], failures: [] },
};

function facts(given: Partial<TerminationFacts>, namespace: object = {}): TerminationFacts {
  return {
    namespace: { ...NAMESPACE, ...namespace },
    content: [],
    lostApis: [],
    undiscovered: [],
    lostConversions: [],
    webhooks: [],
    finalizers: new Map(),
    ...given,
  };
}

const widget = (name: string, finalizers: readonly string[], isOwned = false) => ({
  name,
  finalizers,
  deletedAt: NOW - HOUR_MS,
  isOwned,
});
const widgets = (...objects: Content["objects"]): Content => ({
  resource: { group: "example.com", version: "v1", plural: "widgets", kind: "Widget" },
  objects,
});
const pods = (...objects: Content["objects"]): Content => ({
  resource: { group: "", version: "v1", plural: "pods", kind: "Pod" },
  objects,
});
const sight = (finalizer: string, controller: FinalizerSight["controller"], manager?: string) => ({
  finalizers: new Map([[finalizer, { controller, manager }]]),
});

const commandsOf = (given: TerminationFacts) => stepsFor(given, NOW).flatMap(({ commands }) => commands);
const textOf = (given: TerminationFacts) => stepsFor(given, NOW)[0]?.text ?? "";

describe("nothing is in the way of", () => {
  const cases: Readonly<Record<string, TerminationFacts>> = {
    "an empty namespace": facts({}),
    "objects without finalizers": facts({ content: [widgets(widget("blue", []))] }),
    "what only the garbage collector holds": facts({
      content: [widgets(widget("blue", ["foregroundDeletion", "orphan"]))],
    }),
    "Pods that have time to stop": facts({
      content: [pods({ ...widget("web", []), deletedAt: NOW + 30_000 })],
    }),
    "what the namespace controller has not come to yet": facts(
      { content: [widgets(widget("blue", []))] },
      { deletedAt: NOW - 5000, report: { ...NAMESPACE.report, isThere: false } },
    ),
    "a failure that says only what is left": facts(
      {},
      {
        report: {
          ...NAMESPACE.report,
          failures: [
            {
              type: "NamespaceDeletionContentFailure",
              message: "unexpected items still remain in namespace: shop for gvr: /v1, Resource=pods",
            },
          ],
        },
      },
    ),
  };
  for (const [name, given] of Object.entries(cases))
    test(name, () => assert.deepEqual(stepsFor(given, NOW), []));
});

describe("a finalizer", () => {
  test("is removed by hand only if its controller never will", () => {
    const finalizer = "finalizer.keda.sh";
    const content = [widgets(widget("blue", [finalizer]))];
    const ready = facts({
      content,
      ...sight(finalizer, { seen: "pod keda/keda-operator-1", isReady: true }),
    });
    assert.match(textOf(ready), /KEDA removes it, and runs: pod keda\/keda-operator-1/);
    assert.deepEqual(commandsOf(ready).slice(0, 2), [
      "kubectl logs pod/keda-operator-1 -n keda --tail=50",
      `kubectl patch widgets.example.com blue -n shop --type=merge -p '{"metadata":{"finalizers":null}}'`,
    ]);
    const broken = facts({
      content,
      ...sight(finalizer, { seen: "pod keda/keda-operator-1", isReady: false }),
    });
    assert.match(textOf(broken), /pod keda\/keda-operator-1 is not ready\)\. Bring its controller back/);
  });

  test("of a controller that nobody can see sends to the object's events first", () => {
    const given = facts({ content: [widgets(widget("blue", ["service.k8s.alibaba/resources"]))] });
    assert.equal(commandsOf(given)[0], "kubectl describe widgets.example.com blue -n shop");
    assert.match(textOf(given), /which leaves a load balancer in the cloud/);
  });

  test("that foresail does not know is told with who has written it", () => {
    const finalizer = "example.com/cleanup";
    const given = facts({
      content: [widgets(widget("blue", [finalizer]))],
      ...sight(finalizer, { seen: "deployment ops/widgeteer", isReady: false }, "widgeteer"),
    });
    assert.match(textOf(given), /widgeteer has written it; deployment ops\/widgeteer is not ready/);
  });

  test("of the garbage collector stays when another one is removed", () => {
    const given = facts({
      content: [widgets(widget("blue", ["foregroundDeletion", "example.com/cleanup"]))],
    });
    assert.match(
      commandsOf(given)[0] ?? "",
      /-p '\{"metadata":\{"finalizers":\["foregroundDeletion"\]\}\}'$/,
    );
  });

  test("of what may not be listed is known from the namespace controller", () => {
    const report = {
      ...NAMESPACE.report,
      content: [{ resource: "widgets.example.com", count: 1 }],
      finalizers: ["finalizer.keda.sh", "foregroundDeletion"],
    };
    const refusal = { status: 403, message: "forbidden" };
    const unlisted = facts({ content: [{ ...widgets(), refusal }] }, { report });
    assert.match(
      textOf(unlisted),
      /^Something of widgets\.example\.com, .* finalizer finalizer\.keda\.sh \(KEDA/,
    );
    assert.equal(commandsOf(unlisted)[0], "foresail namespace shop");

    const listed = facts({ content: [widgets()] }, { report });
    assert.deepEqual(stepsFor(listed, NOW), []);
    const known = facts({ content: [{ ...pods(), refusal }] }, { report });
    assert.deepEqual(stepsFor(known, NOW), []);
  });

  test("of what is owned is removed before that of its owner", () => {
    const finalizer = "example.com/cleanup";
    const given = facts({
      content: [widgets(widget("owner", [finalizer]), widget("owned", [finalizer], true))],
    });
    assert.deepEqual(
      commandsOf(given)
        .slice(0, 2)
        .map((command) => command.split(" ")[3]),
      ["owned", "owner"],
    );
  });

  test("of many objects is removed one by one if others of the kind have none", () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const held = names.map((name) => widget(name, ["example.com/cleanup"]));
    assert.equal(commandsOf(facts({ content: [widgets(...held)] })).length, 2);
    assert.equal(commandsOf(facts({ content: [widgets(...held, widget("free", []))] })).length, 7);
  });

  test("of the namespace itself comes last", () => {
    const given = facts(
      { content: [widgets(widget("blue", ["example.com/cleanup"]))] },
      {
        finalizers: ["controller.cattle.io/namespace-auth"],
        specFinalizers: ["kubernetes", "example.com/own"],
      },
    );
    assert.deepEqual(commandsOf(given).slice(1), [
      `kubectl patch namespace shop --type=merge -p '{"metadata":{"finalizers":null}}'`,
      "foresail namespace shop --finalize --yes",
      "kubectl wait --for=delete namespace/shop --timeout=3m",
    ]);
  });
});

test("Pods that should have stopped are forgotten only if their node is gone", () => {
  const given = facts({ content: [pods(widget("a", []), { ...widget("b", []), deletedAt: NOW - 1000 })] });
  assert.match(textOf(given), /^Pod a should have stopped by now/);
  assert.equal(commandsOf(given)[0], "kubectl delete pod a -n shop --grace-period=0 --force");
});

test("a namespace that no controller has looked at leads to the controller manager", () => {
  const report = { ...NAMESPACE.report, isThere: false };
  const given = facts({ content: [widgets(widget("blue", []))] }, { report });
  assert.match(commandsOf(given)[0] ?? "", /get lease kube-controller-manager/);
});

test("a webhook that refuses is named, and not deleted", () => {
  const configuration = "validatingwebhookconfiguration guard";
  const given = facts({ webhooks: [{ name: "guard.example.com", configuration, isLost: false }] });
  assert.match(textOf(given), /guard\.example\.com refuses deletions/);
  assert.deepEqual(commandsOf(given).length, 1);
});

test("a failure that nothing explains is named", () => {
  const failures = [{ type: "NamespaceDeletionContentFailure", message: "etcdserver: request timed out" }];
  const given = facts({}, { report: { ...NAMESPACE.report, failures } });
  assert.match(textOf(given), /NamespaceDeletionContentFailure says why/);
});
