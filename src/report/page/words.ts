/** The words of a rule's page that are the same for all rules, in both languages. */

export const LANGUAGES = ["en", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];

interface PageWords {
  readonly languageName: string;
  readonly id: string;
  readonly defaultAction: string;
  readonly kinds: string;
  subresourceOf(kinds: string, subresource: string): string;
  readonly operations: string;
  readonly reads: string;
  readonly readsNothing: string;
  readonly listSeparator: string;
  readonly symptoms: string;
  readonly why: string;
  readonly whatToDo: string;
  readonly example: string;
  readonly bad: string;
  readonly good: string;
  readonly messages: string;
  atMost(action: string): string;
  readonly options: string;
  optionFacts(defaultValue: string, values: readonly string[]): string;
  readonly versions: string;
  since(version: string): string;
  before(version: string): string;
  /** `version` is `"Istio 1.31.0"`. */
  holdsHere(version: string, holds: boolean): string;
  readonly versionsHere: string;
  versionFrom(version: string, from: string): string;
  readonly versionUnknown: string;
  versionsAsked(asked: string): string;
  nobodyAsked(reason: string): string;
  readonly deleting: string;
  readonly deletingConfirmed: string;
  readonly deletingAlways: string;
  readonly exempting: string;
  readonly exemptingAnnotation: string;
  readonly exemptingCaption: string;
  readonly exemptingConfiguration: string;
  readonly sources: string;
  readonly notes: string;
  readonly ownTitle: string;
  readonly ownWhy: string;
}

const EN: PageWords = {
  languageName: "English",
  id: "Rule",
  defaultAction: "Default action",
  kinds: "Kinds",
  subresourceOf: (kinds, subresource) => `${kinds}, only its subresource ${subresource}`,
  operations: "Operations",
  reads: "Reads",
  readsNothing: "nothing but the object itself",
  listSeparator: ", ",
  symptoms: "Symptoms",
  why: "Why",
  whatToDo: "What to do",
  example: "Example",
  bad: "Bad:",
  good: "Good:",
  messages: "Messages",
  atMost: (action) => `at most ${action}`,
  options: "Options",
  optionFacts: (defaultValue, values) =>
    values.length === 0 ? `default ${defaultValue}` : `default ${defaultValue}; one of ${values.join(", ")}`,
  versions: "Versions",
  since: (version) => `since ${version}`,
  before: (version) => `before ${version}`,
  holdsHere: (version, holds) =>
    holds ? `holds here, with ${version}` : `does not hold here, with ${version}`,
  versionsHere: "Versions here",
  versionFrom: (version, from) => `${version}, by ${from}`,
  versionUnknown: "not known: findings take it for the newest, repairs never rest on it",
  versionsAsked: (asked) => `Found in ${asked}; --assume overrides it.`,
  nobodyAsked: (reason) =>
    `No cluster was asked: ${reason}. Name one with --kubeconfig, its files with --mesh-state, or versions with --assume.`,
  deleting: "When a deletion is refused",
  deletingConfirmed:
    "With action Deny, the refusal ends with the command that lets this deletion pass: it gives the object the annotation `foresail.io/confirm-delete` with the object's own uid. What is confirmed is only audited.",
  deletingAlways:
    "The namespace controller and the garbage collector are never refused, and nobody is while a deletion of the same object is under way.",
  exempting: "Exempting an object",
  exemptingAnnotation:
    "The annotation exempts the object it stands on, on a Pod template the workload. The reason is required; until is the last day on which the exemption counts (UTC) and may be left out. Several entries stand on lines of their own or between bars.",
  exemptingCaption: "On the object:",
  exemptingConfiguration:
    "The configuration exempts by namespace or selector (exemptions), and says where the annotation counts (exemptionAnnotations).",
  sources: "Sources",
  notes: "Notes",
  ownTitle: "What foresail says about its own input",
  ownWhy:
    "These findings are not of a rule: an exemption that does not count, or an object or a key that stands in the files more than once.",
};

const ZH: PageWords = {
  languageName: "中文",
  id: "规则",
  defaultAction: "默认动作",
  kinds: "资源类型",
  subresourceOf: (kinds, subresource) => `${kinds}（仅子资源 ${subresource}）`,
  operations: "操作",
  reads: "读取的资源",
  readsNothing: "仅读取该对象本身",
  listSeparator: "、",
  symptoms: "症状",
  why: "原因",
  whatToDo: "解决办法",
  example: "示例",
  bad: "有问题的配置：",
  good: "正确的配置：",
  messages: "提示信息",
  atMost: (action) => `最高为 ${action}`,
  options: "选项",
  optionFacts: (defaultValue, values) =>
    values.length === 0 ? `默认值 ${defaultValue}` : `默认值 ${defaultValue}；可选值 ${values.join("、")}`,
  versions: "版本",
  since: (version) => `自 ${version} 起`,
  before: (version) => `${version} 之前`,
  holdsHere: (version, holds) => (holds ? `此处为 ${version}，成立` : `此处为 ${version}，不成立`),
  versionsHere: "此处的版本",
  versionFrom: (version, from) => `${version}（来自 ${from}）`,
  versionUnknown: "未知；提示时视为最新版本，修复从不以此为依据",
  versionsAsked: (asked) => `取自 ${asked}；可用 --assume 指定。`,
  nobodyAsked: (reason) =>
    `没有查询任何集群：${reason}。可用 --kubeconfig 指定集群，用 --mesh-state 指定其文件，或用 --assume 指定版本。`,
  deleting: "删除被拒绝时",
  deletingConfirmed:
    "动作为 Deny 时，拒绝信息的最后一行给出允许本次删除的命令：为该对象添加注解 `foresail.io/confirm-delete`，值为该对象自己的 uid。已确认的删除只会被审计。",
  deletingAlways: "命名空间控制器和垃圾回收器从不会被拒绝；同一对象的删除已在进行中时，也不会拒绝任何人。",
  exempting: "豁免对象",
  exemptingAnnotation:
    "注解豁免它所在的对象；写在 Pod 模板上则豁免该工作负载。必须写明原因；until 是豁免有效的最后一天（UTC），可以省略。多条豁免各占一行，或以竖线分隔。",
  exemptingCaption: "写在对象上：",
  exemptingConfiguration:
    "在配置中可以按命名空间或选择器豁免（exemptions），也可以规定注解在哪些命名空间有效（exemptionAnnotations）。",
  sources: "来源",
  notes: "说明",
  ownTitle: "foresail 对自身输入的提示",
  ownWhy: "这些提示不属于任何规则：豁免无效，或者同一个对象、同一个键在文件中出现多次。",
};

export const PAGE_WORDS: { readonly [L in Language]: PageWords } = { en: EN, zh: ZH };
