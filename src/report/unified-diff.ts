/** The difference of two texts as `diff -u` prints it, which `patch -p0` and `git apply -p0` take. */

interface Line {
  readonly mark: " " | "-" | "+";
  /** With its line break, if it has one. */
  readonly text: string;
}

const CONTEXT = 3;
/** That many equal lines, or the end, make sure that two texts have come together again. */
const SURE = 3;
/** In cells of four bytes. */
const MAX_TABLE = 1_000_000;

/** Empty if the texts are equal. */
export function unifiedDiff(file: string, before: string, after: string): string {
  const lines = compare(linesOf(before), linesOf(after));
  let text = "";
  let [rendered, left, right] = [0, 0, 0];
  for (const [from, to] of hunksOf(lines)) {
    const between = lines.slice(rendered, from);
    const shown = lines.slice(from, to);
    left += count(between, "-");
    right += count(between, "+");
    text += renderHunk(shown, left, right);
    left += count(shown, "-");
    right += count(shown, "+");
    rendered = to;
  }
  return text === "" ? "" : `--- ${file}\n+++ ${file}\n${text}`;
}

function linesOf(text: string): string[] {
  return text.split(/(?<=\n)/).filter((line) => line !== "");
}

/** Walks through both; where they part, looks for where they are one again, and in between for what they share. */
function compare(before: readonly string[], after: readonly string[]): Line[] {
  const lines: Line[] = [];
  let [left, right] = [0, 0];
  while (left < before.length || right < after.length) {
    const [removed, added] = before[left] === after[right] ? [0, 0] : gapAt(before, left, after, right);
    lines.push(...compareShort(before.slice(left, left + removed), after.slice(right, right + added)));
    left += removed;
    right += added;
    const text = before[left++];
    right++;
    if (text !== undefined) lines.push({ mark: " ", text });
  }
  return lines;
}

/** With the longest common subsequence kept, if it does not take too much to find. */
function compareShort(before: readonly string[], after: readonly string[]): Line[] {
  const [rows, columns] = [before.length + 1, after.length + 1];
  if (rows * columns > MAX_TABLE) return [...before.map(removal), ...after.map(addition)];
  // How many lines can be kept from these two on.
  const kept = new Uint32Array(rows * columns);
  const keptFrom = (left: number, right: number) => kept[left * columns + right] ?? 0;
  for (let left = before.length - 1; left >= 0; left--) {
    for (let right = after.length - 1; right >= 0; right--) {
      kept[left * columns + right] =
        before[left] === after[right]
          ? keptFrom(left + 1, right + 1) + 1
          : Math.max(keptFrom(left + 1, right), keptFrom(left, right + 1));
    }
  }
  const isBetter = (left: number, right: number) => keptFrom(left + 1, right) >= keptFrom(left, right + 1);
  const lines: Line[] = [];
  let [left, right] = [0, 0];
  while (left < before.length || right < after.length) {
    const [old, fresh] = [before[left], after[right]];
    if (old !== undefined && old === fresh) {
      lines.push({ mark: " ", text: old });
      left++;
      right++;
    } else if (fresh === undefined || (old !== undefined && isBetter(left, right))) {
      lines.push(...before.slice(left, left + 1).map(removal));
      left++;
    } else {
      lines.push(addition(fresh));
      right++;
    }
  }
  return lines;
}

function removal(text: string): Line {
  return { mark: "-", text };
}

function addition(text: string): Line {
  return { mark: "+", text };
}

/** How many lines to leave out on either side. */
function gapAt(
  before: readonly string[],
  left: number,
  after: readonly string[],
  right: number,
): readonly [removed: number, added: number] {
  const [most, mostAdded] = [before.length - left, after.length - right];
  for (let distance = 0; distance < most + mostAdded; distance++) {
    for (let removed = Math.max(0, distance - mostAdded); removed <= Math.min(distance, most); removed++) {
      const added = distance - removed;
      if (isSame(before, left + removed, after, right + added)) return [removed, added];
    }
  }
  return [most, mostAdded];
}

function isSame(before: readonly string[], left: number, after: readonly string[], right: number): boolean {
  for (let index = 0; index < SURE; index++) {
    if (before[left + index] !== after[right + index]) return false;
    if (left + index === before.length) return index > 0 || right === after.length;
  }
  return true;
}

/** From the first to behind the last line of each, with context; those that would meet are one. */
function hunksOf(lines: readonly Line[]): [from: number, to: number][] {
  const hunks: [from: number, to: number][] = [];
  for (const [index, { mark }] of lines.entries()) {
    if (mark === " ") continue;
    const to = Math.min(index + CONTEXT + 1, lines.length);
    const last = hunks.at(-1);
    if (last && index - CONTEXT <= last[1]) last[1] = to;
    else hunks.push([Math.max(index - CONTEXT, 0), to]);
  }
  return hunks;
}

/** `left` and `right` are how many lines stand before it on either side. */
function renderHunk(lines: readonly Line[], left: number, right: number): string {
  const body = lines.map(({ mark, text }) =>
    text.endsWith("\n") ? mark + text : `${mark}${text}\n\\ No newline at end of file\n`,
  );
  return `@@ -${range(left, count(lines, "-"))} +${range(right, count(lines, "+"))} @@\n${body.join("")}`;
}

function range(before: number, length: number): string {
  return `${length === 0 ? before : before + 1}${length === 1 ? "" : `,${length}`}`;
}

/** The lines of one side. */
function count(lines: readonly Line[], side: "-" | "+"): number {
  return lines.filter(({ mark }) => mark === " " || mark === side).length;
}
