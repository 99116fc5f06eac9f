/** What the outside can tell a process that serves, and what ends it from within. */
import type { Logger } from "pino";

type StopSignal = "SIGINT" | "SIGTERM";

export interface Signals {
  /** Resolves at the first signal. */
  readonly stop: Promise<StopSignal>;
  close(): void;
}

const FAILED = 1;

/** A second signal ends the process at once, and so does an error that nobody caught: what state it left is unknown. */
export function watchSignals(log: Logger, exit: (code: number) => void): Signals {
  const { promise, resolve } = Promise.withResolvers<StopSignal>();
  let isStopping = false;
  const onSignal = (signal: StopSignal) => {
    if (isStopping) {
      log.warn({ signal }, "stopping at once");
      exit(FAILED);
    }
    isStopping = true;
    resolve(signal);
  };
  const onError = (error: unknown) => {
    log.fatal({ err: error }, "ended by an unexpected error");
    exit(FAILED);
  };
  const onInterrupt = () => onSignal("SIGINT");
  const onTerminate = () => onSignal("SIGTERM");

  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  // Rejections that nobody handles arrive here, too.
  process.on("uncaughtException", onError);
  return {
    stop: promise,
    close() {
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onTerminate);
      process.off("uncaughtException", onError);
    },
  };
}
