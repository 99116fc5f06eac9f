/** Which action a finding takes, by moment, kind and operation. */
import { isPodKind } from "../kubernetes/pod-template.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { ACTIONS } from "../rules/rule.ts";
import type { Action, Message, Operation } from "../rules/rule.ts";
import type { Moment } from "./verdict.ts";

/** What a finding does, if it does anything. */
export interface Effect {
  readonly action: Exclude<Action, "Off">;
  /** The fix should have been made before this moment, and was not. */
  readonly isLost: boolean;
}

export interface Situation {
  readonly moment: Moment;
  readonly kind: Kind;
  readonly operation: Operation;
  /** Who asks is a controller, or likely one: nobody reads a warning. */
  readonly isUnread: boolean;
  /** By somebody else, or confirmed: what a rule says comes too late. */
  readonly isDecided: boolean;
  /** A deletion of the object is under way: to refuse another one changes nothing. */
  readonly isGoing: boolean;
}

/** What of a finding decides about its effect. */
export interface Traits {
  /** Its fix would change the object. */
  readonly hasPatch: boolean;
  /** It may be spoken by `/mutate`. */
  readonly isForMutation: boolean;
}

/** The weaker of the rule's action and the message's own. */
export function weaker(rule: Action, message: Message): Action {
  const own = typeof message === "string" ? undefined : message.action;
  if (own === undefined || rule === "Off") return rule;
  return ACTIONS.indexOf(own) < ACTIONS.indexOf(rule) ? own : rule;
}

/** What a finding of this action does here; undefined if that is nothing. */
export function effectOf(ruleAction: Action, traits: Traits, situation: Situation): Effect | undefined {
  const action = mildest(ruleAction, situation);
  if (action === "Off") return undefined;
  if (situation.moment === "mutate") return effectAtMutation(action, traits, situation);
  const { moment, kind, operation } = situation;
  // Whatever else has a fix is never patched at admission, so it speaks.
  const isRepair = action === "Fix" && traits.hasPatch && isPodKind(kind);
  if (moment === "check" && isRepair) return { action: "Fix", isLost: false };
  const spoken = action === "Fix" ? "Warn" : action;
  if (moment === "check") return { action: spoken, isLost: false };
  if (kind === "Pod") return { action: heard(spoken, situation), isLost: isRepair && operation === "CREATE" };
  if (isPodKind(kind) && spoken !== "Audit")
    return { action: isRepair ? "Audit" : heard("Warn", situation), isLost: false };
  return { action: heard(spoken, situation), isLost: false };
}

function mildest(action: Action, { isDecided, isGoing }: Situation): Action {
  if (isDecided && action !== "Off") return "Audit";
  return isGoing && action === "Deny" ? "Warn" : action;
}

/** Only Pods on CREATE are ever patched: the API server refuses every patched update of a Pod. */
function effectAtMutation(
  action: Action,
  { hasPatch, isForMutation }: Traits,
  situation: Situation,
): Effect | undefined {
  if (situation.kind !== "Pod" || situation.operation !== "CREATE") return undefined;
  if (isForMutation)
    return { action: action === "Audit" ? "Audit" : heard("Warn", situation), isLost: false };
  return action === "Fix" && hasPatch ? { action: "Fix", isLost: false } : undefined;
}

/** At admission, controllers throw warnings away. */
export function heard<A extends Effect["action"]>(action: A, { moment, isUnread }: Situation): A | "Audit" {
  return isUnread && moment !== "check" && action === "Warn" ? "Audit" : action;
}
