/** A store that follows an API server: all objects of some kinds, kept up to date. */
import { setImmediate } from "node:timers/promises";
import type { ApiServer } from "../../api-server/client.ts";
import type { Plane } from "../../istio/planes.ts";
import { readObject } from "../../kubernetes/objects.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import { findList } from "./discovery.ts";
import { problemHere, Reflector } from "./reflector.ts";
import type { ObjectIdentity, ReadProblem, ReflectorTimes, Sink } from "./reflector.ts";
import type { Store } from "../store.ts";
import { trimFor } from "./trim.ts";

export interface MirrorOptions {
  readonly api: ApiServer;
  readonly kinds: readonly Kind[];
  readonly plane: Plane;
  /** Others may fill it with other kinds, with those of other namespaces, and with what else the other plane has. */
  readonly store: Store;
  /** The only one whose objects are read; all are if it is left out. */
  readonly namespace?: string;
  /** Said rarely while it is the same. */
  readonly onProblem: (kind: Kind, problem: ReadProblem) => void;
  /** After a problem: all is well again. */
  readonly onRecovery: (kind: Kind) => void;
  readonly times?: ReflectorTimes;
}

export interface Mirror {
  readonly reflectors: ReadonlyMap<Kind, Reflector>;
  /** Every kind was listed to its end, or is not served. */
  isComplete(): boolean;
  /** Resolves as soon as that is so; never rejects. */
  readonly complete: Promise<void>;
  stop(): Promise<void>;
}

/** For so long the event loop is not given back while a list is taken over. */
const SLICE_MS = 10;

export function startMirror(options: MirrorOptions): Mirror {
  const { api, kinds, namespace, onProblem, onRecovery, times } = options;
  const complete = Promise.withResolvers<void>();
  let pending = kinds.length;
  const reflectors = new Map(
    kinds.map((kind) => [
      kind,
      new Reflector({
        api,
        find: (signal) => findList(api, kind, namespace, signal),
        isMetadataOnly: kind === "Pod",
        trim: trimFor(kind),
        sink: sinkFor(kind, options),
        onProblem: (problem) => onProblem(kind, problem),
        onRecovery: () => onRecovery(kind),
        onKnown: () => {
          pending--;
          if (pending === 0) complete.resolve();
        },
        ...(times === undefined ? {} : { times }),
      }),
    ]),
  );
  return {
    reflectors,
    isComplete: () => pending === 0,
    complete: complete.promise,
    async stop() {
      await Promise.all([...reflectors.values()].map((reflector) => reflector.stop()));
    },
  };
}

function sinkFor(kind: Kind, { store, plane, namespace: only, onProblem }: MirrorOptions): Sink {
  const identityOf = (value: unknown): ObjectIdentity => {
    const { namespace = "", name = "" } = readObject("Pod", value).metadata ?? {};
    return { namespace, name };
  };
  return {
    put: (value) => store.put(kind, value, plane),
    delete(value) {
      const { namespace, name } = identityOf(value);
      store.delete(kind, namespace, name, plane);
    },
    async replace(values, isNewer) {
      const pause = createPause();
      const listed = new Set<string>();
      for (const value of values) {
        const { namespace, name } = identityOf(value);
        const key = `${namespace}/${name}`;
        listed.add(key);
        try {
          if (!isNewer(key)) store.put(kind, value, plane);
        } catch (error) {
          onProblem(kind, problemHere(error));
        }
        await pause();
      }
      for (const [namespace, name] of store.namesOf(kind, only, plane)) {
        const key = `${namespace}/${name}`;
        if (!listed.has(key) && !isNewer(key)) store.delete(kind, namespace, name, plane);
        await pause();
      }
    },
    *identitiesIn(scope) {
      for (const [namespace, name] of store.namesOf(kind, scope.namespace, plane)) {
        if (scope.name === "" || scope.name === name) yield { namespace, name };
      }
    },
  };
}

/** Gives the event loop back when it has been held for long. */
function createPause(): () => Promise<void> | undefined {
  let since = performance.now();
  const giveBack = async () => {
    await setImmediate();
    since = performance.now();
  };
  return () => (performance.now() - since < SLICE_MS ? undefined : giveBack());
}
