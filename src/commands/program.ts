/** The command line: every command and flag, in the one place that help, errors and completion are made from. */
import { Argument, Command, Option } from "commander";
import { FAIL_ON } from "../report/finding.ts";
import { LANGUAGES } from "../report/page/words.ts";
import { PROXIES } from "../report/lookup/words.ts";
import {
  CERTIFICATE_MODES,
  CHECK_FORMATS,
  DRAIN_FORMATS,
  FAILURE_POLICIES,
  SHELLS,
  TEXT_OR_JSON,
} from "./options.ts";
import type {
  CertsOptions,
  CheckOptions,
  ExplainOptions,
  ExplainPodOptions,
  GatewaysOptions,
  ImpactOptions,
  LookupOptions,
  ManifestsOptions,
  NamespaceOptions,
  Shell,
} from "./options.ts";
import type { ServeOptions } from "./serve.ts";

/** What each command does; cli.ts gives it. */
export interface Actions {
  certs(options: CertsOptions): Promise<void>;
  check(paths: readonly string[], options: CheckOptions): Promise<void>;
  completion(shell: Shell): Promise<void>;
  explain(question: string, options: ExplainOptions): Promise<void>;
  explainLookup(options: LookupOptions): Promise<void>;
  explainDrain(path: string, options: ExplainPodOptions): Promise<void>;
  explainProbes(path: string, options: ExplainPodOptions): Promise<void>;
  gateways(options: GatewaysOptions): Promise<void>;
  impact(paths: readonly string[], options: ImpactOptions): Promise<void>;
  manifests(options: ManifestsOptions): Promise<void>;
  namespace(name: string, options: NamespaceOptions): Promise<void>;
  serve(options: ServeOptions): Promise<void>;
  /** Help of the command of these names, of the program without one. */
  help(names: readonly string[]): void;
}

/** As defaults of the flags these would stand in the help. */
const SERVE_LISTS = { meshState: [], tlsHost: [] } as const;
const EXPLAIN_LISTS = { meshState: [], assume: [] } as const;
const LOOKUP_LISTS = { meshState: [], assume: [] } as const;
const EXPLAIN_POD_LISTS = { meshState: [], assume: [] } as const;
const GATEWAYS_LISTS = { meshState: [] } as const;
const NAMESPACE_LISTS = { meshState: [] } as const;
const CHECK_LISTS = { meshState: [], assume: [], rule: [], skip: [] } as const;

const MESH_KUBECONFIG = "where Istio's objects are, if not in the cluster itself, as with ASM";

const EXIT_CODES = `
Exit codes: 0 no finding at Warn or Deny; 1 at least one; 2 wrong usage, or something could not be read.`;

const LOOKUP_HELP = `
Examples:
  foresail explain lookup --client shop --host reviews.prod --mesh-state cluster-dump/
  foresail explain lookup --all
  echo '{"clientNamespace":"shop","host":"reviews.prod.svc.cluster.local"}' | foresail explain lookup --queries -
Exit codes: 0 every question has an answer; 2 wrong usage, a client or host that is not known, or a line that is no query.`;

const GATEWAYS_HELP = `
Exit codes: 0 all were listed, however many; 2 wrong usage, or a kind could not be read.`;

const NAMESPACE_HELP = `
Exit codes: 0 nothing is in its way, or --finalize --yes has ended it; 1 something is, or --finalize came without --yes; 2 wrong
usage, no such namespace, or the cluster does not let you look or do it.`;

const COMPLETION_HELP = `
Write into ~/.bashrc                        source <(foresail completion bash)
           ~/.zshrc, behind compinit        source <(foresail completion zsh)
           ~/.config/fish/config.fish       foresail completion fish | source`;

