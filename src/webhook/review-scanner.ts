/** Reads a review too large to be parsed, chunk by chunk: how much structure it has, and to whom the answer goes. */
import { parseReviewVersion } from "./admission-review.ts";
import type { ReviewHead } from "./admission-review.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** A uid has 36 characters; what is much longer is none, and no name of a field either. */
const MAX_TOKEN_BYTES = 1024;

/** `request.uid` stands at this depth. */
const MAX_DEPTH = 2;

/** Believes what it sees: of a text that is no JSON it may make anything. Memory does not grow with the text. */
export class ReviewScanner {
  /** Characters `{`, `[` and `,` outside strings so far: each may become a value in memory. */
  structure = 0;
  #apiVersion: string | undefined;
  #uid = "";
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** Whether the next string at this depth is a key. */
  #expectsKey = false;
  /** By depth. */
  readonly #isObject = [false, false, false];
  readonly #key = ["", "", ""];
  /** The string being read, if it may matter. */
  #token: number[] | undefined;

  /** Undefined if no uid has come by. */
  get head(): ReviewHead | undefined {
    if (this.#uid === "") return undefined;
    return { apiVersion: parseReviewVersion(this.#apiVersion), uid: this.#uid };
  }

  scan(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (this.#isInString) this.#readInString(byte);
      else if (byte === QUOTE) this.#beginString();
      else if (byte === COMMA) {
        this.structure++;
        this.#expectsKey = this.#depth <= MAX_DEPTH && this.#isObject[this.#depth] === true;
      } else if (byte === COLON) this.#expectsKey = false;
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#open(byte === OPEN_BRACE);
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.#depth = Math.max(0, this.#depth - 1);
        this.#expectsKey = false;
      }
    }
  }

  #open(isObject: boolean): void {
    this.structure++;
    this.#depth++;
    this.#expectsKey = isObject;
    if (this.#depth > MAX_DEPTH) return;
    this.#isObject[this.#depth] = isObject;
    this.#key[this.#depth] = "";
  }

  #beginString(): void {
    this.#isInString = true;
    const matters = this.#depth === 1 || (this.#depth === MAX_DEPTH && this.#key[1] === "request");
    this.#token = matters && this.#isObject[this.#depth] === true ? [] : undefined;
  }

  #readInString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) {
      this.#isInString = false;
      if (this.#token) this.#endString(textOf(this.#token));
      return;
    }
    if (!this.#token) return;
    this.#token.push(byte);
    if (this.#token.length > MAX_TOKEN_BYTES) this.#token = undefined;
  }

  #endString(text: string): void {
    if (this.#expectsKey) this.#key[this.#depth] = text;
    else if (this.#depth === 1 && this.#key[1] === "apiVersion") this.#apiVersion = text;
    else if (this.#depth === MAX_DEPTH && this.#key[MAX_DEPTH] === "uid") this.#uid = text;
  }
}

/** The text of a JSON string without its quotes; "" if it is none. */
function textOf(bytes: readonly number[]): string {
  try {
    const text: unknown = JSON.parse(`"${Buffer.from(bytes).toString("utf8")}"`);
    return typeof text === "string" ? text : "";
  } catch {
    return "";
  }
}
