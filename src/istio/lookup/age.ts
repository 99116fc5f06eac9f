/** Istio prefers the oldest of what is otherwise equal. */
import type { Metadata } from "../../kubernetes/objects.ts";

/** Seconds since 1970; 0, older than all others, where it is not known. */
export function createdAt(metadata: Metadata | undefined): number {
  const match = TIMESTAMP.exec(metadata?.creationTimestamp ?? "");
  if (!match) return 0;
  const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1, 7).map(Number);
  const [offsetHours = 0, offsetMinutes = 0] = match.slice(8).map((one) => Number(one) || 0);
  const offset = (offsetHours * 60 + offsetMinutes) * (match[7] === "-" ? -1 : 1);
  return ((daysSince1970(year, month, day) * 24 + hours) * 60 + minutes - offset) * 60 + seconds;
}

/** RFC 3339, as the API server writes it; fractions of seconds count for nothing. */
const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|([-+])(\d\d):(\d\d))$/i;

/** In the Gregorian calendar, with years that begin in March, so that the leap day is the last. */
function daysSince1970(year: number, month: number, day: number): number {
  const march = month > 2 ? year : year - 1;
  const leapDays = Math.floor(march / 4) - Math.floor(march / 100) + Math.floor(march / 400);
  const monthDays = Math.floor((153 * ((month + 9) % 12) + 2) / 5);
  return march * 365 + leapDays + monthDays + day - DAYS_UNTIL_1970;
}

/** From 1 March of the year 0 to 1 January 1970, and the first of a month counts as 1. */
const DAYS_UNTIL_1970 = 719_469;

interface Aged {
  readonly createdAt: number;
  readonly name: string;
  readonly namespace: string;
}

/** Negative if the first comes first: by age, name, namespace (configCompareByCreationTime). */
export function compareAge(one: Aged, other: Aged): number {
  if (one.createdAt !== other.createdAt) return one.createdAt < other.createdAt ? -1 : 1;
  return compare(one.name, other.name) || compare(one.namespace, other.namespace);
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
