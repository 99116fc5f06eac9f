/** Tests a rule on its cases, and proves what holds for every rule. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { applyPatch } from "rfc6902";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import { exampleOperation } from "../../src/commands/explain/annotate-example.ts";
import { render } from "../../src/engine/render.ts";
import { formatField } from "../../src/kubernetes/field-path.ts";
import type { FieldPath } from "../../src/kubernetes/field-path.ts";
import { isObject } from "../../src/kubernetes/json.ts";
import { patchFor, sameJson } from "../../src/kubernetes/json-patch.ts";
import type { Change, PatchOperation } from "../../src/kubernetes/json-patch.ts";
import { findKind, groupOf, KIND_FACTS, readObject } from "../../src/kubernetes/objects.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { parseYaml } from "../../src/kubernetes/yaml/yaml.ts";
import { QUESTION_READS } from "../../src/rules/cluster-view.ts";
import type { ClusterView } from "../../src/rules/cluster-view.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";
import type { MeshSettings } from "../../src/rules/policy.ts";
import type {
  AnyFinding,
  AnyRule,
  Message,
  MessageData,
  Operation,
  OptionValue,
  ReviewOf,
} from "../../src/rules/rule.ts";

/** Texts of a message, without its marks, end here. */
const MAX_STATIC_LENGTH = 120;
const MAX_WARNING_LENGTH = 256;

/** Plain objects, as they would stand in manifests. */
export interface ValidCase {
  /** The circumstance: "the Service came first". */
  readonly name: string;
  /** UPDATE if there is an oldObject, else CREATE. */
  readonly operation?: Operation;
  readonly object: object;
  readonly oldObject?: object;
  /** The rest of the cluster. */
  readonly cluster?: readonly object[];
  /** What the API server of the mesh's control plane has; left out if it has none of its own. */
  readonly meshPlane?: readonly object[];
  readonly settings?: Partial<MeshSettings>;
  readonly options?: Readonly<Record<string, OptionValue>>;
  /** False: only what stands in `cluster` is known, as in `check`. */
  readonly isComplete?: boolean;
}

export interface InvalidCase extends ValidCase {
  readonly findings: readonly AnyFinding[];
}

export function testRule(
  rule: AnyRule,
  cases: { valid: readonly ValidCase[]; invalid: readonly InvalidCase[] },
): void {
  const all = [...cases.valid, ...cases.invalid];
  describe(rule.id, () => {
    describe("is silent when", () => {
      for (const one of cases.valid) test(one.name, () => assert.deepEqual(run(rule, one), []));
    });
    describe("speaks when", () => {
      for (const one of cases.invalid) test(one.name, () => assertFindings(run(rule, one), one.findings));
    });
    test("names every case once", () => {
      assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
    });
    test("has a case for every message", () => {
      const spoken = new Set(cases.invalid.flatMap(({ findings }) => findings.map(({ message }) => message)));
      assert.deepEqual([...spoken].toSorted(), Object.keys(rule.messages).toSorted());
    });
    test("reads exactly the kinds it declares", () => {
      const asked = new Set<Kind>();
      for (const one of all) run(rule, one, { asked });
      assert.deepEqual([...asked].toSorted(), [...rule.reads].toSorted());
    });
    test("has a case for every kind and operation", () => {
      const seen = new Set(all.map((one) => kindOf(one.object)));
      assert.deepEqual(
        rule.kinds.filter((kind) => !seen.has(kind)),
        [],
      );
      for (const one of all) assert.ok(rule.operations.includes(operationOf(one)), one.name);
    });
    test("does not depend on the order of the cluster's objects", () => {
      for (const one of cases.invalid) {
        const { cluster = [], meshPlane } = one;
        const reversed = { ...one, cluster: cluster.toReversed() };
        const both = meshPlane ? { ...reversed, meshPlane: meshPlane.toReversed() } : reversed;
        assertFindings(run(rule, both), one.findings);
      }
    });
    test("survives every missing, null and wrongly typed field", () => {
      for (const one of all)
        for (const broken of mutilations(one.object)) run(rule, { ...one, object: broken });
      for (const one of all) {
        for (const [index, other] of (one.cluster ?? []).entries()) {
          for (const broken of mutilations(other))
            run(rule, { ...one, cluster: (one.cluster ?? []).with(index, broken) });
        }
        for (const [index, other] of (one.meshPlane ?? []).entries()) {
          for (const broken of mutilations(other))
            run(rule, { ...one, meshPlane: (one.meshPlane ?? []).with(index, broken) });
        }
      }
    });
    test("has fixes that make their finding go away, and once is enough", () => {
      for (const one of cases.invalid) {
        const findings = run(rule, one);
        for (const finding of findings) assertFixConverges(rule, one, finding, findings);
      }
    });
    test("has suggestions that make their finding go away", () => {
      for (const one of cases.invalid)
        for (const finding of run(rule, one)) assertSuggestionHelps(rule, one, finding);
    });
    test("reports its bad example and not its good one", () => {
      assert.notDeepEqual(runExample(rule, rule.example.bad), []);
      assert.deepEqual(runExample(rule, rule.example.good), []);
    });
    test("has messages that fit a warning", () => {
      for (const [id, message] of Object.entries(rule.messages)) assertFits(rule, id, message);
    });
    test("has its texts in both languages", () => assertTexts(rule));
  });
}

