/** Asks the API server itself for what a refusal rests on: a watch is some milliseconds behind. */
import { setTimeout as delay } from "node:timers/promises";
import type { ApiServer } from "../../api-server/client.ts";
import { planeOfKind } from "../../istio/planes.ts";
import type { Plane } from "../../istio/planes.ts";
import { KIND_FACTS } from "../../kubernetes/objects.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import type { Ground } from "../../rules/cluster-view.ts";
import { Budget } from "./budget.ts";
import { Coalescing } from "./coalescing.ts";
import { findServed } from "./discovery.ts";
import { METADATA_ONLY } from "./metadata-only.ts";
import { listPage } from "./paged-list.ts";
import type { Reflector, Scope } from "./reflector.ts";
import { within } from "./widening.ts";

/**
 * Asks for each of these, and offers what there is to the reflector of its kind. Resolves with false if not all is known
 * then, or not before the deadline by `performance.now()`. Never rejects.
 */
export type Confirm = (grounds: readonly Ground[], deadline: number) => Promise<boolean>;

/** A review that rests on more rests on much besides what decides it. */
const MAX_QUESTIONS = 24;
interface Limits {
  /**
   * For each answer. A list that is no older than the question takes the API server a tenth of a second even when nothing
   * else is asked, and a question may have to wait for the end of the last one. Only what would be refused waits.
   */
  readonly withinMs: number;
  /**
   * Reviews can be sent by everyone who may create objects, or tries to. What many ask at once is asked once, so that this
   * is reached only by reviews that all ask for something else.
   */
  readonly requestsPerSecond: number;
  readonly burst: number;
}
const LIMITS: Limits = { withinMs: 2000, requestsPerSecond: 500, burst: 500 };

/** One page: what does not fit on it is not known. */
const MAX_OBJECTS = 500;
/** That have a proxy, by their labels: one of them that has is enough. */
const MAX_PODS = 20;

/** RFC 1123, as the API server has it: something else is no name, and shall not become a path. */
const LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const NAMESPACE = new RegExp(`^${LABEL}$`);
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const MAX_NAMESPACE_LENGTH = 63;
const MAX_NAME_LENGTH = 253;

/** One of the API servers, and what is known of it by kind. */
interface AskedPlane {
  readonly api: Pick<ApiServer, "request">;
  readonly reflectors: ReadonlyMap<
    Kind,
    Pick<Reflector, "isServed" | "lookNow" | "offer" | "path" | "state">
  >;
}

/** That of the mesh only if it is another one. */
type Planes = ReadonlyMap<Plane, AskedPlane>;

interface Question {
  /** Equal for those that ask for the same. */
  readonly key: string;
  readonly ask: () => Promise<void>;
}

