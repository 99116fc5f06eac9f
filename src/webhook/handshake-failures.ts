/** TLS handshakes that failed, in readable lines, and not one for each: clients try again and again. */
import type { Logger } from "pino";

export interface HandshakeFailures {
  /** `client` is its address, if it is still known. */
  add(error: Error, client: string | undefined): void;
  /** Says what was not said yet. */
  close(): void;
}

const INTERVAL_MS = 60_000;
const MESSAGE = "TLS handshake failed";

/** OpenSSL's words for what clients do, and what that means here. */
const REASONS: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [
    /alert (?:bad certificate|unknown ca|certificate unknown|unsupported certificate)/,
    "the client does not accept the certificate: does caBundle hold its CA, and is it for the name the client calls?",
  ],
  [/alert certificate expired/, "the client holds the certificate to be expired: are both clocks right?"],
  [/peer did not return a certificate/, "the client shows no certificate, which --client-ca asks for"],
  [/certificate verify failed/, "the client shows a certificate that no authority of --client-ca signed"],
  [/http request/, "the client speaks HTTP without TLS"],
  [/wrong version number/, "the client does not speak TLS"],
  [/unsupported protocol|version too low/, "the client speaks no TLS newer than 1.1"],
  [/no shared cipher/, "the client and foresail have no cipher in common"],
  [/no application protocol/, "the client does not speak HTTP/1.1"],
  [/handshake timeout/i, "the client did not finish it in time"],
  [/ECONNRESET|EPIPE|socket hang up/, "the client went away before its end, as probes of a TCP port do"],
];
/** OpenSSL has a few hundred; nobody shall fill the memory with them. */
const MAX_REASONS = 100;

/** A line for each reason at once, and then how many there were, each minute in which there were any. */
export function createHandshakeFailures(log: Logger, intervalMs = INTERVAL_MS): HandshakeFailures {
  const counting = new Map<string, { count: number; readonly timer: NodeJS.Timeout }>();

  const sayRest = (reason: string) => {
    const rest = counting.get(reason);
    if (rest === undefined) return;
    if (rest.count > 0) log.warn({ reason, count: rest.count }, MESSAGE);
    else {
      clearInterval(rest.timer);
      counting.delete(reason);
    }
    rest.count = 0;
  };

  return {
    add(error, client) {
      const reason = reasonOf(error);
      const known = counting.get(reason);
      if (known !== undefined) known.count++;
      else if (counting.size < MAX_REASONS) {
        log.warn({ reason, client }, MESSAGE);
        counting.set(reason, { count: 0, timer: setInterval(() => sayRest(reason), intervalMs).unref() });
      }
    },
    close() {
      for (const [reason, { timer }] of counting) {
        clearInterval(timer);
        sayRest(reason);
      }
      counting.clear();
    },
  };
}

/** In OpenSSL's own words, without its numbers and files, where there are no better ones. */
function reasonOf(error: Error): string {
  const own = "reason" in error && typeof error.reason === "string" ? error.reason : error.message;
  return REASONS.find(([pattern]) => pattern.test(own))?.[1] ?? own.trim();
}
