import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { formatCertificates } from "../../src/certs/authority.ts";
import { issueAuthority, issueServingCertificate } from "../../src/certs/issue.ts";
import { ageReason, authorityChange, isOverdue, parseAuthority } from "../../src/certs/managed-authority.ts";
import type { StoredAuthority } from "../../src/certs/managed-authority.ts";
import { DAY_MS } from "./certificates.ts";

const YEAR_MS = 365 * DAY_MS;
const WEEK_MS = 7 * DAY_MS;
const HOUR_MS = 60 * 60 * 1000;
const MADE = Date.UTC(2027, 0, 1);

async function authorityMade(at: number, lifeMs = YEAR_MS) {
  const pair = await issueAuthority("foresail CA", at, lifeMs);
  return { ...pair, certificate: new X509Certificate(pair.cert) };
}

/** As a replica sees it that has no certificate yet, unless it is said otherwise. */
function change(
  stored: StoredAuthority | undefined,
  now: number,
  more: Partial<Parameters<typeof authorityChange>[1]> = {},
) {
  const decided = authorityChange(stored, {
    inUse: undefined,
    trusted: [],
    now,
    servingMs: WEEK_MS,
    jitter: 0,
    ...more,
  });
  return decided.do === "nothing"
    ? "nothing"
    : { do: decided.do, reason: decided.reason, previous: formatCertificates(decided.previous) };
}

test("makes a CA where there is none, and keeps those before it that someone may serve under", async () => {
  const [own, other] = await Promise.all([authorityMade(MADE), authorityMade(MADE)]);
  assert.deepEqual(change(undefined, MADE), { do: "replace", reason: "there is none", previous: "" });
  const circumstances = { inUse: own.certificate, trusted: [other.certificate, own.certificate] };
  assert.deepEqual(change(undefined, MADE, circumstances), {
    do: "replace",
    reason: "there is none",
    previous: own.cert + other.cert,
  });
  // Expired ones are of no use.
  const later = MADE + YEAR_MS;
  assert.deepEqual(change(undefined, later, circumstances), {
    do: "replace",
    reason: "there is none",
    previous: "",
  });
});

test("leaves a good CA alone until two thirds of its life are over, then puts another before it", async () => {
  const authority = await authorityMade(MADE);
  const stored = parseAuthority(authority.cert, authority.key);
  const due = MADE + (YEAR_MS * 2) / 3;
  assert.equal(change(stored, MADE), "nothing");
  assert.equal(change(stored, due - 1000), "nothing");
  const wanted = {
    do: "replace",
    reason: "two thirds of its life are nearly over",
    previous: authority.cert,
  };
  assert.deepEqual(change(stored, due + 1000), wanted);
  // By lot, a tenth of the life earlier.
  assert.deepEqual(change(stored, due - YEAR_MS / 10 + 1000, { jitter: 1 }), wanted);
  assert.deepEqual(change(stored, MADE + YEAR_MS, {}), {
    do: "replace",
    reason: "it is expired",
    previous: "",
  });
});

test("accepts what a replica made whose clock is 55 minutes ahead, and replaces what is hours ahead", async () => {
  const ahead = await authorityMade(MADE + 55 * 60_000);
  assert.equal(change(parseAuthority(ahead.cert, ahead.key), MADE), "nothing");
  const far = await authorityMade(MADE + 3 * HOUR_MS);
  assert.deepEqual(change(parseAuthority(far.cert, far.key), MADE), {
    do: "replace",
    reason: "it is not valid yet",
    previous: far.cert,
  });
});

test("drops the CA before it when the last certificate of that is expired, unless this replica serves under it", async () => {
  const [old, current] = await Promise.all([authorityMade(MADE - YEAR_MS / 2), authorityMade(MADE)]);
  const stored = parseAuthority(current.cert + old.cert, current.key);
  assert.equal(change(stored, MADE + WEEK_MS - 1000), "nothing");
  const over = MADE + WEEK_MS + 1000;
  assert.deepEqual(change(stored, over), { do: "rewrite", reason: "a CA is no longer in use", previous: "" });
  assert.equal(change(stored, over, { inUse: old.certificate }), "nothing");
});

