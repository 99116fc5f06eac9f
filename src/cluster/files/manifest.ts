/** One Kubernetes object of a text, and where its fields stand. */
import type { FieldPath } from "../../kubernetes/field-path.ts";
import { isObject } from "../../kubernetes/json.ts";
import { findKind, groupOf, readObject } from "../../kubernetes/objects.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import type { Excerpt, Places, Position, YamlDocument } from "../../kubernetes/yaml/yaml.ts";

/** A key that its mapping had already; the last one counts. */
export interface DuplicateKey {
  readonly field: FieldPath;
  /** The value is the same again. */
  readonly isSame: boolean;
}

interface Facts {
  readonly file: string;
  readonly apiVersion: string;
  readonly kindName: string;
  readonly kind: Kind | undefined;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly duplicateKeys: readonly DuplicateKey[];
  readonly document: number;
  readonly path: FieldPath;
}

/** Keeps its object as text, which takes a fraction of the memory. */
export class Manifest implements Facts {
  /** As given on the command line; `-` for standard input. */
  readonly file: string;
  readonly apiVersion: string;
  /** As it stands in the manifest. */
  readonly kindName: string;
  /** Undefined for kinds foresail does not know. */
  readonly kind: Kind | undefined;
  /** `PREFIX*` of an object with generateName. */
  readonly name: string;
  /** As written; undefined if it names none. */
  readonly namespace: string | undefined;
  readonly duplicateKeys: readonly DuplicateKey[];
  /** The index of its document in the text, and the way to it if that is a list. */
  readonly document: number;
  readonly path: FieldPath;
  readonly #content: Content;
  readonly #places: Places;

  constructor(facts: Facts, content: Content, places: Places) {
    this.file = facts.file;
    this.apiVersion = facts.apiVersion;
    this.kindName = facts.kindName;
    this.kind = facts.kind;
    this.name = facts.name;
    this.namespace = facts.namespace;
    this.duplicateKeys = facts.duplicateKeys;
    this.document = facts.document;
    this.path = facts.path;
    this.#content = content;
    this.#places = places;
  }

  /** Unread, as it would be sent to the API server; another copy each time. */
  get object(): unknown {
    return "json" in this.#content ? JSON.parse(this.#content.json) : this.#content.object;
  }

  /** Of a field of the object, or of its nearest parent that is there. */
  position(field: FieldPath): Position {
    return this.#places.position([...this.path, ...field]);
  }

  /** The text of its document. */
  get documentText(): string {
    return this.#places.text;
  }

  /** Of an offset in the text of its document. */
  placeOf(offset: number): Position {
    return this.#places.positionAt(offset);
  }

  /** The line around the position. */
  excerpt(field: FieldPath): Excerpt {
    return this.#places.excerpt([...this.path, ...field]);
  }
}

type Content = { readonly json: string } | { readonly object: unknown };

/** A document, or one item of a list. */
export interface Part {
  readonly path: FieldPath;
  /** Undefined if it is no Kubernetes object. */
  readonly resource:
    | { readonly apiVersion: string; readonly kindName: string; readonly object: object }
    | undefined;
}

/** The items of a list of one kind, as the API server sends it, leave their kind to the list. */
export function* partsOf({ value }: YamlDocument): Generator<Part> {
  yield* partsOfValue(value, [], {});
}

function* partsOfValue(
  value: unknown,
  path: FieldPath,
  kindOfItems: { readonly apiVersion?: string; readonly kind?: string },
): Generator<Part> {
  const object: { readonly [key: string]: unknown } = isObject(value) ? { ...kindOfItems, ...value } : {};
  const { apiVersion, kind: kindName, items } = object;
  if (typeof apiVersion !== "string" || typeof kindName !== "string" || kindName === "") {
    yield { path, resource: undefined };
  } else if (kindName.endsWith("List") && Array.isArray(items)) {
    const inherited = kindName === "List" ? {} : { apiVersion, kind: kindName.slice(0, -"List".length) };
    for (const [index, item] of items.entries()) {
      yield* partsOfValue(item, [...path, "items", index], inherited);
    }
  } else yield { path, resource: { apiVersion, kindName, object } };
}

/** Undefined for what is no Kubernetes object; `index` is that of the document in its text. */
export function manifestOf(
  file: string,
  document: YamlDocument,
  index: number,
  { path, resource }: Part,
  duplicateKeys: readonly DuplicateKey[] = NO_DUPLICATES,
): Manifest | undefined {
  if (resource === undefined) return undefined;
  const { apiVersion, kindName, object } = resource;
  const { name, generateName = "", namespace } = readObject("Namespace", object).metadata ?? {};
  const facts = {
    file,
    apiVersion,
    kindName,
    kind: findKind(groupOf(apiVersion), kindName),
    name: name || `${generateName}*`,
    namespace,
    duplicateKeys,
    document: index,
    path,
  };
  // Written out, aliases may make it many times as long as the text.
  const content = document.hasAliases ? { object } : { json: JSON.stringify(object) };
  return new Manifest(facts, content, document.places);
}

const NO_DUPLICATES: readonly DuplicateKey[] = [];

/** The duplicate keys of each part of a document, by its path; of a key that stands there several times, the last. */
export function duplicatesOf(
  { duplicateKeys }: YamlDocument,
  parts: readonly Part[],
): ReadonlyMap<FieldPath, readonly DuplicateKey[]> {
  if (duplicateKeys.length === 0) return new Map();
  const paths = new Map(parts.map(({ path }) => [JSON.stringify(path), path]));
  const byPart = new Map<FieldPath, Map<string, DuplicateKey>>();
  for (const { path: all, isSame } of duplicateKeys) {
    const path = all
      .map((_, length) => paths.get(JSON.stringify(all.slice(0, length))))
      .findLast((one) => one !== undefined);
    if (path === undefined) continue;
    const ofPart = byPart.get(path) ?? new Map<string, DuplicateKey>();
    byPart.set(path, ofPart);
    const field = all.slice(path.length);
    const key = JSON.stringify(field);
    ofPart.set(key, { field, isSame: isSame && (ofPart.get(key)?.isSame ?? true) });
  }
  return new Map([...byPart].map(([path, ofPart]) => [path, [...ofPart.values()]]));
}
