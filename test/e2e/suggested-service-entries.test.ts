/** What `check` suggests for a shared port, taken from its report, as the API server with Istio's CRDs and Istio itself take it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runForesail } from "../foresail.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import { startIstio } from "../harness/istio.ts";
import { requireIstio } from "../harness/istio-tools.ts";
import { succeed } from "./live-foresail.ts";

const controlPlane = sharedControlPlane();

/** One whose address is known, one whose is not, and one ExternalName Service. */
const MESH = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: archive, namespace: shop }
spec:
  hosts: [archive.example.com]
  ports: [{ number: 3306, name: tcp, protocol: TCP }]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: billing, namespace: shop, labels: { team: billing } }
spec:
  hosts: [billing.example.com]
  location: MESH_EXTERNAL
  ports: [{ number: 3306, name: db }, { number: 443, name: tls, protocol: TLS }]
  resolution: STATIC
  endpoints:
  - { address: 192.0.2.10, ports: { db: 13306, tls: 8443 }, labels: { version: v1 }, locality: eu/a, weight: 3 }
  - { address: 192.0.2.11 }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: orders, namespace: shop }
spec:
  hosts: [orders.example.com, "*.orders.example.com"]
  exportTo: [., bank]
  ports: [{ number: 3306, name: tcp, protocol: TCP, targetPort: 13306 }]
  resolution: DNS
---
apiVersion: v1
kind: Service
metadata: { name: rates, namespace: shop }
spec: { type: ExternalName, externalName: rates.example.com, ports: [{ port: 3306 }, { port: 80, name: http }] }
`;

test("the ServiceEntries that check prints are valid, once their addresses are filled in", async (t) => {
  if (!(await requireIstio(t))) return;
  const cluster = await controlPlane(t);
  if (cluster === undefined) return;
  const istio = await startIstio(t, cluster);
  await succeed(cluster, ["create", "namespace", "shop"]);
  const isValid = async (manifests: string) => {
    const { code } = await istio.istioctl(["validate", "-f", "-"], manifests);
    return code === 0;
  };

  const { stdout } = await runForesail(["check", "-", "--assume", "istio=1.20"], { stdin: MESH });
  const suggestions = suggestionsIn(stdout);
  const [billing = ""] = suggestions;
  assert.equal(suggestions.length, 3);
  assert.match(billing, /\n {2}addresses:\n {2}- 192\.0\.2\.10\n {2}- 192\.0\.2\.11\n/);
  assert.ok(await isValid(billing), "as printed, where the addresses are known");
  for (const suggestion of suggestions.slice(1)) {
    assert.ok(!(await isValid(suggestion)), "Istio refuses a placeholder");
    assert.ok(await isValid(filledIn(suggestion)), suggestion);
  }
  const applied = await succeed(cluster, ["apply", "-f", "-"], suggestions.map(filledIn).join("---\n"));
  assert.deepEqual(applied.trim().split("\n"), [
    "serviceentry.networking.istio.io/billing created",
    "serviceentry.networking.istio.io/orders created",
    "serviceentry.networking.istio.io/orders.example.com created",
    "serviceentry.networking.istio.io/rates created",
  ]);
});

/** The blocks below the findings, without their indentation. */
function suggestionsIn(report: string): readonly string[] {
  const blocks = report.matchAll(/^ {2}suggestion:\n((?: {4}.*\n)+)/gm);
  return [...blocks].map(([, block = ""]) => block.replaceAll(/^ {4}/gm, ""));
}

function filledIn(suggestion: string): string {
  return suggestion.replaceAll(/"<IP address[^>]*>"/g, "192.0.2.99");
}
