/** `foresail gateways` on a real kube-apiserver. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { folderWith, runForesail } from "../foresail.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import { succeed, untilServed } from "./live-foresail.ts";

const LIMITED = { name: "limited", token: "token-of-limited", groups: [] };
const controlPlane = sharedControlPlane({ users: [LIMITED] });

const ASKING = "foresail: asking the cluster ...\n";
const answered = (stdout: string) => ({ exitCode: 0, stdout, stderr: ASKING });

const GATEWAY = `apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: web, namespace: shop }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [shop.example.com] }]
---
apiVersion: v1
kind: Service
metadata: { name: edge, namespace: default }
spec: { type: LoadBalancer, selector: { istio: ingressgateway }, ports: [{ port: 80 }] }
`;
const OTHER = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: door, namespace: default }
spec: { gatewayClassName: nginx, listeners: [{ name: http, port: 8080, protocol: HTTP }] }
`;
const RIGHTS = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: limited, namespace: shop }
rules: [{ apiGroups: [networking.istio.io], resources: [gateways], verbs: [list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: limited, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: limited }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: limited }]
`;

test("shows what is there, whichever kinds are installed and may be listed", async (t) => {
  const cluster = await controlPlane(t);
  if (!cluster) return;
  const gateways = (args: readonly string[], kubeconfig = cluster.kubeconfig) =>
    runForesail(["gateways", ...args, "--kubeconfig", kubeconfig]);

  assert.deepEqual(
    await gateways([]),
    answered("No kind of Gateway is installed here, neither Istio's nor the Gateway API's.\n"),
  );

  await succeed(cluster, ["apply", "-f", "-"], JSON.stringify(customResourceDefinition("Gateway")));
  await untilServed(cluster, "gateways.networking.istio.io");
  await succeed(cluster, ["apply", "-f", "-"], GATEWAY);
  const address = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: "203.0.113.7" }] } } });
  await succeed(cluster, ["patch", "service", "edge", "--subresource=status", "--type=merge", "-p", address]);
  const table = `namespace  name  group                hosts                addresses    programmed
shop       web   networking.istio.io  shop.example.com:80  203.0.113.7  -
`;
  const missing = "Gateways of gateway.networking.k8s.io are not installed here.\n";
  assert.deepEqual(await gateways(["-n", "shop"]), answered(`${table}\n${missing}`));
  assert.deepEqual(
    await gateways([]),
    answered(`No Gateways in namespace default; -A shows those of all namespaces.\n${missing}`),
  );

  const config = (await readFile(cluster.kubeconfig, "utf8")).replace(
    "user: test }",
    "user: test, namespace: shop }",
  );
  const folder = await folderWith(t, { config });
  assert.deepEqual(
    await gateways([], `${folder}/config`),
    answered(`${table}\n${missing}`),
    "of the context",
  );

  await succeed(cluster, ["apply", "-f", "-"], JSON.stringify(customResourceDefinition("KubernetesGateway")));
  await untilServed(cluster, "gateways.gateway.networking.k8s.io");
  await succeed(cluster, ["apply", "-f", "-"], OTHER);
  const commands = "networking.istio.io: kubectl get gw; gateway.networking.k8s.io: kubectl get gtw\n";
  assert.deepEqual(
    await gateways(["-A"]),
    answered(`namespace  name  group                      hosts                addresses    programmed
default    door  gateway.networking.k8s.io  *:8080               -            -
shop       web   networking.istio.io        shop.example.com:80  203.0.113.7  -

${commands}`),
  );

  await succeed(cluster, ["apply", "-f", "-"], RIGHTS);
  const limited = await cluster.kubeconfigFor(LIMITED.token);
  assert.deepEqual(await gateways(["-n", "shop"], limited), {
    exitCode: 2,
    stdout: `${table.replace("203.0.113.7", "-        ").replace("addresses    ", "addresses  ")}\n${commands}`,
    stderr: `${ASKING}foresail: the API server does not let you list gateways.gateway.networking.k8s.io in namespace shop: they are missing here
foresail: the API server does not let you list services in all namespaces: addresses of Istio's Gateways are not known
`,
  });
  const { exitCode, stdout } = await gateways(["-A", "--format", "json"], limited);
  assert.deepEqual({ exitCode, gateways: JSON.parse(stdout).gateways }, { exitCode: 2, gateways: [] });
});
