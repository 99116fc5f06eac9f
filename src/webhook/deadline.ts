/** How long a review may take: the API server says in the URL when it stops waiting. */

/** Kubernetes' default for timeoutSeconds. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** Kubernetes allows no longer one. */
const MAX_TIMEOUT_MS = 30_000;
/** For the way there and back, and for what was waiting before this review. */
const RESERVE_MS = 500;

const UNIT_MS = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["μs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);
const PART = "([0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)";
const DURATION = new RegExp(`^\\+?(?:${PART})+$`);

/** A duration as Go writes and reads it, `1m0s`, in milliseconds; undefined if it is none. Negative ones are none here. */
export function parseDuration(text: string): number | undefined {
  if (text.length > MAX_DURATION_LENGTH || !DURATION.test(text)) return undefined;
  let milliseconds = 0;
  for (const [, amount, unit = ""] of text.matchAll(new RegExp(PART, "g"))) {
    milliseconds += Number(amount) * (UNIT_MS.get(unit) ?? 0);
  }
  return milliseconds;
}
/** `2562047h47m16.854775807s` is the longest that Go writes. */
const MAX_DURATION_LENGTH = 40;

/** How many milliseconds after its arrival a request to this URL must be decided: before its `timeout`, in any case. */
export function timeToDecide(url: string): number {
  const known = KNOWN.get(url);
  if (known !== undefined) return known;
  const query = url.indexOf("?");
  const text = query < 0 ? null : new URLSearchParams(url.slice(query)).get("timeout");
  const timeoutMs = Math.min((text && parseDuration(text)) || DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS);
  const timeMs = Math.max(timeoutMs - RESERVE_MS, timeoutMs / 2);
  if (KNOWN.size < MAX_KNOWN && url.length <= MAX_KNOWN_LENGTH) KNOWN.set(url, timeMs);
  return timeMs;
}

/** An API server uses a handful of URLs, again and again. */
const KNOWN = new Map<string, number>();
const MAX_KNOWN = 100;
const MAX_KNOWN_LENGTH = 100;
