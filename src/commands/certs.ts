/** `foresail certs`: the CA, the serving certificate, and whether API servers trust it. */
import type { X509Certificate } from "node:crypto";
import type { ApiServer } from "../api-server/client.ts";
import { connectToApiServer } from "../api-server/connect.ts";
import { ApiStatusError } from "../api-server/status-error.ts";
import { holds, lifeOf, parseCertificates } from "../certs/authority.ts";
import { certifiedHosts } from "../certs/hosts.ts";
import {
  CONFIGURATION_KINDS,
  CONFIGURATION_NAME,
  readConfiguration,
  readSecret,
  SECRET_NAME,
} from "../certs/managed-objects.ts";
import type { StoredSecret } from "../certs/managed-objects.ts";
import { decode } from "../certs/managed-serving.ts";
import type { WebhookTrust } from "../certs/managed-serving.ts";
import { shakeHands } from "../certs/presented.ts";
import { ForesailError } from "../errors.ts";
import type { CertsOptions } from "./options.ts";
import type { CommandResult } from "./result.ts";

const DEFAULT_NAMESPACE = "foresail";
const LABEL_WIDTH = 21;
const DAY_MS = 24 * 60 * 60 * 1000;

/** A part of the page: lines under one label, and whether something is wrong. */
interface Part {
  readonly label: string;
  readonly lines: readonly string[];
  readonly isWrong: boolean;
}

type Webhook = WebhookTrust["webhooks"][number];

/** @throws ForesailError if the cluster cannot be asked */
export async function certs(options: CertsOptions): Promise<CommandResult> {
  const { kubeconfig } = options;
  const api = await connectToApiServer(kubeconfig === undefined ? {} : { kubeconfig });
  try {
    const configurations = await readConfigurations(api);
    const namespace = options.namespace ?? namespaceIn(configurations) ?? DEFAULT_NAMESPACE;
    const secret = await readSecret(api, namespace).catch(refused);
    const authority = authorityPart(secret, namespace, Date.now());
    const trust = await trustParts(configurations, secret);
    const parts = [authority, ...trust.parts];
    return {
      report: parts.map(format).join(""),
      problems: trust.problems,
      exitCode: parts.some(({ isWrong }) => isWrong) ? 1 : 0,
    };
  } finally {
    await api.close();
  }
}

async function readConfigurations(api: ApiServer) {
  try {
    return await Promise.all(
      CONFIGURATION_KINDS.map(async (kind) => ({ kind, found: await readConfiguration(api, kind) })),
    );
  } catch (error) {
    throw new ForesailError({
      code: "CLUSTER_UNREACHABLE",
      message: `the webhook configurations cannot be read: ${refused(error).refused}`,
      hint: "You need the right to get both configurations named foresail.",
      cause: error,
    });
  }
}

type Configurations = Awaited<ReturnType<typeof readConfigurations>>;

/** That of the Service that API servers call. */
function namespaceIn(configurations: Configurations): string | undefined {
  const hosts = configurations.flatMap(({ found }) => found?.webhooks.map(({ host }) => host) ?? []);
  return hosts.map((host) => /^[^.]+\.([^.]+)\.svc$/.exec(host)?.[1]).find((name) => name !== undefined);
}

function refused(error: unknown): { readonly refused: string } {
  if (error instanceof ApiStatusError) return { refused: error.message };
  throw error;
}

type FoundSecret = StoredSecret | { readonly refused: string } | undefined;

function authorityPart(secret: FoundSecret, namespace: string, now: number): Part {
  const label = "CA";
  const name = `Secret ${namespace}/${SECRET_NAME}`;
  if (secret === undefined) {
    return {
      label,
      lines: [`there is no ${name}: foresail does not manage the certificates`],
      isWrong: false,
    };
  }
  if ("refused" in secret) return { label, lines: [`not known: ${secret.refused}`], isWrong: false };
  const { authority } = secret;
  if ("unusable" in authority) {
    return { label, lines: [`the ${name} cannot be used: ${authority.unusable}`], isWrong: true };
  }
  const { certificate } = authority.signing;
  const previous = authority.previous.map((one) => `before it ${describe(one, now)}`);
  const lines = [`${describe(certificate, now)}, in ${name}`, ...previous];
  return { label, lines, isWrong: lifeOf(certificate).notAfter <= now };
}

