import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseManifests } from "../../src/cluster/files/manifests.ts";
import { Store } from "../../src/cluster/store.ts";
import { checkManifests } from "../../src/commands/check/check-manifests.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../../src/rules/policy.ts";
import type { Policy } from "../../src/rules/policy.ts";
import type { AnyRule } from "../../src/rules/rule.ts";
import destinationRuleNotOrphaned from "../../src/rules/destination-rule-not-orphaned.ts";
import tcpPortNotShared from "../../src/rules/tcp-port-not-shared.ts";
import { defineRule } from "../../src/rules/rule.ts";
import { configMapIsAlone, namespaceThrows, SMALL_RULES } from "./small-rules.ts";

interface Input {
  readonly files: Readonly<Record<string, string>>;
  readonly namespace?: string;
  readonly rules?: readonly AnyRule[];
  readonly policy?: Policy;
  /** YAML of objects that are there besides. */
  readonly state?: string;
}

function checkFiles({
  files,
  namespace = "default",
  rules = SMALL_RULES,
  policy = DEFAULT_POLICY,
  state = "",
}: Input) {
  const store = new Store("cluster.local");
  for (const { kind, object } of parseManifests("state", state, false).manifests) {
    if (kind) store.put(kind, object);
  }
  return checkManifests({
    manifests: Object.entries(files).flatMap(([file, text]) => parseManifests(file, text, true).manifests),
    state: { store, settings: DEFAULT_MESH_SETTINGS, isComplete: false },
    namespace,
    rules,
    policy,
    today: "2026-08-01",
  });
}

/** `FILE:LINE:COLUMN ACTION RULE MESSAGE`. */
function linesOf(input: Input): string[] {
  return checkFiles(input).findings.map(
    ({ file, line, column, verdict: { action, rule, message } }) =>
      `${file}:${line}:${column} ${action} ${rule} ${message}`,
  );
}

const CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n";
const SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n";

describe("a namespace", () => {
  test("is the given one where an object names none", () => {
    const { findings } = checkFiles({ files: { a: SERVICE }, namespace: "shop" });
    assert.deepEqual(findings[0]?.object, {
      apiVersion: "v1",
      kind: "Service",
      namespace: "shop",
      name: "web",
    });
  });

  test("that an object names is kept", () => {
    const { findings } = checkFiles({ files: { a: `${SERVICE}  namespace: bank\n` }, namespace: "shop" });
    assert.equal(findings[0]?.object.namespace, "bank");
  });

  test("that is empty counts as none", () => {
    const { findings } = checkFiles({ files: { a: `${SERVICE}  namespace: ""\n` }, namespace: "shop" });
    assert.equal(findings[0]?.object.namespace, "shop");
  });

  test("is empty for cluster-scoped objects, whatever they name", () => {
    const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, namespace: bank}\n";
    const { failures, findings } = checkFiles({
      files: { a: `${namespace}---\n${namespace}` },
      rules: [namespaceThrows],
    });
    assert.equal(failures.length, 1);
    assert.deepEqual(
      findings.map(({ object }) => object.namespace),
      [""],
    );
  });

  test("decides which other objects a rule sees", () => {
    const files = { a: `${CONFIG_MAP}---\n${CONFIG_MAP.replace("settings", "more")}  namespace: shop\n` };
    assert.deepEqual(linesOf({ files }), []);
    assert.deepEqual(linesOf({ files, namespace: "shop" }), [
      "a:4:3 Deny config-map-is-alone 1 more in shop",
      "a:9:3 Deny config-map-is-alone 1 more in shop",
    ]);
  });
});

describe("the cluster around an object", () => {
  test("does not hold the object itself", () => {
    assert.deepEqual(linesOf({ files: { a: CONFIG_MAP } }), []);
  });

  test("holds what is there besides, which is not reviewed", () => {
    assert.deepEqual(
      linesOf({
        files: { a: CONFIG_MAP },
        state: `${CONFIG_MAP.replace("settings", "more")}---\n${SERVICE}`,
      }),
      ["a:4:3 Deny config-map-is-alone 1 more in default"],
    );
  });

  test("holds the file's version of an object that is in both", () => {
    assert.deepEqual(linesOf({ files: { a: CONFIG_MAP }, state: `${CONFIG_MAP}  namespace: default\n` }), []);
  });

  test("is the same in whatever order the files come", () => {
    const a = `${SERVICE}---\n${CONFIG_MAP}`;
    const b = `${CONFIG_MAP.replace("settings", "more")}---\n${SERVICE.replace("web", "api")}`;
    const expected = [
      "a:3:1 Warn service-has-owner Service web has no owner",
      "a:9:3 Deny config-map-is-alone 1 more in default",
      "b:4:3 Deny config-map-is-alone 1 more in default",
      "b:8:1 Warn service-has-owner Service api has no owner",
    ];
    assert.deepEqual(linesOf({ files: { a, b } }), expected);
    assert.deepEqual(linesOf({ files: { b, a } }), expected);
  });
});

