/** A rule's page: the same content for `foresail explain RULE-ID` and for docs/LANGUAGE/rules/RULE-ID.md. */
import { EXEMPT_ANNOTATION } from "../engine/exemptions.ts";
import { OWN_ID } from "../engine/evaluate.ts";
import { GATES, holds } from "../istio/gates.ts";
import type { Gate, GateName } from "../istio/gates.ts";
import { COMPONENTS } from "../istio/versions.ts";
import type { Component, Versions } from "../istio/versions.ts";
import { KIND_FACTS } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";
import type { AnyRule, Message, Messages, Option, RuleTexts } from "../rules/rule.ts";
import { OWN_MESSAGES } from "./own-findings.ts";
import { renderPageAsMarkdown } from "./page/markdown.ts";
import { LANGUAGES, PAGE_WORDS } from "./page/words.ts";
import type { Language } from "./page/words.ts";
import type { Block, Link, Page, Section, Term } from "./page/page.ts";

/** A message of the rule, and the line of the bad example under which it stands; lines count from 1. */
export interface Annotation {
  readonly line: number;
  readonly text: string;
}

/** Markdown for docs/LANGUAGE/rules/RULE-ID.md. */
export function renderRulePage(
  rule: AnyRule,
  language: Language,
  annotations: readonly Annotation[] = [],
): string {
  return renderPageAsMarkdown(rulePage(rule, language, annotations), linksToOthers(rule.id, language));
}

/** Markdown for docs/LANGUAGE/rules/foresail.md, where messages under foresail's own id point to. */
export function renderOwnPage(language: Language): string {
  return renderPageAsMarkdown(ownPage(language), linksToOthers(OWN_ID, language));
}

function linksToOthers(id: string, language: Language): string {
  return LANGUAGES.filter((other) => other !== language)
    .map((other) => `[${PAGE_WORDS[other].languageName}](../../${other}/rules/${id}.md)`)
    .join(" · ");
}

export function textsOf(rule: AnyRule, language: Language): RuleTexts {
  return language === "zh" ? rule.zh : rule;
}

/** The versions where somebody asks: of whom they were asked, or why of nobody. */
export interface VersionsHere {
  readonly versions: Versions;
  readonly asked: string | undefined;
  readonly silence: string | undefined;
}

export function rulePage(
  rule: AnyRule,
  language: Language,
  annotations: readonly Annotation[],
  here?: VersionsHere,
): Page {
  const words = PAGE_WORDS[language];
  const texts = textsOf(rule, language);
  const { bad, good } = rule.example;
  const sections: Section[] = [
    { heading: words.symptoms, blocks: [{ type: "list", items: texts.symptoms }] },
    { heading: words.why, blocks: [{ type: "paragraph", text: texts.why }] },
    { heading: words.whatToDo, blocks: [{ type: "paragraph", text: texts.remedy }] },
    {
      heading: words.example,
      blocks: [
        { type: "yaml", caption: words.bad, text: annotate(bad, annotations) },
        { type: "yaml", caption: words.good, text: good },
      ],
    },
    messagesSection(rule.messages, language),
    { heading: words.options, blocks: termsBlocks(optionTerms(rule.options, language)) },
    {
      heading: words.versions,
      blocks: termsBlocks(rule.gates.map((name) => gateTerm(name, language, here?.versions))),
    },
    { heading: words.versionsHere, blocks: here ? versionsHereBlocks(here, language) : [] },
    deletingSection(rule, language),
    exemptingSection(rule.id, language),
    {
      heading: words.sources,
      blocks: rule.sources.length === 0 ? [] : [{ type: "links", items: rule.sources.map(linkOf) }],
    },
    { heading: words.notes, blocks: texts.notes.map((text): Block => ({ type: "paragraph", text })) },
  ];
  return {
    title: texts.title,
    facts: factsOf(rule, language),
    sections: sections.filter(({ blocks }) => blocks.length > 0),
  };
}

export function ownPage(language: Language): Page {
  const words = PAGE_WORDS[language];
  return {
    title: words.ownTitle,
    facts: { type: "facts", rows: [[words.id, OWN_ID]] },
    sections: [
      { heading: words.why, blocks: [{ type: "paragraph", text: words.ownWhy }] },
      messagesSection(OWN_MESSAGES, language),
      exemptingSection("RULE-ID", language),
    ],
  };
}

function factsOf(rule: AnyRule, language: Language): Block {
  const words = PAGE_WORDS[language];
  const listed = (names: readonly string[]) => names.join(words.listSeparator);
  return {
    type: "facts",
    rows: [
      [words.id, rule.id],
      [words.defaultAction, rule.action],
      [words.kinds, kindsOf(rule, language)],
      [words.operations, listed(rule.operations)],
      [words.reads, listed(rule.reads.map(kindName)) || words.readsNothing],
    ],
  };
}

function kindsOf({ kinds, subresource }: AnyRule, language: Language): string {
  const words = PAGE_WORDS[language];
  const names = kinds.map(kindName).join(words.listSeparator);
  return subresource === undefined ? names : words.subresourceOf(names, subresource);
}

