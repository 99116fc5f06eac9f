/** What the install manifests say about where foresail's certificate comes from. */
import type { JsonObject } from "../../kubernetes/json.ts";
import {
  CONTAINER,
  isJsonList,
  isJsonObject,
  POD_TEMPLATE,
  valueAt,
  withField,
} from "./shipped-manifests.ts";
import type { CertificateMode } from "../options.ts";

/** Holds `tls.crt` and `tls.key`, whoever writes them. */
const SECRET = "foresail-tls";
const MOUNT_PATH = "/etc/foresail/tls";
const INJECT_CA_FROM = "cert-manager.io/inject-ca-from";
const SERVING_CERT = "service.beta.openshift.io/serving-cert-secret-name";
const INJECT_CABUNDLE = "service.beta.openshift.io/inject-cabundle";
const CA_LIFE = "8760h";
const LEAF_LIFE = "2160h";

export interface Certificates {
  readonly manifests: readonly JsonObject[];
  /** What is left to do by hand, a line each. */
  readonly problems: readonly string[];
}

/** Everything but `managed` mounts a Secret, and takes away the rights that only foresail's own CA needs. */
export function withCertificates(
  mode: CertificateMode,
  manifests: readonly JsonObject[],
  namespace: string,
): Certificates {
  if (mode === "managed") return { manifests, problems: [] };
  return MODES[mode](manifests.map(withMountedSecret).map(withoutCertificateRights), namespace);
}

const MODES: Readonly<
  Record<
    Exclude<CertificateMode, "managed">,
    (manifests: readonly JsonObject[], namespace: string) => Certificates
  >
> = {
  "cert-manager": (manifests, namespace) => ({
    manifests: [
      ...manifests.map((one) => annotated(one, isConfiguration, INJECT_CA_FROM, `${namespace}/foresail`)),
      ...certManagerObjects(namespace),
    ],
    problems: [],
  }),
  files: (manifests, namespace) => ({
    manifests,
    problems: [
      `the Secret ${namespace}/${SECRET} must hold tls.crt for foresail.${namespace}.svc, and tls.key`,
      "webhooks[0].clientConfig.caBundle of both webhook configurations must hold the CA of tls.crt, in base64",
    ],
  }),
  openshift: (manifests) => ({
    manifests: manifests.map((one) =>
      annotated(
        annotated(one, isWebhookService, SERVING_CERT, SECRET),
        isConfiguration,
        INJECT_CABUNDLE,
        "true",
      ),
    ),
    problems: [],
  }),
};

function withMountedSecret(manifest: JsonObject): JsonObject {
  if (manifest["kind"] !== "Deployment") return manifest;
  const args = valueAt(manifest, [...CONTAINER, "args"]);
  const files = [`--tls-cert=${MOUNT_PATH}/tls.crt`, `--tls-key=${MOUNT_PATH}/tls.key`];
  const changes = [
    { path: [...CONTAINER, "args"], value: [...(isJsonList(args) ? args : []), ...files] },
    {
      path: [...CONTAINER, "volumeMounts"],
      value: [{ name: "tls", mountPath: MOUNT_PATH, readOnly: true }],
    },
    { path: [...POD_TEMPLATE, "spec", "volumes"], value: [{ name: "tls", secret: { secretName: SECRET } }] },
  ];
  return changes.reduce((current, { path, value }) => withField(current, path, value), manifest);
}

/** Secrets, and the configurations' caBundle. */
function withoutCertificateRights(manifest: JsonObject): JsonObject {
  const rules = manifest["rules"];
  if (!isJsonList(rules)) return manifest;
  const kept = rules.filter((rule) => {
    const { resources, verbs } = isJsonObject(rule) ? rule : {};
    const isSecret = isJsonList(resources) && resources.includes("secrets");
    return !isSecret && !(isJsonList(verbs) && verbs.includes("patch"));
  });
  return { ...manifest, rules: kept };
}

function annotated(
  manifest: JsonObject,
  isMeant: (manifest: JsonObject) => boolean,
  key: string,
  value: string,
): JsonObject {
  return isMeant(manifest) ? withField(manifest, ["metadata", "annotations", key], value) : manifest;
}

export function isConfiguration({ kind }: JsonObject): boolean {
  return kind === "ValidatingWebhookConfiguration" || kind === "MutatingWebhookConfiguration";
}

function isWebhookService(manifest: JsonObject): boolean {
  return manifest["kind"] === "Service" && valueAt(manifest, ["metadata", "name"]) === "foresail";
}

/** A CA of its own, so that a renewed certificate is of the same CA and the caBundle stays. */
function certManagerObjects(namespace: string): JsonObject[] {
  const of = (kind: string, name: string, spec: JsonObject): JsonObject => ({
    apiVersion: "cert-manager.io/v1",
    kind,
    metadata: {
      name,
      namespace,
      labels: { "app.kubernetes.io/name": "foresail", "app.kubernetes.io/part-of": "foresail" },
    },
    spec,
  });
  const key = { privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" } };
  const service = `foresail.${namespace}.svc`;
  return [
    of("Issuer", "foresail-self-signed", { selfSigned: {} }),
    of("Certificate", "foresail-ca", {
      isCA: true,
      commonName: "foresail-ca",
      secretName: "foresail-ca",
      duration: CA_LIFE,
      ...key,
      issuerRef: { kind: "Issuer", name: "foresail-self-signed" },
    }),
    of("Issuer", "foresail", { ca: { secretName: "foresail-ca" } }),
    of("Certificate", "foresail", {
      dnsNames: [`foresail.${namespace}`, service, `${service}.cluster.local`],
      secretName: SECRET,
      duration: LEAF_LIFE,
      ...key,
      issuerRef: { kind: "Issuer", name: "foresail" },
    }),
  ];
}
