/** The DestinationRule lookup for people: the question, the answer, and the way to it. */
import type { LookupAnswer, LookupStepAnswer } from "../../istio/lookup/lookup.ts";
import type { LookupMesh } from "../../istio/lookup/mesh.ts";
import type { LookupQuery } from "../../istio/lookup/query.ts";
import type { Candidate } from "../../istio/lookup/reasons.ts";
import type { LookupRule } from "../../istio/lookup/rule.ts";
import { settingsOf } from "../../istio/lookup/rule-settings.ts";
import { oneLine } from "../../engine/render.ts";
import { adviceOn } from "./advice.ts";
import { clientInWords } from "./words.ts";
import { hanging, padEnd, widthOf, wrap } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

export interface ExplainedLookup {
  readonly query: LookupQuery;
  readonly answer: LookupAnswer;
  readonly mesh: LookupMesh;
  /** How the question was understood, if not literally; a sentence. */
  readonly assumption: string | undefined;
  /** Rules that cover the host, in namespaces where this client's lookup never comes. */
  readonly elsewhere: readonly LookupRule[];
}

const MARGIN = "  ";
const STEP_NAMES: { readonly [S in LookupStepAnswer["step"]]: string } = {
  client: "the client's namespace",
  service: "the service's namespace",
  root: "the root namespace",
};

export function renderLookup(lookup: ExplainedLookup, terminal: Terminal): string {
  const { query, answer, assumption } = lookup;
  const question = `Which DestinationRule does ${clientInWords(query)} get for ${query.host}?`;
  const blocks = [
    [question, assumption ?? ""].flatMap((text) =>
      text === "" ? [] : wrap(oneLine(text), terminal.columns),
    ),
    verdictLines(lookup, terminal),
    stepLines(answer, terminal),
    elsewhereLines(lookup, terminal),
    adviceOn(lookup).flatMap((advice) => hanging("fix: ", oneLine(advice), terminal.columns)),
  ];
  const texts = blocks.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${texts.join("\n\n")}\n`;
}

function verdictLines({ query, answer }: ExplainedLookup, terminal: Terminal): string[] {
  const { chosen, isAlias, isVisible, owner } = answer;
  const say = (verdict: string, text: string) => {
    const [first = "", ...rest] = wrap(oneLine(`${verdict}${text}`), terminal.columns);
    return [first.replace(verdict, terminal.paint("bold", verdict)), ...rest];
  };
  if (!isVisible) {
    return say(
      "None.",
      ` ${sentenceCase(clientInWords(query))} does not see this host: Istio looks up no rule for it.`,
    );
  }
  if (isAlias) {
    const kind = `Service ${owner?.namespace}/${owner?.name}`;
    return say("None has an effect.", ` ${kind} is an ExternalName: Istio builds no cluster for it.`);
  }
  if (!chosen) {
    const isStopped = answer.steps.some(({ outcome }) => outcome === "match");
    const reason = isStopped
      ? " The lookup ends where rules are found, and none of them is for this client: Istio's defaults hold."
      : " No namespace on the way has a rule that applies: Istio's defaults hold.";
    return say("None.", reason);
  }
  const names = chosen.from.map(idOf).join(" + ");
  const step = answer.steps.find(({ outcome }) => outcome === "match");
  const place = step ? `found in ${STEP_NAMES[step.step]}` : "";
  const isMerged = chosen.from.length > 1 ? ", merged into one in this order" : "";
  return [...say(names, `, ${place}${isMerged}`), ...settingLines(settingsOf(chosen), terminal)];
}

function sentenceCase(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function settingLines(settings: ReadonlyMap<string, string>, { columns }: Terminal): string[] {
  if (settings.size === 0) return [`${MARGIN}sets nothing`];
  const width = Math.max(...[...settings.keys()].map((name) => widthOf(oneLine(name)))) + MARGIN.length;
  return [...settings].flatMap(([name, value]) =>
    hanging(MARGIN + padEnd(oneLine(name), width), oneLine(value) || "-", columns),
  );
}

function stepLines({ steps, isAlias }: LookupAnswer, terminal: Terminal): string[] {
  return steps.flatMap((step, index) => {
    const same = steps.findIndex(({ namespace }) => namespace === step.namespace);
    const isAgain = step.outcome === "skipped" && same < index;
    const outcome = isAgain ? `the same as in step ${same + 1}` : outcomeInWords(step);
    const title = `${index + 1}. ${STEP_NAMES[step.step]}, ${step.namespace}: ${outcome}`;
    const candidates = isAgain ? [] : step.candidates;
    return [
      ...wrap(oneLine(title), terminal.columns),
      ...candidates.flatMap((candidate) => candidateLines(candidate, isAlias, terminal)),
    ];
  });
}

function outcomeInWords({ outcome, candidates }: LookupStepAnswer): string {
  if (outcome === "skipped") return "not looked at";
  if (outcome === "match") return "found";
  return candidates.length === 0 ? "no rule for this host" : "no rule for this client";
}

function candidateLines(
  { rule, isApplied, reason }: Candidate,
  isAlias: boolean,
  terminal: Terminal,
): string[] {
  const hasEffect = isApplied && !isAlias;
  const why = isApplied && isAlias ? `${reason}, without effect` : reason;
  const text = oneLine(`${idOf(rule)} (${rule.host}): ${why}`);
  const [first = "", ...rest] = hanging(hasEffect ? "   + " : "   - ", text, terminal.columns);
  return [hasEffect ? first.replace(idOf(rule), terminal.paint("bold", idOf(rule))) : first, ...rest];
}

function elsewhereLines({ elsewhere, answer }: ExplainedLookup, { columns }: Terminal): string[] {
  if (elsewhere.length === 0 || !answer.isVisible) return [];
  const namespaces = [...new Set(answer.steps.map(({ namespace }) => namespace))];
  return [
    ...wrap(`Never looked at, because Istio looks only in ${inWords(namespaces)}:`, columns),
    ...elsewhere.flatMap((rule) => hanging("   - ", oneLine(`${idOf(rule)} (${rule.host})`), columns)),
  ];
}

function inWords(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function idOf({ namespace, name }: LookupRule): string {
  return `${namespace}/${name}`;
}