describe("an object that is there twice", () => {
  test("counts as it is written last, and the earlier place names the later", () => {
    const files = { a: SERVICE, b: `${SERVICE}  labels: {owner: shop}\n` };
    assert.deepEqual(linesOf({ files }), [
      "a:4:3 Audit foresail Service default/web is defined again at b:1, and the last one counts",
    ]);
  });

  test("is named once for each earlier place", () => {
    assert.deepEqual(linesOf({ files: { a: `${CONFIG_MAP}---\n${CONFIG_MAP}---\n${CONFIG_MAP}` } }), [
      "a:4:3 Audit foresail ConfigMap default/settings is defined again at a:11, and the last one counts",
      "a:9:3 Audit foresail ConfigMap default/settings is defined again at a:11, and the last one counts",
    ]);
  });

  test("is the same object in another version of its group, and in the namespace it would get", () => {
    const rule = (version: string, more: string) =>
      `apiVersion: networking.istio.io/${version}\nkind: DestinationRule\nmetadata: {name: web${more}}\n`;
    const files = { a: rule("v1beta1", ""), b: rule("v1", ", namespace: default") };
    assert.equal(linesOf({ files }).length, 1);
  });

  test("may be of a kind that foresail does not know", () => {
    const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: token, namespace: shop}\n";
    assert.deepEqual(linesOf({ files: { a: `${secret}---\n${secret}` } }), [
      "a:3:12 Audit foresail Secret shop/token is defined again at a:5, and the last one counts",
    ]);
  });

  test("is another object in another namespace, of another kind, or of another group", () => {
    const gateway = (group: string) => `apiVersion: ${group}/v1\nkind: Gateway\nmetadata: {name: settings}\n`;
    const files = {
      a: CONFIG_MAP,
      b: `${CONFIG_MAP}  namespace: shop\n`,
      c: gateway("networking.istio.io"),
      d: gateway("gateway.networking.k8s.io"),
    };
    assert.deepEqual(linesOf({ files }), []);
  });

  test("is two objects if they get their names from the API server", () => {
    const pod = "apiVersion: v1\nkind: Pod\nmetadata: {generateName: web-, annotations: {hello: world}}\n";
    assert.deepEqual(linesOf({ files: { a: `${pod}---\n${pod}` } }), []);
  });
});

describe("a key that is there twice", () => {
  test("warns where it stands again, because kubectl drops the first one without a word", () => {
    const pod =
      "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations: {hello: a, x: 1, hello: b}\n";
    assert.deepEqual(linesOf({ files: { a: pod } }), [
      "a:5:33 Warn foresail The key hello stands here again, and the last value counts",
    ]);
  });

  test("is worth a note only if it says the same again", () => {
    const pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations: {hello: a, hello: a}\n";
    assert.deepEqual(linesOf({ files: { a: pod } }), [
      "a:5:27 Audit foresail The key hello stands here again, with the same value",
    ]);
  });

  test("is one finding, where it stands last, however often it is there", () => {
    const pod =
      "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations: {hello: a, hello: b, hello: b}\n";
    assert.deepEqual(linesOf({ files: { a: pod } }), [
      "a:5:37 Warn foresail The key hello stands here again, and the last value counts",
    ]);
  });

  test("belongs to the object of a List in which it is, of any kind, in JSON, too", () => {
    const items =
      '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"x": "", "x": "1"}}';
    const list = `{"apiVersion": "v1", "kind": "List", "items": [\n${items.replace('"a"', '"b"').replace(', "x": "1"', "")},\n${items}]}`;
    const { findings } = checkFiles({ files: { a: list } });
    assert.deepEqual(
      findings.map(({ line, object, verdict }) => [line, object.name, verdict.field]),
      [[3, "a", ["data", "x"]]],
    );
  });
});

