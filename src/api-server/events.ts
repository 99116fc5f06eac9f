/** Events: what people find beside an object in `kubectl describe` and `kubectl get events`. */
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import type { ApiServer } from "./client.ts";
import { ApiStatusError } from "./status-error.ts";

/** What an Event is about; it stands in the same namespace. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

export interface EventWriter {
  /** Returns at once. The same Event of two replicas is one. Of many with one reason, the last of each minute is written. */
  warn(subject: EventSubject, reason: string, note: string): void;
  /** What was not written yet and no longer holds. */
  withdraw(subject: EventSubject, reason: string): void;
  close(): void;
}

export interface EventOptions {
  /** Between two Events with one reason about one object. */
  readonly intervalMs?: number;
  /** An Event was not written; there is nothing to be done about it. */
  readonly onProblem: (problem: Error) => void;
}

const INTERVAL_MS = 60_000;
const TIMEOUT_MS = 10_000;
const CREATED = 201;
/** By another replica. */
const CONFLICT = 409;

// Source: kubernetes, pkg/apis/core/validation/events.go.
const MAX_NOTE_BYTES = 1024;
const MAX_INSTANCE_LENGTH = 128;

/** An object's name may have 253 characters, and so may an Event's. */
const MAX_NAME_LENGTH = 200;

interface Line {
  writtenAt: number;
  waiting: NodeJS.Timeout | undefined;
}

export function createEventWriter(
  api: ApiServer,
  { intervalMs = INTERVAL_MS, onProblem }: EventOptions,
): EventWriter {
  const closing = new AbortController();
  const lines = new Map<string, Line>();

  const write = async (subject: EventSubject, reason: string, note: string) => {
    try {
      const answer = await api.request({
        method: "POST",
        path: `/apis/events.k8s.io/v1/namespaces/${subject.namespace}/events`,
        body: eventOf(subject, reason, note, new Date()),
        timeoutMs: TIMEOUT_MS,
        signal: closing.signal,
      });
      if (answer.status !== CREATED && answer.status !== CONFLICT) throw new ApiStatusError(answer);
    } catch (error) {
      if (!closing.signal.aborted) onProblem(error instanceof Error ? error : new Error(String(error)));
    }
  };

  return {
    warn(subject, reason, note) {
      if (closing.signal.aborted) return;
      const key = keyOf(subject, reason);
      const line = lines.get(key) ?? { writtenAt: -Infinity, waiting: undefined };
      lines.set(key, line);
      clearTimeout(line.waiting);
      const writeNow = () => {
        line.writtenAt = performance.now();
        void write(subject, reason, note);
      };
      const waitMs = line.writtenAt + intervalMs - performance.now();
      if (waitMs <= 0) writeNow();
      else line.waiting = setTimeout(writeNow, waitMs).unref();
    },
    withdraw: (subject, reason) => clearTimeout(lines.get(keyOf(subject, reason))?.waiting),
    close() {
      closing.abort();
      for (const { waiting } of lines.values()) clearTimeout(waiting);
    },
  };
}

function keyOf({ kind, namespace, name }: EventSubject, reason: string): string {
  return `${kind}/${namespace}/${name}/${reason}`;
}

function eventOf(subject: EventSubject, reason: string, note: string, at: Date) {
  const { namespace, name, uid = "", resourceVersion = "" } = subject;
  // The same for all replicas that have the same to say about the same state of the object.
  const content = JSON.stringify([subject.kind, uid, resourceVersion, reason, note]);
  const digits = createHash("sha256").update(content).digest("hex").slice(0, 16);
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { namespace, name: `${name.slice(0, MAX_NAME_LENGTH)}.${digits}` },
    eventTime: at.toISOString().replace("Z", "000Z"),
    reportingController: "foresail.io/foresail",
    reportingInstance: hostname().slice(0, MAX_INSTANCE_LENGTH),
    action: reason,
    reason,
    regarding: { ...subject },
    note: cut(note),
    type: "Warning",
  };
}

/** In UTF-8, without half a character at the end. */
function cut(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length < MAX_NOTE_BYTES) return note;
  return `${bytes
    .subarray(0, MAX_NOTE_BYTES - 8)
    .toString()
    .replace(/\uFFFD+$/, "")} ...`;
}
