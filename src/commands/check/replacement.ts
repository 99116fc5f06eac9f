/** A repair as what to cut out of its file and what to put in, for programs that make it on request. */
import { changesBelow } from "../../kubernetes/json-patch.ts";
import { editYaml } from "../../kubernetes/yaml/edit.ts";
import type { Replacement } from "../../report/sarif.ts";
import type { Repair } from "./check-manifests.ts";

/** Each repair reads its document some times; nobody looks at those of a list as long as that one by one. */
const MAX_CHARACTERS = 100_000;

/** Undefined if it cannot be made without changing more. */
export function replacementFor({ manifest, changes }: Repair): Replacement | undefined {
  const { documentText: before, path: parent } = manifest;
  if (before.length > MAX_CHARACTERS) return undefined;
  const { text: after } = editYaml(before, [{ document: 0, changes: changesBelow(parent, changes()) }]);
  if (after === before) return undefined;
  const start = boundaryBefore(before, commonLength(before, after));
  const behind = commonLength(reversed(before.slice(start)), reversed(after.slice(start)));
  const end = boundaryAfter(before, before.length - behind);
  return {
    start: manifest.placeOf(start),
    end: manifest.placeOf(end),
    text: after.slice(start, after.length - (before.length - end)),
  };
}

function commonLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

function reversed(text: string): string {
  return text.split("").toReversed().join("");
}

/** No place is between the halves of a character or of a line break. */
const DIVIDED = /^(?:[\ud800-\udbff][\udc00-\udfff]|\r\n)$/;

function boundaryBefore(text: string, offset: number): number {
  return DIVIDED.test(text.slice(offset - 1, offset + 1)) ? offset - 1 : offset;
}

function boundaryAfter(text: string, offset: number): number {
  return DIVIDED.test(text.slice(offset - 1, offset + 1)) ? offset + 1 : offset;
}
