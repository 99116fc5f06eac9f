/** From a review to its outcome: the rules are run, and run again where it matters that the view may be a little behind. */
import { setTimeout as delay } from "node:timers/promises";
import { evaluate } from "../engine/evaluate.ts";
import type { Outcome, ReviewRequest } from "../engine/verdict.ts";
import type { Kind } from "../kubernetes/objects.ts";
import type { ClusterView, Ground } from "../rules/cluster-view.ts";
import type { Policy } from "../rules/policy.ts";
import type { AnyRule } from "../rules/rule.ts";
import type { Endpoint } from "./admission-review.ts";
import { OpenGrounds } from "./open-grounds.ts";

/**
 * Asks how these are now, so that views have them as they are; false if not all of that is known before the deadline, by
 * `performance.now()`. Never rejects.
 */
export type Confirm = (grounds: readonly Ground[], deadline: number) => Promise<boolean>;

export interface DecidingOptions {
  readonly endpoint: Endpoint;
  readonly request: ReviewRequest;
  readonly rules: readonly AnyRule[];
  readonly policy: Policy;
  /** The cluster without the object under review; `note` is told what its answers rest on. */
  readonly viewFor: (
    subject: Pick<ReviewRequest, "kind" | "name" | "namespace">,
    note: (ground: Ground) => void,
  ) => ClusterView<Kind>;
  /** Left out where a view has all there is. */
  readonly confirm: Confirm | undefined;
  /** `YYYY-MM-DD`, UTC. */
  readonly today: string;
  /** By `performance.now()`. */
  readonly decideUntil: number;
}

export interface Decision {
  readonly outcome: Outcome;
  /** Nobody could say whether it holds, so it refuses nothing. */
  readonly isWeakened: boolean;
}

/** For the rules to run once more. */
const RESERVE_MS = 100;
/** Longer than a watch is behind as a rule, and shorter than anybody notices. */
const SETTLE_MS = 50;
/** What is found may rest on something else, as a Gateway on its class. */
const MAX_ROUNDS = 3;

export class Deciding {
  readonly #options: DecidingOptions;
  readonly #grounds: OpenGrounds;

  constructor(options: DecidingOptions) {
    this.#options = options;
    this.#grounds = new OpenGrounds((rule) => options.endpoint === "mutate" || this.#mayDeny(rule));
  }

  /** At once, unless something has to be waited for. */
  decide(): Decision | Promise<Decision> {
    const { confirm } = this.#options;
    const outcome = this.#run();
    if (confirm === undefined || outcome.isExpired) return settled(outcome);
    return this.#isHasty(outcome) ? this.#decideLater(confirm) : this.#conclude(outcome, confirm);
  }

  #run(policy: Policy = this.#options.policy): Outcome {
    const { endpoint, request, rules, viewFor, today, decideUntil } = this.#options;
    return evaluate(request, {
      moment: endpoint,
      rules,
      cluster: viewFor(request, this.#grounds.add),
      policy,
      today,
      expired: () => performance.now() >= decideUntil,
      onAsker: this.#grounds.setAsker,
    });
  }

  /** A warning costs nobody a question, but a moment in which the view may hear of what was just applied. */
  async #decideLater(confirm: Confirm): Promise<Decision> {
    const waitMs = Math.min(SETTLE_MS, this.#confirmUntil - performance.now());
    if (waitMs > 0) await delay(waitMs);
    return this.#conclude(this.#run(), confirm);
  }

  #conclude(outcome: Outcome, confirm: Confirm): Decision | Promise<Decision> {
    const absent = this.#isDelicate(outcome) || outcome.isExpired ? [] : this.#grounds.absent();
    return absent.length > 0 ? this.#lookUp(absent, confirm) : this.#confirmed(outcome, confirm);
  }

  /** Kinds that may have been installed just now: who speaks of them is not silent for that. */
  async #lookUp(absent: readonly Ground[], confirm: Confirm): Promise<Decision> {
    await confirm(absent, this.#confirmUntil);
    return this.#confirmed(this.#run(), confirm);
  }

  #confirmed(outcome: Outcome, confirm: Confirm): Decision | Promise<Decision> {
    const open = this.#openFor(outcome);
    return open.length === 0 ? settled(outcome) : this.#confirm(open, confirm);
  }

  async #confirm(first: readonly Ground[], confirm: Confirm): Promise<Decision> {
    let open = first;
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      const isConfirmed = await confirm(open, this.#confirmUntil);
      const outcome = this.#run();
      open = this.#openFor(outcome);
      if (!this.#isDelicate(outcome) || (isConfirmed && open.length === 0)) return settled(outcome);
      if (!isConfirmed) break;
    }
    const weakened = { ...this.#options.policy, denyIsWeakened: true };
    return { outcome: this.#run(weakened), isWeakened: true };
  }

  /** What is to be confirmed before this may be the answer. */
  #openFor(outcome: Outcome): readonly Ground[] {
    if (!this.#isDelicate(outcome)) return [];
    const { endpoint, request, rules } = this.#options;
    if (endpoint === "validate") return this.#grounds.take(denyingRules(outcome));
    return this.#grounds
      .take(rules.map(({ id }) => id))
      .filter((ground) => isMissingNamespace(ground, request));
  }

  /** A refusal, or what is done to a Pod in a namespace that is not known. */
  #isDelicate(outcome: Outcome): boolean {
    const isRefusal = denyingRules(outcome).length > 0;
    return !outcome.isExpired && (this.#options.endpoint === "mutate" || isRefusal);
  }

  /** It warns by what else there is. */
  #isHasty(outcome: Outcome): boolean {
    const { rules } = this.#options;
    const looksAround = (id: string) => rules.some((rule) => rule.id === id && rule.reads.length > 0);
    return (
      !this.#isDelicate(outcome) &&
      outcome.verdicts.some(({ rule, action }) => action === "Warn" && looksAround(rule))
    );
  }

  #mayDeny(id: string): boolean {
    const { policy, rules } = this.#options;
    return (policy.rules.get(id) ?? rules.find((rule) => rule.id === id))?.action === "Deny";
  }

  get #confirmUntil(): number {
    return this.#options.decideUntil - RESERVE_MS;
  }
}

function settled(outcome: Outcome): Decision {
  return { outcome, isWeakened: false };
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
