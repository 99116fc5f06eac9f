import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { cleanEnvironment, EXECUTABLE, folderWith, runForesail } from "../foresail.ts";
import type { Ran } from "../foresail.ts";
import { examplesOf, printedBy } from "./documented.ts";

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
metadata: { name: reviews, namespace: prod }
spec: { ports: [{ port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: prod }
spec:
  host: reviews
  subsets:
  - { name: v1, labels: { version: v1 } }
  - { name: v2, labels: { version: v2, track: canary }, trafficPolicy: { loadBalancer: { simple: RANDOM } } }
  trafficPolicy:
    tls: { mode: ISTIO_MUTUAL }
    connectionPool: { tcp: { maxConnections: 100 }, http: { http2MaxRequests: 5 } }
    portLevelSettings: [{ port: { number: 80 }, outlierDetection: { consecutive5xxErrors: 7 } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: all, namespace: prod }
spec: { host: "*.prod.svc.cluster.local" }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: chosen, namespace: batch }
spec: { host: reviews.prod.svc.cluster.local, workloadSelector: { matchLabels: { app: report } } }
`;

async function ask(t: TestContext, args: readonly string[], mesh = MESH, stdin = ""): Promise<Ran> {
  const cwd = await folderWith(t, { "mesh.yaml": mesh });
  return runForesail(["explain", "lookup", "--mesh-state", "mesh.yaml", ...args], { cwd, stdin });
}

function answered(stdout: string): Ran {
  return { exitCode: 0, stdout, stderr: "" };
}

describe("an answer for people", () => {
  test("has the winner, all that it sets, and why the others lost", async (t) => {
    assert.deepEqual(
      await ask(t, ["--client", "shop", "--host", "reviews"]),
      answered(`Which DestinationRule does a sidecar in shop get for
reviews.prod.svc.cluster.local?
reviews is taken for reviews.prod.svc.cluster.local, the only Service of that
name.

prod/reviews, found in the service's namespace
  subset v1                 version=v1
  subset v2                 track=canary, version=v2
  subset v2 loadBalancer    simple: RANDOM
  connectionPool            http.http2MaxRequests: 5, tcp.maxConnections: 100
  port 80 outlierDetection  consecutive5xxErrors: 7
  tls                       mode: ISTIO_MUTUAL

1. the client's namespace, shop: no rule for this host
2. the service's namespace, prod: found
   + prod/reviews (reviews.prod.svc.cluster.local): applied
   - prod/all (*.prod.svc.cluster.local): the host *.prod.svc.cluster.local is
     wider than reviews.prod.svc.cluster.local of prod/reviews
3. the root namespace, istio-system: not looked at

Never looked at, because Istio looks only in shop, prod and istio-system:
   - batch/chosen (reviews.prod.svc.cluster.local)
`),
    );
  });

  test("says where a lookup ends without a rule for this client", async (t) => {
    assert.deepEqual(
      await ask(t, ["--client", "batch", "--host", "reviews.prod.svc.cluster.local"]),
      answered(`Which DestinationRule does a sidecar in batch get for
reviews.prod.svc.cluster.local?

None. The lookup ends where rules are found, and none of them is for this
client: Istio's defaults hold.

1. the client's namespace, batch: found
   - batch/chosen (reviews.prod.svc.cluster.local): selector app=report does not
     match the client
2. the service's namespace, prod: not looked at
   - prod/reviews (reviews.prod.svc.cluster.local): step not reached: batch has
     a match
   - prod/all (*.prod.svc.cluster.local): step not reached: batch has a match
3. the root namespace, istio-system: not looked at

fix: Add a DestinationRule for reviews.prod.svc.cluster.local without
     workloadSelector to batch: any rule there ends the lookup.
`),
    );
  });

  test("takes labels, and the kind of proxy", async (t) => {
    const { stdout } = await ask(t, [
      "--client",
      "batch,app=report,team=a",
      "--host",
      "reviews.prod",
      "--proxy",
      "gateway",
    ]);
    assert.match(stdout, /^Which DestinationRule does a gateway in batch with app=report,team=a get for\n/);
    assert.match(stdout, /\n\nbatch\/chosen, found in the client's namespace\n  sets nothing\n/);
  });

  test("says why a host is not seen", async (t) => {
    const exported = `apiVersion: v1
kind: Service
metadata: { name: web, namespace: prod, annotations: { networking.istio.io/exportTo: . } }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop }
`;
    const { stdout } = await ask(t, ["--client", "shop", "--host", "web.prod.svc"], exported);
    assert.match(
      stdout,
      /\n\nNone\. A sidecar in shop does not see this host: Istio looks up no rule for it\.\n/,
    );
    assert.match(
      stdout,
      /\n\nfix: Service prod\/web is exported to "\.": add shop to its annotation\n {5}networking\.istio\.io\/exportTo\.\n$/,
    );
  });
});

describe("what is not known is refused with what is", () => {
  for (const { args, stderr } of [
    {
      args: ["--client", "shp", "--host", "reviews"],
      stderr: 'nothing is known of a namespace "shp"\nDid you mean shop? Known are batch, prod, shop.',
    },
    {
      args: ["--client", "shop", "--host", "revews.prod.svc.cluster.local"],
      stderr:
        'no Service or ServiceEntry has the host "revews.prod.svc.cluster.local"\nDid you mean reviews.prod.svc.cluster.local?',
    },
    {
      args: ["--client", "shop,app", "--host", "reviews"],
      stderr:
        '--client: "app" is no label\nWrite --client NAMESPACE, or --client NAMESPACE,label=value with labels of its Pods.',
    },
    {
      args: ["--client", "app=web", "--host", "reviews"],
      stderr:
        '--client "app=web" names no namespace\nWrite --client NAMESPACE, or --client NAMESPACE,label=value with labels of its Pods.',
    },
    {
      args: ["--host", "reviews"],
      stderr: "who asks? --client is missing\nWrite --client NAMESPACE, or --all for every client and host.",
    },
    {
      args: ["--client", "shop"],
      stderr:
        "for which host? --host is missing\nWrite --host reviews.prod, or --all for every client and host.",
    },
    {
      args: ["--queries", "gone.jsonl"],
      stderr: "cannot read gone.jsonl: no such file\nName a file with --queries, or - for standard input.",
    },
    {
      args: ["--queries", "-", "--client", "shop"],
      stderr: "--queries stands alone\nEach of its lines names client, proxy and host.",
    },
    {
      args: ["--all", "--kubeconfig", "config"],
      stderr:
        "--mesh-state and --kubeconfig exclude each other\nName the files of a cluster, or the cluster itself.",
    },
    {
      args: ["--client", "shop", "--host", "reviews", "--proxy", "ztunnel"],
      stderr:
        "option '--proxy <PROXY>' argument 'ztunnel' is invalid. Allowed choices are sidecar, gateway, waypoint.\n`foresail help explain lookup` shows what there is.",
    },
  ]) {
    test(args.join(" "), async (t) => {
      assert.deepEqual(await ask(t, args), { exitCode: 2, stdout: "", stderr: `foresail: ${stderr}\n` });
    });
  }
});

const REPORT = `---
apiVersion: apps/v1
kind: Deployment
metadata: { name: report, namespace: batch }
spec: { template: { metadata: { labels: { app: report, team: a } } } }
`;

test("--all is a table of clients, with the labels that selectors ask for, and hosts", async (t) => {
  assert.deepEqual(
    await ask(t, ["--all"], `${MESH}${REPORT}`),
    answered(`client            reviews.prod
batch             -
batch,app=report  batch/chosen
shop              prod/reviews

-: no DestinationRule applies
NAME.NAMESPACE is NAME.NAMESPACE.svc.cluster.local
`),
  );
});

test("--all keeps to 80 columns, and many clients that get the same are one row", async (t) => {
  const objects = [];
  for (let index = 0; index < 40; index++) {
    const name = `team-with-a-long-name-${index}`;
    const metadata = { name, labels: { "istio-injection": "enabled" } };
    objects.push({ apiVersion: "v1", kind: "Namespace", metadata });
    objects.push({ apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: name } });
    const spec = { host: `web.${name}.svc.cluster.local` };
    objects.push({
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name, namespace: name },
      spec,
    });
  }
  const mesh = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
  const { stdout } = await ask(t, ["--all"], mesh);
  assert.deepEqual(
    stdout.split("\n").filter((line) => line.length > 80),
    [],
  );
  assert.equal(
    stdout.slice(0, stdout.indexOf("\n\n")),
    `client                    web.team-with-a-long-n…[1]  web.team-with-a-long-n…[2]
all 40                    team-with-a-long-name-…[3]  team-with-a-long-name-…[4]
[1] web.team-with-a-long-name-0
[2] web.team-with-a-long-name-1
[3] team-with-a-long-name-0/team-with-a-long-name-0
[4] team-with-a-long-name-1/team-with-a-long-name-1`,
  );
});

describe("queries", () => {
  const answer = (visible: boolean, rest: object) =>
    JSON.stringify({
      clientNamespace: "shop",
      clientLabels: {},
      proxy: "sidecar",
      ...(visible ? { host: "reviews.prod.svc.cluster.local" } : { host: "reviews" }),
      visible,
      ...rest,
    });
  const FOUND = answer(true, {
    service: { namespace: "prod" },
    alias: false,
    destinationRules: ["prod/reviews"],
    steps: [
      { step: "client", namespace: "shop", outcome: "none", candidates: [] },
      {
        step: "service",
        namespace: "prod",
        outcome: "match",
        candidates: [
          {
            destinationRule: "prod/reviews",
            host: "reviews.prod.svc.cluster.local",
            applied: true,
            reason: "applied",
          },
          {
            destinationRule: "prod/all",
            host: "*.prod.svc.cluster.local",
            applied: false,
            reason:
              "the host *.prod.svc.cluster.local is wider than reviews.prod.svc.cluster.local of prod/reviews",
          },
        ],
      },
      { step: "root", namespace: "istio-system", outcome: "skipped", candidates: [] },
    ],
  });
  const UNKNOWN = answer(false, {
    service: null,
    alias: false,
    destinationRules: [],
    steps: [
      { step: "client", namespace: "shop", outcome: "skipped", candidates: [] },
      { step: "root", namespace: "istio-system", outcome: "skipped", candidates: [] },
    ],
  });
  const query = '{"clientNamespace":"shop","host":"reviews.prod.svc.cluster.local"}';
  const short = '{"host":"reviews","clientNamespace":"shop","proxy":"sidecar","id":7}';

  test("are answered in order, a host that nobody knows among them", async (t) => {
    assert.deepEqual(
      await ask(t, ["--queries", "-"], MESH, `\uFEFF${query}\r\n${short}`),
      answered(`${FOUND}\n${UNKNOWN}\n`),
    );
  });

  test("are answered in order where some lines are no queries, which ends with 2", async (t) => {
    const lines = [
      { line: "", error: "the line is empty; write a query as a JSON object" },
      { line: "{", error: "the line is no JSON" },
      { line: "[]", error: "the query is no JSON object" },
      { line: '{"host":"a"}', error: "clientNamespace must be the name of a namespace" },
      { line: '{"clientNamespace":"a","host":7}', error: "host must be a hostname" },
      {
        line: '{"clientNamespace":"a","host":"b","proxy":"ztunnel"}',
        error: "proxy must be one of sidecar, gateway, waypoint",
      },
      {
        line: '{"clientNamespace":"a","host":"b","clientLabels":{"app":1}}',
        error: "clientLabels must be an object whose values are strings",
      },
    ];
    const input = [...lines.map(({ line }) => line), short, ""].join("\n");
    const errors = lines.map(({ error }) => JSON.stringify({ error }));
    assert.deepEqual(await ask(t, ["--queries", "-"], MESH, input), {
      exitCode: 2,
      stdout: `${[...errors, UNKNOWN].join("\n")}\n`,
      stderr: "",
    });
  });

  test("have their answer before the next one comes", async (t) => {
    const folder = await folderWith(t, { "mesh.yaml": MESH });
    const args = ["explain", "lookup", "--queries", "-", "--mesh-state", join(folder, "mesh.yaml")];
    const child = spawn(process.execPath, [EXECUTABLE, ...args], { env: cleanEnvironment() });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    for (const [line, expected] of [
      [query, FOUND],
      [short, UNKNOWN],
      [query, FOUND],
    ]) {
      child.stdin.write(`${line}\n`);
      assert.deepEqual(await lines.next(), { value: expected, done: false });
    }
    child.stdin.end();
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });
});

test("JSON of one question is a line, with what was assumed on the other stream", async (t) => {
  const { stdout, stderr, exitCode } = await ask(t, [
    "--client",
    "shop",
    "--host",
    "reviews",
    "--format",
    "json",
  ]);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^\{"clientNamespace":"shop",.*"destinationRules":\["prod\/reviews"\],.*\}\n$/);
  assert.equal(
    stderr,
    "foresail: reviews is taken for reviews.prod.svc.cluster.local, the only Service of that name.\n",
  );
});

test("versions that are assumed change the answer", async (t) => {
  const args = ["--client", "batch", "--host", "reviews.prod", "--assume", "istio=1.10"];
  const { stdout } = await ask(t, args);
  assert.match(stdout, /\n\nbatch\/chosen, found in the client's namespace\n/);
});

describe("docs/en/lookup.md", async () => {
  for (const example of await examplesOf("docs/en/lookup.md")) {
    test(`prints what it says: ${example.command}`, async () => {
      assert.equal(await printedBy(example), example.output);
    });
  }
});
