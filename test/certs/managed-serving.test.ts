import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { issueAuthority, issueServingCertificate } from "../../src/certs/issue.ts";
import type { ManagedAuthority } from "../../src/certs/managed-authority.ts";
import { managedHosts } from "../../src/certs/managed-hosts.ts";
import {
  bundleOf,
  encode,
  isSettled,
  isTrusted,
  servingReason,
  verifies,
} from "../../src/certs/managed-serving.ts";
import type { WebhookTrust } from "../../src/certs/managed-serving.ts";
import { DAY_MS } from "./certificates.ts";

const YEAR_MS = 365 * DAY_MS;
const WEEK_MS = 7 * DAY_MS;
const MADE = Date.UTC(2027, 0, 1);
const HOSTS = ["foresail.foresail.svc"];

async function authorityMade(at: number): Promise<ManagedAuthority["signing"]> {
  const pair = await issueAuthority("foresail CA", at, YEAR_MS);
  return { ...pair, certificate: new X509Certificate(pair.cert) };
}

async function servingOf(authority: ManagedAuthority["signing"], at: number, hosts = HOSTS) {
  return new X509Certificate((await issueServingCertificate("foresail", hosts, authority, at, WEEK_MS)).cert);
}

function trust(...bundles: readonly string[]): WebhookTrust {
  const webhooks = bundles.map((bundle, index) => ({
    name: `${index}.foresail.io`,
    caBundle: encode(bundle),
    host: "foresail.foresail.svc",
    port: 443,
  }));
  return { kind: "ValidatingWebhookConfiguration", resourceVersion: "1", webhooks };
}

test("replaces a certificate for its age, its hosts, or because there is none", async () => {
  const signing = await authorityMade(MADE);
  const serving = await servingOf(signing, MADE);
  const reason = (certificate: X509Certificate | undefined, now: number, more = {}) =>
    servingReason(certificate, {
      authority: { signing, previous: [] },
      hosts: HOSTS,
      trustedForMs: undefined,
      settleMs: 10_000,
      now,
      jitter: 0,
      ...more,
    });
  assert.equal(reason(undefined, MADE), "there is none");
  assert.equal(reason(serving, MADE), undefined);
  assert.equal(reason(serving, MADE + (WEEK_MS * 2) / 3 - 1000), undefined);
  assert.equal(reason(serving, MADE + (WEEK_MS * 2) / 3), "two thirds of its life are nearly over");
  assert.equal(
    reason(serving, MADE + WEEK_MS * 0.6, { jitter: 1 }),
    "two thirds of its life are nearly over",
  );
  assert.equal(reason(serving, MADE + WEEK_MS), "it is expired");
  const hosts = [...HOSTS, "webhook.example.org", "10.0.0.1"];
  assert.equal(reason(serving, MADE, { hosts }), "it is not valid for webhook.example.org, 10.0.0.1");
});

test("goes over to another CA only when API servers have trusted it for some time, or nothing is left to lose", async () => {
  const [old, signing] = await Promise.all([authorityMade(MADE), authorityMade(MADE)]);
  const serving = await servingOf(old, MADE);
  const reason = (trustedForMs: number | undefined, now = MADE) =>
    servingReason(serving, {
      authority: { signing, previous: [old.certificate] },
      hosts: HOSTS,
      trustedForMs,
      settleMs: 10_000,
      now,
      jitter: 0,
    });
  assert.equal(reason(undefined), undefined);
  assert.equal(reason(9999), undefined);
  assert.equal(reason(10_000), "its CA was replaced");
  assert.equal(reason(undefined, MADE + (WEEK_MS * 2) / 3), undefined);
  assert.equal(reason(undefined, MADE + WEEK_MS), "it is expired");
});

test("may be called at once under the first CA or an old one, else when it is trusted for some time", async () => {
  const [old, signing] = await Promise.all([authorityMade(MADE - DAY_MS), authorityMade(MADE)]);
  const settled = (authority: ManagedAuthority, trustedForMs: number | undefined) =>
    isSettled({ authority, trustedForMs, settleMs: 10_000, now: MADE });
  assert.equal(settled({ signing, previous: [] }, undefined), false);
  assert.equal(settled({ signing, previous: [] }, 0), true);
  assert.equal(settled({ signing: old, previous: [signing.certificate] }, 0), true);
  assert.equal(settled({ signing, previous: [old.certificate] }, 9999), false);
  assert.equal(settled({ signing, previous: [old.certificate] }, 10_000), true);
});

test("is trusted when every webhook of every configuration holds the CA, or when nobody calls", async () => {
  const [old, signing] = await Promise.all([authorityMade(MADE), authorityMade(MADE)]);
  const bundle = bundleOf({ signing, previous: [old.certificate] });
  assert.equal(bundle, signing.cert + old.cert);
  assert.equal(isTrusted([], signing.certificate), true);
  assert.equal(isTrusted([trust(bundle, bundle)], signing.certificate), true);
  assert.equal(isTrusted([trust(bundle), trust(bundle, old.cert)], signing.certificate), false);
  for (const wrong of ["", "foo", signing.cert.slice(0, 200)]) {
    assert.equal(isTrusted([trust(wrong)], signing.certificate), false);
  }
});

test("a bundle verifies a certificate by a CA in it that is in force", async () => {
  const [old, signing] = await Promise.all([authorityMade(MADE - YEAR_MS + DAY_MS), authorityMade(MADE)]);
  const serving = await servingOf(old, MADE);
  const bundle = bundleOf({ signing, previous: [old.certificate] });
  assert.equal(verifies(bundle, serving, MADE), true);
  assert.equal(verifies(bundle, serving, MADE + 2 * DAY_MS), false);
  assert.equal(verifies(signing.cert, serving, MADE), false);
  assert.equal(verifies("foo", serving, MADE), false);
});

test("is valid for the Service, the given hosts, and those by which the configurations call", () => {
  const called = (host: string) => ({ name: "validate.foresail.io", caBundle: "", host, port: 443 });
  const configuration = {
    ...trust(),
    webhooks: ["[::1]", "webhook.example.org", "not a host!", "", "foresail.mesh-guard.svc"].map(called),
  };
  assert.deepEqual(managedHosts("mesh-guard", [configuration], ["127.0.0.1"]), [
    "foresail",
    "foresail.mesh-guard",
    "foresail.mesh-guard.svc",
    "foresail.mesh-guard.svc.cluster.local",
    "127.0.0.1",
    "::1",
    "webhook.example.org",
  ]);
  const many = {
    ...trust(),
    webhooks: Array.from({ length: 500 }, (_, n) => called(`host-${n}.example.org`)),
  };
  assert.equal(managedHosts("foresail", [many], []).length, 50);
});
