/**
 * Blobs that are wrong. Each is told in pieces, of which most come from the good blob of the same size; with it stands what
 * of it may be released before it is refused.
 */

import { createHash } from "node:crypto";
import { attachmentNonce, paddedAttachmentSize, sealedAttachmentSize } from "@sotto/protocol";
import { hex } from "../../test/protocol/spelling.js";
import { keyOf, paddedPlaintext, plaintextOf } from "./attachment-blobs.js";

/**
 * A piece: bytes of the good blob, one byte of it with its lowest bit flipped, other bytes, or a chunk of the padded plaintext
 * that is sealed under this nonce, after `by` was added to the byte at `at`, or under another key than the blob's.
 */
export type Piece =
  | { readonly from: number; readonly to: number }
  | { readonly flip: number }
  | { readonly hex: string }
  | { readonly seal: Seal };
interface Seal {
  readonly nonce: string;
  readonly from: number;
  readonly to: number;
  readonly changed?: { readonly at: number; readonly by: number };
  readonly key?: string;
}

/** What a content says, where it is not the truth. */
interface Claim {
  readonly sizeBytes?: number;
  readonly key?: string;
  readonly digest?: string;
}

/** Three chunks of 65,536 and one of 4,096, of which the last 704 are padding. */
const SIZE = 200_000;
/** 64 chunks of 65,536, one with a single byte before its padding, and one of padding only. */
const LONG = 4_194_305;
const CHUNK = 65_536;
const STEP = CHUNK + 16;
const END = sealedAttachmentSize(SIZE);
const PADDED = paddedAttachmentSize(SIZE);
const LONG_END = sealedAttachmentSize(LONG);
const LONG_PADDED = paddedAttachmentSize(LONG);
const OTHER_KEY = hex(new Uint8Array(32).fill(7));

const slice = (from: number, to: number): Piece => ({ from, to });
const chunk = (index: number) => slice(index * STEP, Math.min(END, (index + 1) * STEP));
const nonce = (index: number, last: "last" | "notLast") => hex(attachmentNonce(index, last === "last"));
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** The good blob with one chunk of it sealed otherwise. */
function resealed(index: number, over: Partial<Seal>): readonly Piece[] {
  const seal = { nonce: nonce(index, index === 3 ? "last" : "notLast"), from: index * CHUNK, to: (index + 1) * CHUNK };
  const before = index === 0 ? [] : [slice(0, index * STEP)];
  const after = index === 3 ? [] : [slice((index + 1) * STEP, END)];
  return [...before, { seal: { ...seal, to: Math.min(seal.to, PADDED), ...over } }, ...after];
}

const flipped = (at: number): readonly Piece[] =>
  [slice(0, at), { flip: at }, slice(at + 1, END)].filter((piece) => !("from" in piece) || piece.from < piece.to);

