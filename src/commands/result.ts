/** What a command leaves behind for cli.ts to print. */

/** 0: nothing found; 1: findings; 2: wrong usage, or something could not be read. */
export type ExitCode = 0 | 1 | 2;

export interface CommandResult {
  /** For standard output, whole; empty if it went to a file. */
  readonly report: string;
  /** For standard error, a line each. */
  readonly problems: readonly string[];
  readonly exitCode: ExitCode;
}

/** For reports that are long in the making, or have no end. */
export interface Output {
  /** Resolves when more may be written. */
  write(text: string): Promise<void>;
}

/** One line for people that wait; the next takes its place. */
export interface Progress {
  show(line: string): void;
  end(): void;
}
