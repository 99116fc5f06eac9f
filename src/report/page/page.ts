/** A page of documentation as data; rendered as Markdown and for a terminal. */

export type Block =
  | { readonly type: "paragraph"; readonly text: string }
  | { readonly type: "list"; readonly items: readonly string[] }
  | { readonly type: "links"; readonly items: readonly Link[] }
  /** What a word stands for, and what more there is to say about it. */
  | { readonly type: "terms"; readonly items: readonly Term[] }
  | { readonly type: "facts"; readonly rows: readonly (readonly [label: string, value: string])[] }
  | { readonly type: "yaml"; readonly caption: string; readonly text: string };

export interface Link {
  readonly title: string;
  /** Undefined for a source that has no address. */
  readonly url: string | undefined;
}

export interface Term {
  readonly term: string;
  readonly about: readonly string[];
}

export interface Section {
  readonly heading: string;
  readonly blocks: readonly Block[];
}

export interface Page {
  readonly title: string;
  readonly facts: Block;
  readonly sections: readonly Section[];
}
