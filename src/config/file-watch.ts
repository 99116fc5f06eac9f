/** Follows the configuration in a file while the webhook serves. */
import { setTimeout as delay } from "node:timers/promises";

import { ForesailError } from "../errors.ts";
import type { AnyRule } from "../rules/rule.ts";
import { parseReading, readConfigurationFile } from "./file.ts";
import type { Reading } from "./file.ts";
import { keepLastGood } from "./last-good.ts";
import type { ConfigurationEvents, CurrentConfiguration } from "./last-good.ts";

/** Between two readings of a file that changed: an editor that empties and rewrites it needs less. */
const SETTLE_MS = 20;

export interface ConfigurationWatch extends CurrentConfiguration {
  /** Looks now; resolves when that is done. */
  check(): Promise<void>;
  /** After this nothing is begun and nothing is reported. */
  close(): void;
}

/**
 * Reads the file once, and again every interval without keeping the process alive. It looks at the content, since the
 * kubelet swaps symbolic links and editors replace files. Each change is reported once, the first reading too.
 */
export async function watchConfigurationFile(
  file: string,
  rules: readonly AnyRule[],
  { intervalMs, ...events }: ConfigurationEvents & { readonly intervalMs: number },
): Promise<ConfigurationWatch> {
  const lastGood = keepLastGood(events);
  let known: Reading | undefined;
  let isClosed = false;

  const take = async (reading: Reading) => {
    const result = await parseReading(file, reading, rules);
    if (isClosed) return;
    known = reading;
    if (result instanceof ForesailError) lastGood.refuse(result);
    else lastGood.take(result);
  };
  const look = async () => {
    if (isClosed) return;
    const reading = await readConfigurationFile(file);
    if (isSame(reading, known)) return;
    await delay(SETTLE_MS);
    // A file that is still being written is left for the next time.
    if (isSame(reading, await readConfigurationFile(file))) await take(reading);
  };

  await take(await readConfigurationFile(file));
  const { check, stop } = startLooking(look, intervalMs);
  const close = () => {
    isClosed = true;
    stop();
  };
  return Object.assign(lastGood, { check, close });
}

/** Never two looks at once. */
function startLooking(look: () => Promise<void>, intervalMs: number) {
  let last = Promise.resolve();
  let waiting = 0;
  const check = () => {
    waiting++;
    last = last.then(look).finally(() => waiting--);
    return last;
  };
  const timer = setInterval(() => {
    if (waiting === 0) void check();
  }, intervalMs);
  timer.unref();
  return { check, stop: () => clearInterval(timer) };
}

function isSame(one: Reading, other: Reading | undefined): boolean {
  if (one instanceof ForesailError) return other instanceof ForesailError && one.message === other.message;
  return other !== undefined && !(other instanceof ForesailError) && one.equals(other);
}
