/**
 * Keeps a copy of all objects of one kind: lists them, then watches, and begins anew when the API server has forgotten
 * where the watch was. Nothing ends it but `stop`, after which it writes nothing.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ApiServer } from "../../api-server/client.ts";
import { ApiStatusError } from "../../api-server/status-error.ts";
import { LastSaid } from "../../polling.ts";
import { METADATA_ONLY } from "./metadata-only.ts";
import { listAll } from "./paged-list.ts";
import type { Listed } from "./paged-list.ts";
import { keyOf, parseWatchEvent, RelistNeeded, versionOf } from "./watch-event.ts";

/** Where the copy is kept. What it throws is reported, and stops nothing. */
export interface Sink {
  put(value: unknown): void;
  delete(value: unknown): void;
  /** These are all there is, except what `isNewer`, by `NAMESPACE/NAME`: of those a later version is known already. */
  replace(values: readonly unknown[], isNewer: (key: string) => boolean): Promise<void>;
  /** What is there of these objects. */
  identitiesIn(scope: Scope): Iterable<ObjectIdentity>;
}

export interface ObjectIdentity {
  /** "" of objects without one. */
  readonly namespace: string;
  readonly name: string;
}

/** Objects of one kind: in all namespaces if that is "", of all names if that is "". */
export type Scope = ObjectIdentity;

export interface ReflectorOptions {
  readonly api: ApiServer;
  /** Where the kind is served, asked before the first list and after a 404; undefined if nowhere. */
  readonly find: (signal: AbortSignal) => Promise<string | undefined>;
  readonly isMetadataOnly: boolean;
  /** What shall be kept of an object; undefined: it shall not be kept at all. */
  readonly trim: (value: unknown) => unknown;
  readonly sink: Sink;
  /** Said rarely while it is the same. */
  readonly onProblem: (problem: ReadProblem) => void;
  /** After a problem: all is well again. */
  readonly onRecovery: () => void;
  /** The state is no longer `pending`. */
  readonly onKnown: () => void;
  readonly times?: ReflectorTimes;
}

/** What keeps a copy from being complete. */
export interface ReadProblem {
  readonly error: Error;
  /** What was asked of the API server; undefined for what went wrong with its answer. */
  readonly verb?: "discover" | "list" | "watch";
  /** The API server asks to wait, as it does for a moment when a kind has just been installed. */
  readonly isWait: boolean;
}

export interface ReflectorTimes {
  readonly silenceMs: number;
  readonly absentRetryMs: number;
  readonly listIntervalMs: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly minWatchMs: number;
  /** An API server that asks to wait for longer is a problem. */
  readonly patienceMs: number;
  readonly repeatProblemMs: number;
}

const TIMES: ReflectorTimes = {
  // The API server sends a bookmark every minute.
  silenceMs: 90_000,
  absentRetryMs: 15_000,
  listIntervalMs: 1000,
  minBackoffMs: 1000,
  maxBackoffMs: 30_000,
  // As client-go: the API server ends a watch after 5 to 10 minutes.
  minWatchMs: 300_000,
  patienceMs: 60_000,
  repeatProblemMs: 600_000,
};

/** A watch that ends earlier did not get going. */
const SHORT_WATCH_MS = 1000;
/** A watch without a line has no bookmark either: it may wait for a version that the API server has yet to reach. */
const MAX_EMPTY_WATCHES = 2;

