/** Runs the rules on one review. */
import { isObject } from "../kubernetes/json.ts";
import { patchFor, sameJson } from "../kubernetes/json-patch.ts";
import type { Change } from "../kubernetes/json-patch.ts";
import { readObject } from "../kubernetes/objects.ts";
import type { AnyObject, Kind } from "../kubernetes/objects.ts";
import type { Policy } from "../rules/policy.ts";
import type {
  Action,
  AnyFinding,
  AnyRule,
  Message,
  MessageData,
  OptionValue,
  ReviewOf,
} from "../rules/rule.ts";
import { effectOf, weaker } from "./actions.ts";
import type { Situation } from "./actions.ts";
import { EXEMPTION_MESSAGES, exemptionsOf } from "./exemptions.ts";
import type { ExemptionProblem } from "./exemptions.ts";
import { render } from "./render.ts";
import type { Circumstances, Outcome, ReviewRequest, RuleFailure, Verdict } from "./verdict.ts";

/** The id under which foresail speaks for itself: about exemptions, duplicate objects. */
export const OWN_ID = "foresail";

/** Never throws: a rule that does costs its own findings only. */
export function evaluate(request: ReviewRequest, circumstances: Circumstances): Outcome {
  return new Evaluation(request, circumstances).run();
}

/** The state of one review while its rules run. */
class Evaluation {
  readonly #request: ReviewRequest;
  readonly #circumstances: Circumstances;
  readonly #metadata: NonNullable<AnyObject["metadata"]>;
  readonly #verdicts: Verdict[] = [];
  readonly #changes: Change[] = [];
  readonly #exempted = new Set<string>();
  readonly #failures: RuleFailure[] = [];

  constructor(request: ReviewRequest, circumstances: Circumstances) {
    this.#request = request;
    this.#circumstances = circumstances;
    this.#metadata = readObject("Namespace", request.object ?? request.oldObject).metadata ?? {};
  }

