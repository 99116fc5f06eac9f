/** The end of a namespace without what is in it: its finalizers are removed through the API. */
import type { ApiServer } from "../../api-server/client.ts";
import { ApiStatusError } from "../../api-server/status-error.ts";
import { readNamespace } from "../../cluster/termination/read-termination.ts";
import { oneLine } from "../../engine/render.ts";
import { ForesailError } from "../../errors.ts";
import { firstOf } from "../../kubernetes/listing.ts";
import { isJson, isObject } from "../../kubernetes/json.ts";
import type { Json } from "../../kubernetes/json.ts";
import { isForbidden, resourceName } from "../../termination/facts.ts";
import type { NamespaceFacts, TerminationFacts } from "../../termination/facts.ts";
import type { CommandResult } from "../result.ts";

/** The API server never deletes the first three; nodes live by the fourth. */
const NEVER = ["default", "kube-public", "kube-system", "kube-node-lease"];

const MAX_KINDS = 3;
const OK = 200;
const NOT_FOUND = 404;
const CONFLICT = 409;
/** The namespace controller writes its conditions meanwhile. */
const MAX_ATTEMPTS = 5;

/** @throws ForesailError NAMESPACE_NOT_FINALIZED */
export function requireFinalizable({ name, deletedAt, specFinalizers }: NamespaceFacts): void {
  if (NEVER.includes(name))
    throw refused(`${name} is not ended by foresail: the cluster needs it`, "Delete what is in it instead.");
  if (deletedAt === undefined)
    throw refused(
      `namespace ${name} is not being deleted`,
      `First \`kubectl delete namespace ${name}\`, and see whether it ends by itself.`,
    );
  if (specFinalizers.length === 0)
    throw refused(
      `spec.finalizers of namespace ${name} is empty already`,
      `\`foresail namespace ${name}\` says what it waits for: its metadata.finalizers.`,
    );
}

/** Nothing is left behind unseen because of missing rights. @throws ForesailError NAMESPACE_NOT_FINALIZED */
export function requireSeen(facts: TerminationFacts): void {
  const why = whyUnseen(facts);
  if (why === undefined) return;
  throw refused(why, "Ask for the right to list them, or somebody who has it.");
}

/** A sentence without its end; undefined if all could be listed, or could not for want of an answer. */
export function whyUnseen({
  namespace: { name },
  content,
}: Pick<TerminationFacts, "namespace" | "content">): string | undefined {
  const hidden = content.filter(({ refusal }) => refusal !== undefined && isForbidden(refusal));
  if (hidden.length === 0) return undefined;
  const kinds = firstOf(
    hidden.map(({ resource }) => resourceName(resource)),
    MAX_KINDS,
  );
  return `what would be left behind in namespace ${name} is not known: you may not list ${kinds}`;
}

/** @throws ForesailError NAMESPACE_NOT_FINALIZED, CLUSTER_UNREACHABLE */
export async function finalize(
  api: ApiServer,
  { namespace }: Pick<TerminationFacts, "namespace">,
): Promise<CommandResult> {
  const { name } = namespace;
  for (let attempt = 1; ; attempt += 1) {
    const { facts, object } = await readNamespace(api, name).catch((cause: unknown) => {
      throw unread(name, cause);
    });
    if (facts.uid !== namespace.uid || facts.deletedAt !== namespace.deletedAt)
      throw refused(`namespace ${name} is another one by now`, `Look again: \`foresail namespace ${name}\`.`);
    const answer = await api.request({
      method: "PUT",
      path: `/api/v1/namespaces/${name}/finalize`,
      body: withoutFinalizers(object),
    });
    if (answer.status === CONFLICT && attempt < MAX_ATTEMPTS) continue;
    const warnings = (answer.warnings ?? []).map((warning) => `Warning: ${oneLine(warning)}`);
    if (answer.status !== OK && answer.status !== NOT_FOUND) {
      throw refused(
        `the API server did not end namespace ${name}: ${new ApiStatusError(answer).message}`,
        "Nothing was changed.",
      );
    }
    return resultOf(namespace, warnings);
  }
}

function resultOf({ name, finalizers }: NamespaceFacts, warnings: readonly string[]): CommandResult {
  const isGone = finalizers.length === 0;
  const report = isGone
    ? `Namespace ${name} is gone.\n`
    : `Namespace ${name} has no spec.finalizers any more, and stays until its metadata.finalizers are removed: ${finalizers.join(", ")}\n`;
  return { report, problems: warnings, exitCode: isGone ? 0 : 1 };
}

/** With its resourceVersion: of a namespace that was changed meanwhile nothing is removed. */
function withoutFinalizers(object: unknown): Json {
  if (!isObject(object) || !isJson(object)) throw new TypeError("the namespace is no JSON object");
  const { spec } = object;
  return { ...object, spec: { ...(isObject(spec) ? spec : {}), finalizers: [] } };
}

function refused(message: string, hint: string): ForesailError {
  return new ForesailError({ code: "NAMESPACE_NOT_FINALIZED", message, hint });
}

function unread(name: string, cause: unknown): ForesailError {
  if (cause instanceof ApiStatusError && cause.status === NOT_FOUND)
    return new ForesailError({
      code: "NAMESPACE_UNKNOWN",
      message: `namespace ${name} is gone meanwhile`,
      hint: "There is nothing more to do.",
      cause,
    });
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ForesailError({
    code: "CLUSTER_UNREACHABLE",
    message: `namespace ${name} could not be read: ${reason}`,
    hint: "Try again; nothing was changed.",
    cause,
  });
}
