/** Runs the rules on one review. */
import { readObject } from "../kubernetes/objects.ts";
import type { Kind, Metadata } from "../kubernetes/objects.ts";
import type { Action, AnyFinding, AnyRule, Message, ReviewOf } from "../rules/rule.ts";
import { effectOf, heard, weaker } from "./actions.ts";
import type { Effect, Situation } from "./actions.ts";
import { confirmCommand, isCleaner, isConfirmed, isPerson, isRemoval } from "./deletion.ts";
import { EXEMPTION_MESSAGES, exemptionsOf } from "./exemptions.ts";
import type { ExemptionProblem, Exemptions } from "./exemptions.ts";
import { Fixes } from "./fixes.ts";
import { OldFindings } from "./old-findings.ts";
import { optionsOf, reviewOf } from "./review.ts";
import type { Circumstances, Moment, Outcome, ReviewRequest, Verdict } from "./verdict.ts";
import { inWords } from "./words.ts";

/** The id under which foresail speaks for itself: about exemptions, duplicate objects. */
export const OWN_ID = "foresail";

/** Never throws: a rule that does costs its own findings only, and denies nothing. */
export function evaluate(request: ReviewRequest, circumstances: Circumstances): Outcome {
  return new Evaluation(request, circumstances).run();
}

/** The state of one review while its rules run. */
class Evaluation {
  readonly #request: ReviewRequest;
  readonly #circumstances: Circumstances;
  readonly #metadata: Metadata;
  readonly #situation: Situation;
  readonly #oldFindings: OldFindings;
  readonly #fixes: Fixes;
  readonly #verdicts: Verdict[] = [];
  readonly #exempted = new Set<string>();
  /** The first error of each rule. */
  readonly #failures = new Map<string, unknown>();
  #isExpired = false;

  constructor(request: ReviewRequest, circumstances: Circumstances) {
    this.#request = request;
    this.#circumstances = circumstances;
    this.#metadata = readObject("Namespace", request.object ?? request.oldObject).metadata ?? {};
    this.#situation = situationOf(request, this.#metadata, circumstances.moment);
    this.#oldFindings = new OldFindings(request, circumstances);
    this.#fixes = new Fixes(request.object);
  }

