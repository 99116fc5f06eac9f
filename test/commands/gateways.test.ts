import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { folderWith, runForesail } from "../foresail.ts";
import type { Ran } from "../foresail.ts";
import { examplesOf, printedBy } from "./documented.ts";

const ISTIOS = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: web, namespace: shop }
spec:
  selector: { istio: edge }
  servers:
  - port: { number: 80, name: http, protocol: HTTP }
    hosts: [shop.example.com, "prod/api.example.com"]
  - port: { number: 443, name: https, protocol: HTTPS }
    tls: { mode: SIMPLE, credentialName: shop }
    hosts: [shop.example.com]
`;
const GATEWAY_API = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: shop }
spec:
  gatewayClassName: istio
  listeners:
  - { name: any, port: 80, protocol: HTTP }
  - { name: secure, hostname: "*.example.com", port: 443, protocol: HTTPS }
status:
  addresses: [{ type: IPAddress, value: 203.0.113.9 }]
  conditions: [{ type: Accepted, status: "True" }, { type: Programmed, status: "True", reason: Programmed }]
`;
const SERVICES = `apiVersion: v1
kind: Service
metadata: { name: edge, namespace: istio-system }
spec: { type: LoadBalancer, selector: { app: edge, istio: edge } }
status: { loadBalancer: { ingress: [{ ip: 203.0.113.7 }, { hostname: edge.example.net }] } }
---
apiVersion: v1
kind: Service
metadata: { name: all-of-the-app, namespace: istio-system }
spec: { type: LoadBalancer, selector: { app: edge } }
status: { loadBalancer: { ingress: [{ ip: 203.0.113.8 }] } }
`;

function list(...documents: readonly string[]): string {
  return documents.join("---\n");
}

async function gateways(
  t: TestContext,
  state: string,
  args: readonly string[] = ["-n", "shop"],
): Promise<Ran> {
  const cwd = await folderWith(t, { "state.yaml": state });
  return runForesail(["gateways", "--mesh-state", "state.yaml", ...args], { cwd });
}

const answered = (stdout: string): Ran => ({ exitCode: 0, stdout, stderr: "" });

const COMMANDS = "networking.istio.io: kubectl get gw; gateway.networking.k8s.io: kubectl get gtw\n";

