/** Commands of docker, podman, nerdctl, crictl and ctr that remove finished containers of the node, istio-init among them. */
import { readArguments } from "../../kubernetes/shell/command-arguments.ts";
import type { Arguments, OptionSyntax, OptionValue } from "../../kubernetes/shell/command-arguments.ts";
import { invocationBy } from "../../kubernetes/shell/invocations.ts";
import type { Environment, Invocation } from "../../kubernetes/shell/invocations.ts";
import type { Pipeline, ShellCommand, ShellWord } from "../../kubernetes/shell/shell.ts";
import { isListed, isPruned, listsFinished } from "./istio-init-filters.ts";
import { keepsLine } from "./listed-lines.ts";

export interface Removal {
  /** The program and what it does: `docker system prune`. */
  readonly command: string;
  /** It is one that could have filters; otherwise something else is to be done. */
  readonly isPrune: boolean;
  /** A filter behind its last word would leave istio-init where it is. */
  readonly takesFilter: boolean;
}

interface Runtime {
  /** Those before the subcommand. */
  readonly global: OptionSyntax;
  readonly list: OptionSyntax;
  /** The subcommands, as the words that name them. */
  readonly prunes: readonly string[];
  readonly removes: readonly string[];
  readonly lists: readonly string[];
  readonly pruneTakesFilter: boolean;
  /** False if it works on other containers than the kubelet's, or that is not clear. */
  isOfNode(options: Arguments["options"], environment: Environment): boolean;
}

const DOCKER_LISTS = ["ps", "container ls", "container list", "container ps"];
const DOCKER_REMOVES = ["rm", "container rm", "container remove"];
const DOCKER_PRUNES = ["system prune", "container prune"];
const DOCKER_LIST = { short: "fn", long: ["filter", "format", "last"] };
const REMOVE: OptionSyntax = { short: "t", long: ["cidfile", "filter", "time"] };
const PRUNE: OptionSyntax = { long: ["filter"] };

const RUNTIMES: ReadonlyMap<string, Runtime> = new Map(
  Object.entries({
    crictl: {
      global: {
        short: "cirt",
        long: ["config", "image-endpoint", "runtime-endpoint", "timeout"],
      },
      list: {
        short: "nops",
        long: ["id", "image", "label", "last", "name", "namespace", "output", "pod", "state"],
      },
      prunes: [],
      removes: ["rm"],
      lists: ["ps"],
      pruneTakesFilter: false,
      isOfNode: () => true,
    },
    ctr: {
      global: { short: "an", long: ["address", "connect-timeout", "namespace", "timeout"] },
      list: {},
      prunes: [],
      removes: subcommands(["containers", "container", "c"], ["rm", "remove", "delete", "del"]),
      lists: subcommands(["containers", "container", "c"], ["ls", "list"]),
      pruneTakesFilter: false,
      isOfNode: isInKubeletsNamespace,
    },
    docker: {
      global: {
        short: "cHl",
        long: ["config", "context", "host", "log-level", "tlscacert", "tlscert", "tlskey"],
      },
      list: DOCKER_LIST,
      prunes: DOCKER_PRUNES,
      removes: DOCKER_REMOVES,
      lists: DOCKER_LISTS,
      pruneTakesFilter: true,
      isOfNode: isLocal,
    },
    nerdctl: {
      global: {
        short: "aHn",
        long: [
          "address",
          "cgroup-manager",
          "cni-netconfpath",
          "cni-path",
          "data-root",
          "host",
          "hosts-dir",
          "namespace",
          "snapshotter",
        ],
      },
      list: DOCKER_LIST,
      prunes: DOCKER_PRUNES,
      removes: DOCKER_REMOVES,
      lists: DOCKER_LISTS,
      pruneTakesFilter: false,
      isOfNode: isInKubeletsNamespace,
    },
    podman: {
      global: {
        short: "c",
        long: ["cgroup-manager", "connection", "identity", "log-level", "root", "runroot", "runtime", "url"],
      },
      list: { short: "fnw", long: ["filter", "format", "last", "sort", "watch"] },
      prunes: DOCKER_PRUNES,
      removes: DOCKER_REMOVES,
      lists: DOCKER_LISTS,
      pruneTakesFilter: true,
      isOfNode: isLocal,
    },
  }),
);

/** Names of runtimes, for a first look at a text. */
export const RUNTIME_NAMES = [...RUNTIMES.keys()];

/** Undefined for all other commands, and for one that is not clear. */
export function removalBy({ program, words, environment }: Invocation): Removal | undefined {
  const runtime = RUNTIMES.get(program);
  const call = runtime && readCall(runtime, words);
  if (runtime === undefined || call === undefined || !runtime.isOfNode(call.options, environment))
    return undefined;
  const prune = findSubcommand(runtime.prunes, call.operands);
  if (prune) return pruneBy(program, prune, runtime);
  const remove = findSubcommand(runtime.removes, call.operands);
  if (remove === undefined) return undefined;
  const { options, operands } = readArguments(remove.words, REMOVE);
  const isAll = options.some(({ name }) => name === "all" || name === "a") && takesAll(program);
  if (asksForHelp(options) || has(options, "latest", "l")) return undefined;
  const isFound = isAll
    ? isListed(filtersIn(options)) === true
    : operands.some(({ output }) => output !== undefined && printsIstioInit(output, program));
  return isFound
    ? { command: `${program} ${remove.name}${isAll ? " --all" : ""}`, isPrune: false, takesFilter: false }
    : undefined;
}

