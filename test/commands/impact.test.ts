import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { folderWith, runForesail } from "../foresail.ts";
import type { Ran } from "../foresail.ts";
import { examplesOf, printedBy } from "./documented.ts";

/** `shop` and `batch` run clients, `prod` has the service; the ConfigMap tells the injector not to rewrite probes. */
const MESH = `apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled } }
---
apiVersion: v1
kind: Namespace
metadata: { name: batch, labels: { istio-injection: enabled } }
---
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: prod, creationTimestamp: "2026-01-01T00:00:00Z" }
spec: { ports: [{ port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: prod, creationTimestamp: "2026-01-01T00:00:00Z" }
spec:
  host: reviews
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
  trafficPolicy: { tls: { mode: ISTIO_MUTUAL } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio-sidecar-injector, namespace: istio-system }
data: { values: '{"sidecarInjectorWebhook":{"rewriteAppHTTPProbe":false}}' }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  template:
    metadata: { labels: { app: web } }
    spec:
      containers: [{ name: web, image: web, livenessProbe: { tcpSocket: { port: 8087 } } }]
`;

async function impact(
  t: TestContext,
  change: string,
  args: readonly string[] = [],
  mesh = MESH,
): Promise<Ran> {
  const config = "rules: { destination-rule-not-shadowed: Off }\n";
  const cwd = await folderWith(t, { "mesh.yaml": mesh, "config.yaml": config });
  return runForesail(["impact", "-", "--mesh-state", "mesh.yaml", ...args], { cwd, stdin: change });
}

const answered = (stdout: string, exitCode = 0): Ran => ({ exitCode, stdout, stderr: "" });

/** The lines below the title of lookups; what rules find besides is their own tests' business. */
function lookupsIn(stdout: string): string {
  const [, after = ""] = stdout.split("\nDestinationRules that clients get\n\n");
  return after.split("\n\n")[0]?.trimEnd() ?? "";
}

function destinationRule(place: string, spec: object): string {
  const [namespace, name] = place.split("/");
  return JSON.stringify({
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name, namespace },
    spec,
  });
}

describe("a DestinationRule", () => {
  test("that changes says what clients gain and lose, and what is otherwise", async (t) => {
    const change = destinationRule("prod/reviews", {
      host: "reviews",
      subsets: [{ name: "v2", labels: { version: "v2.1" } }],
      trafficPolicy: { tls: { mode: "DISABLE" }, outlierDetection: { consecutive5xxErrors: 7 } },
    });
    const { stdout } = await impact(t, change);
    assert.equal(
      lookupsIn(stdout),
      `- \`reviews.prod.svc.cluster.local\`, for clients in batch, shop
  - before: prod/reviews
  - after: prod/reviews
  - gained: \`outlierDetection\` (consecutive5xxErrors: 7)
  - lost: \`subset v1\` (version=v1)
  - changed: \`subset v2\` from version=v2 to version=v2.1
  - changed: \`tls\` from mode: ISTIO_MUTUAL to mode: DISABLE`,
    );
  });

  test("in the clients' namespace takes the service's rule from these clients only", async (t) => {
    const { stdout } = await impact(t, destinationRule("batch/own", { host: "*.prod.svc.cluster.local" }));
    assert.equal(
      lookupsIn(stdout),
      `- \`reviews.prod.svc.cluster.local\`, for clients in batch
  - before: prod/reviews
  - after: batch/own
  - lost: \`subset v1\` (version=v1)
  - lost: \`subset v2\` (version=v2)
  - lost: \`tls\` (mode: ISTIO_MUTUAL)`,
    );
  });

  test("with a selector is told of with the labels that it asks for", async (t) => {
    const rule = {
      host: "reviews.prod.svc.cluster.local",
      workloadSelector: { matchLabels: { app: "web" } },
    };
    const { stdout } = await impact(t, destinationRule("shop/own", rule));
    assert.match(stdout, /, for clients in shop\n {2}- before: prod\/reviews\n {2}- after: none\n/);
    assert.match(
      stdout,
      /, for clients in shop \(app=web\)\n {2}- before: prod\/reviews\n {2}- after: shop\/own\n/,
    );
  });

  test("that is new is the youngest of those for one host, which wins where they do not merge", async (t) => {
    const change = destinationRule("prod/a", { host: "reviews", exportTo: ["*"] });
    const { stdout } = await impact(t, change);
    assert.match(stdout, /\n {2}- before: prod\/reviews\n {2}- after: prod\/a\n/);
  });

  test("that nobody looks up is a new finding, which ends with 1", async (t) => {
    const { exitCode, stdout } = await impact(
      t,
      destinationRule("prod2/x", { host: "reviews.prod.svc.cluster.local" }),
    );
    assert.equal(exitCode, 1);
    assert.match(
      stdout,
      /^1 object \(1 created\): 1 new finding \(1 Deny\)\n\nNew findings\n\n- Deny destination-rule-is-looked-up: /,
    );
  });

  test("that is deleted leaves its clients with nothing", async (t) => {
    const { stdout } = await impact(t, destinationRule("prod/reviews", {}), ["--delete"]);
    assert.match(stdout, /^1 object \(1 deleted\): 2 lookups change/);
    assert.match(
      stdout,
      /\n {2}- before: prod\/reviews\n {2}- after: none\n {2}- lost: `subset v1` \(version=v1\)\n/,
    );
  });
});

