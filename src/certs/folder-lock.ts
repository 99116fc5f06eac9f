/** Lets one process at a time change a folder. */

import { randomUUID } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { errorCode } from "./key-pair.ts";

const RETRY_MS = 20;

/** Making two certificates takes 40 ms: whoever holds the lock this long was killed, or will find that it is lost. */
const ABANDONED_AFTER_MS = 3000;

export interface FolderLock {
  /** False if others took the lock for abandoned, as after a long suspension. Ask right before acting. */
  isHeld(): boolean;
  release(): void;
}

/**
 * Waits until no other process holds the lock file, then makes it. A lock that has one holder for `abandonedAfterMs` is
 * taken away: time is measured here, so that neither clocks nor file systems have to agree. Throws what the file system
 * throws, such as EACCES.
 */
export async function lockFolder(
  lockFile: string,
  abandonedAfterMs = ABANDONED_AFTER_MS,
): Promise<FolderLock> {
  const token = randomUUID();
  let holder: string | undefined;
  let heldSince = 0;
  while (!tryLock(lockFile, token)) {
    const seen = readHolder(lockFile);
    if (seen !== holder) {
      holder = seen;
      heldSince = performance.now();
    } else if (holder !== undefined && performance.now() - heldSince >= abandonedAfterMs) {
      rmSync(lockFile, { force: true });
    }
    await delay(RETRY_MS * (1 + Math.random()));
  }
  const isHeld = () => readHolder(lockFile) === token;
  return {
    isHeld,
    release() {
      if (isHeld()) rmSync(lockFile, { force: true });
    },
  };
}

function tryLock(lockFile: string, token: string): boolean {
  try {
    writeFileSync(lockFile, token, { flag: "wx" });
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

function readHolder(lockFile: string): string | undefined {
  try {
    return readFileSync(lockFile, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
