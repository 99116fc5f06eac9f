import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeProxyConfig, parseProxyConfig } from "../../src/istio/proxy-config.ts";
import type { ProxyConfig } from "../../src/istio/proxy-config.ts";
import { parseYaml } from "../../src/kubernetes/yaml/yaml.ts";

const ADDITIONS = {
  proxyMetadata: { EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true", MINIMUM_DRAIN_DURATION: "5s" },
};

const EMPTY = { value: {}, settings: { proxyMetadata: {} }, refusal: undefined };

function read(text: string): ProxyConfig {
  const parsed = parseProxyConfig(text);
  assert.ok(!("problem" in parsed), text);
  return parsed;
}

function problemOf(text: string): string {
  const parsed = parseProxyConfig(text);
  assert.ok("problem" in parsed, text);
  return parsed.problem;
}

function merged(text: string, additions: Parameters<typeof mergeProxyConfig>[1] = ADDITIONS): unknown {
  return parseYaml(mergeProxyConfig(read(text), additions)).documents[0]?.value;
}

test("reads nothing as an empty configuration", () => {
  for (const text of ["", "\n", "# nothing yet\n", "---\n", "null", "{}"]) {
    assert.deepEqual(read(text), { ...EMPTY, text });
    assert.deepEqual(merged(text), { proxyMetadata: ADDITIONS.proxyMetadata }, text);
  }
});

test("reads what decides how a proxy stops, as Istio's environment gets it", () => {
  const { settings } = read("terminationDrainDuration: 40s\nproxyMetadata: {A: true, B: 7, C: text}\n");
  assert.deepEqual(settings, {
    terminationDrainDuration: "40s",
    proxyMetadata: { A: "true", B: "7", C: "text" },
  });
});

test("reads JSON too", () => {
  assert.deepEqual(read('{"terminationDrainDuration":"9s"}').settings, {
    terminationDrainDuration: "9s",
    proxyMetadata: {},
  });
});

test("takes a key without a value for no key", () => {
  const text = "terminationDrainDuration:\nproxyMetadata:\n";
  assert.deepEqual(read(text).settings, { proxyMetadata: {} });
  assert.deepEqual(merged(text), { terminationDrainDuration: null, proxyMetadata: ADDITIONS.proxyMetadata });
});

test("knows the names of protobuf as well, which count where JSON's are not there", () => {
  const text = "proxy_metadata: {A: b}\ntermination_drain_duration: 20s\ninterception_mode: NONE\n";
  assert.deepEqual(read(text).settings, {
    interceptionMode: "NONE",
    terminationDrainDuration: "20s",
    proxyMetadata: { A: "b" },
  });
  assert.deepEqual(merged("proxy_metadata: {A: b}"), {
    proxy_metadata: { A: "b", ...ADDITIONS.proxyMetadata },
  });
  const both = "proxy_metadata: {A: b}\nproxyMetadata: {C: d}\n";
  assert.deepEqual(read(both).settings.proxyMetadata, { C: "d" });
  assert.deepEqual(merged(both), {
    proxy_metadata: { A: "b" },
    proxyMetadata: { C: "d", ...ADDITIONS.proxyMetadata },
  });
  assert.match(read("termination_drain_duration: 30").refusal ?? "", /^terminationDrainDuration 30 is no/);
});

test("reads the first of several documents, as Istio does, and leaves the others alone", () => {
  const several = read("terminationDrainDuration: 7s\n---\nb: 2\n");
  assert.equal(several.settings.terminationDrainDuration, "7s");
  assert.equal(
    mergeProxyConfig(several, { proxyMetadata: { A: "b" } }),
    "terminationDrainDuration: 7s\nproxyMetadata:\n  A: b\n---\nb: 2\n",
  );
});

test("leaves comments, quotes, numbers and JSON as they are written", () => {
  const additions = { proxyMetadata: { A: "b" } };
  const commented = "# ours\ntracing: {sampling: 1.50} # enough\nproxyMetadata:\n  # theirs\n  X: 'y'\n";
  assert.equal(mergeProxyConfig(read(commented), additions), `${commented}  A: b\n`);
  const json = '{"concurrency": 2, "proxyMetadata": {"X": "y"}}';
  assert.deepEqual(JSON.parse(mergeProxyConfig(read(json), additions)), {
    concurrency: 2,
    proxyMetadata: { X: "y", A: "b" },
  });
});

test("keeps everything that is there, and its type", () => {
  const text = `# ours
concurrency: 2
holdApplicationUntilProxyStarts: yes
tracing: {sampling: 10.5, zipkin: {address: "zipkin:9411"}}
extraStatTags: [a, "1"]
proxyMetadata:
  ISTIO_META_DNS_CAPTURE: "true"
  NUMBER: "010"
`;
  assert.deepEqual(merged(text), {
    concurrency: 2,
    holdApplicationUntilProxyStarts: true,
    tracing: { sampling: 10.5, zipkin: { address: "zipkin:9411" } },
    extraStatTags: ["a", "1"],
    proxyMetadata: { ISTIO_META_DNS_CAPTURE: "true", NUMBER: "010", ...ADDITIONS.proxyMetadata },
  });
});

test("lets the user's values win", () => {
  const proxyMetadata = { MINIMUM_DRAIN_DURATION: "20s", EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "false" };
  assert.deepEqual(merged(JSON.stringify({ proxyMetadata })), { proxyMetadata });
  const additions = { proxyMetadata: {}, terminationDrainDuration: "30s" };
  assert.deepEqual(merged("terminationDrainDuration: 7s", additions), { terminationDrainDuration: "7s" });
});

test("adds a duration without an empty proxyMetadata", () => {
  const additions = { proxyMetadata: {}, terminationDrainDuration: "30s" };
  assert.equal(
    mergeProxyConfig(read("concurrency: 1\n"), additions),
    "concurrency: 1\nterminationDrainDuration: 30s\n",
  );
});

test("writes texts that stay texts", () => {
  assert.match(mergeProxyConfig(read(""), ADDITIONS), /EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"\n/);
});

test("changes nothing the second time", () => {
  const once = mergeProxyConfig(read("concurrency: 1"), ADDITIONS);
  assert.equal(mergeProxyConfig(read(once), ADDITIONS), once);
});

test("says on one line why a text cannot be used", () => {
  for (const text of ["a: [", "a: b: c", "\tconcurrency: 2", "a: 'b"])
    assert.match(problemOf(text), /^line \d+: .+$/, text);
  assert.equal(problemOf("- a"), "it is no map");
  assert.equal(problemOf("terminationDrainDuration"), "it is no map");
  assert.equal(problemOf("7"), "it is no map");
  assert.equal(problemOf("proxyMetadata: [a]"), "proxyMetadata is no map");
  assert.equal(problemOf("proxyMetadata: A=b"), "proxyMetadata is no map");
});

test("tells what Istio refuses though it is YAML", () => {
  const refusals = {
    "proxyMetadata: {A: true, B: 7}": "proxyMetadata.A is not in quotes",
    "proxyMetadata: {A: b, B: 7}": "proxyMetadata.B is not in quotes",
    "terminationDrainDuration: 30": "terminationDrainDuration 30 is no duration such as 30s",
    "terminationDrainDuration: 30sec": "terminationDrainDuration 30sec is no duration such as 30s",
  };
  for (const [text, refusal] of Object.entries(refusals)) assert.equal(read(text).refusal, refusal);
  for (const text of ["proxyMetadata: {A: }", "terminationDrainDuration: 1m30s", "concurrency: 2"])
    assert.equal(read(text).refusal, undefined);
});