test("a Service that sends clients to a probe's port changes the repair of Pods", async (t) => {
  const service = `apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8087 }] }
`;
  assert.deepEqual(
    await impact(t, service),
    answered(`1 object (1 created): 1 workload repaired otherwise

Pods that are repaired otherwise at their next start

- Deployment shop/web
  - before: \`metadata.annotations["traffic.sidecar.istio.io/excludeInboundPorts"]\`
    set to "8087"
  - after: \`metadata.annotations["sidecar.istio.io/rewriteAppHTTPProbers"]\` set
    to "true"
`),
  );
});

test("a Namespace without injection has no clients any more, and its Pods no repair", async (t) => {
  const change = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n";
  const { stdout } = await impact(t, change);
  assert.match(
    stdout,
    /^1 object \(1 updated\): 1 namespace without clients now; 1 workload repaired otherwise\n/,
  );
  assert.match(stdout, /\n- shop has no clients any more; it had: .*\n/);
  assert.match(stdout, /\n {2}- after: no repair\n/);
});

test("a Namespace of a cluster keeps the labels that the manifest does not speak of", async (t) => {
  const inCluster = (annotations: object) =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "shop", uid: "1", labels: { "istio-injection": "enabled" }, annotations },
    });
  const change = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n";
  const kept = await impact(t, change, [], inCluster({}));
  assert.equal(
    kept.stdout,
    "1 object (1 the same as before): no DestinationRule, repair or finding changes\n",
  );
  const lastApplied = inCluster({ "kubectl.kubernetes.io/last-applied-configuration": inCluster({}) });
  const taken = await impact(t, change, [], lastApplied);
  assert.match(taken.stdout, /^1 object \(1 updated\): 1 namespace without clients now\n/);
});

test("with a Namespace goes what is in it", async (t) => {
  const change = "apiVersion: v1\nkind: Namespace\nmetadata: { name: prod }\n";
  const { stdout } = await impact(t, change, ["--delete"], `${MESH}---\n${change}`);
  assert.match(stdout, /^1 object \(1 deleted\): 2 lookups change/);
  assert.match(stdout, /\n {2}- after: none, the host is not visible\n/);
});

