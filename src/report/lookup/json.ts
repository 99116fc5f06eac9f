/** The DestinationRule lookup for programs: questions and answers as JSON, one on a line. */
import type { LookupAnswer } from "../../istio/lookup/lookup.ts";
import type { LookupQuery } from "../../istio/lookup/query.ts";
import type { LookupRule } from "../../istio/lookup/rule.ts";
import { isObject } from "../../kubernetes/json.ts";
import type { Labels } from "../../kubernetes/objects.ts";
import { PROXIES } from "./words.ts";

/** One line, with a line break. */
export function answerLine(query: LookupQuery, answer: LookupAnswer): string {
  const { clientNamespace, clientLabels, proxy, host } = query;
  const { isVisible, owner, isAlias, chosen, steps } = answer;
  const json = {
    clientNamespace,
    clientLabels,
    proxy,
    host,
    visible: isVisible,
    service: owner === undefined ? null : { namespace: owner.namespace },
    alias: isAlias,
    destinationRules: chosen?.from.map(idOf) ?? [],
    steps: steps.map(({ step, namespace, outcome, candidates }) => ({
      step,
      namespace,
      outcome,
      candidates: candidates.map(({ rule, isApplied, reason }) => ({
        destinationRule: idOf(rule),
        host: rule.host,
        applied: isApplied,
        reason,
      })),
    })),
  };
  return `${JSON.stringify(json)}\n`;
}

export function errorLine(error: string): string {
  return `${JSON.stringify({ error })}\n`;
}

function idOf({ namespace, name }: LookupRule): string {
  return `${namespace}/${name}`;
}

/** The query on a line, or what is wrong with it. */
export function parseQuery(line: string): LookupQuery | string {
  if (line.trim() === "") return "the line is empty; write a query as a JSON object";
  const value = parseJson(line.replace(/^\uFEFF/, ""));
  if (value === undefined) return "the line is no JSON";
  if (!isObject(value)) return "the query is no JSON object";
  const { clientNamespace, host, proxy = "sidecar", clientLabels = {} } = value;
  if (typeof clientNamespace !== "string" || clientNamespace === "") {
    return "clientNamespace must be the name of a namespace";
  }
  if (typeof host !== "string" || host === "") return "host must be a hostname";
  const known = PROXIES.find((one) => one === proxy);
  if (known === undefined) return `proxy must be one of ${PROXIES.join(", ")}`;
  if (!isLabels(clientLabels)) return "clientLabels must be an object whose values are strings";
  return { clientNamespace, clientLabels, proxy: known, host };
}

function isLabels(value: unknown): value is Labels {
  return isObject(value) && Object.values(value).every((one) => typeof one === "string");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