export function createConfirm(
  planes: () => Planes,
  { withinMs, requestsPerSecond, burst }: Limits = LIMITS,
): Confirm {
  const budget = new Budget(requestsPerSecond, burst);
  const asked = new Coalescing<void>();

  /** Milliseconds to wait before it. */
  function takeTurn(): number {
    const waitMs = budget.reserve(withinMs);
    if (waitMs === undefined) throw new Error("too many questions at once");
    return waitMs;
  }

  /** Objects are listed by name as well: the list says at which version one is not there. */
  function questionAbout(ground: Ground, plane: Plane, api: AskedPlane["api"], listPath: string): Question {
    const { kind, name, labelSelector } = ground;
    const { path, scope } = placeOf(ground, listPath);
    const query = {
      limit: String(kind === "Pod" ? MAX_PODS : MAX_OBJECTS),
      ...(name === "" ? {} : { fieldSelector: `metadata.name=${name}` }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
    };
    return {
      key: `${plane} ${path}?${JSON.stringify(query)}`,
      async ask() {
        const waitMs = takeTurn();
        if (waitMs > 0) await delay(waitMs);
        const accept = kind === "Pod" ? { accept: METADATA_ONLY.list } : {};
        const page = await listPage(api, { path, query, ...accept, timeoutMs: withinMs });
        const isAll = page.next === undefined;
        planes()
          .get(plane)
          ?.reflectors.get(kind)
          ?.offer(page, isAll && labelSelector === undefined ? scope : undefined);
        if (!isAll) throw new Error("more than can be asked for");
      },
    };
  }

  /** Kinds of one group. */
  function questionAboutAbsent(kinds: readonly Kind[], plane: Plane, api: AskedPlane["api"]): Question {
    return {
      key: `${plane} ${kinds.toSorted().join()}`,
      async ask() {
        const waitMs = takeTurn();
        if (waitMs > 0) await delay(waitMs);
        const served = await findServed(api, kinds, AbortSignal.timeout(withinMs));
        for (const kind of served) planes().get(plane)?.reflectors.get(kind)?.lookNow();
        if (served.length > 0) throw new Error(`${served.join(", ")} not yet read`);
      },
    };
  }

  /** Undefined if something cannot be asked for. */
  function questionsAbout(grounds: readonly Ground[]): readonly Question[] | undefined {
    const questions = new Map<string, Question>();
    // What has no possible name is not there.
    const wanted = within(MAX_QUESTIONS, grounds.filter(canExist));
    const current = planes();
    for (const [name, alike] of Map.groupBy(wanted, (ground) => planeToAsk(ground, current))) {
      const plane = current.get(name);
      const own = plane && questionsIn(name, plane, alike);
      if (own === undefined) return undefined;
      for (const question of own) questions.set(question.key, question);
    }
    return questions.size > MAX_QUESTIONS ? undefined : [...questions.values()];
  }

  function questionsIn(
    plane: Plane,
    { api, reflectors }: AskedPlane,
    grounds: readonly Ground[],
  ): readonly Question[] | undefined {
    const questions: Question[] = [];
    const absent = new Set<Kind>();
    for (const ground of grounds) {
      const reflector = reflectors.get(ground.kind);
      // What no rule reads is in no view.
      if (reflector === undefined) continue;
      if (ground.isAbsent && reflector.isServed !== false) continue;
      if (reflector.path !== undefined) questions.push(questionAbout(ground, plane, api, reflector.path));
      else if (reflector.state === "absent") absent.add(ground.kind);
      else return undefined;
    }
    const groups = Map.groupBy(absent, (kind) => KIND_FACTS[kind].group);
    return [...questions, ...[...groups.values()].map((kinds) => questionAboutAbsent(kinds, plane, api))];
  }

  return async (grounds, deadline) => {
    const questions = questionsAbout(grounds);
    if (questions === undefined) return false;
    const answers = Promise.allSettled(questions.map(({ key, ask }) => asked.get(key, ask))).then(
      (outcomes) => outcomes.every(({ status }) => status === "fulfilled"),
    );
    const waitMs = Math.max(0, Math.min(deadline - performance.now(), withinMs));
    const giveUp = new AbortController();
    const late = delay(waitMs, false, { signal: giveUp.signal }).catch(() => false);
    const outcome = await Promise.race([answers, late]);
    giveUp.abort();
    return outcome;
  };
}

function planeToAsk({ kind, plane }: Ground, planes: Planes): Plane {
  return planes.has("mesh") ? (plane ?? planeOfKind(kind)) : "data";
}

function placeOf(
  { kind, namespace, name }: Ground,
  listPath: string,
): { readonly path: string; readonly scope: Scope } {
  const { plural, namespaced } = KIND_FACTS[kind];
  // That of ConfigMaps names a namespace already.
  const [, apiPath = "", only = ""] = /^(.*?)(?:\/namespaces\/([^/]+))?\/[^/]+$/.exec(listPath) ?? [];
  if (!namespaced || namespace === "") return { path: listPath, scope: { namespace: only, name } };
  return { path: `${apiPath}/namespaces/${namespace}/${plural}`, scope: { namespace, name } };
}

function canExist({ kind, namespace, name }: Ground): boolean {
  const { namespaced } = KIND_FACTS[kind];
  if (namespaced && !(namespace === "" && name === "") && !isNamespaceName(namespace)) return false;
  return name === "" || (kind === "Namespace" ? isNamespaceName(name) : isName(name));
}

function isNamespaceName(text: string): boolean {
  return text.length <= MAX_NAMESPACE_LENGTH && NAMESPACE.test(text);
}

function isName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && NAME.test(text);
}
