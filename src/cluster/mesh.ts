/** The mesh's own settings: from the configuration, Istio's ConfigMaps, and the injectors' webhook configurations. */
import type { Injector, InjectorSettings } from "../istio/injection.ts";
import { lookupEra } from "../istio/lookup/era.ts";
import type { LookupEra } from "../istio/lookup/era.ts";
import type { ServiceEntryVisibility } from "../istio/lookup/visibility.ts";
import type { LookupSettings } from "../istio/lookup/mesh.ts";
import type { Plane } from "../istio/planes.ts";
import type { Versions } from "../istio/versions.ts";
import { labelSelector } from "../kubernetes/object-shapes.ts";
import type { Kinds } from "../kubernetes/objects.ts";
import { boolean, intOrString, list, mapOf, object, string } from "../kubernetes/shape.ts";
import type { Shape, Shaped } from "../kubernetes/shape.ts";
import { parseYaml } from "../kubernetes/yaml/yaml.ts";
import type { Mesh } from "../rules/cluster-view.ts";
import type { MeshSettings } from "../rules/policy.ts";
import type { Store } from "./store.ts";
import { versionOfRevision, versionsOf } from "./versions.ts";

const DEFAULT_ROOT_NAMESPACE = "istio-system";

const meshConfigShape = object({
  rootNamespace: string,
  defaultDestinationRuleExportTo: list(string),
  defaultServiceExportTo: list(string),
  defaultVirtualServiceExportTo: list(string),
  discoverySelectors: list(labelSelector),
  serviceEntryVisibility: object({
    defaultVisibility: string,
    applyToSidecars: boolean,
    policies: list(
      object({ visibility: string, matchingRules: list(object({ namespaceSelector: labelSelector })) }),
    ),
  }),
  defaultConfig: object({
    drainDuration: string,
    interceptionMode: string,
    terminationDrainDuration: string,
    proxyMetadata: mapOf(string),
  }),
});

const injectorValuesShape = object({
  sidecarInjectorWebhook: object({ rewriteAppHTTPProbe: boolean }),
  istio_cni: object({ enabled: boolean }),
  pilot: object({ cni: object({ enabled: boolean }) }),
  // Strings in the charts; one port alone is easily left unquoted.
  global: object({
    proxy: object({
      includeInboundPorts: intOrString,
      excludeInboundPorts: intOrString,
      excludeOutboundPorts: intOrString,
    }),
  }),
});

export function meshOf(
  store: Store,
  settings: MeshSettings,
  versions: Versions = versionsOf(store, settings),
): Mesh {
  const config = readMeshConfig(store, settings.istioNamespace, DEFAULT_REVISION);
  const { proxyMetadata = {}, ...defaultConfig } = config.defaultConfig ?? {};
  return {
    ...lookupSettings(config, settings, versions),
    multiCluster: settings.multiCluster,
    injectors: store.list("MutatingWebhookConfiguration", "").flatMap(([, one]) => injectorsIn(one)),
    injectorSettings: remembered((revision) => injectorSettings(store, settings.istioNamespace, revision)),
    defaultProxyConfig: { ...defaultConfig, proxyMetadata },
  };
}

/** The mesh as the control planes of its revisions are set. */
export interface RevisedMesh {
  readonly injectors: readonly Injector[];
  /** "" is the default revision. */
  ofRevision(revision: string): LookupSettings;
}

export function revisedMeshOf(
  store: Store,
  settings: MeshSettings,
  { injectors }: Mesh,
  versions: Versions,
): RevisedMesh {
  return {
    injectors,
    ofRevision: remembered((revision) =>
      lookupSettings(readMeshConfig(store, settings.istioNamespace, revision), settings, {
        ...versions,
        ...versionOfRevision(store, settings, revision),
      }),
    ),
  };
}

const DEFAULT_REVISION = "";

type MeshConfig = Shaped<typeof meshConfigShape>;

function lookupSettings(config: MeshConfig, settings: MeshSettings, versions: Versions): LookupSettings {
  const era = lookupEra(versions);
  return {
    rootNamespace: settings.rootNamespace ?? (config.rootNamespace || DEFAULT_ROOT_NAMESPACE),
    clusterDomain: settings.clusterDomain,
    defaultDestinationRuleExportTo: config.defaultDestinationRuleExportTo ?? [],
    defaultServiceExportTo: config.defaultServiceExportTo ?? [],
    defaultVirtualServiceExportTo: config.defaultVirtualServiceExportTo ?? [],
    discoverySelectors: config.discoverySelectors ?? [],
    serviceEntryVisibility: visibilityFor(config.serviceEntryVisibility, era),
    era,
  };
}