export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #times: ReflectorTimes;
  readonly #stopping = new AbortController();
  /** Ends when a kind that is not served shall be looked for again. */
  #absence = new AbortController();
  readonly #running: Promise<void>;
  #state: "absent" | "pending" | "synced" = "pending";
  #isFollowing = false;
  #path: string | undefined;
  #isSeenElsewhere = false;
  /** Where the watch goes on; undefined before a list. */
  #resourceVersion: string | undefined;
  /** At which version objects that came from elsewhere are known, or known to be gone, by `NAMESPACE/NAME`. */
  readonly #offered = new Map<string, number>();
  #problem: Error | undefined;
  #verb: NonNullable<ReadProblem["verb"]> = "discover";
  #failingSince = 0;
  readonly #said: LastSaid;
  #failures = 0;
  #emptyWatches = 0;
  #lists = 0;
  #listedAt = Number.NEGATIVE_INFINITY;
  #heardAt = performance.now();

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
    this.#said = new LastSaid(this.#times.repeatProblemMs);
    this.#running = this.#run();
  }

  /** `absent`: the API server does not serve the kind, so there is nothing to wait for. Never `pending` again after that or `synced`. */
  get state(): "absent" | "pending" | "synced" {
    return this.#state;
  }

  /** Of the list, and of single objects below it; undefined while it is not known. */
  get path(): string | undefined {
    return this.#path;
  }

  /** Whether the API server serves the kind; undefined while that is not known. */
  get isServed(): boolean | undefined {
    if (this.#path !== undefined || this.#isSeenElsewhere) return true;
    return this.#state === "absent" ? false : undefined;
  }

  /** A watch is open. */
  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  /** What keeps it from going on; undefined while all is well. */
  get problem(): Error | undefined {
    return this.#problem;
  }

  /** Lists after the first one. */
  get relists(): number {
    return Math.max(0, this.#lists - 1);
  }

  /** Since the API server last said something. */
  get ageMs(): number {
    return performance.now() - this.#heardAt;
  }

  /**
   * What somebody else was told by the API server; with a scope it was all that there was in it. Ignored as far as list or
   * watch are further.
   */
  offer({ values, resourceVersion }: Listed, scope?: Scope): void {
    if (this.#stopping.signal.aborted || this.#path === undefined) return;
    const keys = new Set<string>();
    for (const value of values) {
      keys.add(keyOf(value));
      if (this.#isNews(keyOf(value), versionOf(value))) this.#put(value);
    }
    const version = Number(resourceVersion);
    if (scope === undefined || version <= Number(this.#resourceVersion)) return;
    for (const metadata of this.#options.sink.identitiesIn(scope)) {
      const key = keyOf({ metadata });
      if (keys.has(key) || !this.#isNews(key, version)) continue;
      this.#guarded(() => this.#options.sink.delete({ metadata }));
    }
  }

  /** Whether that is later than what is known. From now on it is known. */
  #isNews(key: string, version: number): boolean {
    if (version <= Number(this.#resourceVersion) || version <= (this.#offered.get(key) ?? 0)) return false;
    this.#offered.set(key, version);
    return true;
  }

  /** Somebody saw that a kind is served that was not: it is looked for at once. */
  lookNow(): void {
    this.#isSeenElsewhere = true;
    this.#absence.abort();
  }

  /** Resolves when everything has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const waitMs = await this.#turn().catch((error: unknown) => this.#waitAfter(error));
      await this.#delay(waitMs).catch(() => {});
    }
  }

  /** Returns how long to wait before the next one. */
  async #turn(): Promise<number> {
    this.#verb = "discover";
    if (this.#path === undefined) {
      this.#absence = new AbortController();
      this.#path = await this.#options.find(this.#stopping.signal);
      if (this.#path === undefined) return this.#beAbsent(this.#absence.signal);
    }
    this.#resourceVersion ??= await this.#list(this.#path);
    const startedAt = performance.now();
    const lines = await this.#watch(this.#path, this.#resourceVersion);
    this.#emptyWatches = lines === 0 ? this.#emptyWatches + 1 : 0;
    if (this.#emptyWatches === MAX_EMPTY_WATCHES) this.#resourceVersion = undefined;
    if (performance.now() - startedAt >= SHORT_WATCH_MS) return 0;
    this.#failures++;
    return this.#backoff();
  }

  async #beAbsent(end: AbortSignal): Promise<number> {
    this.#isSeenElsewhere = false;
    await this.#options.sink.replace([], () => false);
    this.#setState("absent");
    this.#hear();
    await this.#delay(withJitter(this.#times.absentRetryMs), end).catch(() => {});
    return 0;
  }

  /** Nothing of it is seen before all of it is there. */
  async #list(path: string): Promise<string> {
    const { api, isMetadataOnly, trim, sink } = this.#options;
    const { signal } = this.#stopping;
    await this.#delay(this.#listedAt + this.#times.listIntervalMs - performance.now());
    this.#listedAt = performance.now();
    this.#lists++;
    this.#verb = "list";
    const accept = isMetadataOnly ? { accept: METADATA_ONLY.list } : {};
    const { values, resourceVersion } = await listAll(api, path, { ...accept, trim, signal });
    await sink.replace(values, (key) => (this.#offered.get(key) ?? 0) > Number(resourceVersion));
    this.#forgetOffered(resourceVersion);
    this.#emptyWatches = 0;
    this.#setState("synced");
    this.#heardAt = performance.now();
    return resourceVersion;
  }

  /** Returns how many lines there were. */
  async #watch(path: string, resourceVersion: string): Promise<number> {
    const { api, isMetadataOnly } = this.#options;
    const { silenceMs, minWatchMs } = this.#times;
    this.#verb = "watch";
    const watch = api.watch({
      path,
      query: {
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion,
        // Up to twice as long, so that not all watches end at once.
        timeoutSeconds: String(Math.ceil((minWatchMs * (1 + Math.random())) / 1000)),
      },
      ...(isMetadataOnly ? { accept: METADATA_ONLY.object } : {}),
      leaveOutManagedFields: true,
      signal: this.#stopping.signal,
      silenceMs,
      onOpen: () => {
        this.#isFollowing = true;
      },
    });
    let lines = 0;
    try {
      for await (const line of watch) {
        if (this.#stopping.signal.aborted) break;
        lines++;
        this.#apply(line);
        this.#hear();
      }
    } finally {
      this.#isFollowing = false;
    }
    return lines;
  }

  #apply(line: string): void {
    const { type, value, resourceVersion } = parseWatchEvent(line);
    if (Number(resourceVersion) < Number(this.#resourceVersion)) {
      throw new RelistNeeded("the API server is at an earlier version than before");
    }
    this.#resourceVersion = resourceVersion;
    if (type === "BOOKMARK") {
      this.#forgetOffered(resourceVersion);
      return;
    }
    // Something later came from elsewhere.
    if ((this.#offered.get(keyOf(value)) ?? 0) > Number(resourceVersion)) return;
    if (type === "DELETED") this.#guarded(() => this.#options.sink.delete(value));
    else this.#put(value);
  }

  /** What came from elsewhere and list or watch have reached. */
  #forgetOffered(resourceVersion: string): void {
    for (const [key, version] of this.#offered) {
      if (!(version > Number(resourceVersion))) this.#offered.delete(key);
    }
  }

  #put(value: unknown): void {
    const { sink, trim } = this.#options;
    this.#guarded(() => {
      const kept = trim(value);
      if (kept === undefined) sink.delete(value);
      else sink.put(kept);
    });
  }

  /** Notes what went wrong, and returns how long to wait. */
  #waitAfter(error: unknown): number {
    if (this.#stopping.signal.aborted) return 0;
    const problem = error instanceof Error ? error : new Error(String(error));
    const status = problem instanceof ApiStatusError ? problem.status : undefined;
    this.#failures++;
    const mustRelist = problem instanceof RelistNeeded || status === GONE || status === NOT_FOUND;
    if (mustRelist) this.#resourceVersion = undefined;
    if (status === NOT_FOUND) this.#path = undefined;
    // That a watch is forgotten is as common as an API server's restart: nothing is wrong until it is so again.
    if (mustRelist && this.#failures === 1) return 0;
    this.#setProblem(problem, status);
    const retryAfterMs = problem instanceof ApiStatusError ? (problem.retryAfterMs ?? 0) : 0;
    return Math.max(this.#backoff(), Math.min(retryAfterMs, this.#times.maxBackoffMs));
  }

  #setState(state: "absent" | "synced"): void {
    const wasPending = this.#state === "pending";
    this.#state = state;
    if (wasPending) this.#options.onKnown();
  }

  #setProblem(error: Error, status: number | undefined): void {
    const now = performance.now();
    if (!this.#problem) this.#failingSince = now;
    this.#problem = error;
    const isWait = status === TOO_MANY_REQUESTS && now < this.#failingSince + this.#times.patienceMs;
    if (!this.#said.isNews(`${isWait} ${error.message}`)) return;
    this.#options.onProblem({ error, verb: this.#verb, isWait });
  }

  #hear(): void {
    this.#heardAt = performance.now();
    this.#failures = 0;
    if (this.#problem) this.#options.onRecovery();
    this.#problem = undefined;
    this.#said.forget();
  }

  /** After what goes wrong here, the copy lacks one object, or has one too many. */
  #guarded(change: () => void): void {
    try {
      change();
    } catch (error) {
      this.#options.onProblem(problemHere(error));
    }
  }

  #backoff(): number {
    const { minBackoffMs, maxBackoffMs } = this.#times;
    return Math.min(withJitter(minBackoffMs * 2 ** (this.#failures - 1)), maxBackoffMs);
  }

  async #delay(ms: number, end?: AbortSignal): Promise<void> {
    const { signal } = this.#stopping;
    if (ms <= 0) return;
    await delay(ms, undefined, { signal: end ? AbortSignal.any([signal, end]) : signal, ref: false });
  }
}

/** What a sink throws. */
export function problemHere(error: unknown): ReadProblem {
  return { error: error instanceof Error ? error : new Error(String(error)), isWait: false };
}

const NOT_FOUND = 404;
const GONE = 410;
const TOO_MANY_REQUESTS = 429;

function withJitter(ms: number): number {
  return ms * (1 + Math.random() / 2);
}
