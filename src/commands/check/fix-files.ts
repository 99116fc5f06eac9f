/** `foresail check --fix`: makes repairs in the texts of files, one after the other, until there is nothing left to make. */
import { access, constants, readFile, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { parseManifests } from "../../cluster/files/manifests.ts";
import type { Manifest } from "../../cluster/files/manifests.ts";
import { printable } from "../../engine/render.ts";
import { formatField } from "../../kubernetes/field-path.ts";
import { changesBelow, sameJson } from "../../kubernetes/json-patch.ts";
import { editYaml } from "../../kubernetes/yaml/edit.ts";
import type { CheckOutcome, Repair } from "./check-manifests.ts";

export interface FixRequest {
  readonly manifests: readonly Manifest[];
  readonly outcome: CheckOutcome;
  readonly standardInput: string | undefined;
  /** Files must be such that they can be written. */
  readonly isForWriting: boolean;
  readonly checkAgain: (manifests: readonly Manifest[]) => Promise<CheckOutcome>;
}

interface FixedText {
  /** `-` for standard input. */
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

export interface Fixed {
  /** Those that changed. */
  readonly texts: readonly FixedText[];
  /** What is found in the texts as they are now. */
  readonly outcome: CheckOutcome;
  /** How many repairs were made. */
  readonly count: number;
  /** Why others were not, a line each. */
  readonly refusals: readonly string[];
}

/** Each costs a check; no object has that many findings that are not repaired together. */
const MAX_ROUNDS = 100;

export async function fixManifests(request: FixRequest): Promise<Fixed> {
  const fixing = new Fixing(request);
  for (let round = 0; round < MAX_ROUNDS; round++) if (!(await fixing.makeSome())) break;
  return fixing.result();
}

/** The texts as they are so far. */
class Fixing {
  readonly #request: FixRequest;
  readonly #texts = new Map<string, FixedText>();
  readonly #refusals = new Map<string, string>();
  #manifests: readonly Manifest[];
  #outcome: CheckOutcome;
  #count = 0;

  constructor(request: FixRequest) {
    this.#request = request;
    this.#manifests = request.manifests;
    this.#outcome = request.outcome;
  }

  /** One repair an object, because it may change what else is to be repaired there. False if there is none. */
  async makeSome(): Promise<boolean> {
    const open = this.#outcome.repairs.filter((repair) => !this.#refusals.has(keyOf(repair)));
    const ofManifests = Map.groupBy(open, ({ manifest }) => manifest);
    const first = [...ofManifests.values()].flatMap((repairs) => repairs.slice(0, 1));
    const ofFiles = Map.groupBy(first, ({ manifest }) => manifest.file);
    for (const [file, repairs] of ofFiles) await this.#repair(file, repairs);
    if (ofFiles.size > 0) this.#outcome = await this.#request.checkAgain(this.#manifests);
    return ofFiles.size > 0;
  }

  result(): Fixed {
    const { isForWriting, outcome } = this.#request;
    // The places are those in the files as they will be.
    const places = isForWriting ? this.#outcome : outcome;
    return {
      texts: [...this.#texts.values()].filter(({ before, after }) => before !== after),
      outcome: this.#outcome,
      count: this.#count,
      refusals: places.repairs.flatMap((repair) => {
        const reason = this.#refusals.get(keyOf(repair));
        return reason === undefined ? [] : [refusalLine(repair, reason)];
      }),
    };
  }

  async #repair(file: string, repairs: readonly Repair[]): Promise<void> {
    const text = this.#texts.get(file) ?? (await this.#open(file));
    if (typeof text === "string") return this.#refuse(repairs, text);
    const edits = new Map(
      repairs.map((repair) => {
        const { manifest } = repair;
        const changes = changesBelow(manifest.path, repair.changes());
        return [{ document: manifest.document, changes }, repair];
      }),
    );
    const { text: after, refusals } = editYaml(text.after, [...edits.keys()]);
    for (const [edit, repair] of edits) {
      const refusal = refusals.get(edit);
      if (refusal === undefined) this.#count++;
      else this.#refuse([repair], refusal);
    }
    this.#texts.set(file, { ...text, after });
    const { manifests } = parseManifests(file, after, true);
    this.#manifests = [...Map.groupBy(this.#manifests, (manifest) => manifest.file)].flatMap(
      ([other, ofOther]) => (other === file ? manifests : ofOther),
    );
  }

  /** Why not, if it cannot be changed. */
  async #open(file: string): Promise<FixedText | string> {
    const { standardInput, isForWriting, manifests } = this.#request;
    if (file !== "-") {
      const facts = await stat(file).catch(() => undefined);
      if (facts?.isFile() !== true) return "it is no regular file";
      if (isForWriting && !(await canBeReplaced(file))) return "there is no permission to write it";
    }
    const text = file === "-" ? (standardInput ?? "") : await readFile(file, "utf8");
    const before = manifests.filter((manifest) => manifest.file === file).map(({ object }) => object);
    const now = parseManifests(file, text, true).manifests.map(({ object }) => object);
    if (!sameJson(before, now)) return "it was changed while it was checked";
    return { file, before: text, after: text };
  }

  #refuse(repairs: readonly Repair[], reason: string): void {
    for (const repair of repairs) this.#refusals.set(keyOf(repair), reason);
  }
}

function refusalLine({ manifest, verdict }: Repair, reason: string): string {
  const { line, column } = manifest.position(verdict.field);
  const place = `${printable(manifest.file)}:${line}:${column}`;
  return `${place}: ${verdict.rule}: not fixed: ${printable(reason)}`;
}

/** Stays when the text changes. */
function keyOf({ manifest: { file, document, path }, verdict }: Repair): string {
  const { rule, messageId, field } = verdict;
  return JSON.stringify([file, document, path, rule, messageId, formatField(field)]);
}

async function canBeReplaced(file: string): Promise<boolean> {
  try {
    await access(file, constants.W_OK);
    await access(dirname(await realpath(file)), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
