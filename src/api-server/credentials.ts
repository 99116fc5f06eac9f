/** By what an API server knows its client, and the client it; read again from time to time. */
import type { ConnectionOptions } from "node:tls";

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Readonly<
    Pick<ConnectionOptions, "ca" | "cert" | "key" | "rejectUnauthorized" | "servername">
  >;
}

/** `wereRefused` tells that the API server did not accept the last ones. */
export type ReadCredentials = (wereRefused: boolean) => Promise<Credentials>;

/** Kubernetes replaces tokens in files long before they expire. */
const REREAD_AFTER_MS = 60_000;
/** A refusal has no better credentials at once, and reading them may start a program. */
const REREAD_AFTER_REFUSAL_MS = 1000;

/** The last ones stay while others cannot be read. */
export class CurrentCredentials {
  readonly #read: ReadCredentials;
  #current: Credentials | undefined;
  #readAt = 0;
  #reading: Promise<Credentials> | undefined;

  constructor(read: ReadCredentials) {
    this.#read = read;
  }

  async get(): Promise<Credentials> {
    if (this.#current && performance.now() < this.#readAt + REREAD_AFTER_MS) return this.#current;
    return this.#reread(false);
  }

  /** Others than these, or undefined if there are none. */
  async insteadOf(refused: Credentials): Promise<Credentials | undefined> {
    const isOld = performance.now() >= this.#readAt + REREAD_AFTER_REFUSAL_MS;
    const current = this.#current === refused && isOld ? await this.#reread(true) : this.#current;
    return current && JSON.stringify(current) !== JSON.stringify(refused) ? current : undefined;
  }

  async #reread(wereRefused: boolean): Promise<Credentials> {
    this.#reading ??= this.#read(wereRefused).finally(() => {
      this.#reading = undefined;
      this.#readAt = performance.now();
    });
    try {
      this.#current = await this.#reading;
    } catch (error) {
      if (!this.#current) throw error;
    }
    return this.#current;
  }
}
