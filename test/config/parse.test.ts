import assert from "node:assert/strict";
import { test } from "node:test";

import { DEFAULT_CONFIGURATION } from "../../src/config/configuration.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../../src/rules/policy.ts";
import { configurationOf, problemsOf, warningsOf } from "./rules.ts";

/** What one rule is told. */
function ruleOf(text: string, id = "pod-probes-reach-the-app") {
  return configurationOf(text).policy.rules.get(id);
}

for (const [name, text] of [
  ["an empty text", ""],
  ["a text of comments", "# rules:\n#   destination-rule-is-looked-up: Deny\n"],
  ["a document that is null", "---\n# nothing yet\n---\n"],
  ["an empty mapping", "{}"],
  ["keys whose entries are commented out", "rules:\nassume:\nexemptions:\nclientNamespaces:\n"],
  ["a byte order mark alone", "\uFEFF"],
] as const) {
  test(`${name} means the defaults`, () => {
    const { policy, mesh, warnings } = configurationOf(text);
    assert.deepEqual(
      { policy, mesh, warnings },
      { policy: DEFAULT_POLICY, mesh: DEFAULT_MESH_SETTINGS, warnings: [] },
    );
  });
}

test("the configuration of the documentation is valid and means what it says", () => {
  const { policy, mesh, warnings } = configurationOf(`
rules:                                   # an action, or {action, ...options}
  destination-rule-is-looked-up: Warn
  pod-probes-reach-the-app: { action: Fix, exclude: dedicatedPorts, outbound: false }
  pod-drains-before-stop: { mode: auto, drainDuration: 45s }
clientNamespaces: [batch, jobs]
multiCluster: false
assume: { istio: "1.10", kubernetes: "1.22", ccm: "2.9", asm: "1.10" }
rootNamespace: istio-system
istioNamespace: istio-system
clusterDomain: cluster.local
onInternalError: Allow
crossNamespaceDetails: names
docsUrl: ""
exemptionAnnotations: true
exemptions:
- rules: [gateway-reachable-in-cluster]
  namespaces: [edge]
  reason: source IP needed
  until: "2027-03-31"
`);
  assert.deepEqual(warnings, []);
  assert.deepEqual(mesh, {
    rootNamespace: "istio-system",
    istioNamespace: "istio-system",
    clusterDomain: "cluster.local",
    multiCluster: false,
    clientNamespaces: { names: ["batch", "jobs"], selector: undefined },
    assume: { istio: "1.10", kubernetes: "1.22", ccm: "2.9", asm: "1.10" },
  });
  assert.deepEqual(policy, {
    rules: new Map([
      ["destination-rule-is-looked-up", { action: "Warn", options: {} }],
      [
        "pod-probes-reach-the-app",
        { action: "Fix", options: { exclude: "dedicatedPorts", outbound: false } },
      ],
      [
        "pod-drains-before-stop",
        { action: "Warn", options: { mode: "auto", drainDuration: "45s", ignoredPorts: ["metrics"] } },
      ],
    ]),
    exemptions: [
      {
        rules: ["gateway-reachable-in-cluster"],
        namespaces: ["edge"],
        reason: "source IP needed",
        until: "2027-03-31",
      },
    ],
    exemptionAnnotations: true,
    onInternalError: "Allow",
    crossNamespaceDetails: "names",
    docsUrl: "",
    denyIsWeakened: false,
  });
});

for (const [written, action] of [
  ["Deny", "Deny"],
  ["DENY", "Deny"],
  ["fix", "Fix"],
  ["aUdIt", "Audit"],
  ['"warn"', "Warn"],
  ["Off", "Off"],
  ["off", "Off"],
  ["OFF", "Off"],
  ["false", "Off"],
  ["FALSE", "Off"],
  ["no", "Off"],
  ['"off"', "Off"],
  ["'False'", "Off"],
] as const) {
  test(`the action ${written} is ${action}, alone and beside options`, () => {
    assert.equal(ruleOf(`rules: { pod-probes-reach-the-app: ${written} }`)?.action, action);
    assert.equal(ruleOf(`rules: { pod-probes-reach-the-app: { action: ${written} } }`)?.action, action);
  });
}