describe("objects that get their names from the API server", () => {
  test("see each other, and not themselves", () => {
    const configMap = (label: string) =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a-, labels: {l: ${label}}}\n`;
    const seen = defineRule({
      ...configMapIsAlone,
      *check({ object }, cluster) {
        const others = cluster.list("ConfigMap", "default").map(({ metadata }) => metadata?.labels?.["l"]);
        const data = { count: others.join(" "), namespace: String(object.metadata?.labels?.["l"]) };
        yield { message: "company", field: [], data };
      },
    });
    const files = { a: ["one", "two", "three"].map(configMap).join("---\n") };
    assert.deepEqual(
      checkFiles({ files, rules: [seen] }).findings.map(({ verdict }) => verdict.message),
      ["two three more in one", "one three more in two", "one two more in three"],
    );
  });
});

describe("a finding", () => {
  test("has the name PREFIX* for an object with generateName", () => {
    const { findings } = checkFiles({
      files: { a: "apiVersion: v1\nkind: Pod\nmetadata: {generateName: web-}\n" },
    });
    assert.equal(findings[0]?.object.name, "web-*");
  });

  test("stands where the item of a List stands", () => {
    const list =
      "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata:\n    name: web\n    labels: {}\n";
    assert.deepEqual(linesOf({ files: { a: list } }), [
      "a:8:5 Warn service-has-owner Service web has no owner",
    ]);
  });

  test("of a fix keeps its action and the patch of the file's object", () => {
    const { findings } = checkFiles({
      files: { a: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {}}\n" },
    });
    const patch = [
      { op: "add", path: "/spec/template/metadata", value: { annotations: { hello: "world" } } },
    ];
    assert.deepEqual(
      findings.map(({ verdict }) => [verdict.action, verdict.patch]),
      [
        ["Fix", patch],
        ["Fix", patch],
      ],
    );
  });

  test("is silenced by an exemption with a reason, and an exemption that names no rule is a finding", () => {
    const exempt = (text: string) => `${SERVICE}  annotations: {foresail.io/exempt: "${text}"}\n`;
    assert.deepEqual(linesOf({ files: { a: exempt("service-has-owner; nobody yet") } }), []);
    assert.deepEqual(
      linesOf({ files: { a: exempt("service-has-owner; nobody yet | service-has-owners; x") } }),
      [
        "a:5:17 Warn foresail The exemption from service-has-owners does not count: there is no rule of this name",
      ],
    );
  });

  test("points to the pages of the configuration", () => {
    const policy = { ...DEFAULT_POLICY, docsUrl: "https://docs.example.org/{rule}.html" };
    const { findings } = checkFiles({ files: { a: `${SERVICE}---\n${SERVICE}` }, policy });
    assert.deepEqual(
      findings.map(({ verdict }) => verdict.docs),
      ["https://docs.example.org/foresail.html", "https://docs.example.org/service-has-owner.html"],
    );
  });

  test("is missing for a rule that throws, which is a failure instead", () => {
    const { findings, failures } = checkFiles({
      files: { a: `apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n${SERVICE}` },
      rules: [namespaceThrows, ...SMALL_RULES],
    });
    assert.deepEqual(
      findings.map(({ verdict }) => verdict.rule),
      ["service-has-owner"],
    );
    assert.deepEqual(
      failures.map(({ rule, manifest, error }) => [rule, manifest.name, String(error)]),
      [["namespace-throws", "shop", "Error: out of luck"]],
    );
  });
});

describe("of two objects that do not go together", () => {
  const entry = (name: string) => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}, namespace: shop}
spec: {hosts: [${name}.example.com], ports: [{number: 3306, name: tcp, protocol: TCP}], resolution: DNS}
`;
  const told = (input: Omit<Input, "rules">) =>
    checkFiles({ ...input, rules: [tcpPortNotShared] }).findings.map(({ object }) => object.name);

  test("the second is told, in whatever order they come", () => {
    assert.deepEqual(told({ files: { a: entry("billing"), b: entry("orders") } }), ["orders"]);
    assert.deepEqual(told({ files: { a: entry("orders"), b: entry("billing") } }), ["orders"]);
    assert.deepEqual(told({ files: { a: `${entry("orders")}---\n${entry("billing")}` } }), ["orders"]);
  });

  test("the one that is checked is told, if the other is in the cluster", () => {
    assert.deepEqual(told({ files: { a: entry("billing") }, state: entry("orders") }), ["billing"]);
    assert.deepEqual(told({ files: { a: entry("orders") }, state: entry("billing") }), ["orders"]);
  });

  test("the younger one is told, where that is known", () => {
    const old = entry("orders").replace(
      "namespace:",
      'creationTimestamp: "2026-01-01T00:00:00Z", namespace:',
    );
    assert.deepEqual(told({ files: { a: old, b: entry("billing") } }), ["billing"]);
  });

  test("a DestinationRule for an alias is told of, and not the alias", () => {
    const files = {
      a: `apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {type: ExternalName, externalName: db.example.com}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: db, namespace: shop}
spec: {host: db}
`,
    };
    const { findings } = checkFiles({ files, rules: [destinationRuleNotOrphaned, tcpPortNotShared] });
    assert.deepEqual(
      findings.map(({ object, verdict }) => `${object.kind} ${verdict.rule}`),
      ["DestinationRule tcp-port-not-shared"],
    );
  });
});
