/**
 * A second implementation of the attachment format, written from PROTOCOL.md alone: it uses nothing of `protocol/` or the
 * SDK, and another cipher library. Slow and simple on purpose.
 */

import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";

/** What a content says of a blob. */
export interface Claim {
  readonly sizeBytes: number;
  readonly key: Uint8Array;
  readonly digest: Uint8Array;
}

const CHUNK = 65_536;
const TAG = 16;

/** Padmé, at least 4,096. */
export function paddedSize(sizeBytes: number): number {
  const size = BigInt(sizeBytes);
  if (size <= 4_096n) return 4_096;
  const exponent = size.toString(2).length - 1;
  const lowBits = BigInt(exponent - exponent.toString(2).length);
  const mask = (1n << lowBits) - 1n;
  return Number((size + mask) & ~mask);
}

/** The nonce of a chunk. */
export function nonceOf(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 7);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

/** Seals one chunk under the key of a content. */
export function sealChunk(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-gcm", derived(key), nonce);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Seals a whole blob. */
export function sealBlob(key: Uint8Array, plaintext: Uint8Array): Buffer {
  const padded = Buffer.concat([plaintext, Buffer.alloc(paddedSize(plaintext.length) - plaintext.length)]);
  const chunks = Math.ceil(padded.length / CHUNK);
  return Buffer.concat(
    Array.from({ length: chunks }, (_, index) =>
      sealChunk(key, nonceOf(index, index === chunks - 1), padded.subarray(index * CHUNK, (index + 1) * CHUNK)),
    ),
  );
}

/** Opens a whole blob: what may be released of it, and whether all of it is as it should be. */
export function openBlob(blob: Uint8Array, claim: Claim): { readonly released: Buffer; readonly isWhole: boolean } {
  const padded = paddedSize(claim.sizeBytes);
  const chunks = Math.ceil(padded / CHUNK);
  const hash = createHash("sha256");
  const released: Buffer[] = [];
  const refused = () => ({ released: Buffer.concat(released), isWhole: false });
  for (let index = 0; index < chunks; index++) {
    const plainBytes = Math.min(CHUNK, padded - index * CHUNK);
    const sealed = blob.subarray(index * (CHUNK + TAG), index * (CHUNK + TAG) + plainBytes + TAG);
    const opened =
      sealed.length === plainBytes + TAG
        ? openChunk(claim.key, nonceOf(index, index === chunks - 1), sealed)
        : undefined;
    if (opened === undefined) return refused();
    const own = Math.max(0, Math.min(plainBytes, claim.sizeBytes - index * CHUNK));
    if (opened.subarray(own).some((byte) => byte !== 0)) return refused();
    hash.update(opened.subarray(0, own));
    const isEnd = index * CHUNK + own === claim.sizeBytes;
    if (isEnd && !hash.copy().digest().equals(claim.digest)) return refused();
    released.push(opened.subarray(0, own));
  }
  return { released: Buffer.concat(released), isWhole: blob.length === padded + chunks * TAG };
}

function openChunk(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  const decipher = createDecipheriv("aes-256-gcm", derived(key), nonce);
  decipher.setAuthTag(sealed.subarray(-TAG));
  const opened = decipher.update(sealed.subarray(0, -TAG));
  try {
    decipher.final();
    return opened;
  } catch {
    return undefined;
  }
}

function derived(key: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, new Uint8Array(0), "sotto/attachment/1", 32));
}
