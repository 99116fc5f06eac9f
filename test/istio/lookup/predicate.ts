/**
 * Where Istio could meet one DestinationRule, written down a second time, and as plainly as possible: by trying every client
 * namespace. The names are those of the lookup's description: N the rule's namespace, C a client's, S a service's, R the root.
 */
import fc from "fast-check";

export interface Mesh {
  readonly R: string;
  readonly defaultDestinationRuleExportTo: readonly string[];
  readonly defaultServiceExportTo: readonly string[];
  readonly services: readonly MeshService[];
}
export interface MeshService {
  readonly S: string;
  readonly hostname: string;
  readonly exportTo: readonly string[];
  readonly isExternalName: boolean;
}
export interface RuleText {
  readonly N: string;
  readonly host: string;
  readonly exportTo: readonly string[];
  readonly selector: Readonly<Record<string, string>> | undefined;
}
export interface Proxy {
  readonly C: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly isWaypoint: boolean;
}

export const NOBODY = "a-namespace-that-nothing-names";

function exportedTo({ exportTo, selector }: RuleText): ReadonlySet<string> {
  return new Set(selector === undefined ? exportTo : ["."]);
}

function isOwn(rule: RuleText): boolean {
  const E = exportedTo(rule);
  return E.size === 0 || E.has("*") || E.has(".") || E.has(rule.N);
}

function isPrivate(rule: RuleText, mesh: Mesh): boolean {
  const E = exportedTo(rule);
  if (E.size === 0) return mesh.defaultDestinationRuleExportTo.includes(".");
  return E.size === 1 && (E.has(".") || E.has(rule.N));
}

export function path(
  C: string,
  S: string,
  rule: RuleText,
  mesh: Mesh,
): "own" | "service" | "root" | undefined {
  const { N } = rule;
  const E = exportedTo(rule);
  if (C === N && isOwn(rule) && (N !== mesh.R || isPrivate(rule, mesh))) return "own";
  if (isPrivate(rule, mesh)) return undefined;
  if (E.size > 0 && !E.has("*") && !E.has(C)) return undefined;
  if (S === N) return "service";
  if (N === mesh.R) return "root";
  return undefined;
}

export function sees(C: string, { S, exportTo }: MeshService, mesh: Mesh): boolean {
  const E = exportTo.length > 0 ? exportTo : mesh.defaultServiceExportTo;
  if (E.length === 0) return true;
  for (const one of E) if (one === "*") return true;
  for (const one of E) if (one === "~") return false;
  for (const one of E) if (one === C || (one === "." && C === S)) return true;
  return false;
}

function covers(host: string, hostname: string): boolean {
  if (!host.startsWith("*")) return host === hostname;
  return hostname.replace(/^\*/, "").endsWith(host.slice(1));
}

/** Undefined: no host. A Service that is not there yet counts as if it were. */
export function targetsOf({ host, N }: RuleText, { services }: Mesh): readonly MeshService[] | undefined {
  const resolved = host.includes(".") || host === "*" ? host : `${host}.${N}.svc.cluster.local`;
  const covered = services.filter(({ hostname }) => covers(resolved, hostname));
  const targets = covered.filter(({ isExternalName }) => !isExternalName);
  if (targets.length > 0) return targets;
  const [, S] = /^[a-z0-9-]+\.([a-z0-9-]+)\.svc\.cluster\.local$/.exec(host) ?? [];
  if (S === undefined || covered.length > 0) return undefined;
  return [{ S, hostname: host, exportTo: [], isExternalName: false }];
}

export function isSelected({ labels, isWaypoint }: Proxy, { selector }: RuleText): boolean {
  if (selector === undefined) return true;
  return !isWaypoint && Object.entries(selector).every(([key, value]) => labels[key] === value);
}

/** Every namespace that a name somewhere could mean, and one that none means. */
function everyC({ N, exportTo }: RuleText, targets: readonly MeshService[], mesh: Mesh): readonly string[] {
  const named = [N, mesh.R, ...exportTo, ...mesh.defaultServiceExportTo];
  for (const target of targets) named.push(target.S, ...target.exportTo);
  return [...named.filter((name) => ![".", "~", "*"].includes(name)), NOBODY];
}

export function isPossible(rule: RuleText, targets: readonly MeshService[], mesh: Mesh): boolean {
  return everyC(rule, targets, mesh).some((C) =>
    targets.some((target) => sees(C, target, mesh) && path(C, target.S, rule, mesh) !== undefined),
  );
}

/** The proxies that get the rule if no other hides it. */
export function witnesses(
  rule: RuleText,
  targets: readonly MeshService[],
  mesh: Mesh,
  proxies: readonly Proxy[],
): readonly Proxy[] {
  return proxies.filter(
    (proxy) =>
      isSelected(proxy, rule) &&
      targets.some(
        (target) => sees(proxy.C, target, mesh) && path(proxy.C, target.S, rule, mesh) !== undefined,
      ),
  );
}

export const NAMESPACES = ["a", "b", "c", "root"];
const exportTo = fc.uniqueArray(fc.constantFrom(".", "*", "~", "d", ...NAMESPACES), { maxLength: 3 });
const APP = fc.constantFrom("x", "y");

export const meshes: fc.Arbitrary<Mesh> = fc.record({
  R: fc.constant("root"),
  defaultDestinationRuleExportTo: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, exportTo),
  defaultServiceExportTo: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, exportTo),
  services: fc.uniqueArray(
    fc.oneof(
      fc.tuple(fc.constantFrom("one", "two"), fc.constantFrom(...NAMESPACES)).chain(([name, S]) =>
        fc.record({
          S: fc.constant(S),
          hostname: fc.constant(`${name}.${S}.svc.cluster.local`),
          exportTo,
          isExternalName: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
        }),
      ),
      fc.record({
        S: fc.constantFrom(...NAMESPACES),
        hostname: fc.constantFrom("api.example.com", "*.example.com", "one.a.svc.cluster.local.example"),
        exportTo,
        isExternalName: fc.constant(false),
      }),
    ),
    { maxLength: 4, selector: ({ S, hostname }) => `${S}/${hostname}` },
  ),
});

export const rules: fc.Arbitrary<RuleText> = fc.record({
  N: fc.constantFrom(...NAMESPACES),
  host: fc.constantFrom(
    "one",
    "one.a.svc.cluster.local",
    "two.b.svc.cluster.local",
    "api.example.com",
    "*.example.com",
    "*.com",
    "*.a.svc.cluster.local",
    "*.local",
    "*",
  ),
  exportTo,
  selector: fc.option(
    fc
      .record({ app: APP }, { requiredKeys: [] })
      .map((selector): Readonly<Record<string, string>> => ({ ...selector })),
    { nil: undefined, freq: 4 },
  ),
});

export const proxies: fc.Arbitrary<readonly Proxy[]> = fc.array(
  fc.record({ C: fc.constantFrom(...NAMESPACES), labels: fc.record({ app: APP }), isWaypoint: fc.boolean() }),
  { maxLength: 3 },
);