/** As it stands in a manifest; with the group where two groups use the same word. */
function kindName(kind: Kind): string {
  const facts = KIND_FACTS[kind];
  return facts.kind === kind ? kind : `${facts.kind} (${facts.group})`;
}

function messagesSection(messages: Messages, language: Language): Section {
  const terms = Object.entries(messages).map(([id, message]) => messageTerm(id, message, language));
  return { heading: PAGE_WORDS[language].messages, blocks: termsBlocks(terms) };
}

function messageTerm(id: string, message: Message, language: Language): Term {
  if (typeof message === "string") return { term: withNames(message), about: [`\`${id}\``] };
  const { text, action, remedy } = message;
  const limit = action === undefined ? "" : ` (${PAGE_WORDS[language].atMost(action)})`;
  return {
    term: withNames(text),
    about: [`\`${id}\`${limit}`, ...(remedy === undefined ? [] : [withNames(remedy)])],
  };
}

/** `"Secret {{name}}"` as `"Secret <name>"`. */
function withNames(text: string): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, "<$1>");
}

function optionTerms(options: Readonly<Record<string, Option>>, language: Language): Term[] {
  return Object.entries(options).map(([name, { default: value, values = [], about }]) => ({
    term: name,
    about: [about, PAGE_WORDS[language].optionFacts(JSON.stringify(value), values)],
  }));
}

export const COMPONENT_NAMES: { readonly [C in Component]: string } = {
  asm: "ASM",
  ccm: "CCM",
  istio: "Istio",
  kubernetes: "Kubernetes",
};

function gateTerm(name: GateName, language: Language, versions: Versions = {}): Term {
  const { about, component, source }: Gate = GATES[name];
  const answer = holds(name, versions);
  const version = `${COMPONENT_NAMES[component]} ${versions[component]?.value ?? ""}`;
  const here = answer === undefined ? [] : [PAGE_WORDS[language].holdsHere(version, answer)];
  return {
    term: `${COMPONENT_NAMES[component]} ${gateRange(name, language)}`,
    about: [about, source, ...here],
  };
}

/** `"since 1.20, before 1.20.2"`. */
export function gateRange(name: GateName, language: Language): string {
  const { since, until }: Gate = GATES[name];
  const words = PAGE_WORDS[language];
  const range = [
    ...(since === undefined ? [] : [words.since(since)]),
    ...(until === undefined ? [] : [words.before(until)]),
  ];
  return range.join(words.listSeparator);
}

function versionsHereBlocks({ versions, asked, silence }: VersionsHere, language: Language): Block[] {
  const words = PAGE_WORDS[language];
  const rows = COMPONENTS.map((component): [string, string] => {
    const version = versions[component];
    const text = version ? words.versionFrom(version.value, version.from) : words.versionUnknown;
    return [COMPONENT_NAMES[component], text];
  });
  const isAnyKnown = COMPONENTS.some((component) => versions[component] !== undefined);
  const text = asked === undefined ? words.nobodyAsked(silence ?? "") : words.versionsAsked(asked);
  return [...(isAnyKnown ? [{ type: "facts", rows } as const] : []), { type: "paragraph", text }];
}

function deletingSection({ operations, subresource }: AnyRule, language: Language): Section {
  const words = PAGE_WORDS[language];
  const isAsked = operations.includes("DELETE") || subresource === "finalize";
  const texts = isAsked ? [words.deletingConfirmed, words.deletingAlways] : [];
  return {
    heading: words.deleting,
    blocks: texts.map((text): Block => ({ type: "paragraph", text })),
  };
}

function exemptingSection(id: string, language: Language): Section {
  const words = PAGE_WORDS[language];
  const text = `metadata:\n  annotations:\n    ${EXEMPT_ANNOTATION}: "${id}; REASON; until=YYYY-MM-DD"`;
  return {
    heading: words.exempting,
    blocks: [
      { type: "paragraph", text: words.exemptingAnnotation },
      { type: "yaml", caption: words.exemptingCaption, text },
      { type: "paragraph", text: words.exemptingConfiguration },
    ],
  };
}

function termsBlocks(items: readonly Term[]): Block[] {
  return items.length === 0 ? [] : [{ type: "terms", items }];
}

/** `"title, URL"`; a source without a URL is a title. */
export function linkOf(source: string): Link {
  const match = /^(.*), (https?:\/\/\S+)$/s.exec(source);
  return match ? { title: match[1] ?? "", url: match[2] } : { title: source, url: undefined };
}

/** Each message as a comment below its line, as far to the right as the line begins. */
function annotate(yaml: string, annotations: readonly Annotation[]): string {
  const byLine = Map.groupBy(annotations, ({ line }) => line);
  return yaml
    .split("\n")
    .flatMap((text, index) => {
      const [indent = ""] = /^[ -]*/.exec(text) ?? [];
      const comments = (byLine.get(index + 1) ?? []).map(
        (annotation) => `${" ".repeat(indent.length)}# ^ ${annotation.text}`,
      );
      return [text, ...comments];
    })
    .join("\n");
}
