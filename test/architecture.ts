/** Which folder of src may import which: the one table behind the test, and the diagram in docs/architecture.md. */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  cli: ["commands", "report", "rules"],
  commands: ["certs", "cluster", "config", "engine", "istio", "kubernetes", "report", "rules", "webhook"],
  webhook: ["engine", "kubernetes", "rules"],
  report: ["engine", "istio", "kubernetes", "rules"],
  cluster: ["istio", "kubernetes", "rules"],
  config: ["istio", "kubernetes", "rules"],
  certs: [],
  engine: ["kubernetes", "rules"],
  rules: ["istio", "kubernetes"],
  istio: ["kubernetes"],
  kubernetes: [],
};

/** Pure and synchronous: no Node built-in, no package, no clock, no output. */
export const PURE = ["engine", "rules", "istio", "kubernetes"];

/** The one place where a pure folder uses a package: js-yaml is pure, too. */
export const YAML_PACKAGE = "js-yaml";
