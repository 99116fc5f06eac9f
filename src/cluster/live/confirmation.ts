/** Asks the API server itself for what a store does not have: a watch is some milliseconds behind. */
import { setTimeout as delay } from "node:timers/promises";
import type { ApiServer } from "../../api-server/client.ts";
import { ApiStatusError } from "../../api-server/status-error.ts";
import { isObject } from "../../kubernetes/json.ts";
import { KIND_FACTS } from "../../kubernetes/objects.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import type { Miss } from "../../rules/cluster-view.ts";
import { Budget } from "./budget.ts";
import { Coalescing } from "./coalescing.ts";
import { METADATA_ONLY } from "./metadata-only.ts";
import type { Reflector } from "./reflector.ts";

/**
 * Looks for each of these, and offers what there is to the reflector of its kind. Resolves with false if not all could be
 * asked for, or not before the deadline by `performance.now()`. Never rejects.
 */
export type Confirm = (misses: readonly Miss[], deadline: number) => Promise<boolean>;

const WITHIN_MS = 300;
/** A review that asks for more asks for much besides what decides it. */
const MAX_MISSES = 8;
/**
 * Reviews can be sent by everyone who may create objects, or tries to. What many ask at once is asked once, so that this
 * is reached only by reviews that all ask for something else.
 */
const REQUESTS_PER_SECOND = 200;
const BURST = 200;
const NOT_FOUND = 404;

/** RFC 1123, as the API server has it: something else is no name, and shall not become a path. */
const LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const NAMESPACE = new RegExp(`^${LABEL}$`);
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const MAX_NAMESPACE_LENGTH = 63;
const MAX_NAME_LENGTH = 253;

/** The injector puts it on every Pod that gets a proxy. */
const LABEL_OF_PROXIES = "service.istio.io/canonical-name";

/** By kind. */
type Reflectors = ReadonlyMap<Kind, Pick<Reflector, "offer" | "path" | "state">>;

interface Question {
  readonly kind: Kind;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly accept?: string;
}

export function createConfirm(api: Pick<ApiServer, "request">, reflectors: () => Reflectors): Confirm {
  const budget = new Budget(REQUESTS_PER_SECOND, BURST);
  const asked = new Coalescing<void>();

  async function ask({ kind, ...question }: Question): Promise<void> {
    const waitMs = budget.reserve(WITHIN_MS);
    if (waitMs === undefined) throw new Error("too many questions at once");
    if (waitMs > 0) await delay(waitMs);
    const answer = await api.request({ ...question, timeoutMs: WITHIN_MS });
    if (answer.status === NOT_FOUND) return;
    if (answer.status !== 200) throw new ApiStatusError(answer);
    const { items } = isObject(answer.body) ? answer.body : {};
    for (const value of Array.isArray(items) ? items : [answer.body]) reflectors().get(kind)?.offer(value);
  }

  return async (misses, deadline) => {
    const questions = questionsFor(misses, reflectors());
    if (questions === undefined) return false;
    const answers = Promise.all(questions.map((one) => asked.get(one.path, () => ask(one)))).then(
      () => true,
      () => false,
    );
    const waitMs = Math.max(0, Math.min(deadline - performance.now(), WITHIN_MS));
    const giveUp = new AbortController();
    const late = delay(waitMs, false, { signal: giveUp.signal }).catch(() => false);
    const outcome = await Promise.race([answers, late]);
    giveUp.abort();
    return outcome;
  };
}

/** Undefined if something cannot be asked for. */
function questionsFor(misses: readonly Miss[], reflectors: Reflectors): readonly Question[] | undefined {
  const questions = new Map<string, Question>();
  let hasList = false;
  for (const miss of misses) {
    const reflector = reflectors.get(miss.kind);
    // What is not served is not there, and what has no possible name neither.
    if (reflector === undefined || reflector.state === "absent" || !canExist(miss)) continue;
    if (reflector.path === undefined) return undefined;
    const isList = miss.name === "";
    if (isList && hasList) continue;
    hasList ||= isList;
    const question = questionFor(miss, reflector.path);
    questions.set(question.path, question);
  }
  return questions.size > MAX_MISSES ? undefined : [...questions.values()];
}

function canExist({ kind, namespace, name }: Miss): boolean {
  const isPlaced = !KIND_FACTS[kind].namespaced || isNamespaceName(namespace);
  if (name === "") return isPlaced && kind === "Pod";
  return isPlaced && (kind === "Namespace" ? isNamespaceName(name) : isName(name));
}

function isNamespaceName(text: string): boolean {
  return text.length <= MAX_NAMESPACE_LENGTH && NAMESPACE.test(text);
}

function isName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && NAME.test(text);
}

function questionFor({ kind, namespace, name }: Miss, listPath: string): Question {
  const { plural, namespaced } = KIND_FACTS[kind];
  // That of ConfigMaps names a namespace already.
  const apiPath = listPath.replace(/(?:\/namespaces\/[^/]+)?\/[^/]+$/, "");
  const path = namespaced ? `${apiPath}/namespaces/${namespace}/${plural}` : listPath;
  if (name === "") {
    const query = { limit: "1", labelSelector: LABEL_OF_PROXIES };
    return { kind, path, query, accept: METADATA_ONLY.list };
  }
  const accept = kind === "Pod" ? { accept: METADATA_ONLY.object } : {};
  return { kind, path: `${path}/${name}`, ...accept };
}
