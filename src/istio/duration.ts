/** Durations as Go writes them. */
const SECONDS_OF: Readonly<Record<string, number>> = {
  h: 3600,
  m: 60,
  s: 1,
  ms: 1e-3,
  us: 1e-6,
  "\u00b5s": 1e-6,
  "\u03bcs": 1e-6,
  ns: 1e-9,
};
const DURATION_PART = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;

/** Seconds of a Go duration, `"30s"` or `"1m30s"`; undefined for anything else and for less than nothing. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (text === "" || text.replace(DURATION_PART, "") !== "") return undefined;
  let seconds = 0;
  for (const [, amount, unit = ""] of text.matchAll(DURATION_PART))
    seconds += Number(amount) * (SECONDS_OF[unit] ?? 0);
  return seconds;
}
