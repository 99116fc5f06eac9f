/** Which versions run, by what stands in the store and by what a live cluster has said. */
import { SWITCHES } from "../istio/gates.ts";
import { asmVersionOfImage, COMPONENTS, versionOfImage, versionOfRevisionName } from "../istio/versions.ts";
import type { Component, KnownVersion, Versions } from "../istio/versions.ts";
import type { Kinds } from "../kubernetes/objects.ts";
import { intOrString, object } from "../kubernetes/shape.ts";
import { parseYaml } from "../kubernetes/yaml/yaml.ts";
import type { MeshSettings } from "../rules/policy.ts";
import type { Store } from "./store.ts";

export const ISTIOD = "istiod";
/** A Deployment or, as the project's own manifests have it, a DaemonSet. */
export const CCM = { namespace: "kube-system", name: "cloud-controller-manager" };
/** What istiod's own label calls the default revision. */
const DEFAULT_REVISION_LABEL = "default";
const INJECTOR_CONFIG = "istio-sidecar-injector";

/** Also of a DaemonSet, which has the same fields. */
export type NamedDeployment = readonly [name: string, Kinds["Deployment"]];

/**
 * As assumed by the configuration, else by the images of the components, as the cluster says or as they stand in the store.
 * Where no istiod is to be seen, as beside a managed control plane: by the tag that the injector gives to proxies, else by the
 * proxies of gateways.
 */
export function versionsOf(store: Store, settings: MeshSettings): Versions {
  const { istioNamespace: namespace } = settings;
  const deployments = store.list("Deployment", namespace);
  const istiods = istiodsAmong(deployments);
  const isTold =
    store.detected.istiods.size > 0 || istiods.some(([, one]) => versionOfIstiod(one) !== undefined);
  const found: { [C in Component]?: KnownVersion } = {
    ...(isTold
      ? {}
      : {
          ...store.detected.ofGateways,
          ...gatewayVersions(namespace, deployments),
          ...injectorVersions(store, namespace),
        }),
    ...componentVersions(namespace, istiods),
    ...known("ccm", versionOfCcm(store)),
    ...store.detected.versions,
  };
  for (const component of COMPONENTS) {
    const value = settings.assume[component];
    if (value !== undefined) found[component] = { value, from: "assume" };
  }
  return found;
}

export function versionOfRevision(store: Store, settings: MeshSettings, revision: string): Versions {
  if (settings.assume.istio !== undefined) return {};
  const { istioNamespace: namespace } = settings;
  const name = revision || DEFAULT_REVISION_LABEL;
  const here = istiodVersions(namespace, istiodsAmong(store.list("Deployment", namespace)));
  const told = store.detected.istiods.get(name) ?? here.get(name);
  if (told) return { istio: told };
  const configMap = revision === "" ? INJECTOR_CONFIG : `${INJECTOR_CONFIG}-${revision}`;
  const values = store.get("ConfigMap", namespace, configMap)?.object.data?.["values"];
  return versionsOfImages(taggedBy(namespace, configMap, values));
}

/** By their label, else by their name. */
export function istiodsAmong(deployments: readonly NamedDeployment[]): readonly NamedDeployment[] {
  const labelled = deployments.filter(([, { metadata }]) => metadata?.labels?.["app"] === ISTIOD);
  return labelled.length > 0 ? labelled : deployments.filter(([name]) => name === ISTIOD);
}

/** By revision: while an upgrade runs, each revision's istiod has a version of its own. */
export function istiodVersions(
  namespace: string,
  istiods: readonly NamedDeployment[],
): ReadonlyMap<string, KnownVersion> {
  const byRevision = Map.groupBy(
    istiods,
    ([, deployment]) => revisionOf(deployment) ?? DEFAULT_REVISION_LABEL,
  );
  return new Map(
    [...byRevision].flatMap(([revision, own]): [string, KnownVersion][] => {
      const { istio } = componentVersions(namespace, own);
      return istio === undefined ? [] : [[revision, istio]];
    }),
  );
}

/** Of istiods: by their images, else by their revisions' names. None while several versions run. */
export function componentVersions(namespace: string, istiods: readonly NamedDeployment[]): Versions {
  const istio = istiods.map(([name, istiod]) => ({
    value: versionOfIstiod(istiod),
    from: `the ${versionOfImage(firstImageOf(istiod)) === undefined ? "revision" : "image"} of Deployment ${namespace}/${name}`,
    environment: switchesOf(istiod),
  }));
  const { asm } = versionsOfImages(istiods.map((one) => imageOf(namespace, one)));
  return { ...known("istio", agreed(istio)), ...known("asm", asm) };
}

