/** What the containers of a Pod run that removes istio-init from their node, and how it would leave it there. */
import { commandsOf, environmentOf, wordsOf } from "../../kubernetes/shell/container-command.ts";
import type { ConfigMapValue } from "../../kubernetes/shell/container-command.ts";
import type { FieldPath } from "../../kubernetes/field-path.ts";
import { invocationsOf, readingLimit } from "../../kubernetes/shell/invocations.ts";
import type { Invocation, InvocationContext, ReadingLimit } from "../../kubernetes/shell/invocations.ts";
import type { Change } from "../../kubernetes/json-patch.ts";
import { configMapFolders, configMapKeysAt } from "../../kubernetes/shell/mounted-files.ts";
import type { Container, PodSpec } from "../../kubernetes/objects.ts";
import type { CommandText, ShellWord } from "../../kubernetes/shell/shell.ts";
import { removalBy, RUNTIME_NAMES } from "./container-removal.ts";
import type { Removal } from "./container-removal.ts";
import { SPARING_FILTER } from "./istio-init-filters.ts";

export interface PodRemoval {
  readonly command: string;
  readonly isPrune: boolean;
  /** Completes `docker system prune in ...`. */
  readonly place: string;
  readonly field: FieldPath;
  /** Gives all commands of this field the filter that they can have. Undefined if that is not all that this one needs. */
  readonly fix: readonly Change[] | undefined;
}

/** Where a filter is to be put. */
interface Gap {
  readonly source: CommandText;
  /** In the source's text; undefined: behind this item of its list. */
  readonly offset: number | undefined;
}

interface Found extends Removal {
  readonly place: string;
  readonly field: FieldPath;
  readonly gap: Gap | undefined;
}

interface PodContext {
  readonly spec: PodSpec;
  readonly configMapValue: ConfigMapValue;
  readonly limit: ReadingLimit;
}

