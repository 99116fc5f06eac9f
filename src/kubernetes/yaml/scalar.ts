/**
 * What a scalar of kubectl's YAML can be. Integers are exact (int64 and uint64); every other number, `.inf` and
 * `.nan` among them, is a float.
 */
export type ScalarValue = null | boolean | bigint | number | string;

// Source of all of this: sigs.k8s.io/yaml 1.4 and 1.6, goyaml.v2/resolve.go, and Go's strconv with base 0.
const WORDS = new Map<string, ScalarValue>([
  ...wordsFor(null, ["", "~", "null", "Null", "NULL"]),
  ...wordsFor(true, ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"]),
  ...wordsFor(false, ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"]),
  ...wordsFor(Number.NaN, [".nan", ".NaN", ".NAN"]),
  ...wordsFor(Number.POSITIVE_INFINITY, [".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"]),
  ...wordsFor(Number.NEGATIVE_INFINITY, ["-.inf", "-.Inf", "-.INF"]),
]);
const LONGEST_WORD = 5;

const NUMBER_START = /^[-+.0-9]/;
const INTEGER = /^([-+]?)(?:(0[xX][0-9a-fA-F]+|0[bB][01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const FLOAT_FROM_POINT = /^\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?$/;

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;
/** `0b` and 64 digits, and some room for leading zeros; BigInt takes quadratic time for long ones. */
const MAX_INTEGER_LENGTH = 100;

const TAG_PREFIX = "tag:yaml.org,2002:";
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The value of a plain scalar without a tag. */
export function resolvePlain(text: string): ScalarValue {
  if (text.length <= LONGEST_WORD) {
    const word = WORDS.get(text);
    if (word !== undefined) return word;
  }
  if (!NUMBER_START.test(text)) return text;
  const number = text.startsWith(".") ? resolvePointFloat(text) : resolveNumber(text.replaceAll("_", ""));
  return number ?? text;
}

/** The value of a scalar under a tag as written (`!!int`, `!mine`, `!<tag:yaml.org,2002:str>`); undefined if kubectl refuses. */
export function resolveTagged(tag: string, text: string): ScalarValue | undefined {
  const name = coreName(tag);
  if (name === "binary") return decodeBase64(text);
  if (name !== "null" && name !== "bool" && name !== "int" && name !== "float") return text;
  const value = resolvePlain(text);
  if (name === "null") return value === null ? value : undefined;
  if (name === "bool") return typeof value === "boolean" ? value : undefined;
  if (name === "int") return typeof value === "bigint" ? value : undefined;
  if (typeof value === "bigint" && value <= MAX_INT64) return Number(value);
  return typeof value === "number" ? value : undefined;
}

/** True for `!!merge` in either spelling, and for `!`, which leaves a plain scalar untagged. */
export function allowsMerge(tag: string): boolean {
  return tag === "!" || coreName(tag) === "merge";
}

/** The JSON key for a scalar that stands as a key; undefined for those that kubectl refuses. */
export function keyOf(value: ScalarValue): string | undefined {
  if (typeof value === "bigint") return value <= MAX_INT64 ? String(value) : undefined;
  if (typeof value === "number") return formatFloat32(value);
  return value === null ? undefined : String(value);
}

function wordsFor(value: ScalarValue, spellings: readonly string[]): [string, ScalarValue][] {
  return spellings.map((spelling) => [spelling, value]);
}

function coreName(tag: string): string | undefined {
  if (tag.startsWith("!!")) return tag.slice(2);
  if (tag.startsWith(`!<${TAG_PREFIX}`)) return tag.slice(2 + TAG_PREFIX.length, -1);
  return undefined;
}

function resolveNumber(digits: string): bigint | number | undefined {
  return resolveInteger(digits) ?? (FLOAT.test(digits) ? finite(digits) : undefined);
}

/** `014` and `0o14` are 12; what fits neither int64 nor uint64 is no integer. */
function resolveInteger(digits: string): bigint | undefined {
  if (digits.length > MAX_INTEGER_LENGTH) return undefined;
  const match = INTEGER.exec(digits);
  if (match === null) return undefined;
  const [, sign, prefixed, octal, decimal] = match;
  const magnitude = BigInt(prefixed?.toLowerCase() ?? decimal ?? `0o${octal}`);
  if (sign === "-") return -magnitude >= MIN_INT64 ? -magnitude : undefined;
  return magnitude <= (sign === "+" ? MAX_INT64 : MAX_UINT64) ? magnitude : undefined;
}

function resolvePointFloat(text: string): number | undefined {
  return FLOAT_FROM_POINT.test(text) ? finite(text.replaceAll("_", "")) : undefined;
}

/** Beyond float64 kubectl keeps the text. */
function finite(digits: string): number | undefined {
  const number = Number(digits);
  return Number.isFinite(number) ? number : undefined;
}

/** Go's `strconv.FormatFloat(value, 'g', -1, 32)`, with which sigs.k8s.io/yaml writes float keys. */
function formatFloat32(value: number): string {
  const float = Math.fround(value);
  if (Number.isNaN(float)) return ".nan";
  if (!Number.isFinite(float)) return float < 0 ? "-.inf" : ".inf";
  if (float === 0) return Object.is(float, -0) ? "-0" : "0";
  const shortest = shortestFloat32(float);
  const [mantissa = "", exponent = ""] = shortest.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(shortest);
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** The float64 with the fewest digits that still is this float32; nine digits always are enough. */
function shortestFloat32(float: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const candidate = Number(float.toPrecision(digits));
    if (Math.fround(candidate) === float) return candidate;
  }
  return Number(float.toPrecision(9));
}

function decodeBase64(text: string): string | undefined {
  const packed = text.replace(/[\r\n]/g, "");
  if (!BASE64.test(packed)) return undefined;
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
