/** The vectors of attachments, and the blobs that they describe. */

import { readFileSync } from "node:fs";
import { unhex } from "../../protocol/spelling.js";
import { type Claim, paddedSize, sealBlob, sealChunk } from "./independent.js";

/** What `attachments.json` holds. */
export interface AttachmentVectors {
  readonly sizes: readonly {
    readonly sizeBytes: number;
    readonly paddedBytes: number;
    readonly chunks: number;
    readonly sealedBytes: number;
  }[];
  readonly nonces: readonly { readonly index: number; readonly last: "no" | "yes"; readonly nonce: string }[];
  readonly keys: readonly { readonly key: string; readonly derived: string }[];
  readonly blobIds: readonly { readonly uploadId: string; readonly blobId: string }[];
  readonly accepted: readonly AcceptedBlob[];
  readonly refused: readonly RefusedBlob[];
}

interface Named {
  readonly name: string;
  readonly sizeBytes: number;
  readonly key: string;
  readonly digest: string;
}

/** A blob as it should be. */
export interface AcceptedBlob extends Named {
  readonly sealedBytes: number;
  readonly sealedSha256: string;
  readonly chunks: readonly {
    readonly nonce: string;
    readonly sealedBytes: number;
    readonly head: string;
    readonly tag: string;
  }[];
  readonly hex?: string;
}

/** A blob that is refused, in pieces of the good one of `madeFrom` bytes. */
export interface RefusedBlob extends Named {
  readonly madeFrom: number;
  readonly pieces: readonly Piece[];
  readonly refused: string;
  readonly releasedBytes: number;
}

type Piece =
  | { readonly from: number; readonly to: number }
  | { readonly flip: number }
  | { readonly hex: string }
  | {
      readonly seal: {
        readonly nonce: string;
        readonly from: number;
        readonly to: number;
        readonly changed?: { readonly at: number; readonly by: number };
        readonly key?: string;
      };
    };

/** The vectors, as they are in the repository. */
export const vectors = JSON.parse(
  readFileSync(new URL("../../../protocol/vectors/attachments.json", import.meta.url), "utf8"),
) as AttachmentVectors;

/** The plaintext of every vector of a size. */
export function vectorPlaintext(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, at) => at % 251);
}

/** What a vector says that a content said. */
export function claimOf({ sizeBytes, key, digest }: Named): Claim {
  return { sizeBytes, key: unhex(key), digest: unhex(digest) };
}

const good = new Map<number, { readonly key: Uint8Array; readonly blob: Uint8Array }>();

/** The good blob of one of the sizes of `accepted`. Made by the second implementation, once. */
export function goodBlob(sizeBytes: number): Uint8Array {
  return made(sizeBytes).blob;
}

function made(sizeBytes: number) {
  const present = good.get(sizeBytes);
  if (present !== undefined) return present;
  const vector = vectors.accepted.find((accepted) => accepted.sizeBytes === sizeBytes);
  if (vector === undefined) throw new Error(`no blob of ${sizeBytes} bytes`);
  const key = unhex(vector.key);
  const fresh = { key, blob: sealBlob(key, vectorPlaintext(sizeBytes)) };
  good.set(sizeBytes, fresh);
  return fresh;
}

/** The blob of a refused vector. */
export function wrongBlob({ madeFrom, pieces }: RefusedBlob): Uint8Array {
  const { key, blob } = made(madeFrom);
  const padded = Buffer.alloc(paddedSize(madeFrom));
  padded.set(vectorPlaintext(madeFrom));
  return Buffer.concat(
    pieces.map((piece) => {
      if ("hex" in piece) return unhex(piece.hex);
      if ("flip" in piece) return Uint8Array.of((blob[piece.flip] as number) ^ 1);
      if ("from" in piece) return blob.subarray(piece.from, piece.to);
      const { seal } = piece;
      const plaintext = Uint8Array.from(padded.subarray(seal.from, seal.to));
      if (seal.changed !== undefined) {
        const at = seal.changed.at - seal.from;
        plaintext[at] = ((plaintext[at] as number) + seal.changed.by) % 256;
      }
      return sealChunk(seal.key === undefined ? key : unhex(seal.key), unhex(seal.nonce), plaintext);
    }),
  );
}
