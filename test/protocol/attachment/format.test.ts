import {
  ATTACHMENT_CHUNK_BYTES,
  ATTACHMENT_TAG_BYTES,
  attachmentChunks,
  attachmentNonce,
  blobIdOf,
  limits,
  MIN_PADDED_ATTACHMENT_BYTES,
  paddedAttachmentSize,
  sealedAttachmentSize,
  sealedChunkOffset,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { paddedSize } from "../../support/attachments/independent.js";
import { hex } from "../spelling.js";

const { value: MOST } = limits.attachmentBytes;
/** Sizes of every order of magnitude alike, with a liking for powers of two and their neighbours. */
const sizes = fc.oneof(
  fc.integer({ min: 0, max: 32 }).chain((bits) => fc.integer({ min: 0, max: 2 ** bits })),
  fc
    .tuple(fc.integer({ min: 0, max: 32 }), fc.constantFrom(-1, 0, 1))
    .map(([bits, by]) => Math.min(MOST, Math.max(0, 2 ** bits + by))),
);
const RUNS = { numRuns: 5_000 };

describe("the padded size of an attachment", () => {
  test("holds the plaintext, adds at most 12 %, and is what the paper's rule says", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const padded = paddedAttachmentSize(size);
        expect(padded).toBeGreaterThanOrEqual(Math.max(size, MIN_PADDED_ATTACHMENT_BYTES));
        if (size > MIN_PADDED_ATTACHMENT_BYTES) expect(padded - size).toBeLessThanOrEqual(0.12 * size);
        expect(padded).toBe(paddedSize(size));
      }),
      RUNS,
    );
  });

  test("is padded to itself, and never smaller for more", () => {
    fc.assert(
      fc.property(sizes, sizes, (one, other) => {
        expect(paddedAttachmentSize(paddedAttachmentSize(one))).toBe(paddedAttachmentSize(one));
        const [less, more] = one < other ? [one, other] : [other, one];
        expect(paddedAttachmentSize(less)).toBeLessThanOrEqual(paddedAttachmentSize(more));
      }),
      RUNS,
    );
  });

  test("takes few values: of all sizes up to the limit, the relay tells 577 apart", () => {
    const values = new Set<number>();
    for (let size = 0; size <= MOST; size = paddedAttachmentSize(size) + 1) values.add(paddedAttachmentSize(size));
    expect(values.size).toBe(577);
    expect(Math.max(...values)).toBe(MOST);
  });

  test("is refused for anything that is no size", () => {
    for (const size of [-1, 0.5, MOST + 1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      for (const of of [paddedAttachmentSize, sealedAttachmentSize]) expect(() => of(size)).toThrow(RangeError);
  });
});

describe("the blob of an attachment", () => {
  test("has a tag for each chunk, and its last chunk ends it", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const padded = paddedAttachmentSize(size);
        const chunks = attachmentChunks(padded);
        const last = padded - (chunks - 1) * ATTACHMENT_CHUNK_BYTES;
        expect(last).toBeGreaterThan(0);
        expect(last).toBeLessThanOrEqual(ATTACHMENT_CHUNK_BYTES);
        expect(sealedAttachmentSize(size)).toBe(sealedChunkOffset(chunks - 1) + last + ATTACHMENT_TAG_BYTES);
      }),
      RUNS,
    );
  });

  test("has another nonce for every chunk, whether or not it is the last", () => {
    const chunk = fc.tuple(fc.integer({ min: 0, max: 0xffff_ffff }), fc.boolean());
    fc.assert(
      fc.property(chunk, chunk, (one, other) => {
        const isSame = one[0] === other[0] && one[1] === other[1];
        expect(hex(attachmentNonce(...one)) === hex(attachmentNonce(...other))).toBe(isSame);
        expect(attachmentNonce(...one)).toHaveLength(12);
      }),
      RUNS,
    );
  });

  test("is counted by 32 bits, however large", () => {
    expect(attachmentChunks(paddedAttachmentSize(MOST))).toBeLessThan(2 ** 32);
  });

  test("has an id that depends on every bit of its upload's, and shows none of it", () => {
    const uploads = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(uploads, fc.integer({ min: 0, max: 127 }), (upload, bit) => {
        const changed = Uint8Array.from(upload);
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        const id = blobIdOf(upload);
        expect(id).toHaveLength(16);
        expect(hex(id)).toBe(hex(blobIdOf(upload)));
        expect(hex(id)).not.toBe(hex(blobIdOf(changed)));
        expect(hex(id)).not.toBe(hex(upload));
      }),
      { numRuns: 500 },
    );
  });
});