/** Throws CommanderError instead of ending the process, and prints nothing but help. `name` is how it was called. */
export function createProgram(name: string, actions: Actions): Command {
  const program = new Command(name)
    .description("Finds what Istio accepts without a word and users pay for later.")
    .option("-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    // `explain` and the commands below it have flags of the same names.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText("after", EXIT_CODES);
  addServe(program, actions);
  addCheck(program, actions);
  addExplain(program, actions);
  addImpact(program, actions);
  addGateways(program, actions);
  addNamespace(program, actions);
  addManifests(program, actions);
  addCerts(program, actions);
  addCompletion(program, actions);
  program
    .command("help [COMMAND...]")
    .description("print help on a command")
    .action((names: string[]) => actions.help(names));
  return program;
}

function addServe(program: Command, actions: Actions): void {
  program
    .command("serve")
    .description("Runs the admission webhook over HTTPS until it is told to stop.")
    .option("--listen <HOST:PORT>", "where to answer reviews", "0.0.0.0:8443")
    .option("--metrics <HOST:PORT>", "where to answer probes and give metrics, without TLS", "0.0.0.0:9090")
    .option(
      "--config <FILE>",
      "configuration, as in the ConfigMap's key config.yaml; read again when it changes",
    )
    .option(
      "--config-map <NS/NAME>",
      "the ConfigMap to follow instead (in a Pod foresail in its namespace, if nothing is named)",
    )
    .option("--kubeconfig <FILE>", "the cluster to ask; in a Pod its own, else that of kubectl")
    .option("--mesh-kubeconfig <FILE>", MESH_KUBECONFIG)
    .addOption(repeatable("--mesh-state <PATH>", "what is in the cluster; read again when it changes"))
    .option("--tls-cert <FILE>", "certificate to serve with, in PEM")
    .option("--tls-key <FILE>", "its private key, in PEM")
    .option(
      "--tls-self-signed <DIR>",
      "folder of a self-signed certificate, made if it is not there (certs, if nothing is named)",
    )
    .option(
      "--tls-managed",
      "manage a CA in a Secret and caBundle in the webhook configurations (in a Pod, if nothing is named)",
    )
    .addOption(repeatable("--tls-host <NAME>", "what a certificate that foresail makes is valid for besides"))
    .option("--client-ca <FILE>", "answer only clients with a certificate of these authorities")
    .option("--reuse-port", "share the port with other processes")
    .action((options: ServeOptions) => actions.serve({ ...SERVE_LISTS, ...options }));
}

function addCheck(program: Command, actions: Actions): void {
  program
    .command("check <PATH...>")
    .description(
      "Reviews the manifests in files, folders or standard input (-), all together as one cluster.",
    )
    .option("-n, --namespace <NS>", "namespace of objects that name none", "default")
    .addOption(repeatable("--mesh-state <PATH>", "what is in the cluster besides; not reviewed itself"))
    .option("--config <FILE>", "configuration, as in the ConfigMap's key config.yaml")
    .addOption(
      repeatable("--assume <VERSIONS>", "versions to go by: istio=1.10,kubernetes=1.22,ccm=2.9,asm=1.10"),
    )
    .addOption(
      new Option("--format <FORMAT>", "how to report").choices(CHECK_FORMATS).default(CHECK_FORMATS[0]),
    )
    .option("-o, --output <FILE>", "write the report to a file")
    .addOption(
      new Option("--fail-on <ACTION>", "the weakest action that makes the exit code 1")
        .choices(FAIL_ON)
        .default(FAIL_ON[0]),
    )
    .addOption(repeatable("--rule <ID>", "only this rule"))
    .addOption(repeatable("--skip <ID>", "not this rule"))
    .option("--audit", "list findings that only audit, too (JSON and SARIF always have them)")
    .option("--fix", "make the repairs in the files themselves")
    .option("--dry-run", "with --fix: only show what it would change")
    .option("--baseline <FILE>", "leave out the findings that stand in this file")
    .option("--write-baseline <FILE>", "write the findings of today to this file, to be left out from now on")
    .addHelpText("after", EXIT_CODES)
    .action((paths: string[], options: CheckOptions) => actions.check(paths, { ...CHECK_LISTS, ...options }));
}

function addExplain(program: Command, actions: Actions): void {
  const explain = program
    .command("explain [WORDS...]")
    .helpCommand(false)
    .enablePositionalOptions()
    .usage('[options] [RULE-ID | "SYMPTOM"]')
    .description(
      "Explains a rule, or finds the rules behind a symptom. Without either: a table of the rules.",
    )
    .addOption(new Option("--lang <LANGUAGE>", "language").choices(LANGUAGES).default(LANGUAGES[0]))
    .addOption(
      repeatable(
        "--mesh-state <PATH>",
        "in which versions a rule's facts hold there, instead of in a cluster",
      ),
    )
    .option(
      "--kubeconfig <FILE>",
      "the cluster to ask for its versions; in a Pod its own, else that of kubectl, if it answers soon",
    )
    .option("--mesh-kubeconfig <FILE>", MESH_KUBECONFIG)
    .option("--config <FILE>", "configuration, as in the ConfigMap's key config.yaml")
    .addOption(
      repeatable("--assume <VERSIONS>", "versions to go by: istio=1.10,kubernetes=1.22,ccm=2.9,asm=1.10"),
    )
    .action((words: string[], options: ExplainOptions) =>
      actions.explain(words.join(" "), { ...EXPLAIN_LISTS, ...options }),
    );
  addExplainLookup(explain, actions);
  addExplainPod(explain, "drain", DRAIN_FORMATS)
    .description(
      "Shows what happens from a Pod's deletion to its end: who is told what when, and what is cut.",
    )
    .action((path: string, options: ExplainPodOptions) =>
      actions.explainDrain(path, { ...EXPLAIN_POD_LISTS, ...options }),
    );
  addExplainPod(explain, "probes", TEXT_OR_JSON)
    .description("Shows who answers each probe of a Pod: the app, the sidecar's agent, or Envoy.")
    .action((path: string, options: ExplainPodOptions) =>
      actions.explainProbes(path, { ...EXPLAIN_POD_LISTS, ...options }),
    );
}

function addExplainLookup(explain: Command, actions: Actions): void {
  explain
    .command("lookup")
    .description("Shows which DestinationRule a client gets for a host, and why the others lost.")
    .option("--client <NS[,LABEL=VALUE...]>", "who asks: its namespace, and labels of its Pods")
    .option("--host <HOST>", "for which host; reviews and reviews.prod mean Services")
    .addOption(new Option("--proxy <PROXY>", "what the client's proxy is (sidecar)").choices(PROXIES))
    .option("--all", "a table of all clients and hosts; --client, --host and --proxy narrow it")
    .option("--queries <FILE>", "answer the queries in a file (- for standard input), a line of JSON each")
    .addOption(repeatable("--mesh-state <PATH>", "what is in the cluster, instead of asking one"))
    .option("--kubeconfig <FILE>", "the cluster to ask; in a Pod its own, else that of kubectl")
    .option("--mesh-kubeconfig <FILE>", MESH_KUBECONFIG)
    .option("--config <FILE>", "configuration, as in the ConfigMap's key config.yaml")
    .addOption(
      repeatable("--assume <VERSIONS>", "versions to go by: istio=1.10,kubernetes=1.22,ccm=2.9,asm=1.10"),
    )
    .addOption(
      new Option("--format <FORMAT>", "text, or JSON with an answer on each line")
        .choices(TEXT_OR_JSON)
        .default(TEXT_OR_JSON[0]),
    )
    .addHelpText("after", LOOKUP_HELP)
    .action((options: LookupOptions) => actions.explainLookup({ ...LOOKUP_LISTS, ...options }));
}

function addExplainPod(explain: Command, name: string, formats: readonly string[]): Command {
  return explain
    .command(`${name} <FILE>`)
    .usage("[options] FILE|-")
    .option("-n, --namespace <NS>", "namespace of objects that name none", "default")
    .addOption(repeatable("--mesh-state <PATH>", "what is in the cluster, instead of asking one"))
    .option(
      "--kubeconfig <FILE>",
      "the cluster to ask; in a Pod its own, else that of kubectl, if there is one",
    )
    .option("--mesh-kubeconfig <FILE>", MESH_KUBECONFIG)
    .option("--config <FILE>", "configuration, as in the ConfigMap's key config.yaml")
    .addOption(
      repeatable("--assume <VERSIONS>", "versions to go by: istio=1.10,kubernetes=1.22,ccm=2.9,asm=1.10"),
    )
    .addOption(new Option("--format <FORMAT>", "how to show it").choices(formats).default("text"));
}

function addImpact(program: Command, actions: Actions): void {
  program
    .command("impact <PATH...>")
    .description(
      "Shows what changes if the manifests in files, folders or standard input (-) are applied: who gets another DestinationRule, which Pods are repaired otherwise, new and solved findings.",
    )
    .option("--delete", "if they are deleted instead")
    .option("-n, --namespace <NS>", "namespace of objects that name none", "default")
    .addOption(repeatable("--mesh-state <PATH>", "what is in the cluster, instead of asking one"))
    .option("--kubeconfig <FILE>", "the cluster to ask; in a Pod its own, else that of kubectl")
    .option("--mesh-kubeconfig <FILE>", MESH_KUBECONFIG)
    .option("--config <FILE>", "configuration, as in the ConfigMap's key config.yaml")
    .addOption(
      repeatable("--assume <VERSIONS>", "versions to go by: istio=1.10,kubernetes=1.22,ccm=2.9,asm=1.10"),
    )
    .addOption(
      new Option("--format <FORMAT>", "how to report").choices(TEXT_OR_JSON).default(TEXT_OR_JSON[0]),
    )
    .addHelpText(
      "after",
      `
Nothing is written to the cluster.
Exit codes: 0 no new finding at Warn or Deny; 1 at least one; 2 wrong usage, or something could not be read.`,
    )
    .action((paths: string[], options: ImpactOptions) =>
      actions.impact(paths, { ...LOOKUP_LISTS, ...options }),
    );
}

function addGateways(program: Command, actions: Actions): void {
  program
    .command("gateways")
    .description("Lists Istio's Gateways and those of the Gateway API in one table.")
    .option("-n, --namespace <NS>", "of this namespace (that of the kubeconfig, else default)")
    .option("-A, --all-namespaces", "of all namespaces")
    .addOption(repeatable("--mesh-state <PATH>", "what is in the cluster, instead of asking one"))
    .option("--kubeconfig <FILE>", "the cluster to ask; in a Pod its own, else that of kubectl")
    .option("--mesh-kubeconfig <FILE>", MESH_KUBECONFIG)
    .addOption(
      new Option("--format <FORMAT>", "how to show them").choices(TEXT_OR_JSON).default(TEXT_OR_JSON[0]),
    )
    .addHelpText("after", GATEWAYS_HELP)
    .action((options: GatewaysOptions) => actions.gateways({ ...GATEWAYS_LISTS, ...options }));
}

function addManifests(program: Command, actions: Actions): void {
  program
    .command("manifests")
    .description("Prints what installs foresail in a cluster: foresail manifests | kubectl apply -f -")
    .option("-n, --namespace <NS>", "namespace of foresail's own", "foresail")
    .option("--image <IMAGE>", "where nodes get the image from (foresail with the tag of this version)")
    .option("--replicas <N>", "how many Pods (2)")
    .addOption(
      new Option("--failure-policy <POLICY>", "what happens when foresail does not answer (Ignore)").choices(
        FAILURE_POLICIES,
      ),
    )
    .addOption(
      new Option("--certs <MODE>", "who makes the certificate")
        .choices(CERTIFICATE_MODES)
        .default(CERTIFICATE_MODES[0]),
    )
    .action((options: ManifestsOptions) => actions.manifests(options));
}

function addCerts(program: Command, actions: Actions): void {
  program
    .command("certs")
    .description("Shows foresail's CA, its serving certificate, and whether API servers trust it.")
    .option("--kubeconfig <FILE>", "the cluster to ask; in a Pod its own, else that of kubectl")
    .option("-n, --namespace <NS>", "where foresail is installed (as the webhook configurations say)")
    .action((options: CertsOptions) => actions.certs(options));
}

function addNamespace(program: Command, actions: Actions): void {
  program
    .command("namespace <NAME>")
    .description("Says why a namespace is stuck in Terminating, and what to do in which order.")
    .option("--kubeconfig <FILE>", "the cluster to ask; in a Pod its own, else that of kubectl")
    .addOption(repeatable("--mesh-state <PATH>", "what is in the cluster, instead of asking one"))
    .option("--finalize", "show what would be left behind if the namespace ended now, and do nothing")
    .option("--yes", "with --finalize: end it, by removing its spec.finalizers through the API")
    .addHelpText("after", NAMESPACE_HELP)
    .action((name: string, options: NamespaceOptions) =>
      actions.namespace(name, { ...NAMESPACE_LISTS, ...options }),
    );
}

function addCompletion(program: Command, actions: Actions): void {
  program
    .command("completion")
    .description("Prints what makes a shell complete commands, flags and rule ids.")
    .addArgument(new Argument("<SHELL>", "the shell").choices(SHELLS))
    .addHelpText("after", COMPLETION_HELP)
    .action((shell: Shell) => actions.completion(shell));
}

/** A flag that may be given more than once. */
function repeatable(flags: string, about: string): Option {
  return new Option(flags, `${about} (repeatable)`).argParser(
    (value: string, values: readonly string[] | undefined) => [...(values ?? []), value],
  );
}
