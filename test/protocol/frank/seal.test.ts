import { createHmac } from "node:crypto";
import { ml_kem768_x25519 as xWing } from "@noble/post-quantum/hybrid.js";
import { labelled, SEAL_PUBLIC_KEY_BYTES, seal, sealKeysOf, unseal } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sealedPlaintextSize } from "../../../protocol/frank/seal.js";
import { secretOf } from "../../support/franking/realm.js";
import { refusal } from "../refusal.js";

const keys = sealKeysOf(secretOf("desk"));
const context = labelled("what for");
const HEAD_BYTES = 1_152;
const words = new TextEncoder().encode("what somebody said");
const sealed = seal(keys.publicKey, context, words);

describe("a sealed text", () => {
  test("opens with the key and in the context it was sealed for, and is never the same bytes twice", () => {
    expect(unseal(keys.secretKey, context, sealed)).toEqual(words);
    expect(seal(keys.publicKey, context, words)).not.toEqual(sealed);
  });

  test("opens with no other key, in no other context", () => {
    expect(unseal(sealKeysOf(secretOf("other")).secretKey, context, sealed)).toBeUndefined();
    expect(unseal(keys.secretKey, labelled("what for", new Uint8Array(0)), sealed)).toBeUndefined();
    expect(unseal(keys.secretKey.subarray(1), context, sealed)).toBeUndefined();
  });

  test("does not open with a bit changed anywhere, cut short, or with a byte behind it", () => {
    const places = [0, 1_087, 1_088, 1_119, 1_120, 1_151, 1_152, 3_000, sealed.length - 1];
    for (const place of places) {
      const changed = new Uint8Array(sealed);
      changed[place] = (changed[place] as number) ^ 0x10;
      expect(unseal(keys.secretKey, context, changed), `byte ${place}`).toBeUndefined();
    }
    for (const end of [0, 1, HEAD_BYTES, HEAD_BYTES + 15, sealed.length - 1])
      expect(unseal(keys.secretKey, context, sealed.subarray(0, end)), `${end} bytes`).toBeUndefined();
    expect(unseal(keys.secretKey, context, Uint8Array.of(...sealed, 0))).toBeUndefined();
  });

  test("commits to its key: by another's commitment it does not open", () => {
    const other = seal(keys.publicKey, context, words);
    const mixed = new Uint8Array(sealed);
    mixed.set(other.subarray(1_120, HEAD_BYTES), 1_120);
    expect(unseal(keys.secretKey, context, mixed)).toBeUndefined();
  });

  test("says its commitment by PROTOCOL.md's words", () => {
    const kem = sealed.subarray(0, 1_120);
    const shared = xWing.decapsulate(kem, keys.secretKey);
    const root = createHmac("sha256", shared)
      .update(labelled("frank1/report", kem, context))
      .digest();
    const commit = createHmac("sha256", root).update("frank1/seal/commit").digest();
    expect(Buffer.from(sealed.subarray(1_120, HEAD_BYTES))).toEqual(commit);
  });

  test("of any length opens to the same bytes, those that end like padding too", () => {
    const plain = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(4_094, 4_095, 4_096, 65_535, 65_536).map((size) => new Uint8Array(size).fill(0x80)),
      fc.nat(40).map((zeros) => Uint8Array.of(1, 0x80, ...new Uint8Array(zeros))),
    );
    fc.assert(
      fc.property(plain, (text) => {
        const made = seal(keys.publicKey, context, text);
        expect(made.length).toBe(HEAD_BYTES + sealedPlaintextSize(text.length) + 16);
        expect(Buffer.compare(unseal(keys.secretKey, context, made) ?? new Uint8Array(1), text)).toBe(0);
      }),
      { numRuns: 25 },
    );
  });
});

test("sizes are few: 4 KiB doubled up to 64 KiB, then steps of 64 KiB", () => {
  const sizes = new Set(Array.from({ length: 3_000 }, (_, at) => sealedPlaintextSize(at * 67)));
  expect([...sizes]).toEqual([4_096, 8_192, 16_384, 32_768, 65_536, 131_072, 196_608, 262_144]);
  expect(sealedPlaintextSize(0)).toBe(4_096);
  expect(sealedPlaintextSize(4_095)).toBe(4_096);
  expect(sealedPlaintextSize(4_096)).toBe(8_192);
  expect(sealedPlaintextSize(65_535)).toBe(65_536);
  expect(sealedPlaintextSize(65_536)).toBe(131_072);
});

test("keys come of 32 bytes, and what is no key is not sealed to", () => {
  expect(keys.publicKey.length).toBe(SEAL_PUBLIC_KEY_BYTES);
  expect(sealKeysOf(secretOf("desk"))).toEqual(keys);
  for (const size of [0, 31, 33]) expect(refusal(() => sealKeysOf(new Uint8Array(size)))).toBe("invalidArgument");
  expect(refusal(() => seal(keys.publicKey.subarray(1), context, words))).toBe("invalidArgument");
});
