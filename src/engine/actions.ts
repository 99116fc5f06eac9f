/** Which action a finding takes, at each moment: the table "Actions". */
import { isPodKind } from "../kubernetes/pod-template.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { ACTIONS } from "../rules/rule.ts";
import type { Action, Message, Operation } from "../rules/rule.ts";
import type { Moment } from "./verdict.ts";

/** `Lost` is a fix that should have been applied before this moment, and was not. */
export type Effect = Exclude<Action, "Off"> | "Lost" | "Silent";

export interface Situation {
  readonly moment: Moment;
  readonly kind: Kind;
  readonly operation: Operation;
  /** The object's controller made it: nobody reads a warning. */
  readonly isControlled: boolean;
  /** Nothing of this may be denied: it was so before, or is not what the change is about. */
  readonly isOld: boolean;
}

/** The weaker of the rule's action and the message's own. */
export function weaker(rule: Action, message: Message): Action {
  const own = typeof message === "string" ? undefined : message.action;
  if (own === undefined || rule === "Off") return rule;
  return ACTIONS.indexOf(own) < ACTIONS.indexOf(rule) ? own : rule;
}

/** What a finding of this action does here. */
export function effectOf(
  action: Action,
  hasPatch: boolean,
  isForMutation: boolean,
  situation: Situation,
): Effect {
  if (action === "Off") return "Silent";
  const { moment, kind, operation } = situation;
  if (moment === "mutate") return effectAtMutation(action, hasPatch, isForMutation, situation);
  const isFix = action === "Fix" && hasPatch;
  const spoken = action === "Fix" ? "Warn" : action;
  if (moment === "check") return isFix ? "Fix" : spoken;
  if (kind === "Pod" && isFix) return quieter(operation === "CREATE" ? "Lost" : "Audit", situation);
  if (kind !== "Pod" && isPodKind(kind) && spoken !== "Audit")
    return quieter(isFix ? "Audit" : "Warn", situation);
  return quieter(spoken === "Deny" && situation.isOld ? "Warn" : spoken, situation);
}

/** Only Pods on CREATE are ever patched: the API server refuses every patched update of a Pod. */
function effectAtMutation(
  action: Action,
  hasPatch: boolean,
  isForMutation: boolean,
  situation: Situation,
): Effect {
  if (situation.kind !== "Pod" || situation.operation !== "CREATE") return "Silent";
  if (isForMutation) return action === "Audit" ? "Audit" : "Warn";
  return action === "Fix" && hasPatch ? "Fix" : "Silent";
}

function quieter(effect: Effect, { isControlled }: Situation): Effect {
  return isControlled && (effect === "Warn" || effect === "Lost") ? "Audit" : effect;
}
