import {
  accountIdFromBytes,
  type Content,
  decodePayload,
  directConversationId,
  encodeContent,
  encodePayload,
  limits,
  type Payload,
  paddedSize,
  parseDeviceId,
  parseMessageId,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusal } from "../refusal.js";
import { join, raw, spell, type Wire } from "../spelling.js";

const NOTHING = new Uint8Array(0);
const profileKey = new Uint8Array(32).fill(8);
const id = (value: number) => new Uint8Array(16).fill(value);
const envelopes = fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }), { minLength: 1, maxLength: 64 });
const contents = fc.oneof(
  fc.uint8Array({ maxLength: 2_000 }),
  fc.integer({ min: 0, max: limits.contentBytes.value }).map((size) => new Uint8Array(size).fill(0x80)),
);
const payloads: fc.Arbitrary<Payload> = fc.oneof(
  contents.map((content) => ({ type: "content", content }) as const),
  contents.map((content) => ({ type: "content", content, profileKey }) as const),
  fc
    .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), contents)
    .map(([envelope, content]) => ({ type: "resend", envelope, content }) as const),
  envelopes.map((named) => ({ type: "retry", envelopes: named }) as const),
  envelopes.map((named) => ({ type: "unavailable", envelopes: named }) as const),
);

/** Pads by the words of PROTOCOL.md: an end mark, then zeros. */
function pad(record: Uint8Array, size: number): Uint8Array {
  return join([record, Uint8Array.of(0x80), new Uint8Array(size - record.length - 1)]);
}

/** What libsignal adds at most around padded bytes; `sealed-size.test.ts` measures it. */
const CIPHER_OVERHEAD = 4_096;

