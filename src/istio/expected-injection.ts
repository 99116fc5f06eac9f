/** A Pod as an injector would leave it, as far as it matters to how the Pod stops. */
import { isObject } from "../kubernetes/json.ts";
import type { Labels } from "../kubernetes/objects.ts";
import { holds } from "./gates.ts";
import type { KnownVersion, Versions } from "./versions.ts";

export type SidecarKind = "classic" | "native";

/** Both where neither the Pod nor a version tells; the likelier first (pilot/pkg/features: ENABLE_NATIVE_SIDECARS). */
export function expectedSidecars(annotations: Labels, versions: Versions): readonly SidecarKind[] {
  const wish = annotations["sidecar.istio.io/nativeSidecar"] ?? "";
  if (wish !== "") return [wish === "false" ? "classic" : "native"];
  const isTooOld = [holds("nativeSidecarDrains", versions), holds("nativeSidecarsRun", versions)].includes(
    false,
  );
  return isTooOld ? ["classic"] : ["native", "classic"];
}

/** What the image will be called, so that its version and kind can be read from it. */
export function expectedImage(annotations: Labels, istio: KnownVersion | undefined): string {
  const own = annotations["sidecar.istio.io/proxyImage"] ?? "";
  if (own.includes("/")) return own;
  const isDistroless = annotations["sidecar.istio.io/proxyImageType"] === "distroless";
  return `istio/${own || "proxyv2"}:${istio?.value ?? "unknown"}${isDistroless ? "-distroless" : ""}`;
}

type Json = { readonly [key: string]: unknown };

/** A container istio-proxy that waits for the injection is merged with the injected one. */
export function withExpectedSidecar(pod: unknown, kind: SidecarKind, image: string): unknown {
  const object = isObject(pod) ? pod : {};
  const spec = isObject(object["spec"]) ? object["spec"] : {};
  const [containers, initContainers] = [listOf(spec["containers"]), listOf(spec["initContainers"])];
  const own = [...containers, ...initContainers].find(isProxy) ?? {};
  const proxy = { ...own, name: "istio-proxy", image };
  const others = containers.filter((one) => !isProxy(one));
  const otherInits = initContainers.filter((one) => !isProxy(one));
  const lists =
    kind === "classic"
      ? { containers: [...others, proxy], initContainers: otherInits }
      : { containers: others, initContainers: [native(proxy), ...otherInits] };
  return { ...object, spec: { ...spec, ...lists } };
}

/** An exec of the user's takes the place of Istio's; a handler of another kind stands beside it. */
function native(proxy: Json): Json {
  const lifecycle = isObject(proxy["lifecycle"]) ? proxy["lifecycle"] : {};
  const own = isObject(lifecycle["preStop"]) ? lifecycle["preStop"] : {};
  const exec = { command: ["pilot-agent", "request", "--debug-port=15020", "POST", "drain"] };
  return { ...proxy, restartPolicy: "Always", lifecycle: { ...lifecycle, preStop: { exec, ...own } } };
}

function listOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isProxy(container: Json): boolean {
  return container["name"] === "istio-proxy";
}
