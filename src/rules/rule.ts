/**
 * The contract between rules and everything that runs them: the webhook, `check` and `explain`.
 * Read this file first.
 */
import type { GateName } from "../istio/gates.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";
import type { JsonObject } from "../kubernetes/json.ts";
import type { Change } from "../kubernetes/json-patch.ts";
import type { Kind, Kinds } from "../kubernetes/objects.ts";
import type { ClusterView } from "./cluster-view.ts";

/**
 * What a finding does, the weakest first. `Audit` reaches only metrics, log and audit annotations. `Fix` speaks like `Warn`
 * and lets the mutating webhook apply the finding's fix.
 */
export const ACTIONS = ["Off", "Audit", "Warn", "Fix", "Deny"] as const;
export type Action = (typeof ACTIONS)[number];

export type Operation = "CREATE" | "UPDATE" | "DELETE";

/** What is written under a path of its own, `namespaces/NAME/finalize`, and is the whole object in a review. */
export const SUBRESOURCES = ["finalize"] as const;
export type Subresource = (typeof SUBRESOURCES)[number];
type SubresourceOf<K extends Kind> = [K] extends ["Namespace"] ? Subresource : never;

/** The part of an AdmissionRequest that a rule may look at. `namespace` is "" for cluster-scoped objects. */
interface Subject<K extends Kind> {
  readonly kind: K;
  readonly namespace: string;
  /** `PREFIX*` of an object with generateName. */
  readonly name: string;
}
export type ReviewOf<K extends Kind> =
  | (Subject<K> & { readonly operation: "CREATE"; readonly object: Kinds[K] })
  | (Subject<K> & { readonly operation: "UPDATE"; readonly object: Kinds[K]; readonly oldObject: Kinds[K] })
  | (Subject<K> & { readonly operation: "DELETE"; readonly oldObject: Kinds[K] });
/** One kind a time, so that comparing `kind` tells what `object` is. */
type AnyReview<K extends Kind> = { readonly [One in K]: ReviewOf<One> }[K];
export type Review<K extends Kind, Op extends Operation> = Extract<AnyReview<K>, { readonly operation: Op }>;

/** A text with marks, `"Secret {{name}} is missing"`, alone or with what differs from the rule's own. */
export type Message =
  | string
  | {
      readonly text: string;
      /** The most this message can cause; the rule's action if left out. */
      readonly action?: "Audit" | "Warn" | "Deny";
      /** Instead of the rule's remedy; may use the same marks. */
      readonly remedy?: string;
      /** Spoken by `/mutate`, because the API server refuses the object before `/validate` is asked. */
      readonly atMutation?: true;
    };
export type Messages = Readonly<Record<string, Message>>;

type Mark<Text extends string> = Text extends `${string}{{${infer Name}}}${infer Rest}`
  ? Name | Mark<Rest>
  : never;
type MarksOf<M extends Message> = M extends string
  ? Mark<M>
  : M extends { readonly text: infer Text extends string; readonly remedy: infer Remedy extends string }
    ? Mark<Text> | Mark<Remedy>
    : M extends { readonly text: infer Text extends string }
      ? Mark<Text>
      : never;
/** Objects outside the namespace under review: printed as the configuration's crossNamespaceDetails allows. */
export interface Names {
  readonly names: readonly string[];
  /** What each is, in a word that takes an "s" in the plural: `"namespace"`. */
  readonly noun: string;
}
export type MessageData = Readonly<Record<string, string | number | Names>>;
type Data<Name extends string> = string extends Name
  ? { readonly data?: MessageData }
  : [Name] extends [never]
    ? { readonly data?: never }
    : { readonly data: Readonly<Record<Name, string | number | Names>> };

/** One problem, as data. Wording, limits and the action are applied later. */
export type Finding<M extends Messages> = {
  [Id in keyof M & string]: {
    readonly message: Id;
    readonly field: FieldPath;
    /**
     * Makes the finding go away. Several findings of a review may carry the same fix, best as the same array; one that would
     * undo another rule's is not made.
     */
    readonly fix?: readonly Change[];
    /** Objects that would make it go away once a person has looked at them; shown, never applied. */
    readonly suggestion?: readonly JsonObject[];
  } & Data<MarksOf<M[Id]>>;
}[keyof M & string];

