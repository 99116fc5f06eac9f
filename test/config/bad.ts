/** Configurations that are refused. */

const ACTIONS = "an action (Off, Audit, Warn, Fix or Deny)";

/** What is wrong; the text; every message. */
export const BAD: readonly (readonly [name: string, text: string, problems: readonly string[]])[] = [
  [
    "a duration that is none",
    "rules:\n  pod-drains-before-stop: { drainDuration: banana }\n",
    [
      '2:29: rules.pod-drains-before-stop.drainDuration: expected a duration with its unit, such as 30s, found "banana"',
    ],
  ],
  // Keys
  ["a misspelt key", "exemption: []", ['1:1: unknown key "exemption"; did you mean "exemptions"?']],
  [
    "a key in another case",
    "clusterdomain: cluster.local",
    ['1:1: unknown key "clusterdomain"; did you mean "clusterDomain"?'],
  ],
  [
    "a key that is like none",
    "assume: { helm: 3.1 }",
    ['1:11: assume: unknown key "helm", expected istio, kubernetes, ccm or asm'],
  ],
  [
    "a rule that is not under rules",
    "pod-drains-before-stop: Warn",
    ['1:1: unknown key "pod-drains-before-stop"; it belongs under "rules"'],
  ],
  [
    "a version that is not under assume",
    "istio: 1.10",
    ['1:1: unknown key "istio"; it belongs under "assume"'],
  ],
  [
    "a key twice",
    "multiCluster: true\nrules: {}\nmultiCluster: false\n",
    ['3:1: the key "multiCluster" stands here a second time'],
  ],
  [
    "a rule twice",
    "rules:\n  pod-drains-before-stop: Warn\n  pod-drains-before-stop: Deny\n",
    ['3:3: rules: the key "pod-drains-before-stop" stands here a second time'],
  ],
  // Rules
  [
    "a misspelt action",
    "rules:\n  pod-drains-before-stop: Wran\n",
    [`2:3: rules.pod-drains-before-stop: expected ${ACTIONS}, found "Wran"; did you mean "Warn"?`],
  ],
  [
    "a truth value for an action",
    "rules: { pod-drains-before-stop: yes }",
    [
      `1:10: rules.pod-drains-before-stop: expected ${ACTIONS} or a mapping of action and options, found yes (true in YAML)`,
    ],
  ],
  [
    "a rule with nothing, since its action is not indented",
    "rules:\n  pod-drains-before-stop:\n  action: Warn\n",
    [
      `2:3: rules.pod-drains-before-stop: expected ${ACTIONS} or a mapping of action and options, found nothing`,
    ],
  ],
  [
    "a list of rules",
    "rules: [pod-drains-before-stop]",
    ["1:1: rules: expected a mapping of rule ids to actions, found a list"],
  ],
  [
    "a misspelt option and a misspelt value",
    "rules:\n  pod-probes-reach-the-app: { action: Fix, exclude: allways, outbond: true }\n",
    [
      '2:44: rules.pod-probes-reach-the-app.exclude: expected dedicatedPorts, always or never, found "allways"; did you mean "always"?',
      '2:62: rules.pod-probes-reach-the-app: unknown key "outbond"; did you mean "outbound"?',
    ],
  ],
  [
    "an option of a rule that has none",
    "rules: { destination-rule-is-looked-up: { strict: true } }",
    ['1:43: rules.destination-rule-is-looked-up: unknown key "strict", expected action'],
  ],
  [
    "options of the wrong types",
    'rules:\n  pod-probes-reach-the-app: { outbound: "yes" }\n  pod-drains-before-stop: { drainDuration: 30, ignoredPorts: metrics }\n',
    [
      '2:31: rules.pod-probes-reach-the-app.outbound: expected true or false, found "yes"; leave out the quotes',
      "3:29: rules.pod-drains-before-stop.drainDuration: expected a duration with its unit, such as 30s, found 30; write 30s",
      '3:48: rules.pod-drains-before-stop.ignoredPorts: expected a list of texts, found "metrics"; write [metrics]',
    ],
  ],
  // The mesh
  [
    "one namespace instead of a list",
    "clientNamespaces: batch",
    [
      '1:1: clientNamespaces: expected a list of namespaces, or a mapping of names, matchLabels and matchExpressions, found "batch"; write [batch]',
    ],
  ],
  [
    "a namespace with a wildcard",
    "clientNamespaces:\n- jobs\n- batch-*\n",
    ['3:3: clientNamespaces[1]: expected the name of a namespace, found "batch-*"'],
  ],
  [
    "a namespace that YAML makes a truth value of",
    "istioNamespace: no",
    ["1:1: istioNamespace: expected the name of a namespace, found no (false in YAML); put it in quotes"],
  ],
  ["an empty name", 'rootNamespace: ""', ['1:1: rootNamespace: expected the name of a namespace, found ""']],
  [
    "a selector of client namespaces that selects all",
    "clientNamespaces: { names: [jobs], matchLabels: {} }",
    ["1:1: clientNamespaces: the selector is empty and would match every namespace"],
  ],
  [
    "versions that are none",
    "assume: { istio: 1, kubernetes: latest, ccm: 2.9 beta, asm: }",
    [
      "1:11: assume.istio: expected a version, such as 1.22, found 1",
      '1:21: assume.kubernetes: expected a version, such as 1.22, found "latest"',
      '1:41: assume.ccm: expected a version, such as 1.22, found "2.9 beta"',
      "1:56: assume.asm: expected a version, such as 1.22, found nothing",
    ],
  ],
  [
    "a trailing dot",
    "clusterDomain: cluster.local.",
    ['1:1: clusterDomain: expected a domain name, such as cluster.local, found "cluster.local."'],
  ],
  [
    "a truth value in quotes",
    'multiCluster: "true"',
    ['1:1: multiCluster: expected true or false, found "true"; leave out the quotes'],
  ],
  // Answers
  [
    "values in the wrong case or of the wrong type",
    "onInternalError: allow\ncrossNamespaceDetails: 0\n",
    [
      '1:1: onInternalError: expected Allow or Deny, found "allow"; did you mean "Allow"?',
      "2:1: crossNamespaceDetails: expected names, count or none, found 0",
    ],
  ],
  [
    "a link that leads nowhere",
    "docsUrl: docs.example.org/{id}",
    [
      '1:1: docsUrl: expected an http or https URL, in which {rule} stands for the rule id, or "", found "docs.example.org/{id}"',
    ],
  ],
  [
    "one namespace for exemption annotations",
    "exemptionAnnotations: edge",
    ['1:1: exemptionAnnotations: expected true, false or a list of namespaces, found "edge"; write [edge]'],
  ],
  [
    "exemption annotations in nowhere or everywhere, nobody knows",
    "exemptionAnnotations:\n# - edge\n",
    ["1:1: exemptionAnnotations: expected true, false or a list of namespaces, found nothing"],
  ],
  // Exemptions
  [
    "an exemption that is a mapping, not a list",
    "exemptions: { rules: [gateway-reachable-in-cluster] }",
    ["1:1: exemptions: expected a list of exemptions, found a mapping"],
  ],
  [
    "an exemption without anything",
    "exemptions:\n- {}\n",
    [
      '2:3: exemptions[0]: "rules" is missing, expected a list of rule ids',
      '2:3: exemptions[0]: "reason" is missing, expected a text that gives the reason',
      "2:3: exemptions[0]: needs at least one of namespaces, namespaceSelector and objectSelector",
    ],
  ],
  [
    "an exemption from all rules, without a reason",
    'exemptions:\n- rules: ["*"]\n  namespaces: [edge]\n  reason: " "\n',
    [
      '2:11: exemptions[0].rules[0]: expected the id of one rule, since there is no wildcard, found "*"',
      '4:3: exemptions[0].reason: expected a text that gives the reason, found " "',
    ],
  ],
  [
    "an exemption from no rule in no namespace",
    "exemptions:\n- rules: []\n  namespaces: []\n  reason: none\n",
    [
      "2:3: exemptions[0].rules: expected at least one rule id, found an empty list",
      "3:3: exemptions[0].namespaces: expected at least one namespace, found an empty list",
    ],
  ],
  [
    "an exemption whose only criterion is misspelt",
    "exemptions:\n- rules: [gateway-reachable-in-cluster]\n  namespace: [edge]\n  reason: source IP\n",
    ['3:3: exemptions[0]: unknown key "namespace"; did you mean "namespaces"?'],
  ],
  [
    "an exemption for everything",
    "exemptions:\n- rules: [gateway-reachable-in-cluster]\n  objectSelector: {}\n  reason: source IP\n",
    ["3:3: exemptions[0].objectSelector: the selector is empty and would match everything"],
  ],
  [
    "a day that does not exist, and a date in another order",
    `exemptions:
- { rules: [gateway-reachable-in-cluster], namespaces: [edge], reason: source IP, until: 2027-02-29 }
- { rules: [gateway-reachable-in-cluster], namespaces: [edge], reason: source IP, until: 31.03.2027 }
- { rules: [gateway-reachable-in-cluster], namespaces: [edge], reason: 4711, until: 20270331 }
`,
    [
      '2:83: exemptions[0].until: expected a date of the calendar as YYYY-MM-DD, found "2027-02-29"',
      '3:83: exemptions[1].until: expected a date of the calendar as YYYY-MM-DD, found "31.03.2027"',
      "4:64: exemptions[2].reason: expected a text that gives the reason, found 4711; put it in quotes",
      "4:78: exemptions[2].until: expected a date of the calendar as YYYY-MM-DD, found 20270331",
    ],
  ],
  [
    "selectors that Kubernetes would refuse",
    `exemptions:
- rules: [gateway-reachable-in-cluster]
  reason: source IP
  namespaceSelector: { matchLabel: { team: edge } }
  objectSelector:
    matchLabels: { shared: true, "a b": c, tier: "-" }
    matchExpressions:
    - { key: app, operator: in, values: [web] }
    - { key: app, operator: In }
    - { key: app, operator: Exists, values: [web] }
    - { operator: Exists }
`,
    [
      '4:24: exemptions[0].namespaceSelector: unknown key "matchLabel"; did you mean "matchLabels"?',
      "6:20: exemptions[0].objectSelector.matchLabels.shared: expected a label value, found true; put it in quotes",
      '6:34: exemptions[0].objectSelector.matchLabels: expected a label key, found "a b"',
      '6:44: exemptions[0].objectSelector.matchLabels.tier: expected a label value, found "-"',
      '8:19: exemptions[0].objectSelector.matchExpressions[0].operator: expected In, NotIn, Exists or DoesNotExist, found "in"; did you mean "In"?',
      '9:7: exemptions[0].objectSelector.matchExpressions[1]: In and NotIn need "values", Exists and DoesNotExist take none',
      '10:7: exemptions[0].objectSelector.matchExpressions[2]: In and NotIn need "values", Exists and DoesNotExist take none',
      '11:7: exemptions[0].objectSelector.matchExpressions[3]: "key" is missing, expected a label key',
    ],
  ],
  // The whole text
  ["a list", "- rules", ["1:1: expected a mapping of settings, found a list"]],
  ["a word", "Warn", ['1:1: expected a mapping of settings, found "Warn"']],
  [
    "two documents",
    "multiCluster: true\n---\nrules: {}\n",
    ["3:1: a configuration is one document, and a second begins here"],
  ],
  [
    "the whole ConfigMap",
    "apiVersion: v1\nkind: ConfigMap\ndata:\n  config.yaml: |\n    rules: {}\n",
    ['1:1: expected settings, found a Kubernetes object; give only the text under its data["config.yaml"]'],
  ],
  [
    "text that a terminal would obey",
    'onInternalError: "\\e[2J\\u202e\\nAllow"',
    ['1:1: onInternalError: expected Allow or Deny, found "\\u001b[2J\\u{202e}\\nAllow"'],
  ],
  [
    "a key of great length",
    `${"k".repeat(500)}: 1`,
    [
      `1:1: unknown key "${"k".repeat(60)}...", expected rules, clientNamespaces, multiCluster, assume, rootNamespace, istioNamespace, clusterDomain, onInternalError, crossNamespaceDetails, docsUrl, exemptionAnnotations or exemptions`,
    ],
  ],
  [
    "keys that every JavaScript object seems to have",
    "__proto__: {}\nassume: { constructor: 1.1 }\n",
    [
      '1:1: unknown key "__proto__", expected rules, clientNamespaces, multiCluster, assume, rootNamespace, istioNamespace, clusterDomain, onInternalError, crossNamespaceDetails, docsUrl, exemptionAnnotations or exemptions',
      '2:11: assume: unknown key "constructor", expected istio, kubernetes, ccm or asm',
    ],
  ],
];
