/** Hostnames as Istio reads them. */

/** `web.b.svc.cluster.local` */
export function serviceHostname(name: string, namespace: string, clusterDomain: string): string {
  return `${name}.${namespace}.svc.${clusterDomain}`;
}

/** Only a host without a dot is expanded; `web.b` and an IP stay literal (config.go: ResolveShortnameToFQDN). */
export function resolveHost(host: string, namespace: string, clusterDomain: string): string {
  const isLiteral = host === "" || host === "*" || /[.:]/.test(host);
  return isLiteral ? host : serviceHostname(host, namespace, clusterDomain);
}

export function isWildcard(host: string): boolean {
  return host.startsWith("*");
}

/** Whether a DestinationRule's resolved host applies to a hostname of the mesh. A wildcard hostname needs the same or a wider wildcard. */
export function coversHost(host: string, hostname: string): boolean {
  if (host === hostname) return true;
  if (!isWildcard(host)) return false;
  return (isWildcard(hostname) ? hostname.slice(1) : hostname).endsWith(host.slice(1));
}

/** Orders hosts as Istio does: wildcards last, the longest first, then by alphabet (host.MoreSpecific). */
export function moreSpecific(one: string, other: string): number {
  const [isOneWild, isOtherWild] = [isWildcard(one), isWildcard(other)];
  if (isOneWild !== isOtherWild) return isOneWild ? 1 : -1;
  if (one.length !== other.length) return other.length - one.length;
  return one < other ? -1 : 1;
}

const DNS_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const SERVICE_PARTS = new RegExp(`^(${DNS_LABEL})\\.(${DNS_LABEL})\\.svc\\.(.*)$`);

/** Name and namespace of the Kubernetes Service that alone can have this hostname; undefined for every other host. */
export function parseServiceHostname(
  hostname: string,
  clusterDomain: string,
): { name: string; namespace: string } | undefined {
  const [, name, namespace, domain] = SERVICE_PARTS.exec(hostname) ?? [];
  if (name === undefined || namespace === undefined || domain !== clusterDomain) return undefined;
  return { name, namespace };
}

/** Whether some hostname can be covered by both. */
export function hostsOverlap(one: string, other: string): boolean {
  return coversHost(one, other) || coversHost(other, one);
}

/**
 * What was probably meant by a host that matches nothing: in lower case, without dots at its end, and the Service's whole
 * name for `web.b` and `web.b.svc`, which Istio takes literally.
 */
export function meantHost(
  host: string,
  clusterDomain: string,
  isNamespace: (name: string, service: string) => boolean,
): string {
  const clean = host.toLowerCase().replace(/\.+$/, "");
  const [name = "", namespace = "", svc, ...rest] = clean.split(".");
  if (name === "" || namespace === "" || rest.length > 0) return clean;
  const isService = svc === undefined ? isNamespace(namespace, name) : svc === "svc";
  return isService ? serviceHostname(name, namespace, clusterDomain) : clean;
}

/** What hostnames outside clusters usually end in, besides the two letters of a country. */
const TOP_LEVEL_DOMAINS = new Set(
  "app arpa biz cloud com corp dev edu example gov home info int internal intranet invalid lan local localdomain localhost mil mobi name net online org private pro shop site store tech test top xyz".split(
    " ",
  ),
);

/** Whether a name with this at its end may well belong to a host outside the cluster. */
export function isTopLevelDomain(label: string): boolean {
  return /^[a-z]{2}$/.test(label) || TOP_LEVEL_DOMAINS.has(label);
}
