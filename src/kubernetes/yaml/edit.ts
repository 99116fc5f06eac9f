/** Changes values in a YAML or JSON text and leaves every other byte of it alone. */
import { patchFor, sameJson } from "../json-patch.ts";
import type { Change } from "../json-patch.ts";
import { YamlError } from "./events.ts";
import { applySplices, Refusal, splicesFor } from "./splices.ts";
import { parseYaml, YAML_LIMITS } from "./yaml.ts";
import type { YamlDocument } from "./yaml.ts";

/** Changes of one document that are made together or not at all. */
export interface Edit {
  /** Its index in what `parseYaml` reads. */
  readonly document: number;
  readonly changes: readonly Change[];
}

export interface EditedYaml {
  readonly text: string;
  /** Why an edit was not made: completes "not fixed: ...". */
  readonly refusals: ReadonlyMap<Edit, string>;
}

/** A document's own text and what it reads as. */
interface DocumentState {
  readonly text: string;
  readonly value: unknown;
}

const NOT_SAFE = "the text cannot be changed there without changing more";

/**
 * The text with the edits made. Read again it is what the changes make of the documents, and nothing else is different;
 * an edit for which that is not so is refused.
 */
export function editYaml(text: string, edits: readonly Edit[]): EditedYaml {
  const { documents, problems } = parseYaml(text);
  const lineBreak = /\r\n|\n|\r/.exec(text)?.[0] ?? "\n";
  const ofDocuments = Map.groupBy(edits, ({ document }) => document);
  const refusals = new Map<Edit, string>();
  const values: unknown[] = [];
  let edited = "";
  let end = 0;
  for (const [index, document] of documents.entries()) {
    const original = { text: text.slice(document.start, document.end), value: document.value };
    const state = editDocument(original, ofDocuments.get(index) ?? [], lineBreak, refusals);
    edited += text.slice(end, document.start) + state.text;
    values.push(state.value);
    end = document.end;
  }
  edited += text.slice(end);
  if (edited === text || readsAs(edited, values, problems.length)) return { text: edited, refusals };
  return { text, refusals: new Map(edits.map((edit) => [edit, NOT_SAFE])) };
}

/** All at once; if that cannot be, one after the other without those that are refused. */
function editDocument(
  original: DocumentState,
  edits: readonly Edit[],
  lineBreak: string,
  refusals: Map<Edit, string>,
): DocumentState {
  if (edits.length > 1) {
    const changes = edits.flatMap((edit) => edit.changes);
    const all = tryChanges(original, changes, lineBreak);
    if (typeof all !== "string") return all;
  }
  let state = original;
  for (const edit of edits) {
    const next = tryChanges(state, edit.changes, lineBreak);
    if (typeof next === "string") refusals.set(edit, next);
    else state = next;
  }
  return state;
}

/** Why not, if it cannot be. */
function tryChanges(
  { text, value }: DocumentState,
  changes: readonly Change[],
  lineBreak: string,
): DocumentState | string {
  try {
    const { object: wanted } = patchFor(value, changes);
    const { maxDepth } = YAML_LIMITS;
    const edited = applySplices(text, splicesFor(text, { old: value, wanted }, { lineBreak, maxDepth }));
    const isRight = readsAs(edited, [wanted], 0) && (!isJson(text) || isJson(edited));
    return isRight ? { text: edited, value: wanted } : NOT_SAFE;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    // js-yaml reads some JSON otherwise than JSON.parse, and an index may be beyond its list.
    if (error instanceof YamlError || error instanceof RangeError) return NOT_SAFE;
    throw error;
  }
}

function readsAs(text: string, values: readonly unknown[], problemCount: number): boolean {
  const { documents, problems }: { documents: readonly YamlDocument[]; problems: readonly unknown[] } =
    parseYaml(text);
  return (
    problems.length === problemCount &&
    documents.length === values.length &&
    documents.every(({ value }, index) => sameJson(value, values[index]))
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
