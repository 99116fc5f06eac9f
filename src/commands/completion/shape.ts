/** The command line as shells see it. */

/** What can stand in a place: one of some words, the name of a file or folder, or anything. */
export type Values =
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "files" | "folders" | "any" };

export interface CompletedFlag {
  /** `-o` before `--output`. */
  readonly names: readonly string[];
  readonly about: string;
  /** Undefined if it takes none. */
  readonly values: Values | undefined;
  readonly isRepeatable: boolean;
}

export interface CompletedCommand {
  /** `["explain", "lookup"]`; empty for the program. */
  readonly path: readonly string[];
  readonly about: string;
  readonly flags: readonly CompletedFlag[];
  /** Undefined if it takes none. */
  readonly argument: Values | undefined;
  readonly commands: readonly CompletedCommand[];
}

/** The command, and all that are below it. */
export function withBelow(command: CompletedCommand): readonly CompletedCommand[] {
  return [command, ...command.commands.flatMap(withBelow)];
}