/** The rule's findings, with everything frozen that it is given. */
export function run(rule: AnyRule, one: ValidCase, { asked }: { asked?: Set<Kind> } = {}): AnyFinding[] {
  const kind = kindOf(one.object);
  const settings = { ...DEFAULT_MESH_SETTINGS, ...one.settings };
  const store = new Store(settings.clusterDomain);
  for (const object of one.cluster ?? []) store.put(kindOf(object), object);
  for (const object of one.meshPlane ?? []) store.put(kindOf(object), object, "mesh");
  const review = freeze(reviewOf(kind, one));
  const { namespace, name } = review;
  const isComplete = one.isComplete ?? true;
  const split = one.meshPlane ? ({ meshPlane: "known" } as const) : {};
  const view = createView({ store, settings, isComplete, ...split }, { kind, namespace, name });
  const defaults = Object.fromEntries(
    Object.entries(rule.options).map(([key, option]) => [key, option.default]),
  );
  return [...rule.check(review, asked ? recording(view, asked) : view, { ...defaults, ...one.options })];
}

function reviewOf(kind: Kind, one: ValidCase): ReviewOf<Kind> {
  const object = readObject(kind, one.object);
  const { metadata = {} } = object;
  const name = metadata.name ?? `${metadata.generateName ?? ""}*`;
  const namespace = KIND_FACTS[kind].namespaced ? (metadata.namespace ?? "default") : "";
  const operation = operationOf(one);
  if (operation === "CREATE") return { kind, namespace, name, operation, object };
  if (operation === "DELETE") return { kind, namespace, name, operation, oldObject: object };
  return {
    kind,
    namespace,
    name,
    operation,
    object,
    oldObject: readObject(kind, one.oldObject ?? one.object),
  };
}

function operationOf(one: ValidCase): Operation {
  return one.operation ?? (one.oldObject ? "UPDATE" : "CREATE");
}

function kindOf(object: object): Kind {
  const { apiVersion, kind } = isObject(object) ? object : {};
  assert.ok(typeof apiVersion === "string" && typeof kind === "string");
  const found = findKind(groupOf(apiVersion), kind);
  assert.ok(found, `${apiVersion} ${kind} is no kind that foresail knows`);
  return found;
}