/** Who is called, and what each configuration thinks of it. */
async function trustParts(
  configurations: Configurations,
  secret: FoundSecret,
): Promise<{ readonly parts: readonly Part[]; readonly problems: readonly string[] }> {
  const presented = new Map<string, X509Certificate>();
  const unanswered = new Map<string, string>();
  const parts: Part[] = [];
  for (const { kind, found } of configurations) {
    if (!found) {
      parts.push({ label: kind, lines: [`there is no ${kind} ${CONFIGURATION_NAME}`], isWrong: true });
      continue;
    }
    for (const webhook of found.webhooks) {
      const address = `${webhook.host}:${webhook.port}`;
      const authorities = parseCertificates(decode(webhook.caBundle));
      const { certificate, problem } = await shakeHands(webhook, authorities);
      if (certificate) presented.set(address, certificate);
      else unanswered.set(address, problem ?? "no certificate");
      const says = certificate
        ? verdictOf(problem, authorities)
        : unknownVerdict(webhook, authorities, secret);
      parts.push({ label: kind, ...says, lines: says.lines.map((line) => `${webhook.name}: ${line}`) });
    }
  }
  const now = Date.now();
  const serving = [...presented].map(([address, certificate]) => servingPart(address, certificate, now));
  const problems = [...unanswered].map(
    ([address, problem]) =>
      `${address} does not answer here (${problem}); in the cluster: kubectl exec -n NAMESPACE deploy/foresail -- node /app/bin/foresail.js certs`,
  );
  return { parts: [...serving, ...parts], problems };
}

type Verdict = Pick<Part, "isWrong" | "lines">;

function verdictOf(problem: string | undefined, authorities: readonly X509Certificate[]): Verdict {
  if (problem === undefined) return { lines: ["caBundle verifies the serving certificate"], isWrong: false };
  const bundle = authorities.length === 0 ? "caBundle holds no certificate" : "caBundle does not verify it";
  return { lines: [`${bundle}: ${problem}`], isWrong: true };
}

/** Without the certificate itself, by the CA that issues all of them. */
function unknownVerdict(
  { caBundle }: Webhook,
  authorities: readonly X509Certificate[],
  secret: FoundSecret,
): Verdict {
  if (caBundle === "") return { lines: ["caBundle is empty"], isWrong: true };
  if (authorities.length === 0) return { lines: ["caBundle holds no certificate"], isWrong: true };
  if (secret === undefined || "refused" in secret || "unusable" in secret.authority) {
    return { lines: ["not known: the serving certificate cannot be asked for here"], isWrong: false };
  }
  return holds(authorities, secret.authority.signing.certificate)
    ? { lines: ["caBundle holds the CA"], isWrong: false }
    : { lines: ["caBundle does not hold the CA"], isWrong: true };
}

function servingPart(address: string, certificate: X509Certificate, now: number): Part {
  return {
    label: "Serving certificate",
    lines: [`${describe(certificate, now)}, at ${address}`, `for ${certifiedHosts(certificate).join(", ")}`],
    isWrong: lifeOf(certificate).notAfter <= now,
  };
}

function describe(certificate: X509Certificate, now: number): string {
  const { notAfter } = lifeOf(certificate);
  const days = Math.floor((notAfter - now) / DAY_MS);
  const left = notAfter <= now ? "expired" : `${days} ${days === 1 ? "day" : "days"} left`;
  // One line, whatever stands in the name.
  const name = certificate.subject.replace(/\s+/g, " ");
  return `${name}, until ${new Date(notAfter).toISOString()} (${left})`;
}

function format({ label, lines }: Part): string {
  const name = label.replace("WebhookConfiguration", "");
  return lines.map((line, index) => `${(index === 0 ? name : "").padEnd(LABEL_WIDTH)}${line}\n`).join("");
}
