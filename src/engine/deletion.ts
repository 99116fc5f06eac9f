/** Who deletes an object, and whether that was decided before. */
import { KIND_FACTS } from "../kubernetes/objects.ts";
import type { Metadata } from "../kubernetes/objects.ts";
import type { Outcome, ReviewRequest } from "./verdict.ts";

/** With the object's own uid, its deletion is confirmed: no rule refuses it. */
const CONFIRM_ANNOTATION = "foresail.io/confirm-delete";

/** They carry out what somebody else has decided: a namespace or an owner is gone. To stop them locks the cluster. */
const CLEANERS = [
  "system:serviceaccount:kube-system:namespace-controller",
  "system:serviceaccount:kube-system:generic-garbage-collector",
  // All controllers at once, in a controller manager without --use-service-account-credentials.
  "system:kube-controller-manager",
];

const MACHINES = ["system:serviceaccount:", "system:node:", "system:kube-"];

/** A deletion, or what lets one come to its end. */
export function isRemoval({ operation, subresource }: ReviewRequest): boolean {
  return operation === "DELETE" || subresource === "finalize";
}

/** The namespace controller or the garbage collector. */
export function isCleaner(username: string): boolean {
  return CLEANERS.includes(username);
}

/** False for machines, which throw warnings away, and where it is not known who asks. */
export function isPerson(username: string): boolean {
  return username !== "" && !MACHINES.some((prefix) => username.startsWith(prefix));
}

/** By a uid, so that no copy of the object is confirmed with it. */
export function isConfirmed({ uid = "", annotations = {} }: Metadata): boolean {
  return uid !== "" && annotations[CONFIRM_ANNOTATION] === uid;
}

/** What a person types to confirm a deletion; nothing for an object without a uid. */
export function confirmCommand(
  { kind, namespace, name }: Pick<ReviewRequest, "kind" | "name" | "namespace">,
  { uid = "" }: Metadata,
): Pick<Outcome, "confirmCommand"> {
  if (uid === "") return {};
  const { group, plural } = KIND_FACTS[kind];
  const resource = group === "" ? plural : `${plural}.${group}`;
  const place = namespace === "" ? "" : ` -n ${namespace}`;
  const command = `kubectl annotate --overwrite ${resource} ${name}${place}`;
  return { confirmCommand: `${command} ${CONFIRM_ANNOTATION}=${uid}` };
}