/** Writes down the kinds behind every question. */
function recording(view: ClusterView<Kind>, asked: Set<Kind>): ClusterView<Kind> {
  const noting = <T extends object>(questions: T, kinds: readonly Kind[]): T =>
    new Proxy(questions, {
      get(target, property, receiver) {
        for (const kind of kinds) asked.add(kind);
        return Reflect.get(target, property, receiver);
      },
    });
  return {
    ...view,
    get(kind, namespace, name) {
      asked.add(kind);
      return view.get(kind, namespace, name);
    },
    list(kind, namespace) {
      asked.add(kind);
      return view.list(kind, namespace);
    },
    planeOf(kind, namespace, name) {
      asked.add(kind);
      return view.planeOf(kind, namespace, name);
    },
    serves(kind) {
      asked.add(kind);
      return view.serves(kind);
    },
    clients: noting(view.clients, QUESTION_READS.clients),
    hosts: noting(view.hosts, QUESTION_READS.hosts),
    lookup: noting(view.lookup, QUESTION_READS.lookup),
    planes: noting(view.planes, QUESTION_READS.planes),
    pods: noting(view.pods, QUESTION_READS.pods),
    ports: noting(view.ports, QUESTION_READS.ports),
    services: noting(view.services, QUESTION_READS.services),
  };
}

/** A fix and a suggestion are compared only where the case names one. */
function assertFindings(actual: readonly AnyFinding[], expected: readonly AnyFinding[]): void {
  const shown = actual.map(({ fix, suggestion, ...rest }, index) => ({
    ...rest,
    ...(expected[index]?.fix === undefined || fix === undefined ? {} : { fix }),
    ...(expected[index]?.suggestion === undefined || suggestion === undefined ? {} : { suggestion }),
  }));
  assert.deepEqual(shown, expected);
}

/** Its objects take the place of those that have their names, the one under review among them. */
function assertSuggestionHelps(rule: AnyRule, one: InvalidCase, finding: AnyFinding): void {
  const { suggestion } = finding;
  if (!suggestion) return;
  const taken = new Set(suggestion.map(identityOf));
  const object = suggestion.find((other) => identityOf(other) === identityOf(one.object)) ?? one.object;
  const cluster = [
    ...(one.cluster ?? []).filter((other) => !taken.has(identityOf(other))),
    ...suggestion.filter((other) => other !== object),
  ];
  const after = run(rule, { ...one, object, cluster }).map(({ message }) => message);
  assert.ok(!after.includes(finding.message), `${one.name}: ${finding.message} is still there`);
}

function identityOf(object: object): string {
  const { namespace = "default", name } = readObject("Namespace", object).metadata ?? {};
  return `${kindOf(object)} ${namespace}/${name}`;
}

function assertFixConverges(
  rule: AnyRule,
  one: InvalidCase,
  finding: AnyFinding,
  all: readonly AnyFinding[],
): void {
  if (!finding.fix) return;
  const { patch, object } = patchFor(one.object, finding.fix);
  assert.notDeepEqual(patch, [], `${one.name}: the fix changes nothing`);
  assertOracleAgrees(one.object, patch, object);
  const fixed = { ...one, object: isObject(object) ? object : {} };
  const after = run(rule, fixed);
  const where = formatField(finding.field);
  const isThere = after.some(
    ({ message, field }) => message === finding.message && formatField(field) === where,
  );
  assert.equal(isThere, false, `${one.name}: ${finding.message} at ${where} is still there`);
  for (const { fix } of after) {
    const isOfAnother = all.some((other) => other !== finding && sameJson(other.fix, fix));
    const { patch: more } = patchFor(object, fix ?? []);
    if (!isOfAnother) assert.deepEqual(more, [], `${one.name}: a second pass changes more`);
  }
}

/** Our patch, applied by another library, gives our result. */
function assertOracleAgrees(before: object, patch: readonly PatchOperation[], after: unknown): void {
  const copy: unknown = structuredClone(before);
  const errors = applyPatch(copy, structuredClone([...patch]));
  assert.deepEqual(
    errors.filter((error) => error !== null),
    [],
  );
  assert.deepEqual(copy, after);
}