/** It is for waypoints and ztunnel alone unless it says otherwise. */
function visibilityFor(
  visibility: MeshConfig["serviceEntryVisibility"],
  { hasServiceEntryVisibility }: LookupEra,
): ServiceEntryVisibility | undefined {
  if (!hasServiceEntryVisibility || visibility?.applyToSidecars !== true) return undefined;
  const { defaultVisibility = "", policies = [] } = visibility;
  return {
    defaultVisibility,
    policies: policies.map(({ visibility: own = "", matchingRules = [] }) => ({
      visibility: own,
      namespaceSelectors: matchingRules.map(({ namespaceSelector }) => namespaceSelector),
    })),
  };
}

/** What the control plane's own API server says goes before what else there is. */
const PLANES_OF_SETTINGS = ["mesh", "data"] as const;

function readMeshConfig(store: Store, istioNamespace: string, revision: string): MeshConfig {
  const [text] = PLANES_OF_SETTINGS.flatMap((plane) => {
    const own = store.get("ConfigMap", istioNamespace, `istio-${revision}`, plane)?.object.data?.["mesh"];
    return own ?? findMeshConfig(store, istioNamespace, plane)?.data?.["mesh"] ?? [];
  });
  return readYaml(meshConfigShape, text);
}

/** `istio`, else the first `istio-REV`, else the only ConfigMap anywhere that has the key. */
function findMeshConfig(store: Store, istioNamespace: string, plane: Plane): Kinds["ConfigMap"] | undefined {
  const isMeshConfig = ([, configMap]: readonly [string, Kinds["ConfigMap"]]) =>
    configMap.data?.["mesh"] !== undefined;
  const here = store.list("ConfigMap", istioNamespace, plane).filter(isMeshConfig);
  const named = here.find(([name]) => name === "istio") ?? here.find(([name]) => name.startsWith("istio-"));
  if (named) return named[1];
  const anywhere = [...store.namespacesOf("ConfigMap", plane)].flatMap((namespace) =>
    store.list("ConfigMap", namespace, plane).filter(isMeshConfig),
  );
  return anywhere.length === 1 ? anywhere[0]?.[1] : undefined;
}

function injectorSettings(
  store: Store,
  istioNamespace: string,
  revision: string,
): InjectorSettings | undefined {
  const name = revision === "" ? "istio-sidecar-injector" : `istio-sidecar-injector-${revision}`;
  const [text] = PLANES_OF_SETTINGS.flatMap(
    (plane) => store.get("ConfigMap", istioNamespace, name, plane)?.object.data?.["values"] ?? [],
  );
  const parsed = text === undefined ? undefined : parseYaml(text);
  const values = injectorValuesShape.read(parsed?.documents[0]?.value);
  if (values === undefined) return undefined;
  return {
    rewriteAppHTTPProbe: values.sidecarInjectorWebhook?.rewriteAppHTTPProbe ?? false,
    includeInboundPorts: String(values.global?.proxy?.includeInboundPorts ?? "*"),
    excludeInboundPorts: String(values.global?.proxy?.excludeInboundPorts ?? ""),
    excludeOutboundPorts: String(values.global?.proxy?.excludeOutboundPorts ?? ""),
    usesCni: values.pilot?.cni?.enabled ?? values.istio_cni?.enabled ?? false,
  };
}

/** The text is long, and asked for with every Pod; a change of the ConfigMap makes the whole mesh anew. */
function remembered<T>(read: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    const value = known.get(key) ?? read(key);
    known.set(key, value);
    return value;
  };
}

/** What cannot be read is as if it were not there. */
function readYaml<T>(shape: Shape<T>, text: string | undefined): T {
  return (text === undefined ? undefined : shape.read(parseYaml(text).documents[0]?.value)) ?? shape.blank;
}

/** By the label that upstream puts on its configurations, or by the webhooks' own names. */
function injectorsIn({ metadata, webhooks = [] }: Kinds["MutatingWebhookConfiguration"]): Injector[] {
  const isLabelled = metadata?.labels?.["app"] === "sidecar-injector";
  const revision = metadata?.labels?.["istio.io/rev"] ?? "";
  return webhooks
    .filter(({ name = "" }) => isLabelled || name.endsWith("sidecar-injector.istio.io"))
    .filter(({ rules }) => rules === undefined || rules.some(isAboutNewPods))
    .map(({ namespaceSelector = {}, objectSelector = {} }) => ({
      revision,
      namespaceSelector,
      objectSelector,
    }));
}

type WebhookRule = NonNullable<
  NonNullable<Kinds["MutatingWebhookConfiguration"]["webhooks"]>[number]["rules"]
>[number];

function isAboutNewPods({ apiGroups = [], operations = [], resources = [] }: WebhookRule): boolean {
  const has = (values: readonly string[], ...wanted: readonly string[]) =>
    wanted.some((one) => values.includes(one));
  return has(apiGroups, "", "*") && has(operations, "CREATE", "*") && has(resources, "pods", "*", "*/*");
}