function switchesOf({ spec }: Kinds["Deployment"]): Readonly<Record<string, string>> {
  const { env = [] } = spec?.template?.spec?.containers?.[0] ?? {};
  return Object.fromEntries(
    env.flatMap(({ name = "", value }) =>
      SWITCHES.includes(name) && value !== undefined ? [[name, value]] : [],
    ),
  );
}

function versionOfIstiod(istiod: Kinds["Deployment"]): string | undefined {
  return versionOfImage(firstImageOf(istiod)) ?? versionOfRevisionName(revisionOf(istiod) ?? "");
}

/** Of gateways: by the images of their proxies. None while several versions run. */
export function gatewayVersions(namespace: string, deployments: readonly NamedDeployment[]): Versions {
  return versionsOfImages(
    deployments.flatMap(([name, { spec }]) => {
      const proxy = (spec?.template?.spec?.containers ?? []).find((one) => one.name === "istio-proxy");
      const { image = "" } = proxy ?? {};
      if (versionOfImage(image) === undefined) return [];
      return [{ image, from: `the istio-proxy of Deployment ${namespace}/${name}` }];
    }),
  );
}

/** By the image of the first container. */
export function versionOfWorkload(
  kind: string,
  namespace: string,
  one: NamedDeployment,
): KnownVersion | undefined {
  const value = versionOfImage(firstImageOf(one[1]));
  return value === undefined ? undefined : { value, from: `the image of ${kind} ${namespace}/${one[0]}` };
}

function versionOfCcm(store: Store): KnownVersion | undefined {
  const { namespace, name } = CCM;
  for (const kind of ["Deployment", "DaemonSet"] as const) {
    const all = store.list(kind, namespace);
    const one =
      all.find(([, { metadata }]) => metadata?.labels?.["app"] === name) ?? all.find(([own]) => own === name);
    const version = one && versionOfWorkload(kind, namespace, one);
    if (version) return version;
  }
  return undefined;
}

/** By the tag in the settings of every injector. */
function injectorVersions(store: Store, namespace: string): Versions {
  return versionsOfImages(
    store
      .list("ConfigMap", namespace)
      .filter(([name]) => name === INJECTOR_CONFIG || name.startsWith(`${INJECTOR_CONFIG}-`))
      .flatMap(([name, { data }]) => taggedBy(namespace, name, data?.["values"])),
  );
}

const valuesShape = object({ global: object({ tag: intOrString }) });

/** The image that an injector gives to proxies, as far as it tells a version. */
function taggedBy(namespace: string, name: string, values: string | undefined): readonly Image[] {
  const parsed = values === undefined ? undefined : parseYaml(values);
  const tag = valuesShape.read(parsed?.documents[0]?.value)?.global?.tag;
  return tag === undefined
    ? []
    : [{ image: `proxyv2:${tag}`, from: `the tag in ConfigMap ${namespace}/${name}` }];
}

interface Image {
  readonly image: string;
  readonly from: string;
}

function imageOf(namespace: string, [name, deployment]: NamedDeployment): Image {
  return { image: firstImageOf(deployment), from: `the image of Deployment ${namespace}/${name}` };
}

function firstImageOf({ spec }: Kinds["Deployment"]): string {
  return spec?.template?.spec?.containers?.[0]?.image ?? "";
}

function revisionOf({ metadata }: Kinds["Deployment"]): string | undefined {
  return metadata?.labels?.["istio.io/rev"];
}

function versionsOfImages(images: readonly Image[]): Versions {
  const by = (versionOf: (image: string) => string | undefined) =>
    agreed(images.map(({ image, from }) => ({ value: versionOf(image), from })));
  return { ...known("istio", by(versionOfImage)), ...known("asm", by(asmVersionOfImage)) };
}

interface Told {
  readonly value: string | undefined;
  readonly from: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The first, if all say the same; its environment if all have that, too. */
function agreed(all: readonly Told[]): KnownVersion | undefined {
  const [first, ...others] = all;
  if (first?.value === undefined || others.some(({ value }) => value !== first.value)) return undefined;
  const { value, from, environment = {} } = first;
  const variables = Object.entries(environment).filter(([name, text]) =>
    others.every((other) => other.environment?.[name] === text),
  );
  return { value, from, ...(variables.length > 0 ? { environment: Object.fromEntries(variables) } : {}) };
}

function known(component: Component, version: KnownVersion | undefined): Versions {
  return version === undefined ? {} : { [component]: version };
}
