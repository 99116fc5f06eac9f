/** What the API server notes about who wrote which field: most of an object's metadata, and of no use to a reader. */

const KEY = '"managedFields":[';

/** The same JSON text, whose lists of managedFields are empty; it must be without spaces, as the API server writes it. */
export function withoutManagedFields(json: string): string {
  const kept: string[] = [];
  let from = 0;
  for (let key = json.indexOf(KEY); key >= 0; key = json.indexOf(KEY, from)) {
    const start = key + KEY.length;
    // After any other character the quote is an escaped one, inside a string.
    const isKey = /[{,]/.test(json.charAt(key - 1));
    const end = isKey ? endOfList(json, start) : start;
    kept.push(json.slice(from, start));
    from = end;
  }
  kept.push(json.slice(from));
  return kept.join("");
}

/** Where the bracket is that closes the list in which this place lies. */
function endOfList(json: string, place: number): number {
  let depth = 1;
  for (let index = place; index < json.length; index++) {
    const character = json.charCodeAt(index);
    if (character === QUOTE) index = endOfString(json, index + 1);
    else if (character === OPENING) depth++;
    else if (character === CLOSING && --depth === 0) return index;
  }
  return place;
}

/** Where the quote is that closes the string in which this place lies. */
function endOfString(json: string, place: number): number {
  for (let quote = json.indexOf('"', place); quote >= 0; quote = json.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (json.charAt(quote - 1 - backslashes) === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote;
  }
  return json.length;
}

const QUOTE = 0x22;
const OPENING = 0x5b;
const CLOSING = 0x5d;