function pruneBy(program: string, { name, words }: Subcommand, runtime: Runtime): Removal | undefined {
  const { options, operands, isClear } = readArguments(words, PRUNE);
  if (!isClear || operands.length > 0 || asksForHelp(options) || has(options, "external")) return undefined;
  const filters = filtersIn(options);
  if (isPruned(filters) !== true) return undefined;
  // Of several labels to spare, a container must have all.
  const hasOther = filters.some(({ prefix }) => prefix.startsWith("label!="));
  const isOpen = words.every(({ value }) => value !== "--");
  const isPrune = runtime.pruneTakesFilter;
  return { command: `${program} ${name}`, isPrune, takesFilter: isPrune && !hasOther && isOpen };
}

/** What reaches the end of the pipeline names istio-init: its list does, and nothing on the way takes the line out. */
function printsIstioInit(pipeline: Pipeline, program: string): boolean {
  const [list, ...filters] = pipeline;
  return (
    list !== undefined && lists(list, program) && filters.every((one) => one !== undefined && keepsLine(one))
  );
}

function lists(command: ShellCommand, program: string): boolean {
  const invocation = invocationBy(command);
  const runtime = RUNTIMES.get(program);
  if (runtime === undefined || invocation?.program !== program) return false;
  const list = findSubcommand(runtime.lists, readCall(runtime, invocation.words)?.operands ?? []);
  if (list === undefined) return false;
  const { options, operands, isClear } = readArguments(list.words, runtime.list);
  if (!isClear || operands.length > 0 || asksForHelp(options)) return false;
  if (has(options, "latest", "l") || has(options, "last", "n")) return false;
  if (program === "ctr") return true;
  const filters = program === "crictl" ? crictlFilters(options) : filtersIn(options);
  const isAll = has(options, "all", "a") || listsFinished(filters);
  return isAll && filters !== undefined && isListed(filters) === true;
}

/** In docker's words. */
function crictlFilters(options: Arguments["options"]): readonly OptionValue[] {
  const keys: Readonly<Record<string, string>> = {
    label: "label",
    name: "name",
    s: "status",
    state: "status",
  };
  const others = ["id", "image", "namespace", "p", "pod"];
  return options.flatMap(({ name, value }) => {
    const key = Object.hasOwn(keys, name) ? keys[name] : undefined;
    if (key === undefined) return others.includes(name) ? [{ value: undefined, prefix: "" }] : [];
    const text = value?.value;
    return [
      { value: text === undefined ? undefined : `${key}=${text}`, prefix: `${key}=${value?.prefix ?? ""}` },
    ];
  });
}

interface Subcommand {
  readonly name: string;
  /** Behind it. */
  readonly words: readonly ShellWord[];
}

function readCall(runtime: Runtime, words: readonly ShellWord[]): Arguments | undefined {
  const call = readArguments(words, runtime.global, { isPrefix: true });
  return call.isClear && !asksForHelp(call.options) ? call : undefined;
}

function findSubcommand(names: readonly string[], words: readonly ShellWord[]): Subcommand | undefined {
  for (const name of names) {
    const parts = name.split(" ");
    if (parts.every((part, index) => words[index]?.value === part))
      return { name, words: words.slice(parts.length) };
  }
  return undefined;
}

function subcommands(groups: readonly string[], names: readonly string[]): readonly string[] {
  return groups.flatMap((group) => names.map((name) => `${group} ${name}`));
}

function takesAll(program: string): boolean {
  return program === "crictl" || program === "podman";
}

function filtersIn(options: Arguments["options"]): readonly OptionValue[] {
  return options.flatMap(({ name, value }) =>
    name === "filter" || (name === "f" && value !== undefined)
      ? [value ?? { value: undefined, prefix: "" }]
      : [],
  );
}

/** A switch counts unless it is `--all=false`. */
function has(options: Arguments["options"], ...names: readonly string[]): boolean {
  return options.some(({ name, value }) => names.includes(name) && value?.value !== "false");
}

function asksForHelp(options: Arguments["options"]): boolean {
  return options.some(({ name }) => name === "help" || name === "h");
}

/** Of docker and podman: a daemon that is reached by network is another machine's, or one of the Pod's own. */
function isLocal(options: Arguments["options"], environment: Environment): boolean {
  const hosts = [
    ...options.filter(({ name }) => ["H", "host", "url"].includes(name)).map(({ value }) => value),
    ...["DOCKER_HOST", "CONTAINER_HOST"].map(environment),
  ];
  const contexts = options.filter(({ name }) => ["c", "context", "connection"].includes(name));
  return (
    hosts.every((host) => host === undefined || host.value === "" || /^(?:unix:)?\//.test(host.prefix)) &&
    contexts.every(({ value }) => value?.value === "default") &&
    !options.some(({ name }) => name === "remote" || name === "r")
  );
}

/** Of containerd's clients. One that names no namespace is taken to be set up for the kubelet's. */
function isInKubeletsNamespace(options: Arguments["options"], environment: Environment): boolean {
  const named = options.findLast(({ name }) => name === "n" || name === "namespace");
  const namespace = named?.value ?? environment("CONTAINERD_NAMESPACE");
  return namespace === undefined || namespace.value === "k8s.io";
}