/** What is made of the blob of `SIZE`: its name, how many whole chunks may be released, and its pieces. */
const changedBlobs: readonly (readonly [string, number, readonly Piece[], Claim?])[] = [
  ["nothing", 0, []],
  ["cut within the first chunk", 0, [slice(0, 1_000)]],
  ["cut within the first tag", 0, [slice(0, STEP - 1)]],
  ["cut behind the first chunk", 1, [slice(0, STEP)]],
  ["cut one byte behind the first chunk", 1, [slice(0, STEP + 1)]],
  ["cut before the last chunk", 3, [slice(0, 3 * STEP)]],
  ["cut within the last chunk", 3, [slice(0, 3 * STEP + 4_000)]],
  ["without its last byte", 3, [slice(0, END - 1)]],
  ["without its first byte", 0, [slice(1, END)]],
  ["without its first chunk", 0, [slice(STEP, END)]],
  ["without a chunk in the middle", 1, [chunk(0), chunk(2), chunk(3)]],
  ["the first two chunks exchanged", 0, [chunk(1), chunk(0), chunk(2), chunk(3)]],
  ["two chunks in the middle exchanged", 1, [chunk(0), chunk(2), chunk(1), chunk(3)]],
  ["the last chunk first", 0, [chunk(3), chunk(0), chunk(1), chunk(2)]],
  ["the first chunk in place of the second", 1, [chunk(0), chunk(0), chunk(2), chunk(3)]],
  ["the first chunk twice", 1, [chunk(0), chunk(0), chunk(1), chunk(2), chunk(3)]],
  ["one byte behind the end", 4, [slice(0, END), { hex: "00" }]],
  ["the last chunk twice", 4, [slice(0, END), chunk(3)]],
  ["a further chunk behind the last", 4, [slice(0, END), { seal: { nonce: nonce(4, "last"), from: 0, to: 4_096 } }]],
  ["one byte before the beginning", 0, [{ hex: "00" }, slice(0, END)]],
  ["the first chunk sealed as the last", 0, resealed(0, { nonce: nonce(0, "last") })],
  ["a chunk in the middle sealed as the last", 2, resealed(2, { nonce: nonce(2, "last") })],
  ["the last chunk sealed as not the last", 3, resealed(3, { nonce: nonce(3, "notLast") })],
  ["a chunk sealed under the number of another", 1, resealed(1, { nonce: nonce(2, "notLast") })],
  ["a chunk sealed under a number from 1", 0, resealed(0, { nonce: nonce(1, "notLast") })],
  ["a chunk sealed under another key", 1, resealed(1, { key: OTHER_KEY })],
  ["the first bit of the first chunk flipped", 0, flipped(0)],
  ["the last byte of the first chunk's text flipped", 0, flipped(CHUNK - 1)],
  ["the first byte of the first tag flipped", 0, flipped(CHUNK)],
  ["the last byte of the first tag flipped", 0, flipped(STEP - 1)],
  ["the first byte of the second chunk flipped", 1, flipped(STEP)],
  ["a byte in the middle of the third chunk flipped", 2, flipped(2 * STEP + 30_000)],
  ["a byte of the last chunk's padding flipped", 3, flipped(END - 17)],
  ["the last byte of the last tag flipped", 3, flipped(END - 1)],
  ["sealed with a padding that begins with a one", 3, resealed(3, { changed: { at: SIZE, by: 1 } })],
  ["sealed with a padding that ends with a one", 3, resealed(3, { changed: { at: PADDED - 1, by: 1 } })],
  ["sealed with another byte than was hashed", 3, resealed(1, { changed: { at: CHUNK, by: 1 } })],
  ["read with another key", 0, [slice(0, END)], { key: OTHER_KEY }],
  ["claimed with another digest", 3, [slice(0, END)], { digest: sha256(plaintextOf(SIZE - 1)) }],
  ["claimed with the digest of the padded bytes", 3, [slice(0, END)], { digest: sha256(paddedPlaintext(SIZE)) }],
  ["claimed a byte shorter, of the same padded size", 3, [slice(0, END)], { sizeBytes: SIZE - 1 }],
  ["claimed a byte longer, of the same padded size", 3, [slice(0, END)], { sizeBytes: SIZE + 1 }],
  ["claimed as long as it is padded", 3, [slice(0, END)], { sizeBytes: PADDED }],
  ["claimed shorter by a chunk that is not full", 2, [slice(0, END)], { sizeBytes: 196_608 }],
  ["claimed longer, of the next padded size", 3, [slice(0, END)], { sizeBytes: PADDED + 1 }],
  ["claimed longer by a chunk", 3, [slice(0, END)], { sizeBytes: 262_145 }],
  ["claimed as nothing", 0, [slice(0, END)], { sizeBytes: 0 }],
  ["claimed as the largest attachment", 3, [slice(0, END)], { sizeBytes: 4_294_967_296 }],
];

const paddingChunk = { from: 65 * CHUNK, to: LONG_PADDED };
const untilPadding = slice(0, 65 * STEP);

/** The same of the blob of `LONG`; everything was released before, the digest fitted. */
const changedPadding: readonly (readonly [string, readonly Piece[]])[] = [
  ["without its chunk of padding", [untilPadding]],
  ["cut within its chunk of padding", [slice(0, LONG_END - 1)]],
  [
    "a one in its chunk of padding",
    [untilPadding, { seal: { nonce: nonce(65, "last"), ...paddingChunk, changed: { at: LONG_PADDED - 1, by: 1 } } }],
  ],
  [
    "its chunk of padding sealed as not the last",
    [untilPadding, { seal: { nonce: nonce(65, "notLast"), ...paddingChunk } }],
  ],
  ["a byte behind its chunk of padding", [slice(0, LONG_END), { hex: "00" }]],
];

/** Every class of mistake, as it is printed. */
export function refusedBlobs() {
  const truth = (sizeBytes: number) => ({
    sizeBytes,
    key: hex(keyOf(sizeBytes)),
    digest: sha256(plaintextOf(sizeBytes)),
  });
  const released = (chunks: number, sizeBytes: number) => Math.min(chunks * CHUNK, sizeBytes);
  const refused = "attachmentCorrupt";
  return [
    ...changedBlobs.map(([name, chunks, pieces, claim = {}]) => ({
      name,
      ...{ madeFrom: SIZE, pieces, ...truth(SIZE), ...claim },
      ...{ refused, releasedBytes: released(chunks, SIZE) },
    })),
    ...changedPadding.map(([name, pieces]) => ({
      name,
      ...{ madeFrom: LONG, pieces, ...truth(LONG) },
      ...{ refused, releasedBytes: LONG },
    })),
  ];
}
