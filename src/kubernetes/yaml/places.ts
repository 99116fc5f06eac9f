import type { FieldPath } from "../field-path.ts";
import { findEntry } from "./node.ts";
import { createLocator, excerptAt } from "./split.ts";
import type { Chunk, Excerpt, Position } from "./split.ts";
import { readTree } from "./tree.ts";
import type { Tree, YamlLimits } from "./tree.ts";

/** What is found out about a text when it is first asked for a place. */
interface Survey {
  readonly places: Places;
  readonly tree: Tree | undefined;
  readonly locate: (offset: number) => Position;
}

/**
 * Where the fields of a document stand. Keeps its text and nothing else: most documents are never asked, and of those that are
 * only the last one's tree is kept, however many there are.
 */
export class Places {
  static #recent: Survey | undefined;
  readonly #chunk: Chunk;
  readonly #limits: YamlLimits;

  constructor(chunk: Chunk, limits: YamlLimits) {
    this.#chunk = chunk;
    this.#limits = limits;
  }

  /** Of the document, with what stands around it up to the next. */
  get text(): string {
    return this.#chunk.text;
  }

  /** Of an offset in the text. */
  positionAt(offset: number): Position {
    return this.#survey().locate(offset);
  }

  /** Of the field's key, or of the list's item; of the nearest parent that is there if the field is not. */
  position(path: FieldPath): Position {
    return this.#survey().locate(this.#find(path)?.entry.start ?? 0);
  }

  /** The line around the position. */
  excerpt(path: FieldPath): Excerpt {
    return excerptAt(this.#chunk.text, this.#find(path)?.entry.start ?? 0);
  }

  /** A scalar as written (`1.10`, `Off`), without quotes; undefined if there is no scalar at the path. */
  source(path: FieldPath): string | undefined {
    const found = this.#find(path);
    return found?.isExact === true && found.entry.node.kind === "scalar" ? found.entry.node.text : undefined;
  }

  #find(path: FieldPath): ReturnType<typeof findEntry> | undefined {
    const { tree } = this.#survey();
    return tree && findEntry(tree.root, path);
  }

  #survey(): Survey {
    if (Places.#recent?.places === this) return Places.#recent;
    const tree = readTree(this.#chunk.text, this.#limits);
    const survey: Survey = { places: this, tree, locate: createLocator(this.#chunk) };
    Places.#recent = survey;
    return survey;
  }
}