test("what is deleted names the load balancer that it takes along, by what the cluster knows", async (t) => {
  const manifest = `apiVersion: v1
kind: Service
metadata: { name: edge, namespace: shop }
spec: { type: LoadBalancer }
`;
  const inCluster = `${MESH}---
apiVersion: v1
kind: Service
metadata: { name: edge, namespace: shop, labels: { service.k8s.alibaba/loadbalancer-id: lb-7 } }
spec: { type: LoadBalancer }
status: { loadBalancer: { ingress: [{ ip: 192.0.2.7 }] } }
`;
  const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n";
  const whole = await impact(t, namespace, ["--delete"], inCluster);
  assert.match(
    whole.stdout.replaceAll(/\s+/g, " "),
    /^1 object \(1 deleted\): .*deletes the load balancers in it: lb-7 \(192\.0\.2\.7\) of edge/,
  );
  const both = await impact(t, `${manifest}---\n${namespace}`, ["--delete"], inCluster);
  assert.equal(both.stdout.split("lb-7").length, 2);
  const { stdout, exitCode } = await impact(t, manifest, ["--delete"], inCluster);
  assert.match(
    stdout.replaceAll(/\s+/g, " "),
    /Deleting Service shop\/edge deletes load balancer lb-7 \(192\.0\.2\.7\)/,
  );
  assert.equal(exitCode, 1);
});

test("a Service that is deleted, a Sidecar and the mesh's own settings change lookups", async (t) => {
  for (const { change, args, expected } of [
    {
      change: "apiVersion: v1\nkind: Service\nmetadata: { name: reviews, namespace: prod }\n",
      args: ["--delete"],
      expected:
        /for clients in batch, shop\n {2}- before: prod\/reviews\n {2}- after: none, the host is not visible\n/,
    },
    {
      change: `apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: shop }
spec: { egress: [{ hosts: ["./*"] }] }
`,
      args: [],
      expected:
        /for clients in shop\n {2}- before: prod\/reviews\n {2}- after: none, the host is not visible\n/,
    },
    {
      change: `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: 'defaultDestinationRuleExportTo: ["."]' }
`,
      args: [],
      expected: /for clients in batch, shop\n {2}- before: prod\/reviews\n {2}- after: none\n/,
    },
  ]) {
    const { stdout } = await impact(t, change, args);
    assert.match(stdout, expected);
  }
});

describe("findings on objects that are not changed themselves", () => {
  test("are solved when the first client comes", async (t) => {
    const lost = destinationRule("alone/reviews", { host: "reviews.prod.svc.cluster.local" });
    const known = "apiVersion: v1\nkind: Namespace\nmetadata: { name: alone }\n";
    const client = `apiVersion: apps/v1
kind: Deployment
metadata: { name: client, namespace: alone }
spec: { template: { metadata: { labels: { sidecar.istio.io/inject: "true" } }, spec: { containers: [{ name: a }] } } }
`;
    const { stdout } = await impact(t, client, [], `${MESH}---\n${known}---\n${lost}\n`);
    assert.match(stdout, /\n- alone has clients now: /);
    assert.match(
      stdout,
      /\nSolved findings\n\n- Deny destination-rule-is-looked-up: DestinationRule alone\/reviews: /,
    );
  });

  test("begin when a Service comes that a short host may mean", async (t) => {
    const short = destinationRule("shop/short", { host: "web" });
    const service = "apiVersion: v1\nkind: Service\nmetadata: { name: web, namespace: prod }\n";
    const { exitCode, stdout } = await impact(t, service, [], `${MESH}---\n${short}\n`);
    assert.equal(exitCode, 1);
    assert.match(
      stdout,
      /\nNew findings\n\n- Warn destination-rule-is-looked-up: DestinationRule shop\/short: Host web means\n/,
    );
  });
});

test("a ServiceEntry that goes leaves its port to the one that came after it", async (t) => {
  const entry = (place: string, at: string) => {
    const [namespace, name] = place.split("/");
    return JSON.stringify({
      apiVersion: "networking.istio.io/v1",
      kind: "ServiceEntry",
      metadata: { name, namespace, creationTimestamp: at },
      spec: {
        hosts: [`${name}.example.com`],
        ports: [{ number: 3306, name: "tcp", protocol: "TCP" }],
        resolution: "DNS",
      },
    });
  };
  const older = entry("shop/orders", "2026-01-01T00:00:00Z");
  const mesh = `${MESH}---\n${older}\n---\n${entry("prod/billing", "2026-01-02T00:00:00Z")}\n`;
  const { stdout } = await impact(t, older, ["--delete"], mesh);
  assert.match(
    stdout,
    /\nSolved findings\n\n- Warn tcp-port-not-shared: ServiceEntry prod\/billing: On TCP port/,
  );
});