test("options without an action leave the rule's own action", () => {
  const expected = { action: "Warn", options: { exclude: "never", outbound: true } };
  assert.deepEqual(
    ruleOf("rules: { pod-probes-reach-the-app: { exclude: never, outbound: yes } }"),
    expected,
  );
});

test("an option's value that YAML makes a truth value of is taken as written", () => {
  const rule = ruleOf("rules: { pod-drains-before-stop: { mode: off } }", "pod-drains-before-stop");
  assert.equal(rule?.options["mode"], "off");
});

test("a list option may be empty", () => {
  const rule = ruleOf("rules: { pod-drains-before-stop: { ignoredPorts: [] } }", "pod-drains-before-stop");
  assert.deepEqual(rule?.options["ignoredPorts"], []);
});

test("versions are read as written, in quotes or not", () => {
  const text = 'assume: { istio: 1.10, kubernetes: v1.30.1+k3s1, ccm: "2.9.1", asm: 1.10.5.40-g4e29-aliyun }';
  assert.deepEqual(configurationOf(text).mesh.assume, {
    istio: "1.10",
    kubernetes: "v1.30.1+k3s1",
    ccm: "2.9.1",
    asm: "1.10.5.40-g4e29-aliyun",
  });
});

test("a version behind an alias is read as written too", () => {
  const { assume } = configurationOf("assume: { istio: &same 1.20, asm: *same }").mesh;
  assert.deepEqual(assume, { istio: "1.20", asm: "1.20" });
});

test("clientNamespaces is a list, or names and a selector", () => {
  const clients = (text: string) => configurationOf(`clientNamespaces: ${text}`).mesh.clientNamespaces;
  const team = { matchLabels: { team: "batch" } };
  const exists = { matchExpressions: [{ key: "example.org/client", operator: "Exists" }] };
  assert.deepEqual(clients("[]"), { names: [], selector: undefined });
  assert.deepEqual(clients("{}"), { names: [], selector: undefined });
  assert.deepEqual(clients("{ names: [jobs] }"), { names: ["jobs"], selector: undefined });
  assert.deepEqual(clients("{ matchLabels: { team: batch } }"), { names: [], selector: team });
  assert.deepEqual(
    clients("{ names: [jobs], matchExpressions: [{ key: example.org/client, operator: Exists }] }"),
    {
      names: ["jobs"],
      selector: exists,
    },
  );
});

test("the other settings are taken over", () => {
  const { policy, mesh } = configurationOf(`
multiCluster: on
rootNamespace: mesh-root
istioNamespace: asm-system
clusterDomain: k8s.example.org
onInternalError: Deny
crossNamespaceDetails: none
docsUrl: https://docs.example.org/foresail/{rule}#fix
exemptionAnnotations: [edge, "123"]
`);
  assert.equal(mesh.multiCluster, true);
  assert.equal(mesh.rootNamespace, "mesh-root");
  assert.equal(mesh.istioNamespace, "asm-system");
  assert.equal(mesh.clusterDomain, "k8s.example.org");
  assert.equal(policy.onInternalError, "Deny");
  assert.equal(policy.crossNamespaceDetails, "none");
  assert.equal(policy.docsUrl, "https://docs.example.org/foresail/{rule}#fix");
  assert.deepEqual(policy.exemptionAnnotations, ["edge", "123"]);
  assert.equal(configurationOf("exemptionAnnotations: false").policy.exemptionAnnotations, false);
  assert.deepEqual(configurationOf("exemptionAnnotations: []").policy.exemptionAnnotations, []);
  assert.equal(configurationOf("crossNamespaceDetails: count").policy.crossNamespaceDetails, "count");
});

