/** From a review to its answer: asks the engine, counts and logs. */
import type { Logger } from "pino";
import { isCleaner } from "../engine/deletion.ts";
import { printable } from "../engine/render.ts";
import type { Outcome } from "../engine/verdict.ts";
import { formatField } from "../kubernetes/field-path.ts";
import type { Policy } from "../rules/policy.ts";
import type { AnyRule } from "../rules/rule.ts";
import { formatReview, reviewRequestOf } from "./admission-review.ts";
import type { AdmissionRequest, Endpoint, ReviewHead } from "./admission-review.ts";
import { Deciding } from "./deciding.ts";
import type { Confirm, Decision, DecidingOptions } from "./deciding.ts";
import type { Metrics } from "./metrics.ts";
import { allow, answerFor, answerTo } from "./response.ts";
import type { Answer } from "./response.ts";

export interface ReviewerOptions {
  readonly rules: readonly AnyRule[];
  /** Asked once for each review, so that one review sees one configuration. */
  readonly configuration: () => { readonly policy: Policy; readonly hash: string };
  readonly viewFor: DecidingOptions["viewFor"];
  /** Left out where a view has all there is. */
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
  const answerWith = ({ outcome, isWeakened }: Decision) => {
    const answer = outcome.isExpired
      ? answerTo("deadline", request.uid, onInternalError, outcome)
      : answerFor(request.uid, endpoint, outcome, hash);
    if (isWeakened) reportWeakened(options, endpoint, request);
    report(options, endpoint, request, outcome, answer, hash);
    return answer;
  };
  const fail = (error: unknown) => {
    // Rules are isolated by the engine: this is a bug of ours outside them.
    options.metrics.countObstacle("internal");
    options.log.error({ ...factsOf(endpoint, request), err: error }, "review failed");
    return answerTo("internal", request.uid, onInternalError);
  };

  try {
    const { rules, viewFor, confirm } = options;
    const today = dayOf(options.now());
    const decision = new Deciding({
      endpoint,
      request: reviewRequest,
      rules,
      policy,
      viewFor,
      confirm,
      today,
      decideUntil,
    }).decide();
    return decision instanceof Promise ? decision.then(answerWith).catch(fail) : answerWith(decision);
  } catch (error) {
    return fail(error);
  }
}

function reportWeakened(
  { metrics, log }: ReviewerOptions,
  endpoint: Endpoint,
  request: AdmissionRequest,
): void {
  metrics.countUnconfirmed();
  log.warn(factsOf(endpoint, request), "not confirmed by the API server, so not refused");
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
