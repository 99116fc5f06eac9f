/** Which folder of src may import which: the one table behind the test, and the diagram in docs/architecture.md. */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  cli: ["commands", "report", "rules"],
  commands: [
    "api-server",
    "certs",
    "cluster",
    "config",
    "engine",
    "impact",
    "istio",
    "kubernetes",
    "report",
    "rules",
    "termination",
    "webhook",
  ],
  webhook: ["engine", "kubernetes", "rules"],
  report: ["engine", "impact", "istio", "kubernetes", "rules", "termination"],
  impact: ["cluster", "engine", "istio", "kubernetes", "rules"],
  cluster: ["api-server", "istio", "kubernetes", "polling", "rules", "termination"],
  "api-server": ["kubernetes"],
  config: ["api-server", "istio", "kubernetes", "polling", "rules"],
  certs: ["api-server", "kubernetes", "polling"],
  engine: ["kubernetes", "rules"],
  rules: ["istio", "kubernetes"],
  termination: ["kubernetes"],
  istio: ["kubernetes"],
  kubernetes: [],
  polling: [],
};

/** Pure and synchronous: no Node built-in, no package, no clock, no output. */
export const PURE = ["engine", "rules", "termination", "istio", "kubernetes"];

/** The packages that pure folders use, which are pure, too, and how the names of the files begin that may. */
export const PURE_PACKAGES: Readonly<Record<string, string>> = {
  "js-yaml": "kubernetes/yaml/",
  unbash: "kubernetes/shell/",
};
