/** The flags of `foresail manifests`; test/e2e/install-manifests.test.ts asks kubectl and an API server. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import packageManifest from "../../package.json" with { type: "json" };
import { list, mapOf, number, object, string } from "../../src/kubernetes/shape.ts";
import { runForesail } from "../foresail.ts";
import { anything, parseManifests, readManifest } from "../manifests.ts";
import type { Manifest } from "../manifests.ts";

const CONFIGURATIONS = ["ValidatingWebhookConfiguration foresail", "MutatingWebhookConfiguration foresail"];
const DEPLOYMENT = "Deployment foresail/foresail";

const container = object({ image: string, args: list(string), volumeMounts: list(mapOf(anything)) });
const deploymentShape = object({
  spec: object({
    replicas: number,
    template: object({ spec: object({ containers: list(container), volumes: list(mapOf(anything)) }) }),
  }),
});
const webhooksShape = object({
  metadata: object({ annotations: mapOf(string) }),
  webhooks: list(object({ failurePolicy: string, clientConfig: mapOf(anything) })),
});
const roleShape = object({ rules: list(object({ resources: list(string), verbs: list(string) })) });

async function made(...args: readonly string[]): Promise<Manifest[]> {
  const { exitCode, stdout } = await runForesail(["manifests", ...args]);
  assert.equal(exitCode, 0);
  return parseManifests(stdout);
}

const idsOf = (manifests: readonly Manifest[]) => manifests.map(({ id }) => id);

test("prints one stream, the namespace first and the webhooks last, and says nothing else", async () => {
  const { stdout, stderr } = await runForesail(["manifests"]);
  const ids = idsOf(parseManifests(stdout));
  assert.equal(ids[0], "Namespace foresail");
  assert.deepEqual(ids.slice(-2), CONFIGURATIONS);
  assert.equal(ids.length, 18);
  assert.equal(stderr, "");
});

test("prints the same from any folder", async () => {
  const [here, elsewhere] = [
    await runForesail(["manifests"]),
    await runForesail(["manifests"], { cwd: "/" }),
  ];
  assert.deepEqual(elsewhere, here);
});

test("--namespace moves everything of foresail's namespace, and nothing else", async () => {
  const [before, after] = [
    await runForesail(["manifests"]),
    await runForesail(["manifests", "-n", "mesh-guard"]),
  ];
  assert.deepEqual(
    idsOf(parseManifests(after.stdout)),
    idsOf(parseManifests(before.stdout)).map((id) =>
      id.replace(" foresail/", " mesh-guard/").replace("Namespace foresail", "Namespace mesh-guard"),
    ),
  );
  const lines = (text: string) => text.split("\n").filter((line) => !line.includes("mesh-guard"));
  const changed = lines(before.stdout).filter((line) => line.endsWith("namespace: foresail"));
  assert.ok(changed.length > 10);
  assert.equal(
    lines(after.stdout).some((line) => line.endsWith("namespace: foresail")),
    false,
  );
  const places = (text: string) => text.split("\n").filter((line) => line.includes("istio-system"));
  assert.deepEqual(places(after.stdout), places(before.stdout));
  for (const id of CONFIGURATIONS) {
    const [webhook] = readManifest(parseManifests(after.stdout), id, webhooksShape).webhooks ?? [];
    assert.deepEqual(webhook?.clientConfig?.["service"], {
      name: "foresail",
      namespace: "mesh-guard",
      path: id.startsWith("Validating") ? "/validate" : "/mutate",
      port: 443,
    });
  }
  assert.match(
    after.stdout,
    /key: kubernetes\.io\/metadata\.name\n +operator: NotIn\n +values:\n +- mesh-guard\n/,
  );
});

describe("--image", () => {
  for (const [given, expected] of [
    ["registry.example.org:5000/tools/foresail:1.2.3", "registry.example.org:5000/tools/foresail:1.2.3"],
    ["registry.example.org:5000/foresail", `registry.example.org:5000/foresail:${packageManifest.version}`],
    ["foresail", `foresail:${packageManifest.version}`],
    [`foresail@sha256:${"a".repeat(64)}`, `foresail@sha256:${"a".repeat(64)}`],
    [`foresail:1@sha256:${"a".repeat(64)}`, `foresail:1@sha256:${"a".repeat(64)}`],
  ] as const) {
    test(`${given.slice(0, 60)} becomes ${expected.slice(0, 60)}`, async () => {
      const { spec } = readManifest(await made("--image", given), DEPLOYMENT, deploymentShape);
      assert.equal(spec?.template?.spec?.containers?.[0]?.image, expected);
    });
  }
});

test("--replicas sets the number, and one replica has no budget that would keep its node from draining", async () => {
  const three = await made("--replicas=3");
  assert.equal(readManifest(three, DEPLOYMENT, deploymentShape).spec?.replicas, 3);
  assert.ok(idsOf(three).includes("PodDisruptionBudget foresail/foresail"));
  const one = await made("--replicas=1");
  assert.equal(readManifest(one, DEPLOYMENT, deploymentShape).spec?.replicas, 1);
  assert.ok(!idsOf(one).includes("PodDisruptionBudget foresail/foresail"));
});

test("--failure-policy is set in both configurations", async () => {
  for (const [flags, expected] of [
    [[], "Ignore"],
    [["--failure-policy=Fail"], "Fail"],
  ] as const) {
    const manifests = await made(...flags);
    for (const id of CONFIGURATIONS) {
      const { webhooks = [] } = readManifest(manifests, id, webhooksShape);
      assert.deepEqual(
        webhooks.map(({ failurePolicy }) => failurePolicy),
        [expected],
      );
    }
  }
});

describe("--certs", () => {
  const annotationsOf = (manifests: readonly Manifest[]) =>
    CONFIGURATIONS.map((id) => readManifest(manifests, id, webhooksShape).metadata?.annotations);
  const resourcesOf = (manifests: readonly Manifest[]) =>
    ["Role foresail/foresail", "ClusterRole foresail"]
      .flatMap((id) => readManifest(manifests, id, roleShape).rules ?? [])
      .filter(({ resources = [], verbs = [] }) => resources.includes("secrets") || verbs.includes("patch"))
      .flatMap(({ resources = [] }) => resources);

  test("managed leaves the certificate to foresail, which may keep its CA and write caBundle", async () => {
    const manifests = await made();
    const pod = readManifest(manifests, DEPLOYMENT, deploymentShape).spec?.template?.spec;
    assert.deepEqual(
      pod?.containers?.[0]?.args?.filter((arg) => arg.startsWith("--tls")),
      [],
    );
    assert.equal(pod?.volumes, undefined);
    assert.deepEqual(annotationsOf(manifests), [undefined, undefined]);
    assert.deepEqual(resourcesOf(manifests), [
      "secrets",
      "secrets",
      "mutatingwebhookconfigurations",
      "validatingwebhookconfigurations",
    ]);
  });

  for (const mode of ["cert-manager", "files", "openshift"]) {
    test(`${mode} mounts a Secret, and takes the rights away that only foresail's own CA needs`, async () => {
      const manifests = await made(`--certs=${mode}`);
      const pod = readManifest(manifests, DEPLOYMENT, deploymentShape).spec?.template?.spec;
      assert.deepEqual(pod?.containers?.[0]?.args?.slice(-2), [
        "--tls-cert=/etc/foresail/tls/tls.crt",
        "--tls-key=/etc/foresail/tls/tls.key",
      ]);
      assert.deepEqual(pod?.containers?.[0]?.volumeMounts, [
        { name: "tls", mountPath: "/etc/foresail/tls", readOnly: true },
      ]);
      assert.deepEqual(pod?.volumes, [{ name: "tls", secret: { secretName: "foresail-tls" } }]);
      assert.deepEqual(resourcesOf(manifests), []);
    });
  }

  test("cert-manager comes with a CA, and both configurations name the certificate", async () => {
    const manifests = await made("--certs=cert-manager", "--namespace=guard");
    assert.deepEqual(idsOf(manifests).slice(-4), [
      "Issuer guard/foresail-self-signed",
      "Certificate guard/foresail-ca",
      "Issuer guard/foresail",
      "Certificate guard/foresail",
    ]);
    const annotation = { "cert-manager.io/inject-ca-from": "guard/foresail" };
    assert.deepEqual(annotationsOf(manifests), [annotation, annotation]);
    const shape = object({
      spec: object({ dnsNames: list(string), secretName: string, issuerRef: object({ name: string }) }),
    });
    const certificate = readManifest(manifests, "Certificate guard/foresail", shape).spec;
    assert.ok(certificate?.dnsNames?.includes("foresail.guard.svc"));
    assert.deepEqual([certificate?.secretName, certificate?.issuerRef?.name], ["foresail-tls", "foresail"]);
    const authority = readManifest(manifests, "Certificate guard/foresail-ca", shape).spec;
    const issuer = readManifest(
      manifests,
      "Issuer guard/foresail",
      object({ spec: object({ ca: object({ secretName: string }) }) }),
    );
    assert.equal(issuer.spec?.ca?.secretName, authority?.secretName);
  });

  test("openshift annotates the Service and both configurations", async () => {
    const manifests = await made("--certs=openshift");
    const annotation = { "service.beta.openshift.io/inject-cabundle": "true" };
    assert.deepEqual(annotationsOf(manifests), [annotation, annotation]);
    const shape = object({ metadata: object({ annotations: mapOf(string) }) });
    const annotations = ["Service foresail/foresail", "Service foresail/foresail-metrics"].map(
      (id) => readManifest(manifests, id, shape).metadata?.annotations,
    );
    const secret = { "service.beta.openshift.io/serving-cert-secret-name": "foresail-tls" };
    assert.deepEqual(annotations, [secret, undefined]);
  });

  test("files says on standard error what is left to do, and exits with 0", async () => {
    const { exitCode, stderr } = await runForesail(["manifests", "--certs=files", "-n", "guard"]);
    assert.equal(exitCode, 0);
    assert.equal(
      stderr,
      "the Secret guard/foresail-tls must hold tls.crt for foresail.guard.svc, and tls.key\n" +
        "webhooks[0].clientConfig.caBundle of both webhook configurations must hold the CA of tls.crt, in base64\n",
    );
  });
});

describe("a wrong flag exits with 2, prints no manifest and says what to write", () => {
  for (const [flags, message] of [
    [["--certs=none"], /Allowed choices are managed, cert-manager, files, openshift/],
    [["--failure-policy=ignore"], /Allowed choices are Ignore, Fail/],
    [["--replicas=0"], /--replicas "0" is no number of replicas\nWrite a number from 1/],
    [["--replicas=two"], /--replicas "two" is no number/],
    [["--replicas=1.5"], /--replicas "1.5" is no number/],
    [["--namespace=kube-system"], /kube-system is in use by others\nName a namespace of foresail's own/],
    [["--namespace=istio-system"], /istio-system is in use by others/],
    [["--namespace=Foresail"], /--namespace "Foresail" is no name of a namespace/],
    [["--namespace=-a"], /is no name of a namespace/],
    [[`--namespace=${"a".repeat(64)}`], /is no name of a namespace/],
    [["--namespace="], /--namespace "" is no name/],
    [["--image="], /--image "" is no name of an image/],
    [["--image=reg/foresail: 1"], /is no name of an image/],
    [["--image=foresail:"], /is no name of an image/],
    [["--image=foresail\nkind: Secret"], /is no name of an image/],
    [["--images", "foresail"], /unknown option .--images.\nDid you mean --image\?/],
    [["extra"], /too many arguments/],
  ] as const) {
    test(JSON.stringify(flags.join(" ").slice(0, 40)), async () => {
      const { exitCode, stdout, stderr } = await runForesail(["manifests", ...flags]);
      assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: "" });
      assert.match(stderr, message);
    });
  }
});
