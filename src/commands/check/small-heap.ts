import { setFlagsFromString } from "node:v8";

/**
 * Lets the heap grow with what is kept instead of with what is thrown away: 20,000 documents take 170 MiB instead of 300, and a
 * tenth more time. For commands that end; V8 lets both be set while it runs.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=50");
}
