/**
 * Real istiod beside the harness' kube-apiserver, and what its installation leaves there: CRDs, ConfigMaps, and the
 * injector's webhook configuration, with a URL in place of a Service.
 *
 *     const shared = sharedControlPlane();
 *
 *     test("...", async (t) => {
 *       if (!(await requireIstio(t))) return;
 *       const controlPlane = await shared(t);
 *       if (!controlPlane) return;
 *       const istio = await startIstio(t, controlPlane, {
 *         values: { sidecarInjectorWebhook: { rewriteAppHTTPProbe: false } },
 *       });
 *       await controlPlane.kubectl(["apply", "-f", "-"], pod);
 *
 * - Injection: namespaces labelled `istio-injection=enabled`, those labelled `istio.io/rev=REVISION` for a revision. Revisions run
 *   side by side: start each with another `revision`.
 * - The proxy is a native sidecar, except with `nativeSidecars: false` or the Pod's annotation
 *   `sidecar.istio.io/nativeSidecar: "false"`.
 * - A Pod must name a `serviceAccountName`, of any name: the admission plugin that would add one is off.
 * - There is no kubelet: Pods stay Pending, and to look at is what the API server has stored.
 * - The injector's configuration is called `istio-sidecar-injector` (or `-REVISION`); the API server calls webhooks in order of
 *   these names.
 * - After the test that started it, istiod ends, and its webhook configuration goes; the other objects stay.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { isObject } from "../../src/kubernetes/json.ts";
import type { Json, JsonObject } from "../../src/kubernetes/json.ts";
import { object, mapOf, string } from "../../src/kubernetes/shape.ts";
import { parseManifests } from "../manifests.ts";
import type { Manifest } from "../manifests.ts";
import { findFreePorts } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";
import { eventually } from "./eventually.ts";
import { findIstioTools } from "./istio-tools.ts";
import { runTool } from "./run-tool.ts";
import type { ToolResult } from "./run-tool.ts";

export interface IstioOptions {
  /** `canary`; none: the default one. */
  readonly revision?: string;
  /** Of the Helm charts: `{ global: { proxy: { excludeInboundPorts: "8099" } } }`. */
  readonly values?: JsonObject;
  readonly meshConfig?: JsonObject;
  /** False: istiod injects classic sidecars, as it does where a node is older than Kubernetes 1.33. */
  readonly nativeSidecars?: boolean;
}

export interface Istio {
  /** The name of the injector's MutatingWebhookConfiguration. */
  readonly injector: string;
  /** Runs istioctl as admin: `istioctl(["kube-inject", "-f", "-"], pod)`. */
  istioctl(args: readonly string[], stdin?: string): Promise<ToolResult>;
}

const NAMESPACE = "istio-system";
const APPLIED = new Set(["CustomResourceDefinition", "ConfigMap"]);
/** As measured on two cores: 4 s. A machine that builds at the same time is slower. */
const READY_TIMEOUT_MS = 120_000;
const ISTIOCTL_TIMEOUT_MS = 120_000;
const REQUEST_TIMEOUT_MS = 5_000;

const dataShape = object({ data: mapOf(string) });

/** Installs Istio as `istioctl install --set profile=minimal` would, and starts istiod, which injects when this resolves. */
export async function startIstio(
  t: Pick<TestContext, "after">,
  controlPlane: ControlPlane,
  options: IstioOptions = {},
): Promise<Istio> {
  const istioctl = createIstioctl(controlPlane);
  const manifests = await generateManifests(istioctl, options);
  await apply(controlPlane, [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
    ...manifests.filter(({ identity }) => APPLIED.has(identity.kind ?? "")).map(({ value }) => value),
  ]);
  const established = ["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"];
  await mustSucceed(controlPlane.kubectl(established));

  const [httpPort = 0, httpsPort = 0, grpcPort = 0, secureGrpcPort = 0, monitoringPort = 0] =
    await findFreePorts(5);
  const istiod = await startIstiod(controlPlane, options, [
    `--httpAddr=127.0.0.1:${httpPort}`,
    `--httpsAddr=127.0.0.1:${httpsPort}`,
    `--grpcAddr=127.0.0.1:${grpcPort}`,
    `--secureGRPCAddr=127.0.0.1:${secureGrpcPort}`,
    `--monitoringAddr=127.0.0.1:${monitoringPort}`,
  ]);
  const injector = injectorOf(options);
  t.after(async () => {
    // Without istiod it would let no Pod through.
    await controlPlane.kubectl(["delete", "mutatingwebhookconfiguration", injector, "--ignore-not-found"]);
    await istiod.stop();
  });
  let ca: string | undefined;
  const isReady = async () => {
    istiod.assertRunning();
    if (!(await answersOk(httpPort, "/ready")) || !(await listens(httpsPort))) return false;
    ca = await readRootCertificate(controlPlane);
    return ca !== undefined;
  };
  await eventually("istiod is ready", isReady, READY_TIMEOUT_MS);

  const url = `https://127.0.0.1:${httpsPort}/inject`;
  const caBundle = Buffer.from(ca ?? "").toString("base64");
  const injectors = manifests.filter(({ identity }) => identity.kind === "MutatingWebhookConfiguration");
  await apply(
    controlPlane,
    injectors.map(({ value }) => withClientConfig(value, { url, caBundle })),
  );
  return { injector, istioctl };
}

