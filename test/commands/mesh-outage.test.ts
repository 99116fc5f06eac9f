import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiStatusError } from "../../src/api-server/status-error.ts";
import { MeshOutage } from "../../src/commands/serve/mesh-outage.ts";

function startOutage() {
  const said: string[] = [];
  const outage = new MeshOutage({
    onBegin: ({ message }) => said.push(message),
    onEnd: () => said.push("again"),
  });
  return { said, outage };
}
const refused = { error: new Error("refused"), verb: "watch", isWait: false } as const;

test("an outage is said once, and its end when every kind has an answer", () => {
  const { said, outage } = startOutage();
  assert.equal(outage.covers("Sidecar", refused), true);
  assert.equal(outage.covers("Gateway", { ...refused, error: new Error("closed"), verb: "discover" }), true);
  assert.equal(outage.covers("Sidecar", { ...refused, error: new Error("closed") }), true);
  assert.deepEqual(said, ["refused"]);
  assert.equal(outage.endsFor("Sidecar"), true);
  assert.equal(outage.covers("Sidecar", refused), true);
  assert.equal(outage.endsFor("Gateway"), true);
  assert.deepEqual(said, ["refused"]);
  assert.equal(outage.endsFor("Sidecar"), true);
  assert.deepEqual(said, ["refused", "again"]);
  outage.covers("Gateway", refused);
  assert.deepEqual(said, ["refused", "again", "refused"]);
});

test("an answer that is none, and what goes wrong here, are said of their kind", () => {
  const { said, outage } = startOutage();
  const error = new ApiStatusError({ status: 403, body: undefined });
  assert.equal(outage.covers("Sidecar", { error, verb: "list", isWait: false }), false);
  assert.equal(outage.covers("Sidecar", { error: new Error("ours"), isWait: false }), false);
  assert.equal(outage.endsFor("Sidecar"), false);
  assert.deepEqual(said, []);
});
