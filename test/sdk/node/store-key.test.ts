import { randomBytes } from "node:crypto";
import { encodeRecord, field } from "@sotto/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { keySource } from "../../../sdk/node/store-key.js";

const source = keySource("unused", { passphrase: "correct horse" });

test("a tampered wrapped key is refused, whatever was changed", async () => {
  const hook = keySource("unused", { key: async () => new Uint8Array(32).fill(7) });
  const wrapped = await hook.wrap(randomBytes(32));
  await fc.assert(
    fc.asyncProperty(fc.nat(wrapped.length * 8 - 1), async (bit) => {
      const changed = wrapped.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(hook.unwrap(changed)).rejects.toMatchObject({
        code: expect.stringMatching(/^(wrongKey|storeCorrupt)$/),
      });
    }),
    { numRuns: 500 },
  );
});

test("a stored scrypt cost beyond the bounds is refused before any memory is taken", async () => {
  const loose = field.record({
    kind: field.choice("hook", "passphrase", "file"),
    scrypt: field.record({ salt: field.bytes(16), log2N: field.uint(255), r: field.uint(255), p: field.uint(255) }),
    nonce: field.bytes(12),
    sealed: field.bytes(48),
  });
  const costs = [
    { log2N: 31, r: 8, p: 1 },
    { log2N: 1, r: 8, p: 1 },
    { log2N: 20, r: 16, p: 1 },
    { log2N: 17, r: 200, p: 1 },
    { log2N: 17, r: 8, p: 200 },
  ];
  for (const cost of costs) {
    const scrypt = { salt: new Uint8Array(16), ...cost };
    const header = { kind: "passphrase" as const, scrypt, nonce: new Uint8Array(12), sealed: new Uint8Array(48) };
    await expect(source.unwrap(encodeRecord(loose, header))).rejects.toMatchObject({ code: "storeCorrupt" });
  }
});

test("an answer that is no passphrase is the caller's mistake", async () => {
  const empty = keySource("unused", { passphrase: async () => "" });
  await expect(empty.wrap(randomBytes(32))).rejects.toMatchObject({ code: "invalidArgument" });
});
