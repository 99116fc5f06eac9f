import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import fc from "fast-check";
import { readBody } from "../../src/webhook/body.ts";
import type { Body, BodyLimits, InFlight } from "../../src/webhook/body.ts";
import { ReviewScanner } from "../../src/webhook/review-scanner.ts";

const LIMITS: BodyLimits = { maxBytes: 100, maxStructure: 10, maxBytesInFlight: 150 };
const HEAD = '{"apiVersion":"admission.k8s.io/v1","request":{"uid":"u-1","x":';
const FOUND = { apiVersion: "admission.k8s.io/v1", uid: "u-1" } as const;

function readFrom(stream: Readable, declared: number, inFlight: InFlight): Promise<Body> {
  return new Promise((resolve) => readBody(stream, declared, LIMITS, inFlight, resolve));
}

/** In pieces of any size, as they come from a socket. */
function read(text: string, { declared = 0, inFlight = { bytes: 0 }, pieceSize = 7 } = {}) {
  const pieces = text.match(new RegExp(`[^]{1,${pieceSize}}`, "g")) ?? [];
  return readFrom(Readable.from(pieces.map((piece) => Buffer.from(piece))), declared, inFlight);
}

describe("a body is", () => {
  test("read whole if it is within all limits", async () => {
    const text = "x".repeat(100);
    assert.deepEqual(await read(text), { outcome: "read", bytes: Buffer.from(text) });
    assert.deepEqual(await read(""), { outcome: "read", bytes: Buffer.alloc(0) });
  });

  test("oversize if it has more bytes, declared or not", async () => {
    const text = `${HEAD}"${"x".repeat(100)}"}}`;
    assert.deepEqual(await read(text), { outcome: "oversize", head: FOUND });
    assert.deepEqual(await read(text, { declared: text.length }), { outcome: "oversize", head: FOUND });
    assert.deepEqual(await read("x".repeat(101)), { outcome: "oversize", head: undefined });
  });

  test("oversize if it has more structure", async () => {
    assert.deepEqual(await read(`${HEAD}[,,,,,,,,,]}}`), { outcome: "oversize", head: FOUND });
  });

  test("no more than read if the structure is in a text", async () => {
    const text = `${HEAD}"[,,\\",,,,,,,]"}}`;
    assert.deepEqual(await read(text), { outcome: "read", bytes: Buffer.from(text) });
  });

  test("shed if there is no room, and takes none when it has ended", async () => {
    const inFlight = { bytes: 100 };
    assert.deepEqual(await read("x".repeat(60), { inFlight }), { outcome: "shed" });
    assert.deepEqual(await read("", { inFlight, declared: 60 }), { outcome: "shed" });
    assert.equal((await read("x".repeat(50), { inFlight })).outcome, "read");
    assert.equal((await read("x".repeat(101), { inFlight: { bytes: 0 } })).outcome, "oversize");
    assert.deepEqual(inFlight, { bytes: 100 });
  });

  test("aborted if its sender goes away, and takes no room afterwards", async () => {
    const inFlight = { bytes: 0 };
    const stream = new Readable({ read() {} });
    const body = readFrom(stream, 90, inFlight);
    stream.push(Buffer.alloc(30));
    stream.once("data", () => stream.destroy(new Error("reset")));
    assert.deepEqual(await body, { outcome: "aborted" });
    assert.deepEqual(inFlight, { bytes: 0 });
  });
});

describe("the scanner", () => {
  const uid = fc
    .string({ minLength: 1, maxLength: 40, unit: "binary" })
    .filter((text) => text.isWellFormed());
  const review = fc
    .record({ uid, first: fc.jsonValue(), last: fc.jsonValue() })
    .map(({ uid: id, first, last }) => {
      const decoys = { uid: 1, request: { uid: "decoy" }, list: [{ uid: "decoy" }, "uid", "decoy"] };
      return {
        uid: id,
        text: JSON.stringify({
          object: { uid: "decoy", decoys },
          first,
          request: { decoys, object: first, uid: id, oldObject: last },
          apiVersion: "admission.k8s.io/v1beta1",
          last,
        }),
      };
    });

  test("finds the uid of any review, however it is cut into pieces", () => {
    fc.assert(
      fc.property(review, fc.integer({ min: 1, max: 50 }), ({ uid: id, text }, size) => {
        const scanner = new ReviewScanner();
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += size) scanner.scan(bytes.subarray(at, at + size));
        assert.deepEqual(scanner.head, { apiVersion: "admission.k8s.io/v1beta1", uid: id });
      }),
    );
  });

  test("counts the structure as the parsed value has it", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const scanner = new ReviewScanner();
        scanner.scan(Buffer.from(JSON.stringify(value)));
        assert.equal(scanner.structure, structureOf(value));
      }),
    );
  });

  test("survives any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        const scanner = new ReviewScanner();
        scanner.scan(bytes);
        assert.equal(scanner.head, undefined);
      }),
    );
  });

  test("takes no text that is much too long for a uid", () => {
    const scanner = new ReviewScanner();
    scanner.scan(Buffer.from(`{"request":{"uid":"${"x".repeat(5000)}"}}`));
    assert.equal(scanner.head, undefined);
  });
});

/** Opening brackets, and commas between the elements. */
function structureOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const children: unknown[] = Object.values(value);
  const inside = children.map(structureOf).reduce((total, one) => total + one, 0);
  return 1 + Math.max(0, children.length - 1) + inside;
}
