/** Runs `serve` with the options and the context given as JSON. */
import { Server } from "node:https";
import { serve } from "../../src/commands/serve.ts";
import { SMALL_RULES } from "../webhook/small-rules.ts";

const [options = "", context = ""] = process.argv.slice(2);
const { lameDuckMs, certificateTimes, isOneRequestPerConnection } = JSON.parse(context);
if (isOneRequestPerConnection === true) {
  // The constructor sets it, so that it has to be caught here.
  Object.defineProperty(Server.prototype, "maxRequestsPerSocket", { get: () => 1, set() {} });
}
process.once("SIGUSR2", () => {
  throw new Error("nobody caught this");
});
process.exitCode = await serve(JSON.parse(options), {
  rules: SMALL_RULES,
  version: "1.2.3",
  exit: (code) => process.exit(code),
  lameDuckMs,
  certificateTimes,
});
