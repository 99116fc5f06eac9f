/** Names in a sentence. */

/** `"a, b, c and 4 more"`. */
export function firstOf(names: readonly string[], max: number): string {
  const shown = names.slice(0, max).join(", ");
  return names.length > max ? `${shown} and ${names.length - max} more` : shown;
}
