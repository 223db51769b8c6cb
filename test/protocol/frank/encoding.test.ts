import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deriveFrankKey, hash, mac, u32, u64 } from "../../../protocol/frank/encoding.js";
import { secretOf } from "../../support/franking/realm.js";
import { refusal } from "../refusal.js";
import { hex, join } from "../spelling.js";

/** The encoding by PROTOCOL.md's words: a byte of length and the label, then each field behind four bytes of length. */
function spelled(label: string, fields: readonly Uint8Array[]): Uint8Array {
  const name = Buffer.from(label);
  const parts = fields.flatMap((field) => [Buffer.of(0, 0, field.length >> 8, field.length & 0xff), field]);
  return join([Uint8Array.of(name.length), name, ...parts]);
}

const label = fc.stringMatching(/^[a-z0-9/]{0,40}$/);
const fields = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe("a MAC", () => {
  test("is HMAC-SHA-256 over label and fields, as Node computes it", () => {
    fc.assert(
      fc.property(key, label, fields, (secret, name, list) => {
        const expected = createHmac("sha256", secret).update(spelled(name, list)).digest("hex");
        expect(hex(mac(secret, name, ...list))).toBe(expected);
      }),
    );
  });

  test("is refused under a key that has not exactly 32 bytes: HMAC would pad it with zeros, and two keys were one", () => {
    for (const size of [0, 16, 31, 33, 64, 65])
      expect(refusal(() => mac(new Uint8Array(size), "frank1/msg"))).toBe("invalidArgument");
  });

  test("differs wherever a byte moves from one field to the next", () => {
    const secret = secretOf("key");
    const moved = [
      mac(secret, "l", Uint8Array.of(1, 2), Uint8Array.of(3)),
      mac(secret, "l", Uint8Array.of(1), Uint8Array.of(2, 3)),
      mac(secret, "l", Uint8Array.of(1, 2, 3)),
      mac(secret, "l", Uint8Array.of(1, 2, 3), new Uint8Array(0)),
      mac(secret, "l", new Uint8Array(0), Uint8Array.of(1, 2, 3)),
    ];
    expect(new Set(moved.map(hex)).size).toBe(moved.length);
  });
});

test("a hash is SHA-256 over label and fields, as Node computes it", () => {
  fc.assert(
    fc.property(label, fields, (name, list) => {
      expect(hex(hash(name, ...list))).toBe(createHash("sha256").update(spelled(name, list)).digest("hex"));
    }),
  );
});

test("the keys of a message are derived by purpose, and no two are alike", () => {
  const secret = secretOf("secret");
  const keys = (["m", "o", "r", "t"] as const).map((purpose) => {
    const derived = hex(deriveFrankKey(secret, purpose));
    expect(derived).toBe(createHmac("sha256", secret).update(`frank1/kdf/${purpose}`).digest("hex"));
    return derived;
  });
  expect(new Set(keys).size).toBe(4);
});

test("numbers are big-endian, of safe integers up to the largest", () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), fc.maxSafeNat(), (small, large) => {
      expect(hex(u32(small))).toBe(small.toString(16).padStart(8, "0"));
      expect(hex(u64(large))).toBe(large.toString(16).padStart(16, "0"));
    }),
  );
  expect(hex(u32(0xffff_ffff))).toBe("ffffffff");
  expect(hex(u64(Number.MAX_SAFE_INTEGER))).toBe("001fffffffffffff");
});