const QUOTING = /["'\\]/g;
const RUNTIMES = new RegExp(RUNTIME_NAMES.join("|"));

/** Paths begin at the Pod. The same command in the same place is one removal. */
export function removalsOf(spec: PodSpec, configMapValue: ConfigMapValue): readonly PodRemoval[] {
  const found: Found[] = [];
  const limit = readingLimit();
  for (const list of ["initContainers", "containers"] as const) {
    for (const [index, container] of (spec[list] ?? []).entries())
      for (const one of removalsIn(container, ["spec", list, index], { spec, configMapValue, limit }))
        found.push(one);
  }
  const byField = Map.groupBy(found, ({ field }) => JSON.stringify(field));
  return [...byField.values()].flatMap(withFix);
}

function* removalsIn(
  container: Container,
  path: FieldPath,
  { spec, configMapValue, limit }: PodContext,
): Iterable<Found> {
  const { volumes } = spec;
  const commands = commandsOf(container);
  if (commands.length === 0) return;
  const environment = environmentOf(container, configMapValue);
  const folders = configMapFolders(container, volumes);
  const context: InvocationContext = {
    environment,
    limit,
    findFile(file) {
      for (const { configMap, key } of folders.length > 0 ? configMapKeysAt(file, container, volumes) : []) {
        const text = configMapValue(configMap, key);
        if (text !== undefined) return { text, name: `${key} of ConfigMap ${configMap}` };
      }
      return undefined;
    },
    isWorthReading: (text) =>
      namesRuntime(text) ||
      folders.some((folder) => text.includes(folder)) ||
      (text.includes("$") && hasScriptInVariable(container)),
  };
  for (const command of commands) {
    const isImageOfDocker = DOCKER_IMAGE.test(container.image ?? "");
    const isWorthIt = command.lists.some(({ items }) => items.some((item) => context.isWorthReading(item)));
    if (!isWorthIt && !isImageOfDocker) continue;
    const words = withEntrypoint(wordsOf(command, path, environment), container);
    for (const invocation of invocationsOf(words, context)) {
      const removal = removalBy(invocation);
      if (removal === undefined || isOfOwnDaemon(invocation, container, spec)) continue;
      const { source } = invocation.name;
      const place = source.file ?? `container ${container.name ?? ""}`;
      yield { ...removal, place, field: source.field, gap: gapBehind(invocation) };
    }
  }
}

function namesRuntime(text: string): boolean {
  return RUNTIMES.test(text.replaceAll(QUOTING, ""));
}

function hasScriptInVariable({ env = [] }: Container): boolean {
  return env.some(
    ({ value = "", valueFrom }) => valueFrom?.configMapKeyRef !== undefined || namesRuntime(value),
  );
}

const DOCKER_IMAGE = /^(?:.*\/)?docker(?::|@|$)/;
const SUBCOMMANDS = ["container", "rm", "system"];

/** The entrypoint of docker's image puts its name in front of its own subcommands. */
function withEntrypoint(
  words: readonly ShellWord[],
  { command = [], image = "" }: Container,
): readonly ShellWord[] {
  const [first] = words;
  if (first?.value === undefined || command.length > 0 || !DOCKER_IMAGE.test(image)) return words;
  const isImplied = SUBCOMMANDS.includes(first.value) || first.value.startsWith("-");
  return isImplied ? [{ ...first, value: "docker", prefix: "docker" }, ...words] : words;
}

/** Folders of the node that hold the sockets of its daemons, and sockets. */
const SOCKETS = /^\/+$|^\/var\/*$|^\/(?:var\/)?run(?:\/|$)|\.sock$/;

/** A daemon that runs in the Pod itself, as in many builds, has its own containers and none of the node's. */
function isOfOwnDaemon({ program }: Invocation, { volumeMounts = [] }: Container, spec: PodSpec): boolean {
  const all = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  if (program !== "docker" || !all.some(({ image = "" }) => /\bdind\b/.test(image))) return false;
  const ofNode = (spec.volumes ?? [])
    .filter(({ hostPath }) => SOCKETS.test(hostPath?.path ?? ""))
    .map(({ name }) => name);
  return !volumeMounts.some(({ name }) => ofNode.includes(name));
}

function gapBehind({ name, words }: Invocation): Gap | undefined {
  const last = words.at(-1) ?? name;
  const { source, isItem, end } = last;
  if (source.file !== undefined) return undefined;
  if (isItem) return { source, offset: undefined };
  return end === undefined ? undefined : { source, offset: end };
}

function withFix(found: readonly Found[]): readonly PodRemoval[] {
  const gaps = found.flatMap(({ takesFilter, gap }) => (takesFilter && gap ? [gap] : []));
  const fix = changesFor(gaps);
  const same = Map.groupBy(found, ({ command, isPrune, place }) => JSON.stringify([command, isPrune, place]));
  return [...same.values()].flatMap((group) => {
    const isFixed = group.every(({ takesFilter, gap }) => takesFilter && gap !== undefined);
    return group.slice(0, 1).map(({ command, isPrune, place, field }) => ({
      command,
      isPrune,
      place,
      field,
      fix: isFixed ? fix : undefined,
    }));
  });
}

/** Of gaps in one text, or behind one item. */
function changesFor(gaps: readonly Gap[]): readonly Change[] {
  const [first] = gaps;
  if (first === undefined) return [];
  const { field, text } = first.source;
  const offsets = new Set(gaps.flatMap(({ offset }) => (offset === undefined ? [] : [offset])));
  if (offsets.size === 0) {
    const [list, index] = [field.slice(0, -1), Number(field.at(-1))];
    return ["--filter", SPARING_FILTER].map((value, count) => ({
      path: [...list, index + 1 + count],
      value,
    }));
  }
  const parts: string[] = [];
  let end = 0;
  for (const offset of [...offsets].toSorted((one, other) => one - other)) {
    parts.push(text.slice(end, offset), ` --filter ${SPARING_FILTER}`);
    end = offset;
  }
  const value = parts.join("") + text.slice(end);
  return [{ path: field, value }];
}
