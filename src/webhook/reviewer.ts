/** From a review to its answer: asks the engine, counts and logs. */
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { isCleaner } from "../engine/deletion.ts";
import { evaluate } from "../engine/evaluate.ts";
import { printable } from "../engine/render.ts";
import type { Outcome, ReviewRequest } from "../engine/verdict.ts";
import { formatField } from "../kubernetes/field-path.ts";
import type { Kind } from "../kubernetes/objects.ts";
import type { ClusterView, Ground } from "../rules/cluster-view.ts";
import type { Policy } from "../rules/policy.ts";
import type { AnyRule } from "../rules/rule.ts";
import { formatReview, reviewRequestOf } from "./admission-review.ts";
import type { AdmissionRequest, Endpoint, ReviewHead } from "./admission-review.ts";
import type { Metrics } from "./metrics.ts";
import { OpenGrounds } from "./open-grounds.ts";
import { allow, answerFor, answerTo } from "./response.ts";
import type { Answer } from "./response.ts";

type Confirm = (grounds: readonly Ground[], deadline: number) => Promise<boolean>;

export interface ReviewerOptions {
  readonly rules: readonly AnyRule[];
  /** Asked once for each review, so that one review sees one configuration. */
  readonly configuration: () => { readonly policy: Policy; readonly hash: string };
  /** The cluster without the object under review; `note` is told what its answers rest on. */
  readonly viewFor: (
    subject: Pick<ReviewRequest, "kind" | "name" | "namespace">,
    note: (ground: Ground) => void,
  ) => ClusterView<Kind>;
  /**
   * Asks how these are now, so that views have them as they are; false if not all of that is known before the deadline, by
   * `performance.now()`. Never rejects. Left out where a view has all there is.
   */
  readonly confirm?: Confirm;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** By `performance.now()`. */
export interface Timing {
  readonly arrivedAt: number;
  readonly decideUntil: number;
}

/** Both return the body of the answer, whatever the review holds. */
export interface Reviewer {
  /** At once, unless something has to be confirmed. */
  review(endpoint: Endpoint, request: AdmissionRequest, timing: Timing): string | Promise<string>;
  refuseOversize(endpoint: Endpoint, head: ReviewHead, timing: Timing): string;
}

/** For the rules to run once more. */
const RESERVE_MS = 100;
/** Longer than a watch is behind as a rule, and shorter than anybody notices. */
const SETTLE_MS = 50;
/** What is found may rest on something else, as a Gateway on its class. */
const MAX_ROUNDS = 3;

/** More of them say nothing more. */
const MAX_LOGGED_FINDINGS = 10;

export function createReviewer(options: ReviewerOptions): Reviewer {
  const { configuration, log, metrics } = options;

  return {
    review(endpoint, request, { arrivedAt, decideUntil }) {
      const finish = (answer: Answer) => {
        const body = formatReview(request.apiVersion, answer.response);
        metrics.countReview(endpoint, request, answer.decision, (performance.now() - arrivedAt) / 1000);
        if (log.isLevelEnabled("debug"))
          log.debug({ ...factsOf(endpoint, request), decision: answer.decision }, "review");
        return body;
      };
      const answer = decide(options, endpoint, request, decideUntil);
      return answer instanceof Promise ? answer.then(finish) : finish(answer);
    },
    refuseOversize(endpoint, { apiVersion, uid }, { arrivedAt }) {
      const { response, decision } = answerTo("oversize", uid, configuration().policy.onInternalError);
      metrics.countObstacle("oversize");
      const seconds = (performance.now() - arrivedAt) / 1000;
      metrics.countReview(endpoint, { kind: undefined, operation: "other" }, decision, seconds);
      log.warn(
        { endpoint, uid: printable(uid), allowed: response.allowed },
        "review too large to be checked",
      );
      return formatReview(apiVersion, response);
    },
  };
}

function decide(
  options: ReviewerOptions,
  endpoint: Endpoint,
  request: AdmissionRequest,
  decideUntil: number,
): Answer | Promise<Answer> {
  const reviewRequest = reviewRequestOf(request);
  if (reviewRequest === undefined) return allow(request.uid);

  const { policy, hash } = options.configuration();
  // Whatever happens here, namespaces must come to their end.
  const onInternalError = isCleaner(request.username) ? "Allow" : policy.onInternalError;
  const mayDeny = (id: string) =>
    (policy.rules.get(id) ?? options.rules.find((rule) => rule.id === id))?.action === "Deny";
  const grounds = new OpenGrounds((rule) => endpoint === "mutate" || mayDeny(rule));
  const run = (current: Policy) =>
    evaluate(reviewRequest, {
      moment: endpoint,
      rules: options.rules,
      cluster: options.viewFor(reviewRequest, grounds.add),
      policy: current,
      today: dayOf(options.now()),
      expired: () => performance.now() >= decideUntil,
      onAsker: grounds.setAsker,
    });
  const answerWith = (outcome: Outcome) => {
    const answer = outcome.isExpired
      ? answerTo("deadline", request.uid, onInternalError, outcome)
      : answerFor(request.uid, endpoint, outcome, hash);
    report(options, endpoint, request, outcome, answer, hash);
    return answer;
  };
  const fail = (error: unknown) => {
    // Rules are isolated by the engine: this is a bug of ours outside them.
    options.metrics.countObstacle("internal");
    options.log.error({ ...factsOf(endpoint, request), err: error }, "review failed");
    return answerTo("internal", request.uid, onInternalError);
  };
  /** A refusal, or what is done to a Pod in a namespace that is not known. */
  const isDelicate = (outcome: Outcome) =>
    !outcome.isExpired && (endpoint === "mutate" || denyingRules(outcome).length > 0);
  /** What is to be confirmed before this may be the answer. */
  const openFor = (outcome: Outcome) => {
    if (!isDelicate(outcome)) return [];
    if (endpoint === "validate") return grounds.take(denyingRules(outcome));
    return grounds
      .take(options.rules.map(({ id }) => id))
      .filter((ground) => isMissingNamespace(ground, reviewRequest));
  };
  /** Kinds that may have been installed just now: who speaks of them is not silent for that. */
  const answerLookedUp = async (confirm: Confirm, absent: readonly Ground[]) => {
    await confirm(absent, decideUntil - RESERVE_MS);
    return answerOrConfirm(run(policy));
  };
  const answerConfirmed = async (confirm: Confirm, first: readonly Ground[]) => {
    let open = first;
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      const isConfirmed = await confirm(open, decideUntil - RESERVE_MS);
      const outcome = run(policy);
      open = openFor(outcome);
      if (!isDelicate(outcome) || (isConfirmed && open.length === 0)) return answerWith(outcome);
      if (!isConfirmed) break;
    }
    options.metrics.countUnconfirmed();
    options.log.warn(factsOf(endpoint, request), "not confirmed by the API server, so not refused");
    return answerWith(run({ ...policy, denyIsWeakened: true }));
  };

