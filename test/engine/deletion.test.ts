import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Outcome } from "../../src/engine/verdict.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { ACTIONS } from "../../src/rules/rule.ts";
import type { Action, Operation } from "../../src/rules/rule.ts";
import { BAD, EXEMPT, finds, review, rule, spoken } from "./under-test.ts";

const NAMESPACE_CONTROLLER = "system:serviceaccount:kube-system:namespace-controller";
const GARBAGE_COLLECTOR = "system:serviceaccount:kube-system:generic-garbage-collector";
const CONFIRM = "foresail.io/confirm-delete";
const UID = "0a1b2c3d-0000-4000-8000-000000000001";
const RULES = [rule(finds(BAD))];

interface Deletion {
  readonly action?: Action;
  readonly metadata?: object;
  readonly username?: string;
  readonly operation?: Operation;
  readonly kind?: Kind;
}

function deletion({
  action = "Deny",
  metadata = {},
  username = "jane",
  operation = "DELETE",
  kind = "Service",
}: Deletion): Outcome {
  const object = { metadata: { name: "web", uid: UID, ...metadata } };
  const old = operation === "CREATE" ? {} : { oldObject: {} };
  const given = operation === "DELETE" ? { oldObject: object } : { object, ...old };
  return review({ kind, operation, action, username, rules: RULES, ...given });
}

const acted = (given: Deletion) => spoken(deletion(given));

test("what a person deletes is judged as everything else", () => {
  const table = ACTIONS.map((action) => acted({ action }).join());
  assert.deepEqual(table, ["", "bad=Audit", "bad=Warn", "bad=Warn", "bad=Deny"]);
});

describe("the namespace controller and the garbage collector", () => {
  for (const username of [NAMESPACE_CONTROLLER, GARBAGE_COLLECTOR, "system:kube-controller-manager"]) {
    test(`delete whatever they have to: ${username}`, () => {
      const table = ACTIONS.map((action) => acted({ action, username }).join());
      assert.deepEqual(table, ["", "bad=Audit", "bad=Audit", "bad=Audit", "bad=Audit"]);
      assert.deepEqual(acted({ username, kind: "Namespace" }), ["bad=Audit"]);
    });
  }

  test("are not somebody with a similar name", () => {
    const others = [
      "system:serviceaccount:shop:namespace-controller",
      "system:serviceaccount:kube-system:generic-garbage-collector-2",
      "namespace-controller",
      "SYSTEM:KUBE-CONTROLLER-MANAGER",
      "",
    ];
    for (const username of others) assert.deepEqual(acted({ username }), ["bad=Deny"], username);
  });

  test("are told nothing of exemptions that do not count", () => {
    const metadata = { annotations: { [EXEMPT]: "rule" } };
    assert.deepEqual(acted({ username: GARBAGE_COLLECTOR, metadata }), [
      "exemptionWithoutReason=Audit",
      "bad=Audit",
    ]);
  });

  test("are judged like others where they create or update", () => {
    assert.deepEqual(acted({ username: NAMESPACE_CONTROLLER, operation: "CREATE" }), ["bad=Deny"]);
  });
});

test("to empty a namespace's finalizers is the end of its deletion, and judged as one", () => {
  const metadata = { name: "shop", uid: UID, deletionTimestamp: "2026-06-15T00:00:00Z" };
  const emptied = rule({
    subresource: "finalize",
    *check(given) {
      if (given.operation === "UPDATE" && given.object.metadata?.generation === 2) yield BAD;
    },
  });
  const finalized = (username: string, annotations: object = {}) =>
    review({
      kind: "Namespace",
      operation: "UPDATE",
      subresource: "finalize",
      rules: [emptied],
      action: "Deny",
      username,
      object: { metadata: { ...metadata, annotations, generation: 2 }, spec: {} },
      oldObject: { metadata, spec: { finalizers: ["kubernetes"] } },
    });
  assert.deepEqual(spoken(finalized(NAMESPACE_CONTROLLER)), ["bad=Audit"]);
  assert.deepEqual(spoken(finalized("jane", { [CONFIRM]: UID })), ["bad=Audit"]);
  assert.deepEqual(spoken(finalized("jane")), ["bad=Deny"]);
  const command = `kubectl annotate --overwrite namespaces shop ${CONFIRM}=${UID}`;
  assert.equal(finalized("jane").confirmCommand, command);
});

