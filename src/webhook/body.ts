/** Reads the body of a request within limits of size, structure, and memory for all of them together. */
import type { Readable } from "node:stream";
import type { ReviewHead } from "./admission-review.ts";
import { ReviewScanner } from "./review-scanner.ts";

export interface BodyLimits {
  readonly maxBytes: number;
  /** Of the characters `{`, `[` and `,` outside strings. */
  readonly maxStructure: number;
  /** Of all bodies that are being read at a time. */
  readonly maxBytesInFlight: number;
}

const MIB = 1024 * 1024;

/**
 * An object and its old version of 2 MiB each as etcd takes them, `<`, `>` and `&` of which the API server writes in six
 * characters. It sends at most two times 3 MiB of `[],`, which is 4.2 million of the counted characters and takes 90 MiB.
 */
export const BODY_LIMITS: BodyLimits = {
  maxBytes: 32 * MIB,
  maxStructure: 5_000_000,
  maxBytesInFlight: 64 * MIB,
};

export type Body =
  | { readonly outcome: "read"; readonly bytes: Buffer }
  /** Too large to be parsed. Without a head nobody can be answered. */
  | { readonly outcome: "oversize"; readonly head: ReviewHead | undefined }
  /** There was no room for it. */
  | { readonly outcome: "shed" }
  /** The client went away. */
  | { readonly outcome: "aborted" };

/** What the bodies that are being read hold together. */
export interface InFlight {
  bytes: number;
}

/**
 * Calls back once. Always reads to the end, also what is thrown away: a client that is answered while it writes may see
 * its connection break instead of the answer.
 */
export function readBody(
  stream: Readable,
  declaredBytes: number,
  limits: BodyLimits,
  inFlight: InFlight,
  onBody: (body: Body) => void,
): void {
  const reader = new BodyReader(declaredBytes, limits, inFlight);
  stream.on("data", (chunk: Buffer) => reader.add(chunk));
  stream.on("end", () => onBody(reader.end()));
  // Node breaks a request off with an error, and then never ends it.
  stream.on("error", () => onBody(reader.abort()));
}

class BodyReader {
  readonly #limits: BodyLimits;
  readonly #inFlight: InFlight;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #fate: "read" | "oversize" | "shed" = "read";
  #scanner: ReviewScanner | undefined;

  constructor(declaredBytes: number, limits: BodyLimits, inFlight: InFlight) {
    this.#limits = limits;
    this.#inFlight = inFlight;
    if (declaredBytes > limits.maxBytes) this.#becomeOversize();
    else if (inFlight.bytes + declaredBytes > limits.maxBytesInFlight) this.#fate = "shed";
  }

  add(chunk: Buffer): void {
    if (this.#fate === "shed") return;
    if (this.#fate === "oversize") {
      this.#scanner?.scan(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#inFlight.bytes += chunk.length;
    this.#scanner?.scan(chunk);
    if (this.#isTooLarge()) this.#becomeOversize();
    else if (this.#inFlight.bytes > this.#limits.maxBytesInFlight) {
      this.#fate = "shed";
      this.#release();
    }
  }

  end(): Body {
    const chunks = this.#chunks;
    this.#release();
    if (this.#fate === "shed") return { outcome: "shed" };
    if (this.#fate === "oversize") return { outcome: "oversize", head: this.#scanner?.head };
    const [first] = chunks;
    return { outcome: "read", bytes: first && chunks.length === 1 ? first : Buffer.concat(chunks) };
  }

  abort(): Body {
    this.#release();
    return { outcome: "aborted" };
  }

  /** Only what is longer than the structure allowed can have more of it; shorter bodies are never scanned. */
  #isTooLarge(): boolean {
    const { maxBytes, maxStructure } = this.#limits;
    if (this.#bytes > maxBytes) return true;
    return this.#bytes > maxStructure && this.#scanned().structure > maxStructure;
  }

  #becomeOversize(): void {
    this.#fate = "oversize";
    this.#scanned();
    this.#release();
  }

  #scanned(): ReviewScanner {
    if (this.#scanner) return this.#scanner;
    this.#scanner = new ReviewScanner();
    for (const chunk of this.#chunks) this.#scanner.scan(chunk);
    return this.#scanner;
  }

  #release(): void {
    this.#inFlight.bytes -= this.#bytes;
    this.#bytes = 0;
    this.#chunks = [];
  }
}