  const answerOrConfirm = (outcome: Outcome) => {
    const open = options.confirm ? openFor(outcome) : [];
    if (!options.confirm || open.length === 0) return answerWith(outcome);
    return answerConfirmed(options.confirm, open);
  };

  const conclude = (outcome: Outcome) => {
    const absent = isDelicate(outcome) ? [] : grounds.absent();
    return options.confirm && absent.length > 0 && !outcome.isExpired
      ? answerLookedUp(options.confirm, absent)
      : answerOrConfirm(outcome);
  };
  /** A warning costs nobody a question, but a moment in which the view may hear of what was just applied. */
  const concludeLater = async () => {
    const waitMs = Math.min(SETTLE_MS, decideUntil - RESERVE_MS - performance.now());
    if (waitMs > 0) await delay(waitMs);
    return conclude(run(policy));
  };
  const isHasty = (outcome: Outcome) =>
    options.confirm !== undefined &&
    !isDelicate(outcome) &&
    !outcome.isExpired &&
    outcome.verdicts.some(({ rule, action }) => action === "Warn" && looksAround(rule));
  const looksAround = (id: string) => options.rules.some((rule) => rule.id === id && rule.reads.length > 0);

  try {
    const outcome = run(policy);
    const answer = isHasty(outcome) ? concludeLater() : conclude(outcome);
    return answer instanceof Promise ? answer.catch(fail) : answer;
  } catch (error) {
    return fail(error);
  }
}

function denyingRules({ verdicts }: Outcome): readonly string[] {
  return verdicts.filter(({ action }) => action === "Deny").map(({ rule }) => rule);
}

/** Pods are in the data plane. */
function isMissingNamespace(
  { kind, plane = "data", name, isMissing }: Ground,
  { namespace }: ReviewRequest,
): boolean {
  return kind === "Namespace" && plane === "data" && name === namespace && isMissing === true;
}

function report(
  { metrics, log }: ReviewerOptions,
  endpoint: Endpoint,
  request: AdmissionRequest,
  outcome: Outcome,
  { decision }: Answer,
  config: string,
): void {
  const { verdicts, exempted, failures, isExpired } = outcome;
  if (isExpired) metrics.countObstacle("deadline");
  if (failures.length > 0) metrics.countFailures(failures);
  if (verdicts.length > 0 && !request.isDryRun)
    metrics.countOutcome(isExpired ? { ...outcome, patch: [] } : outcome);
  if (verdicts.length + exempted.length + failures.length === 0 && !isExpired) return;

  const facts = factsOf(endpoint, request);
  for (const { rule, error } of failures) log.error({ ...facts, rule, err: error }, "rule failed");
  if (isExpired) log.warn(facts, "review not decided in time");
  if (verdicts.length + exempted.length === 0) return;
  const findings = verdicts.slice(0, MAX_LOGGED_FINDINGS).map(({ rule, messageId, action, field }) => ({
    rule,
    messageId,
    action,
    field: printable(formatField(field)),
  }));
  log.info({ ...facts, decision, findings, count: verdicts.length, exempted, config }, "findings");
}

const DAY_MS = 24 * 60 * 60 * 1000;
let lastDay = { number: 0, text: "1970-01-01" };

/** `YYYY-MM-DD` in UTC, written once a day. */
function dayOf(now: number): string {
  const number = Math.floor(now / DAY_MS);
  if (number !== lastDay.number) {
    lastDay = { number, text: new Date(now).toISOString().slice(0, "YYYY-MM-DD".length) };
  }
  return lastDay.text;
}

/** Nothing of the object but its name. */
function factsOf(endpoint: Endpoint, request: AdmissionRequest) {
  const { kind, namespace, name, operation, subresource, uid, isDryRun } = request;
  return {
    endpoint,
    kind: kind ?? "other",
    namespace: printable(namespace),
    name: printable(name),
    operation,
    ...(subresource === "" ? {} : { subresource: printable(subresource) }),
    uid: printable(uid),
    ...(isDryRun ? { dryRun: true } : {}),
  };
}