/** The first document is under review, the rest is the cluster. */
function runExample(rule: AnyRule, text: string): readonly string[] {
  const { documents, problems } = parseYaml(text);
  assert.deepEqual(problems, []);
  const values: readonly unknown[] = documents.map(({ value }) => value);
  const [object, ...cluster] = values.filter(isObject);
  assert.ok(object, "the example has no object");
  const operation = exampleOperation(rule);
  const before = operation === "UPDATE" ? cluster.find((other) => isSame(other, object)) : undefined;
  const old = before === undefined ? {} : { oldObject: before };
  const split = rule.example.isSplit ? { meshPlane: [] } : {};
  const one = { name: "example", operation, object, ...old, cluster, ...split };
  return run(rule, one).map(({ message }) => message);
}

function isSame(one: object, other: object): boolean {
  const nameOf = (object: object) => readObject("Namespace", object).metadata?.name;
  return kindOf(one) === kindOf(other) && nameOf(one) === nameOf(other);
}

function assertFits(rule: AnyRule, id: string, message: Message): void {
  const { text } = typeof message === "string" ? { text: message } : message;
  const fixed = text.replaceAll(/\{\{\w+\}\}/g, "");
  assert.ok(fixed.length <= MAX_STATIC_LENGTH, `${id} has ${fixed.length} characters`);
  assert.doesNotMatch(text, /[\n\r\t!]|\.$|^Warning|please/i, id);
  const remedy = typeof message === "string" ? rule.remedy : (message.remedy ?? rule.remedy);
  assert.ok(
    `${rule.id}: fix: ${remedy}`.length <= MAX_WARNING_LENGTH,
    `the remedy of ${id} is cut in a warning`,
  );
  const marks = [...`${text} ${remedy}`.matchAll(/\{\{(\w+)\}\}/g)].map(([, mark = ""]): [string, string] => [
    mark,
    mark,
  ]);
  const data: MessageData = Object.fromEntries(marks);
  assert.doesNotThrow(() => render(text, data, "names"));
}

function assertTexts(rule: AnyRule): void {
  for (const texts of [rule, rule.zh]) {
    assert.ok(texts.title !== "" && texts.why !== "" && texts.remedy !== "");
    assert.ok(texts.symptoms.length > 0);
  }
  assert.equal(rule.zh.symptoms.length, rule.symptoms.length);
  assert.equal(rule.zh.notes.length, rule.notes.length);
  assert.ok(rule.sources.length > 0);
  for (const source of rule.sources) assert.match(source, /, https:\/\/\S+$/);
}

/** The object with each field in turn gone, null, or of another type. */
function* mutilations(object: object): Iterable<object> {
  for (const path of pathsOf(object, [])) {
    if (path[0] === "apiVersion" || path[0] === "kind") continue;
    yield without(object, path);
    for (const value of [null, 7, "text", [], {}, [null], [[]], true]) {
      const { object: changed } = patchFor(object, [{ path, value } satisfies Change]);
      if (isObject(changed)) yield changed;
    }
  }
}

function* pathsOf(value: unknown, path: FieldPath): Iterable<FieldPath> {
  if (path.length > 0) yield path;
  if (Array.isArray(value))
    for (const [index, element] of value.entries()) yield* pathsOf(element, [...path, index]);
  else if (isObject(value)) for (const key of Object.keys(value)) yield* pathsOf(value[key], [...path, key]);
}

function without(object: object, path: FieldPath): object {
  const copy: unknown = structuredClone(object);
  const parent = path.slice(0, -1).reduce<unknown>((node, segment) => childOf(node, segment), copy);
  const last = path.at(-1) ?? "";
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (isObject(parent)) Reflect.deleteProperty(parent, last);
  return isObject(copy) ? copy : {};
}

function childOf(node: unknown, segment: string | number): unknown {
  if (Array.isArray(node)) return node[Number(segment)];
  return isObject(node) ? node[segment] : undefined;
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