describe("foresail gateways", () => {
  test("shows both kinds in one table, of lists as much as there is room for", async (t) => {
    assert.deepEqual(
      await gateways(t, list(GATEWAY_API, SERVICES, ISTIOS)),
      answered(`namespace  name  group                      hosts                           addresses               programmed
shop       web   gateway.networking.k8s.io  *:80, *.example.com:443         203.0.113.9             True
shop       web   networking.istio.io        shop.example.com:80 and 2 more  203.0.113.7 and 1 more  -

${COMMANDS}`),
    );
  });

  test("gives programs all of it, in a shape with a version", async (t) => {
    const { stdout } = await gateways(t, list(GATEWAY_API, SERVICES, ISTIOS), ["-A", "--format", "json"]);
    assert.deepEqual(JSON.parse(stdout), {
      version: 1,
      namespace: null,
      kinds: [
        { group: "networking.x-k8s.io", served: null, listed: true },
        { group: "networking.istio.io", served: true, listed: true },
        { group: "gateway.networking.k8s.io", served: true, listed: true },
      ],
      gateways: [
        {
          group: "gateway.networking.k8s.io",
          namespace: "shop",
          name: "web",
          class: "istio",
          hosts: ["*.example.com"],
          listeners: [
            { name: "any", hosts: [], port: 80, protocol: "HTTP" },
            { name: "secure", hosts: ["*.example.com"], port: 443, protocol: "HTTPS" },
          ],
          addresses: ["203.0.113.9"],
          services: [],
          programmed: true,
          reason: null,
        },
        {
          group: "networking.istio.io",
          namespace: "shop",
          name: "web",
          class: null,
          hosts: ["shop.example.com", "prod/api.example.com"],
          listeners: [
            { name: "http", hosts: ["shop.example.com", "prod/api.example.com"], port: 80, protocol: "HTTP" },
            { name: "https", hosts: ["shop.example.com"], port: 443, protocol: "HTTPS" },
          ],
          addresses: ["203.0.113.7", "edge.example.net"],
          services: ["istio-system/edge"],
          programmed: null,
          reason: null,
        },
      ],
    });
  });

  test("sorts by namespace, name and group, and takes an object without a namespace for one in default", async (t) => {
    const named = (apiVersion: string, metadata: string) =>
      `apiVersion: ${apiVersion}\nkind: Gateway\nmetadata: { ${metadata} }\n`;
    const state = list(
      named("networking.x-k8s.io/v1alpha1", "name: b"),
      named("networking.istio.io/v1beta1", "name: b, namespace: a"),
      named("networking.istio.io/v1", "name: b, namespace: default"),
      named("gateway.networking.k8s.io/v1beta1", "name: a, namespace: default"),
    );
    const { stdout } = await gateways(t, state, ["-A"]);
    const [, ...rows] = stdout.split("\n\n")[0]?.split("\n") ?? [];
    assert.deepEqual(
      rows.map((row) => row.split(/ +/).slice(0, 3).join(" ")),
      [
        "a b networking.istio.io",
        "default a gateway.networking.k8s.io",
        "default b networking.istio.io",
        "default b networking.x-k8s.io",
      ],
    );
    assert.match(stdout, /networking\.x-k8s\.io: kubectl get gateways\.networking\.x-k8s\.io;\n/);
  });

  for (const [conditions, shown, programmed] of [
    [
      '{ type: Programmed, status: "False", reason: AddressNotAssigned }',
      "False (AddressNotAssigned)",
      false,
    ],
    ["{ type: Programmed, status: Unknown, reason: Pending }", "Pending", null],
    ['{ type: Ready, status: "True" }, { type: Scheduled, status: "False" }', "True", true],
    ['{ type: Accepted, status: "True" }', "-", null],
    ["7", "-", null],
  ] as const) {
    test(`says ${shown} of the conditions ${conditions}`, async (t) => {
      const state = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: shop }
status: { conditions: [${conditions}] }
`;
      const { stdout } = await gateways(t, state);
      const [, row = ""] = stdout.split("\n");
      assert.equal(row.split(/ {2,}/).slice(5).join(" "), shown);
      const json = await gateways(t, state, ["-n", "shop", "--format", "json"]);
      assert.equal(JSON.parse(json.stdout).gateways[0].programmed, programmed);
    });
  }

  test("prints nothing that commands a terminal", async (t) => {
    const state = ISTIOS.replace("name: web,", String.raw`name: "w\u001b[31m\nb",`);
    const { stdout } = await gateways(t, state);
    assert.ok(!stdout.includes("\u001b"));
    assert.match(stdout, /\nshop {7}w \[31m b {2}networking/);
  });

  test("goes on with fields of wrong types", async (t) => {
    const broken = ISTIOS.replace("hosts: [shop.example.com]", "hosts: 7");
    assert.match(
      (await gateways(t, broken)).stdout,
      /shop {7}web {3}networking\.istio\.io {2}- {6}- {10}-\n/,
    );
  });
});

describe("where there is nothing to show", () => {
  const definition = (group: string) => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gateways.${group} }
spec: { group: ${group}, names: { kind: Gateway, plural: gateways } }
`;
  const definitions = list(definition("networking.istio.io"), definition("gateway.networking.k8s.io"));

  test("it says so, and where there is more", async (t) => {
    assert.deepEqual(
      await gateways(t, list(definitions, ISTIOS), []),
      answered(
        `No Gateways in namespace default, 1 in others; -A shows those of all namespaces.\n${COMMANDS}`,
      ),
    );
    assert.deepEqual(
      await gateways(t, definitions, ["-A"]),
      answered(`No Gateways in any namespace.\n${COMMANDS}`),
    );
    assert.deepEqual(
      await gateways(t, SERVICES, ["-n", "empty"]),
      answered("No Gateways in namespace empty; -A shows those of all namespaces.\n"),
    );
  });

  test("programs get an empty list", async (t) => {
    const { stdout } = await gateways(t, SERVICES, ["--format=json"]);
    const { namespace, gateways: shown } = JSON.parse(stdout);
    assert.deepEqual({ namespace, shown }, { namespace: "default", shown: [] });
  });
});

describe("what cannot be asked for", () => {
  const cases: readonly (readonly [args: readonly string[], stderr: RegExp])[] = [
    [["-n", "shop", "-A"], /^foresail: -n and -A exclude each other\n/],
    [["-n", "Shop"], /^foresail: -n "Shop" is no name of a namespace\n/],
    [
      ["--mesh-state", "x.yaml", "--kubeconfig", "y"],
      /^foresail: --mesh-state and --kubeconfig exclude each other\n/,
    ],
    [["--mesh-state", "not-there.yaml"], /^foresail: cannot read not-there\.yaml: /],
    [["shop"], /^foresail: too many arguments for 'gateways'/],
    [["--format", "yaml"], /Allowed choices are text, json/],
  ];
  for (const [args, expected] of cases) {
    test(args.join(" "), async () => {
      const { exitCode, stdout, stderr } = await runForesail(["gateways", ...args]);
      assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: "" });
      assert.match(stderr, expected);
    });
  }
});

test("the page's examples print what it says", async () => {
  const examples = await examplesOf("docs/en/gateways.md");
  assert.equal(examples.length, 2);
  for (const example of examples) assert.equal(await printedBy(example), example.output, example.command);
});