export type OptionValue = boolean | string | readonly string[];
export interface Option {
  readonly default: OptionValue;
  /** The values a string may have; any if left out. */
  readonly values?: readonly string[];
  /** `duration`: a string is one as Go writes it, `30s`, `1m30s`. */
  readonly format?: "duration";
  /** One line for the docs. */
  readonly about: string;
}
export type Options = Readonly<Record<string, Option>>;
type ValueOf<O extends Option> = O extends { readonly values: readonly (infer Value)[] }
  ? Value
  : O["default"] extends boolean
    ? boolean
    : O["default"] extends string
      ? string
      : readonly string[];
export type OptionValues<O extends Options> = { readonly [Name in keyof O]: ValueOf<O[Name]> };

/** What people read about a rule, in one language. */
export interface RuleTexts {
  readonly title: string;
  /** What the person sees when the rule is ignored; `explain` searches these. */
  readonly symptoms: readonly string[];
  readonly why: string;
  readonly remedy: string;
  /** Versions, limits, and where widespread advice does not hold; a paragraph each. */
  readonly notes: readonly string[];
}

export interface Rule<
  K extends Kind,
  Op extends Operation,
  Reads extends Kind,
  M extends Messages,
  O extends Options,
> extends RuleTexts {
  /** `<subject>-<what holds when all is well>`; also the file, the page and the key in the configuration. Never reused. */
  readonly id: string;
  readonly zh: RuleTexts;
  /** Where the claims come from: `"title, URL"`. */
  readonly sources: readonly string[];
  /** YAML: the object under review first, then the rest of the cluster. */
  readonly example: {
    readonly bad: string;
    readonly good: string;
    /** The mesh's control plane has an API server of its own, where Istio's kinds are; all else is in the cluster's. */
    readonly isSplit?: true;
  };
  /** The default; the configuration may change it. */
  readonly action: Action;
  readonly kinds: readonly K[];
  /** Reviewed are requests for this subresource, and none for the object itself; the other way round if left out. */
  readonly subresource?: SubresourceOf<K>;
  readonly operations: readonly Op[];
  /** Kinds that `check` looks up. The watches and the ClusterRole are made from this list. */
  readonly reads: readonly Reads[];
  /** Of them those without which it says nothing wrong: it goes on while an API server that has them was never read. */
  readonly goesOnWithout?: readonly Reads[];
  /** Version facts that `check` asks for, in istio/gates.ts. */
  readonly gates: readonly GateName[];
  readonly options: O;
  /** At most 120 characters without the marks; one line; no full stop. */
  readonly messages: M;
  /** Pure: no clock, no I/O, no logging, nothing async, arguments unchanged. May not throw on a partial object. */
  check(review: Review<K, Op>, cluster: ClusterView<Reads>, options: OptionValues<O>): Iterable<Finding<M>>;
}

/** Checks the parts of a rule against each other at compile time and returns it unchanged. */
export function defineRule<
  const K extends Kind,
  const Op extends Operation,
  const Reads extends Kind,
  const M extends Messages,
  const O extends Options,
>(rule: Rule<K, Op, Reads, M, O>): Rule<K, Op, Reads, M, O> {
  return rule;
}

/** A finding of any rule. */
export interface AnyFinding {
  readonly message: string;
  readonly field: FieldPath;
  readonly fix?: readonly Change[];
  readonly suggestion?: readonly JsonObject[];
  readonly data?: MessageData;
}

/** A rule whose type parameters no longer matter, as the registry and the engine see it. */
export interface AnyRule extends Omit<
  Rule<Kind, Operation, Kind, Messages, Options>,
  "check" | "subresource"
> {
  readonly subresource?: Subresource;
  check(
    review: ReviewOf<Kind>,
    cluster: ClusterView<Kind>,
    options: Readonly<Record<string, OptionValue>>,
  ): Iterable<AnyFinding>;
}
