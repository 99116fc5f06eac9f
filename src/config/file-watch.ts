/** Follows the configuration in a file while the webhook serves. */
import { setTimeout as delay } from "node:timers/promises";

import { ForesailError } from "../errors.ts";
import type { AnyRule } from "../rules/rule.ts";
import { startPolling } from "../polling.ts";
import type { Polling } from "../polling.ts";
import { parseReading, readConfigurationFile } from "./file.ts";
import type { Reading } from "./file.ts";
import { keepLastGood } from "./last-good.ts";
import type { ConfigurationEvents, CurrentConfiguration } from "./last-good.ts";

/** Between two readings of a file that changed: an editor that empties and rewrites it needs less. */
const SETTLE_MS = 20;

export interface ConfigurationWatch extends CurrentConfiguration, Polling {}

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

  const take = async (reading: Reading, signal?: AbortSignal) => {
    const result = await parseReading(file, reading, rules);
    if (signal?.aborted) return;
    known = reading;
    if (result instanceof ForesailError) lastGood.refuse(result);
    else lastGood.take(result);
  };
  const look = async (signal: AbortSignal) => {
    const reading = await readConfigurationFile(file);
    if (isSame(reading, known)) return;
    await delay(SETTLE_MS);
    // A file that is still being written is left for the next time.
    if (isSame(reading, await readConfigurationFile(file))) await take(reading, signal);
  };

  await take(await readConfigurationFile(file));
  const polling = startPolling(intervalMs, look, (problem) => lastGood.refuse(unread(file, problem)));
  return Object.assign(lastGood, polling);
}

/** Problems of the file are values; this is one of ours. */
function unread(file: string, cause: Error): ForesailError {
  return new ForesailError({
    code: "CONFIG_INVALID",
    message: `the configuration ${file} was not taken: ${cause.message}`,
    hint: "The last good configuration stays.",
    cause,
  });
}

function isSame(one: Reading, other: Reading | undefined): boolean {
  if (one instanceof ForesailError) return other instanceof ForesailError && one.message === other.message;
  return other !== undefined && !(other instanceof ForesailError) && one.equals(other);
}
