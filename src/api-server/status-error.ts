/** What an API server says when it refuses. */
import { isObject } from "../kubernetes/json.ts";

/** Thrown where an answer with another status is of no use. The message is the server's own. */
export class ApiStatusError extends Error {
  override readonly name = "ApiStatusError";
  /** Of HTTP. */
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(answer: { readonly status: number; readonly body: unknown; readonly retryAfterMs?: number }) {
    super(`${answer.status} ${messageOf(answer.body) ?? "without a reason"}`);
    this.status = answer.status;
    this.retryAfterMs = answer.retryAfterMs;
  }
}

/** Of a metav1.Status. */
function messageOf(body: unknown): string | undefined {
  if (!isObject(body)) return undefined;
  const { message, reason } = body;
  if (typeof message === "string" && message !== "") return message;
  return typeof reason === "string" && reason !== "" ? reason : undefined;
}