test("what is not there, not known, or cannot be read is said", async (t) => {
  const absent = await impact(t, destinationRule("prod/gone", {}), ["--delete"]);
  assert.deepEqual(
    absent,
    answered(`1 object (1 not there): no DestinationRule, repair or finding changes

Not there, so that nothing is deleted: DestinationRule prod/gone.
`),
  );
  const broken = await impact(t, "apiVersion: v1\nkind: Widget\nmetadata: { name: a }\n---\na: [\n");
  assert.deepEqual(
    { ...broken, stderr: broken.stderr.replace(/(-:\d+:\d+: ).*/, "$1...") },
    {
      exitCode: 2,
      stdout: `1 object (1 not looked at): no DestinationRule, repair or finding changes

Not looked at: Widget a.
`,
      stderr: "-:6:1: ...\n",
    },
  );
  assert.deepEqual(await impact(t, ""), {
    exitCode: 2,
    stdout: "0 objects: no DestinationRule, repair or finding changes\n",
    stderr: "foresail: nothing to apply: no Kubernetes objects in -\n",
  });
});

test("JSON has everything", async (t) => {
  const change = destinationRule("batch/own", { host: "reviews.prod.svc.cluster.local" });
  const { stdout, exitCode } = await impact(t, change, ["--format", "json", "--config", "config.yaml"]);
  assert.equal(exitCode, 0);
  assert.deepEqual(JSON.parse(stdout), {
    version: 1,
    objects: [
      {
        apiVersion: "networking.istio.io/v1",
        kind: "DestinationRule",
        namespace: "batch",
        name: "own",
        change: "created",
      },
    ],
    lookups: [
      {
        clientNamespace: "batch",
        clientLabels: {},
        proxy: "sidecar",
        host: "reviews.prod.svc.cluster.local",
        before: { visible: true, alias: false, destinationRules: ["prod/reviews"] },
        after: { visible: true, alias: false, destinationRules: ["batch/own"] },
        gained: [],
        lost: [
          { setting: "subset v1", value: "version=v1" },
          { setting: "subset v2", value: "version=v2" },
          { setting: "tls", value: "mode: ISTIO_MUTUAL" },
        ],
        changed: [],
      },
    ],
    clients: { gained: [], lost: [] },
    pods: [],
    findings: {
      new: [
        {
          rule: "destination-rule-is-looked-up",
          messageId: "clientsInThisNamespaceOnly",
          action: "Audit",
          message:
            "Only clients in batch use this rule (the namespace's injection): exporting it reaches nobody",
          remedy:
            'Write exportTo: ["."] to say so, or move it to the namespace of reviews.prod.svc.cluster.local for all clients.',
          docs: "foresail explain destination-rule-is-looked-up",
          object: {
            apiVersion: "networking.istio.io/v1",
            kind: "DestinationRule",
            namespace: "batch",
            name: "own",
          },
          field: "spec.exportTo",
          file: "-",
          line: 1,
          column: 111,
        },
      ],
      solved: [],
    },
    summary: {
      objects: 1,
      lookups: 1,
      pods: 0,
      findings: { new: { Audit: 1, Warn: 0, Deny: 0 }, solved: { Audit: 0, Warn: 0, Deny: 0 } },
      unreadable: 0,
    },
  });
});

test("standard input is read once", async (t) => {
  assert.deepEqual(await impact(t, "", ["--mesh-state", "-"]), {
    exitCode: 2,
    stdout: "",
    stderr: "foresail: standard input can be read only once\nGive the change or --mesh-state a file.\n",
  });
});

describe("docs/en/impact.md", async () => {
  for (const example of await examplesOf("docs/en/impact.md")) {
    test(`prints what it says: ${example.command}`, async () => {
      assert.equal(await printedBy(example), example.output);
    });
  }
});
