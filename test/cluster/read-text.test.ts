import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readTextStream } from "../../src/cluster/files/read-text.ts";

async function read(...chunks: Uint8Array[]) {
  async function* stream(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) {
      await Promise.resolve();
      yield chunk;
    }
  }
  return readTextStream(stream());
}

const UTF16 = "in UTF-16, and kubectl reads UTF-8: save it as UTF-8";

describe("a text", () => {
  test("is in UTF-8, and may come in pieces that divide a character", async () => {
    const bytes = Buffer.from("名: ä\n");
    assert.deepEqual(await read(bytes.subarray(0, 1), bytes.subarray(1)), { text: "名: ä\n" });
    assert.deepEqual(await read(), { text: "" });
  });

  test("may hold the sign that stands for what cannot be read", async () => {
    assert.deepEqual(await read(Buffer.from("a: \uFFFD\n")), { text: "a: \uFFFD\n" });
  });

  for (const { about, bytes } of [
    { about: "marked as little-endian", bytes: Buffer.from("\uFEFFkind: Pod\n", "utf16le") },
    { about: "marked as big-endian", bytes: Buffer.from("\uFEFFkind: Pod\n", "utf16le").swap16() },
    { about: "without a mark", bytes: Buffer.from("kind: Pod\n", "utf16le") },
    { about: "without a mark, big-endian", bytes: Buffer.from("kind: Pod\n", "utf16le").swap16() },
  ]) {
    test(`in UTF-16 ${about} is told as such`, async () => {
      assert.deepEqual(await read(bytes), { line: 1, column: 1, reason: UTF16 });
    });
  }

  test("in another encoding is told with the place of the first byte that is wrong", async () => {
    const bytes = Buffer.concat([Buffer.from("a: 1\nä: "), Buffer.from([0xe9, 0x0a])]);
    assert.deepEqual(await read(bytes), { line: 2, column: 4, reason: "not in UTF-8: save it as UTF-8" });
  });

  test("with a byte 0 in it is none", async () => {
    assert.deepEqual(await read(Buffer.from([1, 2, 0, 4, 5])), {
      line: 1,
      column: 1,
      reason: "not a text file",
    });
  });

  test("that has no end is not read to it", async () => {
    const chunk = Buffer.alloc(1024 * 1024, "a");
    let chunks = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (; ; chunks++) {
        await Promise.resolve();
        yield chunk;
      }
    }
    const read32 = await readTextStream(endless());
    assert.deepEqual(read32, { line: 1, column: 1, reason: "larger than 32 MiB: split it" });
    assert.equal(chunks, 32);
  });
});