function injectorOf({ revision = "" }: IstioOptions): string {
  return revision === "" ? "istio-sidecar-injector" : `istio-sidecar-injector-${revision}`;
}

function createIstioctl({ kubeconfig, folder }: ControlPlane): Istio["istioctl"] {
  return async (args, stdin = "") => {
    const tools = await findIstioTools();
    assert.ok("istioctl" in tools);
    const env = { PATH: process.env["PATH"], HOME: folder, KUBECONFIG: kubeconfig };
    return await runTool(tools.istioctl, args, { env, stdin, timeoutMs: ISTIOCTL_TIMEOUT_MS });
  };
}

async function generateManifests(
  istioctl: Istio["istioctl"],
  { revision = "", values = {}, meshConfig = {} }: IstioOptions,
): Promise<Manifest[]> {
  // istioctl does not know which image belongs to a build that is no release.
  const spec = { profile: "minimal", hub: "istio", tag: "1.31.0", revision, values, meshConfig };
  const operator = { apiVersion: "install.istio.io/v1alpha1", kind: "IstioOperator", spec };
  const generate = istioctl(["manifest", "generate", "-f", "-"], JSON.stringify(operator));
  return parseManifests(await mustSucceed(generate));
}

async function apply(controlPlane: ControlPlane, objects: readonly Json[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
  // The CRDs are too large for the annotation of a client-side apply.
  await mustSucceed(controlPlane.kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], list));
}

async function mustSucceed(run: Promise<ToolResult>): Promise<string> {
  const { code, stdout, stderr } = await run;
  assert.equal(code, 0, stderr);
  return stdout;
}

interface Istiod {
  assertRunning(): void;
  stop(): Promise<void>;
}

async function startIstiod(
  controlPlane: ControlPlane,
  options: IstioOptions,
  addresses: readonly string[],
): Promise<Istiod> {
  const tools = await findIstioTools();
  assert.ok("istiod" in tools);
  const environment = {
    CLUSTER_ID: "Kubernetes",
    ENABLE_NATIVE_SIDECARS: String(options.nativeSidecars ?? "auto"),
    INJECTION_WEBHOOK_CONFIG_NAME: injectorOf(options),
    ISTIOD_CUSTOM_HOST: "127.0.0.1",
    JWT_POLICY: "first-party-jwt",
    POD_NAME: "istiod-0",
    POD_NAMESPACE: NAMESPACE,
    REVISION: options.revision ?? "default",
  };
  const name = `istiod-${environment.REVISION}`;
  const { pid, ended, logFile } = controlPlane.start(name, "env", [
    ...Object.entries(environment).map(([key, value]) => `${key}=${value}`),
    tools.istiod,
    "discovery",
    `--kubeconfig=${controlPlane.kubeconfig}`,
    ...addresses,
  ]);
  const end = { happened: false };
  void ended.finally(() => (end.happened = true));
  return {
    assertRunning: () => assert.ok(!end.happened, `istiod ended before it was ready: see ${logFile}`),
    async stop() {
      if (!end.happened) process.kill(pid, "SIGKILL");
      await ended;
    },
  };
}

/** Undefined until istiod has made it. */
async function readRootCertificate(controlPlane: ControlPlane): Promise<string | undefined> {
  const get = ["get", "configmap", "istio-ca-root-cert", "-n", NAMESPACE, "-o", "json"];
  const { code, stdout } = await controlPlane.kubectl(get);
  return code === 0 ? dataShape.read(JSON.parse(stdout))?.data?.["root-cert.pem"] : undefined;
}

function answersOk(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const get = request({ port, path, host: "127.0.0.1", agent: false, timeout: REQUEST_TIMEOUT_MS });
    get.on("response", (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    get.on("timeout", () => get.destroy());
    get.on("error", () => resolve(false));
    get.end();
  });
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

function withClientConfig(configuration: Json, clientConfig: Json): Json {
  assert.ok(isObject(configuration) && Array.isArray(configuration["webhooks"]));
  return {
    ...configuration,
    webhooks: configuration["webhooks"].map((webhook: Json) => {
      assert.ok(isObject(webhook));
      return { ...webhook, clientConfig };
    }),
  };
}