  run(): Outcome {
    const { kind, subresource, operation } = this.#request;
    const { rules, moment } = this.#circumstances;
    const due = rules.filter(
      (rule) =>
        rule.kinds.includes(kind) && rule.subresource === subresource && rule.operations.includes(operation),
    );
    if (due.length > 0) {
      this.#circumstances.onAsker?.(OWN_ID);
      const exemptions = this.#exemptionsFrom(due);
      if (moment !== "mutate") for (const problem of exemptions.problems) this.#speakForExemption(problem);
      this.#runRules(due, exemptions);
    }
    const isRefused = this.#verdicts.some((verdict) => this.#denies(verdict));
    return {
      verdicts: this.#verdicts.toSorted((one, other) => SEVERITY[one.action] - SEVERITY[other.action]),
      patch: this.#fixes.patch,
      patched: this.#fixes.patched,
      exempted: [...this.#exempted],
      failures: [...this.#failures].map(([rule, error]) => ({ rule, error })),
      isExpired: this.#isExpired,
      ...(isRemoval(this.#request) && isRefused ? confirmCommand(this.#request, this.#metadata) : {}),
    };
  }

  #exemptionsFrom(due: readonly AnyRule[]): Exemptions {
    const { rules, policy, today, cluster } = this.#circumstances;
    const { kind, namespace, name, object, oldObject } = this.#request;
    return exemptionsOf(
      {
        kind,
        namespace,
        name,
        object: object ?? oldObject,
        metadata: this.#metadata,
        labelsOfNamespace: () => cluster.get("Namespace", "", namespace)?.metadata?.labels,
      },
      { policy, today, due: new Set(due.map(({ id }) => id)), known: new Set(rules.map(({ id }) => id)) },
    );
  }

  #runRules(due: readonly AnyRule[], exemptions: Exemptions): void {
    const review = reviewOf(this.#request);
    for (const rule of due) {
      if (this.#hasExpired()) return;
      const verdicts = this.#run(rule, review, exemptions.rules.has(rule.id));
      for (const verdict of verdicts) this.#verdicts.push(this.#withoutDenialOfFailed(verdict));
      const ended = exemptions.expired.get(rule.id);
      if (ended && verdicts.length > 0 && this.#situation.moment !== "mutate") this.#speakForExemption(ended);
    }
  }

  #run(rule: AnyRule, review: ReviewOf<Kind>, isExempt: boolean): readonly Verdict[] {
    const { cluster, policy } = this.#circumstances;
    const action = policy.rules.get(rule.id)?.action ?? rule.action;
    const verdicts: Verdict[] = [];
    if (action === "Off") return verdicts;
    this.#circumstances.onAsker?.(rule.id);
    this.#guarded(rule, () => {
      for (const finding of rule.check(review, cluster, optionsOf(rule, policy))) {
        const effect = this.#guarded(rule, () => this.#effectOf(rule, action, finding));
        if (effect && isExempt) {
          this.#exempted.add(rule.id);
          return;
        }
        const verdict = effect && this.#guarded(rule, () => this.#verdictOn(rule, finding, effect));
        if (verdict && isWorthKeeping(verdict, verdicts)) verdicts.push(verdict);
        if (this.#hasExpired()) return;
      }
    });
    return verdicts;
  }

  #effectOf(rule: AnyRule, ruleAction: Action, finding: AnyFinding): Effect | undefined {
    const message = messageOf(rule, finding);
    const isDenialForbidden = this.#circumstances.policy.denyIsWeakened && ruleAction === "Deny";
    const action = weaker(isDenialForbidden ? "Warn" : ruleAction, message);
    const isForMutation = typeof message === "object" && message.atMutation === true;
    const hasPatch = this.#patchOf(finding).length > 0;
    return effectOf(action, { hasPatch, isForMutation }, this.#situation);
  }

  /** Undefined if the finding's fix would undo another one: there is another call, and `/validate`, to speak of it. */
  #verdictOn(rule: AnyRule, finding: AnyFinding, effect: Effect): Verdict | undefined {
    const { isLost } = effect;
    const words = inWords(
      { rule: rule.id, remedy: rule.remedy, messageId: finding.message, message: messageOf(rule, finding) },
      finding,
      this.#circumstances.policy,
    );
    const isRepair = this.#situation.moment === "mutate" && effect.action === "Fix";
    if (isRepair && !this.#fixes.make(finding.fix ?? [])) return undefined;
    const patch = this.#patchOf(finding);
    return {
      ...words,
      messageId: isLost ? "mutationLost" : words.messageId,
      message: isLost ? `Not repaired at admission: ${words.message}` : words.message,
      action: this.#denies(effect) && this.#isOld(rule, finding) ? this.#warning() : effect.action,
      patch: patch.length > 0 ? patch : undefined,
    };
  }

  #patchOf({ fix }: AnyFinding) {
    return fix ? this.#fixes.alone(fix) : [];
  }

  #denies({ action }: Pick<Effect, "action">): boolean {
    return action === "Deny" && this.#situation.moment !== "check";
  }

  #isOld(rule: AnyRule, finding: AnyFinding): boolean {
    if (this.#request.operation !== "UPDATE") return false;
    return this.#guarded(rule, () => this.#oldFindings.includes(rule, finding)) ?? true;
  }

  #withoutDenialOfFailed(verdict: Verdict): Verdict {
    const isForbidden = this.#failures.has(verdict.rule) && this.#denies(verdict);
    return isForbidden ? { ...verdict, action: this.#warning() } : verdict;
  }

  #speakForExemption({ message, field, data }: ExemptionProblem): void {
    const words = inWords(
      { rule: OWN_ID, remedy: "", messageId: message, message: EXEMPTION_MESSAGES[message] },
      { field, data },
      this.#circumstances.policy,
    );
    this.#verdicts.push({ ...words, action: this.#warning(), patch: undefined });
  }

  #warning(): "Warn" | "Audit" {
    return this.#situation.isDecided ? "Audit" : heard("Warn", this.#situation);
  }

  /** Undefined, and a failure of the rule, if it throws. */
  #guarded<T>(rule: AnyRule, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!this.#failures.has(rule.id)) this.#failures.set(rule.id, error);
      return undefined;
    }
  }

  #hasExpired(): boolean {
    this.#isExpired ||= this.#circumstances.expired();
    return this.#isExpired;
  }
}

/** What is deleted is deleted by whoever asks; all else is done to an object, as a rule, by its controller. */
function situationOf(request: ReviewRequest, metadata: Metadata, moment: Moment): Situation {
  const { kind, operation, username = "" } = request;
  const isControlled = (metadata.ownerReferences ?? []).some(({ controller }) => controller === true);
  const isDeleted = isRemoval(request);
  return {
    moment,
    kind,
    operation,
    isUnread: isControlled && !(isDeleted && isPerson(username)),
    isDecided: isDeleted && (isCleaner(username) || isConfirmed(metadata)),
    isGoing: operation === "DELETE" && metadata.deletionTimestamp !== undefined,
  };
}

const SEVERITY: { readonly [A in Verdict["action"]]: number } = { Deny: 0, Warn: 1, Fix: 2, Audit: 3 };

/** Of a rule on one object: more of them say nothing more, and a rule that finds no end must not take all memory. */
const MAX_VERDICTS = 1000;

function isWorthKeeping({ action }: Verdict, kept: readonly Verdict[]): boolean {
  return kept.length < MAX_VERDICTS || (action === "Deny" && kept.every((one) => one.action !== "Deny"));
}

function messageOf(rule: AnyRule, finding: AnyFinding): Message {
  const message = Object.hasOwn(rule.messages, finding.message) ? rule.messages[finding.message] : undefined;
  if (message === undefined) throw new Error(`${rule.id} has no message ${finding.message}`);
  return message;
}