test("an exemption may select by labels, last until an unquoted date, and be reused with an anchor", () => {
  const { exemptions } = configurationOf(`
exemptions:
- &legacy
  rules: [destination-rule-is-looked-up, gateway-reachable-in-cluster]
  namespaceSelector: { matchLabels: { team: edge } }
  objectSelector:
    matchExpressions:
    - { key: app, operator: NotIn, values: [web, ""] }
    - { key: example.org/legacy, operator: Exists, values: [] }
  reason: |
    kept as it is
  until: 2028-02-29
- { <<: *legacy, rules: [pod-drains-before-stop] }
`).policy;
  const [first, second] = exemptions;
  assert.deepEqual(first, {
    rules: ["destination-rule-is-looked-up", "gateway-reachable-in-cluster"],
    namespaceSelector: { matchLabels: { team: "edge" } },
    objectSelector: {
      matchExpressions: [
        { key: "app", operator: "NotIn", values: ["web", ""] },
        { key: "example.org/legacy", operator: "Exists", values: [] },
      ],
    },
    reason: "kept as it is",
    until: "2028-02-29",
  });
  assert.equal(second?.reason, "kept as it is");
});

test("JSON is read as well", () => {
  assert.equal(ruleOf('{"rules":{"pod-probes-reach-the-app":{"action":"deny"}}}')?.action, "Deny");
});

test("an unknown rule is a warning, and the rest applies", () => {
  const text = `
rules:
  pod-probe-reaches-the-app: { action: Explode, depth: 3 }
  from-a-later-version: [1]
  pod-drains-before-stop: Deny
exemptions:
- rules: [from-a-later-version, gateway-reachable-in-cluster]
  namespaces: [edge]
  reason: kept
- rules: [from-a-later-version]
  namespaces: [edge]
  reason: ignored
`;
  assert.deepEqual(warningsOf(text), [
    '3:3: rules: unknown rule "pod-probe-reaches-the-app" is ignored; did you mean "pod-probes-reach-the-app"?',
    '4:3: rules: unknown rule "from-a-later-version" is ignored',
    '7:11: exemptions[0].rules: unknown rule "from-a-later-version" is ignored',
    '10:11: exemptions[1].rules: unknown rule "from-a-later-version" is ignored',
  ]);
  const { rules, exemptions } = configurationOf(text).policy;
  assert.deepEqual([...rules.keys()], ["pod-drains-before-stop"]);
  assert.deepEqual(
    exemptions.map((exemption) => exemption.rules),
    [["gateway-reachable-in-cluster"]],
  );
});

test("a setting among the rules is a warning that says where it belongs", () => {
  assert.deepEqual(
    warningsOf("rules:\n  onInternalError: Deny\n  action: Fix\n  __proto__: Off\n  toString: Off\n"),
    [
      '2:3: rules: unknown rule "onInternalError" is ignored; it belongs beside "rules"',
      '3:3: rules: unknown rule "action" is ignored; it belongs under the id of its rule',
      '4:3: rules: unknown rule "__proto__" is ignored',
      '5:3: rules: unknown rule "toString" is ignored',
    ],
  );
});

test("the hash depends on the text alone", () => {
  assert.match(configurationOf("multiCluster: true").hash, /^[0-9a-f]{12}$/);
  assert.equal(configurationOf("multiCluster: true").hash, configurationOf("multiCluster: true").hash);
  assert.notEqual(configurationOf("multiCluster: true").hash, configurationOf("multiCluster: false").hash);
  assert.equal(DEFAULT_CONFIGURATION.hash, "default");
});

test("256 KiB are read and one byte more is not", () => {
  const text = "multiCluster: true\n".padEnd(256 * 1024, "#");
  assert.deepEqual(problemsOf(text), []);
  assert.deepEqual(problemsOf(`${text}#`), ["1:1: a configuration has at most 256 KiB, this is longer"]);
});
