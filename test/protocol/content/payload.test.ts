import {
  accountIdFromBytes,
  type Content,
  decodePayload,
  directConversationId,
  encodeContent,
  encodePayload,
  FRANK_BYTES,
  limits,
  MAX_EVIDENCE_BYTES,
  type Payload,
  paddedSize,
  parseDeviceId,
  parseMessageId,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusal } from "../refusal.js";
import { join, raw, spell, type Wire } from "../spelling.js";
import { payloadWire as wireOf } from "./payload-wire.js";

const profileKey = new Uint8Array(32).fill(8);
const frank = new Uint8Array(FRANK_BYTES).fill(9);
const id = (value: number) => new Uint8Array(16).fill(value);
const envelopes = fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }), { minLength: 1, maxLength: 64 });
const contents = fc.oneof(
  fc.uint8Array({ maxLength: 2_000 }),
  fc.integer({ min: 0, max: limits.contentBytes.value }).map((size) => new Uint8Array(size).fill(0x80)),
);
const envelope = fc.uint8Array({ minLength: 16, maxLength: 16 });
const resendOf = fc.option(envelope, { nil: undefined });
const account = accountIdFromBytes(id(7));
const payloads: fc.Arbitrary<Payload> = fc.oneof(
  fc.record({ type: fc.constant("content" as const), content: contents, resendOf }),
  contents.map((content) => ({ type: "content", content, profileKey, userId: "alice" }) as const),
  resendOf.map((named) => ({ type: "contact", profileKey, resendOf: named }) as const),
  envelopes.map((named) => ({ type: "retry", envelopes: named }) as const),
  envelopes.map((named) => ({ type: "unavailable", envelopes: named }) as const),
  envelope.map((named) => ({ type: "nothing", resendOf: named }) as const),
  fc.nat().map((atMs) => ({ type: "missed", atMs }) as const),
  fc.record({
    type: fc.constant("sent" as const),
    peer: fc.constant(account),
    atMs: fc.nat(),
    content: contents,
    resendOf,
  }),
  fc.record({
    type: fc.constantFrom("state" as const, "archive" as const, "archived" as const),
    body: contents,
    resendOf,
  }),
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
    [{ type: "content", content: Uint8Array.of(1, 2) }, wireOf(0, { body: Uint8Array.of(1, 2) })],
    [
      { type: "content", content: Uint8Array.of(1), profileKey, userId: "alice", resendOf: id(3) },
      wireOf(0, { body: Uint8Array.of(1), profileKey, userId: "alice", resendOf: id(3) }),
    ],
    [
      { type: "content", content: Uint8Array.of(1), resendOf: id(3), atMs: 5 },
      wireOf(0, { body: Uint8Array.of(1), resendOf: id(3), atMs: 5 }),
    ],
    [{ type: "contact", profileKey }, wireOf(1, { profileKey })],
    [{ type: "retry", envelopes: [id(1), id(2)] }, wireOf(2, { envelopes: [id(1), id(2)] })],
    [{ type: "unavailable", envelopes: [id(1)] }, wireOf(3, { envelopes: [id(1)] })],
    [{ type: "nothing", resendOf: id(1) }, wireOf(4, { resendOf: id(1) })],
    [{ type: "missed", atMs: 5 }, wireOf(5, { atMs: 5 })],
    [
      { type: "sent", peer: account, atMs: 5, content: Uint8Array.of(1) },
      wireOf(6, { peer: id(7), atMs: 5, body: Uint8Array.of(1) }),
    ],
    [{ type: "content", content: Uint8Array.of(1), frank }, wireOf(0, { body: Uint8Array.of(1), frank })],
    [
      { type: "sent", peer: account, atMs: 5, content: Uint8Array.of(1), evidence: id(4) },
      wireOf(6, { peer: id(7), atMs: 5, body: Uint8Array.of(1), evidence: id(4) }),
    ],
    [{ type: "state", body: Uint8Array.of(1) }, wireOf(7, { body: Uint8Array.of(1) })],
    [{ type: "archive", body: Uint8Array.of(1) }, wireOf(8, { body: Uint8Array.of(1) })],
    [{ type: "archived", body: Uint8Array.of(1) }, wireOf(9, { body: Uint8Array.of(1) })],
  ])("is its record, an end mark and zeros: %#", (payload, wire) => {
    const expected = pad(spell(wire), 512);
    expect(Buffer.compare(encodePayload(payload), expected)).toBe(0);
    expect(decodePayload(expected)).toEqual(payload);
  });

  test.each<[string, Wire]>([
    ["another version", [2, ...wireOf(0).slice(1)]],
    ["an unknown type", wireOf(15)],
    ["a content that names an envelope", wireOf(0, { envelopes: [id(1)] })],
    ["a content that names a peer", wireOf(0, { peer: id(7) })],
    ["a content with a time that answers nothing", wireOf(0, { atMs: 5 })],
    ["a contact without a key", wireOf(1)],
    ["a contact with a body", wireOf(1, { profileKey, body: Uint8Array.of(1) })],
    ["a retry that names none", wireOf(2)],
    ["a retry with a body", wireOf(2, { envelopes: [id(1)], body: Uint8Array.of(1) })],
    ["a retry with a profile key", wireOf(2, { envelopes: [id(1)], profileKey })],
    ["a retry in answer to one", wireOf(2, { envelopes: [id(1)], resendOf: id(1) })],
    ["an unavailable with a body", wireOf(3, { envelopes: [id(1)], body: Uint8Array.of(1) })],
    ["a nothing that answers nothing", wireOf(4)],
    ["a missed without a time", wireOf(5)],
    ["a missed in answer to a retry", wireOf(5, { atMs: 5, resendOf: id(1) })],
    ["a sent without a peer", wireOf(6, { atMs: 5 })],
    ["a sent without a time", wireOf(6, { peer: id(7) })],
    ["a sent with a profile key", wireOf(6, { peer: id(7), atMs: 5, profileKey })],
    ["a state with a user id", wireOf(7, { userId: "alice" })],
    ["an archive with a peer", wireOf(8, { peer: id(7) })],
    ["a content above its limit", wireOf(0, { body: new Uint8Array(limits.contentBytes.value + 1) })],
    ["a content with evidence", wireOf(0, { evidence: id(4) })],
    ["a sent with a frank", wireOf(6, { peer: id(7), atMs: 5, frank })],
    ["a contact with a frank", wireOf(1, { profileKey, frank })],
    ["an archive with evidence", wireOf(8, { evidence: id(4) })],
    ["a frank of another size", wireOf(0, { frank: frank.subarray(1) })],
    ["evidence of no bytes", wireOf(6, { peer: id(7), atMs: 5, evidence: new Uint8Array(0) })],
    ["evidence above its limit", wireOf(6, { peer: id(7), atMs: 5, evidence: new Uint8Array(MAX_EVIDENCE_BYTES + 1) })],
    ["an empty user id", wireOf(0, { userId: "" })],
    ["an envelope id of 15 bytes", wireOf(2, { envelopes: [id(1).subarray(1)] })],
    ["a profile key of 31 bytes", wireOf(0, { profileKey: profileKey.subarray(1) })],
    ["a second spelling", [raw("cc01"), ...wireOf(0).slice(1)]],
    ["a missing field", wireOf(0).slice(0, -1)],
    ["no record", "text"],
  ])("is refused: %s", (_why, wire) => {
    const record = spell(wire);
    expect(refusal(() => decodePayload(pad(record, paddedSize(record.length))))).toBe("badFrame");
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
  const record = spell(wireOf(0, { body: Uint8Array.of(1) }));

  test.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array(0)],
    ["only zeros", new Uint8Array(512)],
    ["no end mark", join([record, new Uint8Array(512 - record.length)])],
    ["another end mark", join([record, Uint8Array.of(0x81), new Uint8Array(511 - record.length)])],
    ["no padding at all", record],
    ["a size that is no bucket", pad(record, 257)],
    ["a larger bucket than needed", pad(record, 768)],
    ["a bucket without room for a frank", pad(record, 256)],
    ["something behind the end mark", join([pad(record, 512).subarray(0, 511), Uint8Array.of(1)])],
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
      512, 768, 1_024, 2_048, 3_072, 4_096, 8_192, 12_288, 16_384, 32_768, 49_152, 65_536, 81_920,
    ]);
  });

  test("makes texts of one bucket indistinguishable by size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200 }), (one, other) => {
        const size = (length: number) => encodePayload({ type: "content", content: new Uint8Array(length) }).length;
        expect(size(one)).toBe(512);
        expect(size(other)).toBe(512);
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
    const frankOf = ({ kind }: Content) => (kind === "typing" || kind === "receipt" ? undefined : frank);
    const small: Content[] = [
      { ...header, kind: "typing", typing: "started" },
      { ...header, kind: "reaction", target, emoji: "👍🏽", action: "add" },
      { ...header, kind: "receipt", receipt: "read", targets: [target] },
      { ...header, kind: "delete", target },
      { ...header, kind: "text", text: "See you at eight, at the usual place." },
    ];
    for (const content of small) {
      expect(
        encodePayload({ type: "content", content: encodeContent(content), profileKey, frank: frankOf(content) }).length,
      ).toBe(512);
    }
  });

  test("of the largest payload leaves room for the cipher within one envelope", () => {
    const content = new Uint8Array(limits.contentBytes.value);
    const userId = "u".repeat(limits.userIdBytes.value);
    const said = encodePayload({ type: "content", content, profileKey, userId, resendOf: id(1), frank });
    expect(said.length + CIPHER_OVERHEAD).toBeLessThanOrEqual(limits.ciphertextBytes.value);
    const body = new Uint8Array(limits.ownBodyBytes.value);
    const largest = encodePayload({ type: "archive", body, resendOf: id(1) });
    expect(largest.length + CIPHER_OVERHEAD).toBeLessThanOrEqual(limits.ciphertextBytes.value);
  });
});
