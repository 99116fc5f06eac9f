/** DestinationRules by namespace and resolved host. */
import { coversHost, isWildcard, resolveHost } from "../../istio/hosts.ts";
import type { LookupSettings, RulesOfHost } from "../../istio/lookup/mesh.ts";
import type { LookupRule } from "../../istio/lookup/rule.ts";
import type { Kinds } from "../../kubernetes/objects.ts";
import { addTo, deleteFrom, HostSet } from "./host-set.ts";

type DestinationRule = Kinds["DestinationRule"];

/** A stored rule, and how it reads under the settings that were last asked for: there are few settings and many rules. */
export interface StoredRule {
  readonly namespace: string;
  readonly name: string;
  readonly object: DestinationRule;
  read: { readonly settings: LookupSettings; readonly rule: LookupRule } | undefined;
}

interface NamespaceRules {
  /** By host, then by name. */
  readonly byHost: Map<string, Map<string, StoredRule>>;
  /** How many wildcard hosts have this length: few lengths occur. */
  readonly wildcards: Map<number, number>;
  /** The same lengths, the longest first. */
  lengths: readonly number[];
}

export class RuleIndex {
  readonly #clusterDomain: string;
  readonly #namespaces = new Map<string, NamespaceRules>();
  readonly #hosts = new HostSet();
  readonly #namespacesOfHost = new Map<string, Set<string>>();

  constructor(clusterDomain: string) {
    this.#clusterDomain = clusterDomain;
  }

  add(object: DestinationRule, namespace: string, name: string): void {
    const stored: StoredRule = { namespace, name, object, read: undefined };
    const rules = this.#namespaces.get(namespace) ?? { byHost: new Map(), wildcards: new Map(), lengths: [] };
    this.#namespaces.set(namespace, rules);
    const host = this.#hostOf(object, namespace);
    const named = rules.byHost.get(host);
    if (named) named.set(name, stored);
    else {
      rules.byHost.set(host, new Map([[name, stored]]));
      this.#hosts.add(host);
      addTo(this.#namespacesOfHost, host, namespace);
      if (isWildcard(host)) countWildcard(rules, host.length, 1);
    }
  }

  delete(rule: DestinationRule, namespace: string, name: string): void {
    const rules = this.#namespaces.get(namespace);
    const host = this.#hostOf(rule, namespace);
    const named = rules?.byHost.get(host);
    if (!rules || !named?.delete(name) || named.size > 0) return;
    rules.byHost.delete(host);
    deleteFrom(this.#namespacesOfHost, host, namespace);
    if (!this.#namespacesOfHost.has(host)) this.#hosts.delete(host);
    if (isWildcard(host)) countWildcard(rules, host.length, -1);
    if (rules.byHost.size === 0) this.#namespaces.delete(namespace);
  }

  /** In no order. */
  ofHost(namespace: string, host: string): Iterable<StoredRule> {
    return this.#namespaces.get(namespace)?.byHost.get(host)?.values() ?? NO_RULES;
  }

  /** The hosts of the namespace's rules that cover this hostname, the most specific first. */
  hostsCovering(namespace: string, hostname: string): readonly string[] {
    const rules = this.#namespaces.get(namespace);
    if (!rules) return NO_HOSTS;
    const hosts = rules.byHost.has(hostname) ? [hostname] : [];
    for (const length of rules.lengths) {
      const host = `*${hostname.slice(Math.max(hostname.length - length + 1, 0))}`;
      const isThere = host.length === length && host !== hostname && rules.byHost.has(host);
      if (isThere && coversHost(host, hostname)) hosts.push(host);
    }
    return hosts;
  }

  /** Rules whose hosts some hostname can have in common with this host. Lazily, in no order. */
  *meeting(host: string): Iterable<RulesOfHost> {
    for (const one of this.#hosts.meeting(host)) {
      for (const namespace of this.#namespacesOfHost.get(one) ?? []) yield { namespace, host: one };
    }
  }

  #hostOf({ spec }: DestinationRule, namespace: string): string {
    return resolveHost(spec?.host ?? "", namespace, this.#clusterDomain);
  }
}

const NO_RULES: readonly StoredRule[] = [];
const NO_HOSTS: readonly string[] = [];

function countWildcard(rules: NamespaceRules, length: number, difference: 1 | -1): void {
  const count = (rules.wildcards.get(length) ?? 0) + difference;
  if (count > 0) rules.wildcards.set(length, count);
  else rules.wildcards.delete(length);
  rules.lengths = [...rules.wildcards.keys()].toSorted((one, other) => other - one);
}