  run(): Outcome {
    const isExpired = !this.#runRules();
    const { patch } = patchFor(this.#request.object, this.#changes);
    const verdicts = this.#verdicts.toSorted((one, other) => SEVERITY[one.action] - SEVERITY[other.action]);
    return { verdicts, patch, exempted: [...this.#exempted], failures: this.#failures, isExpired };
  }

  /** False if time ran out. */
  #runRules(): boolean {
    const { rules, expired, policy, today, moment } = this.#circumstances;
    const { kind, namespace, object, oldObject, operation } = this.#request;
    const due = rules.filter((rule) => rule.kinds.includes(kind) && rule.operations.includes(operation));
    if (due.length === 0) return true;
    const review = reviewOf(this.#request);

    const isRule = (id: string) => rules.some((rule) => rule.id === id);
    const namespaceLabels =
      this.#circumstances.cluster.get("Namespace", "", namespace)?.metadata?.labels ?? {};
    const subject = {
      kind,
      namespace,
      object: object ?? oldObject,
      metadata: this.#metadata,
      namespaceLabels,
    };
    const exemptions = exemptionsOf(subject, policy, isRule, today);
    if (moment !== "mutate") for (const problem of exemptions.problems) this.#speakForExemption(problem);

    for (const rule of due) {
      if (expired()) return false;
      const ended = exemptions.expired.get(rule.id);
      if (!this.#runRule(rule, review, exemptions.rules.has(rule.id), ended)) return false;
    }
    return true;
  }

  #runRule(
    rule: AnyRule,
    review: ReviewOf<Kind>,
    isExempt: boolean,
    ended: ExemptionProblem | undefined,
  ): boolean {
    const { cluster, policy, expired, moment } = this.#circumstances;
    const action = policy.rules.get(rule.id)?.action ?? rule.action;
    if (action === "Off") return true;
    const verdictsBefore = this.#verdicts.length;
    try {
      for (const finding of rule.check(review, cluster, optionsOf(rule, policy))) {
        if (isExempt) {
          this.#exempted.add(rule.id);
          return true;
        }
        this.#add(rule, action, finding);
        if (expired()) return false;
      }
    } catch (error) {
      this.#failures.push({ rule: rule.id, error });
    }
    const hasSpoken = this.#verdicts.length > verdictsBefore;
    if (ended && hasSpoken && moment !== "mutate") this.#speakForExemption(ended);
    return true;
  }

  #add(rule: AnyRule, ruleAction: Action, finding: AnyFinding): void {
    const message: Message | undefined = rule.messages[finding.message];
    if (message === undefined) throw new Error(`${rule.id} has no message ${finding.message}`);
    const { policy, moment } = this.#circumstances;
    const { patch } = patchFor(this.#request.object, finding.fix ?? []);
    const limited = policy.denyIsWeakened && ruleAction === "Deny" ? "Warn" : ruleAction;
    const action = weaker(limited, message);
    const isForMutation = typeof message === "object" && message.atMutation === true;
    const effect = effectOf(action, patch.length > 0, isForMutation, this.#situation(rule, finding, action));
    if (effect === "Silent") return;
    if (moment === "mutate" && effect === "Fix") this.#changes.push(...(finding.fix ?? []));

    const isLost = effect === "Lost";
    const verdict = this.#words(
      rule.id,
      finding.message,
      message,
      rule.remedy,
      finding.field,
      finding.data ?? {},
    );
    this.#verdicts.push({
      ...verdict,
      messageId: isLost ? "mutationLost" : finding.message,
      message: isLost ? `Not repaired at admission: ${verdict.message}` : verdict.message,
      action: isLost ? "Warn" : effect,
      patch: patch.length > 0 ? patch : undefined,
    });
  }

  #situation(rule: AnyRule, finding: AnyFinding, action: Action): Situation {
    const { moment } = this.#circumstances;
    const { kind, operation } = this.#request;
    const isControlled = (this.#metadata.ownerReferences ?? []).some(({ controller }) => controller === true);
    const isOld = action === "Deny" && operation === "UPDATE" && this.#isOld(rule, finding);
    return { moment, kind, operation, isControlled, isOld };
  }

  /** Whether the change is not about the finding: it touches only metadata, or the old object had it already. */
  #isOld(rule: AnyRule, finding: AnyFinding): boolean {
    const { object, oldObject } = this.#request;
    if (isMetadataOnly(object, oldObject)) return true;
    const { cluster, policy } = this.#circumstances;
    const before = reviewOf({ ...this.#request, object: oldObject });
    const key = findingKey(finding);
    for (const old of rule.check(before, cluster, optionsOf(rule, policy)))
      if (findingKey(old) === key) return true;
    return false;
  }

  #speakForExemption({ message, field, data }: ExemptionProblem): void {
    const isControlled =
      this.#metadata.ownerReferences?.some(({ controller }) => controller === true) ?? false;
    const words = this.#words(OWN_ID, message, EXEMPTION_MESSAGES[message], "", field, data);
    this.#verdicts.push({ ...words, action: isControlled ? "Audit" : "Warn", patch: undefined });
  }

  #words(
    rule: string,
    messageId: string,
    message: Message,
    ruleRemedy: string,
    field: AnyFinding["field"],
    data: MessageData,
  ): Omit<Verdict, "action" | "patch"> {
    const { crossNamespaceDetails, docsUrl } = this.#circumstances.policy;
    const [text, remedy] =
      typeof message === "string" ? [message, ruleRemedy] : [message.text, message.remedy];
    return {
      rule,
      messageId,
      message: render(text, data, crossNamespaceDetails),
      remedy: remedy === undefined ? ruleRemedy : render(remedy, data, crossNamespaceDetails),
      docs: docsUrl === "" ? `foresail explain ${rule}` : docsUrl.replaceAll("{rule}", rule),
      field,
    };
  }
}

const SEVERITY: { readonly [A in Verdict["action"]]: number } = { Deny: 0, Warn: 1, Fix: 2, Audit: 3 };

/** Objects are read once for all rules. */
function reviewOf(request: ReviewRequest): ReviewOf<Kind> {
  const { kind, namespace, name, operation } = request;
  const object = readObject(kind, request.object);
  if (operation === "CREATE") return { kind, namespace, name, operation, object };
  const oldObject = readObject(kind, request.oldObject);
  if (operation === "UPDATE") return { kind, namespace, name, operation, object, oldObject };
  return { kind, namespace, name, operation, oldObject };
}

function optionsOf(rule: AnyRule, policy: Policy): Readonly<Record<string, OptionValue>> {
  const defaults = Object.entries(rule.options).map(([name, option]): [string, OptionValue] => [
    name,
    option.default,
  ]);
  return { ...Object.fromEntries(defaults), ...policy.rules.get(rule.id)?.options };
}

/** Equal for the same finding of two versions of an object, wherever in a list it stands. */
function findingKey({ message, field, data }: AnyFinding): string {
  return JSON.stringify([
    message,
    field.map((segment) => (typeof segment === "number" ? "*" : segment)),
    data ?? {},
  ]);
}

/** Whether nothing but metadata and status differs. */
function isMetadataOnly(object: unknown, oldObject: unknown): boolean {
  if (!isObject(object) || !isObject(oldObject)) return false;
  const keys = new Set([...Object.keys(object), ...Object.keys(oldObject)]);
  for (const key of ["apiVersion", "kind", "metadata", "status"]) keys.delete(key);
  return [...keys].every((key) => sameJson(object[key], oldObject[key]));
}
