/** How an istio-proxy stops: what its agent does on SIGTERM, and the hook that makes a classic sidecar wait for its app. */
import type { Container } from "../../kubernetes/objects.ts";

/** What the API server fills in before any webhook sees the Pod: it may be unset. */
export const DEFAULT_GRACE_SECONDS = 30;
/** terminationDrainDuration where nothing sets it (istio.io/api, mesh/v1alpha1/proxy.proto). */
export const DEFAULT_DRAIN_SECONDS = 5;
/** Left for SIGTERM to be delivered and the containers to go. */
const RESERVE_SECONDS = 5;
const LEAST_HOOK_SECONDS = 1;

/** Read by the proxy's agent (pilot/cmd/pilot-agent/options). */
export const EXIT_ON_ZERO = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS";
export const MINIMUM_DRAIN = "MINIMUM_DRAIN_DURATION";
/** The proxy goes on for 5 s, as without them, and then until no connection is left. */
export const EXIT_ON_ZERO_SETTINGS = { [EXIT_ON_ZERO]: "true", [MINIMUM_DRAIN]: "5s" } as const;

/** As Go's strconv.ParseBool reads what is true. */
export function isTrue(text: string | undefined): boolean {
  return text !== undefined && ["1", "t", "T", "true", "TRUE", "True"].includes(text);
}

/** How long the drain hook may take, so that the proxy can drain afterwards before Kubernetes kills the Pod. */
export function hookSeconds(graceSeconds: number, drainSeconds: number): number {
  return Math.max(LEAST_HOOK_SECONDS, Math.floor(graceSeconds - RESERVE_SECONDS - drainSeconds));
}

/** The shortest grace period in which even the shortest drain hook is over in time. */
export function leastGraceSeconds(drainSeconds: number): number {
  return Math.ceil(drainSeconds) + RESERVE_SECONDS + LEAST_HOOK_SECONDS;
}

/** The grace period that leaves the drain hook as long as the defaults do. */
export function fullGraceSeconds(drainSeconds: number): number {
  return Math.ceil(drainSeconds) + DEFAULT_GRACE_SECONDS - DEFAULT_DRAIN_SECONDS;
}

/**
 * Run in the proxy's container by dash or ash. netstat names the owner only of its own container's sockets, so whatever
 * is neither envoy's nor pilot-agent's is the app's. An app without a preStop gets SIGTERM at the same moment and may have
 * closed its listener already: the proxy's connections to it, which come from 127.0.0.6, tell its ports as well.
 */
function drainScript(seconds: number): string {
  return `# Lets the app finish before istio-proxy stops (foresail: pod-drains-before-stop).
limit=${seconds}
command -v netstat >/dev/null || exit 0
app() { netstat -antp 2>/dev/null | grep -Ev "/(envoy|pilot-agent) *$"; }
ports=$(app | sed -nE "s/^tcp.*:([0-9]+) +([^ ]+ +LISTEN|(::|(::ffff:)?127[.]0[.]0[.])6:[0-9]+ +ESTABLISHED) .*/\\1/p")
[ "$ports" ] || exit 0
ports=$(echo $ports | tr " " "|")
end=$(($(date +%s) + limit))
while [ "$(date +%s)" -lt "$end" ] && app | grep -Eq ":($ports) +[^ ]+ +(LISTEN|ESTABLISHED) "; do sleep 1; done
`;
}

/** The drain hook's command: ends when the app has closed its ports and connections, or after so many whole seconds. */
export function drainHookCommand(seconds: number): readonly string[] {
  return ["/bin/sh", "-c", drainScript(seconds)];
}

/** Whether a command is the drain hook, whatever its limit. */
export function isDrainHook(command: readonly string[]): boolean {
  return drainHookLimit(command) !== undefined;
}

/** The seconds that the drain hook takes at most; undefined of any other command. */
export function drainHookLimit(command: readonly string[]): number | undefined {
  const limit = /^limit=(\d+)$/m.exec(command[2] ?? "")?.[1];
  if (limit === undefined || command.join("\0") !== drainHookCommand(Number(limit)).join("\0"))
    return undefined;
  return Number(limit);
}

/** The pair of hooks of ASM's FAQ, except that pilot-agent, which listens until the end, is not waited for. */
export const FAQ_HOOKS = {
  postStart: ["pilot-agent", "wait"],
  preStop: [
    "/bin/sh",
    "-c",
    "while [ $(netstat -plunt | grep tcp | grep -v envoy | grep -v pilot-agent | wc -l | xargs) -ne 0 ]; do sleep 1; done",
  ],
} as const;

export function isFaqHook(command: readonly string[]): boolean {
  return command.join("\0") === FAQ_HOOKS.preStop.join("\0");
}

/** The loop of ASM's FAQ as it is there, or one like it: it counts pilot-agent, which listens until it is killed. */
export function isEndlessFaqHook(command: readonly string[]): boolean {
  const script = command.join(" ");
  return /\bwhile\b.*\bnetstat\b.*grep -v envoy/.test(script) && !script.includes("pilot-agent");
}

/** Whether a preStop of a native sidecar still begins Istio's own drain, by itself or inside of a script. */
export function beginsIstioDrain(command: readonly string[]): boolean {
  return /pilot-agent\b[^]*\bdrain\b|:15020\/drain\b/.test(command.join(" "));
}

/** Whether the image has no shell, by the suffix of Istio's own tags. */
export function isDistroless(image: string): boolean {
  const [name = ""] = image.split("@");
  return name.endsWith("-distroless");
}

/** Whether a container named istio-proxy carries a sidecar's Envoy: no gateway's, no waypoint's, no ztunnel, no bare gRPC agent. */
export function isSidecar({ image = "", args = [], env = [] }: Container): boolean {
  const role = args[0] === "proxy" ? (args[1] ?? "sidecar") : "sidecar";
  const isRole = role === "sidecar" || role.startsWith("-");
  const hasEnvoy = !env.some(({ name, value }) => name === "DISABLE_ENVOY" && isTrue(value));
  return isRole && hasEnvoy && !/(?:^|\/)ztunnel[^/]*$/.test(image);
}
