/** The changes to a Pod that let its proxy wait for the app. Paths begin at the Pod's root. */
import type { JsonObject } from "../../kubernetes/json.ts";
import type { Change } from "../../kubernetes/json-patch.ts";
import type { PodTemplate } from "../../kubernetes/pod-template.ts";
import { drainHookCommand, EXIT_ON_ZERO, EXIT_ON_ZERO_SETTINGS, FAQ_HOOKS, MINIMUM_DRAIN } from "./drain.ts";
import { PROXY_CONFIG_FIELD } from "./settings.ts";
import type { InjectedProxy } from "../injection.ts";
import { statusPortOf } from "../probes/probes.ts";
import { mergeProxyConfig } from "../proxy-config.ts";
import type { ProxyConfig, ProxySettings } from "../proxy-config.ts";

export function addToProxyConfig(config: ProxyConfig, additions: ProxySettings): readonly Change[] {
  return [{ path: PROXY_CONFIG_FIELD, value: mergeProxyConfig(config, additions) }];
}

/** Without MINIMUM_DRAIN_DURATION where something sets it already. */
export function exitOnZeroSettings(present: Readonly<Record<string, unknown>>): ProxySettings {
  if (present[MINIMUM_DRAIN] === undefined) return { proxyMetadata: EXIT_ON_ZERO_SETTINGS };
  return { proxyMetadata: { [EXIT_ON_ZERO]: EXIT_ON_ZERO_SETTINGS[EXIT_ON_ZERO] } };
}

/** Whether this is what the repair writes where no injector is known: on a native sidecar it does no harm. */
export function isOwnRepair({ proxyMetadata, terminationDrainDuration }: ProxySettings): boolean {
  const isPair = Object.entries(EXIT_ON_ZERO_SETTINGS).every(
    ([name, value]) => proxyMetadata[name] === value,
  );
  return isPair && terminationDrainDuration === undefined;
}

export function addDrainHook(proxy: InjectedProxy, limitSeconds: number): readonly Change[] {
  return [hook(proxy, "preStop", drainHookCommand(limitSeconds))];
}

/** Both hooks of ASM's FAQ; a postStart that is there stays. */
export function addFaqHooks(proxy: InjectedProxy): readonly Change[] {
  const preStop = hook(proxy, "preStop", FAQ_HOOKS.preStop);
  const hasPostStart = proxy.container.lifecycle?.postStart !== undefined;
  return hasPostStart ? [preStop] : [hook(proxy, "postStart", FAQ_HOOKS.postStart), preStop];
}

/**
 * Before injection, a container istio-proxy with an image of the user's own looks like a classic sidecar, and is given the
 * drain hook; if the injector then makes a native one of it, Istio's preStop is what has to stand there.
 */
export function restoreIstioDrain(proxy: InjectedProxy, { metadata }: PodTemplate): readonly Change[] {
  const port = statusPortOf(metadata.annotations ?? {});
  return [hook(proxy, "preStop", ["pilot-agent", "request", `--debug-port=${port}`, "POST", "drain"])];
}

/** Appends to the proxy's environment what is not in it. */
export function addExitOnZero({ container, list, index }: InjectedProxy): readonly Change[] {
  const env = container.env ?? [];
  const present = Object.fromEntries(env.map(({ name = "", value = "" }) => [name, value]));
  return Object.entries(exitOnZeroSettings(present).proxyMetadata).map(([name, value], offset) => ({
    path: ["spec", list, index, "env", env.length + offset],
    value: { name, value },
  }));
}

function hook(
  { list, index }: InjectedProxy,
  when: "postStart" | "preStop",
  command: readonly string[],
): Change {
  const value: JsonObject = { exec: { command } };
  return { path: ["spec", list, index, "lifecycle", when], value };
}