test("adds the CA that this replica serves under, if another made the Secret without it", async () => {
  const [own, other] = await Promise.all([authorityMade(MADE), authorityMade(MADE)]);
  const stored = parseAuthority(other.cert, other.key);
  assert.deepEqual(change(stored, MADE, { inUse: own.certificate }), {
    do: "rewrite",
    reason: "a CA is in use that was not in it",
    previous: own.cert,
  });
  assert.equal(change(stored, MADE, { inUse: other.certificate }), "nothing");
  // What API servers trust besides is dropped in time.
  assert.equal(change(stored, MADE, { trusted: [own.certificate] }), "nothing");
});

test("says why a Secret cannot be used, and keeps its CAs", async () => {
  const [authority, other] = await Promise.all([authorityMade(MADE), authorityMade(MADE)]);
  const foreign = await issueAuthority("corporate CA", MADE, YEAR_MS);
  const serving = await issueServingCertificate("foresail", ["localhost"], authority, MADE, WEEK_MS);
  const cases: readonly (readonly [cert: string, key: string, unusable: string, previous: string])[] = [
    ["", "", "Cannot use the certificate tls.crt: it is empty", ""],
    [authority.cert, "", "Cannot use the key tls.key: it is empty", authority.cert],
    [authority.cert, other.key, "its key belongs to another certificate", authority.cert],
    [serving.cert, serving.key, "it is no CA", ""],
    [serving.cert + authority.cert, serving.key, "it is no CA", authority.cert],
    [
      authority.cert.slice(0, 100),
      authority.key,
      "Cannot use the certificate tls.crt: its first certificate is damaged",
      "",
    ],
    [
      authority.cert,
      authority.key.slice(0, 60),
      "Cannot use the key tls.key: its key is damaged",
      authority.cert,
    ],
    [foreign.cert, other.key, "its key belongs to another certificate", ""],
    [foreign.cert, foreign.key, "it is not one that foresail made", ""],
    [foreign.cert + authority.cert, foreign.key, "it is not one that foresail made", authority.cert],
    [other.key, authority.key, "Cannot use the certificate tls.crt: it holds a private key", ""],
  ];
  for (const [cert, key, unusable, previous] of cases) {
    const stored = parseAuthority(cert, key);
    assert("unusable" in stored);
    assert.deepEqual([stored.unusable, formatCertificates(stored.previous)], [unusable, previous]);
    assert.deepEqual(change(stored, MADE), { do: "replace", reason: unusable, previous });
  }
});

test("keeps at most four CAs beside the signing one", async () => {
  const many = await Promise.all(Array.from({ length: 6 }, () => authorityMade(MADE)));
  const trusted = many.map(({ certificate }) => certificate);
  const [first, second, third, fourth] = many.map(({ cert }) => cert);
  assert.deepEqual(change(undefined, MADE, { trusted }), {
    do: "replace",
    reason: "there is none",
    previous: [first, second, third, fourth].join(""),
  });
});

test("counts the life of a certificate from its issue, an hour after it begins to be valid", () => {
  const life = { notBefore: MADE - HOUR_MS, notAfter: MADE + 60_000 };
  assert.equal(ageReason(life, MADE - HOUR_MS - 1, 0), "it is not valid yet");
  assert.equal(ageReason(life, MADE + 39_000, 0), undefined);
  assert.equal(ageReason(life, MADE + 40_000, 0), "two thirds of its life are nearly over");
  assert.equal(ageReason(life, MADE + 60_000, 0), "it is expired");
});

test("a certificate is overdue when two thirds of its life are over, which is after every replica's turn", () => {
  const life = { notBefore: MADE - HOUR_MS, notAfter: MADE + 60_000 };
  assert.equal(isOverdue(life, MADE + 39_999), false);
  assert.equal(isOverdue(life, MADE + 40_000), true);
  for (const jitter of [0, 0.5, 1]) assert.notEqual(ageReason(life, MADE + 40_000, jitter), undefined);
});
