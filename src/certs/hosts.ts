/** Names and addresses a serving certificate is valid for. */

import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { ForesailError } from "../errors.ts";

/** RFC 1123, and the underscore that DNS and Go's verifier let through. A certificate may begin with `*.`. */
const DNS_NAME =
  /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** RFC 1035, without the dot at the end. */
const MAX_DNS_NAME_LENGTH = 253;

/** The host as `findHost` writes it. Throws for what is none, such as a URL or a host with a port. */
export function parseHost(text: string): string {
  const host = findHost(text);
  if (host !== undefined) return host;
  throw new ForesailError({
    code: "USAGE",
    message: `A certificate cannot be made for the host ${JSON.stringify(text)}`,
    hint: "Give a DNS name or an IP address, without https:// and without a port",
  });
}

/** Those of the hosts, written as `parseHost` returns them, that the certificate is not valid for. */
export function missingHosts(certificate: X509Certificate, hosts: readonly string[]): readonly string[] {
  return hosts.filter((host) =>
    isIP(host) === 0
      ? certificate.checkHost(host, { subject: "never" }) === undefined
      : certificate.checkIP(host) === undefined,
  );
}

/** The DNS names and IP addresses in the certificate, without what is no host, such as a URI. */
export function certifiedHosts(certificate: X509Certificate): readonly string[] {
  const entries = certificate.subjectAltName?.split(", ") ?? [];
  return entries
    .map((entry) => findHost(/^(?:DNS|IP Address):(.*)$/.exec(entry)?.[1] ?? ""))
    .filter((host) => host !== undefined);
}

/** The one way a host is written here: lower case, punycode, no dot at the end, shortest IPv6, no brackets. */
function findHost(text: string): string | undefined {
  const host = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (isIP(host) === 6 && !host.includes("%")) return new URL(`https://[${host}]`).hostname.slice(1, -1);
  const [, wildcard = "", name = ""] = /^(\*\.)?(.*?)\.?$/.exec(host) ?? [];
  const ascii = wildcard + domainToASCII(name);
  return isIP(ascii) === 4 || (DNS_NAME.test(ascii) && ascii.length <= MAX_DNS_NAME_LENGTH)
    ? ascii
    : undefined;
}
