import assert from "node:assert/strict";
import { test } from "node:test";
import { renewalReason } from "../../src/certs/renewal.ts";

const certificate = {
  notBefore: Date.UTC(2027, 0, 1),
  notAfter: Date.UTC(2027, 0, 31),
  missingHosts: [],
};

for (const { name, facts = certificate, now, reason } of [
  { name: "a certificate is good when its validity begins", now: Date.UTC(2027, 0, 1), reason: undefined },
  {
    name: "a certificate is good a moment before two thirds",
    now: Date.UTC(2027, 0, 21) - 1,
    reason: undefined,
  },
  {
    name: "a certificate is replaced after two thirds of its life",
    now: Date.UTC(2027, 0, 21),
    reason: "two thirds of its life are over",
  },
  { name: "an expired certificate is replaced", now: Date.UTC(2027, 0, 31), reason: "it is expired" },
  {
    name: "a certificate from the future is replaced: the clock was wrong when it was made",
    now: Date.UTC(2027, 0, 1) - 1,
    reason: "it is not valid yet",
  },
  {
    name: "a certificate that lacks hosts is replaced",
    facts: { ...certificate, missingHosts: ["a.example", "b.example"] },
    now: Date.UTC(2027, 0, 2),
    reason: "it is not valid for a.example, b.example",
  },
  {
    name: "that it is expired matters more than its hosts",
    facts: { ...certificate, missingHosts: ["a.example"] },
    now: Date.UTC(2028, 0, 1),
    reason: "it is expired",
  },
  {
    name: "an unusable certificate is replaced whatever the time",
    facts: { unusable: "it is empty" },
    now: 0,
    reason: "it is empty",
  },
]) {
  test(name, () => assert.equal(renewalReason(facts, now), reason));
}