describe("a deletion is confirmed", () => {
  const annotated = (confirmed: string) => ({ metadata: { annotations: { [CONFIRM]: confirmed } } });

  test("by the object's own uid", () => {
    assert.deepEqual(acted(annotated(UID)), ["bad=Audit"]);
    assert.deepEqual(acted({ ...annotated(UID), action: "Warn" }), ["bad=Audit"]);
    assert.deepEqual(acted({ ...annotated(UID), action: "Off" }), []);
  });

  test("by nothing else", () => {
    for (const wrong of ["", "true", UID.slice(1), `${UID} `, UID.toUpperCase(), "web"])
      assert.deepEqual(acted(annotated(wrong)), ["bad=Deny"], wrong);
  });

  test("by no empty uid", () => {
    assert.deepEqual(acted({ metadata: { uid: "", annotations: { [CONFIRM]: "" } } }), ["bad=Deny"]);
    assert.deepEqual(acted({ metadata: { uid: undefined, annotations: { [CONFIRM]: "undefined" } } }), [
      "bad=Deny",
    ]);
  });

  test("and nothing but the deletion", () => {
    assert.deepEqual(acted({ ...annotated(UID), operation: "CREATE" }), ["bad=Deny"]);
    assert.deepEqual(acted({ ...annotated(UID), operation: "UPDATE" }), ["bad=Warn"]);
  });
});

describe("a deletion that is under way", () => {
  const metadata = { deletionTimestamp: "2026-06-15T00:00:00Z" };

  test("is not refused when somebody asks for it once more", () => {
    assert.deepEqual(acted({ metadata }), ["bad=Warn"]);
    assert.deepEqual(acted({ metadata, action: "Audit" }), ["bad=Audit"]);
  });
});

describe("an object of a controller", () => {
  const metadata = { ownerReferences: [{ kind: "IstioGateway", name: "web", controller: true }] };

  test("warns the person who deletes it", () => {
    assert.deepEqual(acted({ metadata, action: "Warn" }), ["bad=Warn"]);
  });

  test("warns no machine", () => {
    for (const username of ["system:serviceaccount:istio-system:operator", "system:node:n1", ""])
      assert.deepEqual(acted({ metadata, username, action: "Warn" }), ["bad=Audit"], username);
  });

  test("warns nobody who creates it", () => {
    assert.deepEqual(acted({ metadata, operation: "CREATE", action: "Warn" }), ["bad=Audit"]);
  });
});

describe("the command that confirms", () => {
  test("names the object as kubectl finds it", () => {
    assert.equal(
      deletion({ kind: "Service" }).confirmCommand,
      `kubectl annotate --overwrite services web -n shop ${CONFIRM}=${UID}`,
    );
    assert.equal(
      deletion({ kind: "Namespace" }).confirmCommand,
      `kubectl annotate --overwrite namespaces web ${CONFIRM}=${UID}`,
    );
    assert.equal(
      deletion({ kind: "DestinationRule" }).confirmCommand,
      `kubectl annotate --overwrite destinationrules.networking.istio.io web -n shop ${CONFIRM}=${UID}`,
    );
  });

  test("is told only where a deletion is refused", () => {
    assert.equal(deletion({ action: "Warn" }).confirmCommand, undefined);
    assert.equal(deletion({ operation: "CREATE" }).confirmCommand, undefined);
    assert.equal(deletion({ username: GARBAGE_COLLECTOR }).confirmCommand, undefined);
    assert.equal(deletion({ metadata: { uid: undefined } }).confirmCommand, undefined);
  });
});