describe("a payload", () => {
  test("survives encoding and decoding, in one spelling only", () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        const padded = encodePayload(payload);
        const again = decodePayload(padded);
        expect(again.type).toBe(payload.type);
        expect(Buffer.compare(encodePayload(again), padded)).toBe(0);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each<[Payload, Wire]>([
    [{ type: "content", content: Uint8Array.of(1, 2) }, [1, 0, [], Uint8Array.of(1, 2), null]],
    [{ type: "content", content: Uint8Array.of(1), profileKey }, [1, 0, [], Uint8Array.of(1), profileKey]],
    [
      { type: "resend", envelope: id(3), content: Uint8Array.of(1), profileKey },
      [1, 1, [id(3)], Uint8Array.of(1), profileKey],
    ],
    [{ type: "retry", envelopes: [id(1), id(2)] }, [1, 2, [id(1), id(2)], NOTHING, null]],
    [{ type: "unavailable", envelopes: [id(1)] }, [1, 3, [id(1)], NOTHING, null]],
  ])("is its record, an end mark and zeros: %#", (payload, wire) => {
    const expected = pad(spell(wire), 256);
    expect(Buffer.compare(encodePayload(payload), expected)).toBe(0);
    expect(decodePayload(expected)).toEqual(payload);
  });

  test.each<[string, Wire]>([
    ["another version", [2, 0, [], Uint8Array.of(1), null]],
    ["an unknown type", [1, 4, [], Uint8Array.of(1), null]],
    ["a content that names an envelope", [1, 0, [id(1)], Uint8Array.of(1), null]],
    ["a resend that names none", [1, 1, [], Uint8Array.of(1), null]],
    ["a resend that names two", [1, 1, [id(1), id(2)], Uint8Array.of(1), null]],
    ["a retry that names none", [1, 2, [], NOTHING, null]],
    ["a retry with a content", [1, 2, [id(1)], Uint8Array.of(1), null]],
    ["a retry with a profile key", [1, 2, [id(1)], NOTHING, profileKey]],
    ["an unavailable with a content", [1, 3, [id(1)], Uint8Array.of(1), null]],
    ["an envelope id of 15 bytes", [1, 2, [id(1).subarray(1)], NOTHING, null]],
    ["a profile key of 31 bytes", [1, 0, [], Uint8Array.of(1), profileKey.subarray(1)]],
    ["a second spelling", [raw("cc01"), 0, [], Uint8Array.of(1), null]],
    ["a missing field", [1, 0, [], NOTHING]],
    ["no record", "text"],
  ])("is refused: %s", (_why, wire) => {
    expect(refusal(() => decodePayload(pad(spell(wire), 256)))).toBe("badFrame");
  });

  test("is not written without the envelopes its type needs, nor with more than fit", () => {
    for (const type of ["retry", "unavailable"] as const) {
      expect(refusal(() => encodePayload({ type, envelopes: [] }))).toBe("invalidArgument");
      expect(refusal(() => encodePayload({ type, envelopes: Array.from({ length: 65 }, () => id(1)) }))).toBe(
        "invalidArgument",
      );
    }
    const content = new Uint8Array(limits.contentBytes.value + 1);
    expect(refusal(() => encodePayload({ type: "content", content }))).toBe("invalidArgument");
  });
});

describe("padding", () => {
  const record = spell([1, 0, [], Uint8Array.of(1), null]);

  test.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array(0)],
    ["only zeros", new Uint8Array(256)],
    ["no end mark", join([record, new Uint8Array(256 - record.length)])],
    ["another end mark", join([record, Uint8Array.of(0x81), new Uint8Array(255 - record.length)])],
    ["no padding at all", record],
    ["a size that is no bucket", pad(record, 257)],
    ["a larger bucket than needed", pad(record, 512)],
    ["something behind the end mark", join([pad(record, 256).subarray(0, 255), Uint8Array.of(1)])],
  ])("is refused: %s", (_why, padded) => {
    expect(refusal(() => decodePayload(padded))).toBe("badFrame");
  });

  test("leaks only the bucket: the size depends on nothing but the bucket the length falls into", () => {
    const sizes = new Set<number>();
    let last = 0;
    for (let length = 0; length <= limits.contentBytes.value; length += length < 20_000 ? 1 : 101) {
      const size = paddedSize(length);
      expect(size).toBeGreaterThan(length);
      expect(size).toBeGreaterThanOrEqual(last);
      expect(paddedSize(size - 1)).toBe(size);
      last = size;
      sizes.add(size);
    }
    sizes.add(paddedSize(limits.contentBytes.value));
    expect([...sizes]).toEqual([
      256, 512, 768, 1_024, 2_048, 3_072, 4_096, 8_192, 12_288, 16_384, 32_768, 49_152, 65_536, 81_920,
    ]);
  });

  test("makes texts of one bucket indistinguishable by size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200 }), (one, other) => {
        const size = (length: number) => encodePayload({ type: "content", content: new Uint8Array(length) }).length;
        expect(size(one)).toBe(256);
        expect(size(other)).toBe(256);
      }),
    );
  });

  test("is the same for typing, a reaction, a receipt and a short text", () => {
    const account = accountIdFromBytes(id(1));
    const header = {
      sender: account,
      device: parseDeviceId(1),
      conversation: directConversationId(account, accountIdFromBytes(id(2))),
      messageId: parseMessageId("ab".repeat(16)),
      counter: 100_000,
      sentAtMs: 1_800_000_000_000,
      seen: [],
    };
    const target = header.messageId;
    const small: Content[] = [
      { ...header, kind: "typing", typing: "started" },
      { ...header, kind: "reaction", target, emoji: "👍🏽", action: "add" },
      { ...header, kind: "receipt", receipt: "read", targets: [target] },
      { ...header, kind: "delete", target },
      { ...header, kind: "text", text: "See you at eight, at the usual place." },
    ];
    for (const content of small) {
      expect(encodePayload({ type: "content", content: encodeContent(content), profileKey }).length).toBe(256);
    }
  });

  test("of the largest payload leaves room for the cipher within one envelope", () => {
    const content = new Uint8Array(limits.contentBytes.value);
    const largest = encodePayload({ type: "resend", envelope: id(1), content, profileKey });
    expect(largest.length + CIPHER_OVERHEAD).toBeLessThanOrEqual(limits.ciphertextBytes.value);
  });
});
