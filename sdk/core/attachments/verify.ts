/** What is checked of an attachment beyond the tags of its chunks. */

import { ATTACHMENT_CHUNK_BYTES, equalBytes, SottoError } from "@sotto/protocol";
import type { Hashing } from "../ports.js";
import type { DownloadPlan } from "./ranges.js";

/** Says of a blob that it is not what its sender sealed. */
export function corrupt(detail: string, cause?: unknown): SottoError {
  return new SottoError("attachmentCorrupt", { detail, cause });
}

/**
 * Takes opened chunks in order and answers what may be released of each.
 *
 * Padding must be zero wherever it is seen. With a hashing, which takes a plan that is whole, the last bytes of the
 * plaintext are released only if the digest of all of it fits.
 */
export class Verifying {
  constructor(
    private readonly plan: DownloadPlan,
    private readonly digest: Uint8Array,
    private readonly hashing: Hashing | undefined,
  ) {}

  /**
   * The bytes of a chunk that were asked for: none, where it holds padding only.
   *
   * @throws attachmentCorrupt if its padding is not zero, or it ends a plaintext of another digest.
   */
  take(index: number, chunk: Uint8Array): Uint8Array {
    const { sizeBytes, start, end } = this.plan;
    const offset = index * ATTACHMENT_CHUNK_BYTES;
    const plaintext = chunk.subarray(0, Math.max(0, sizeBytes - offset));
    if (!isZero(chunk, plaintext.length)) throw corrupt(`the padding in chunk ${index} is not zero`);
    // The first chunk of nothing ends it too.
    if (plaintext.length > 0 || index === 0) this.hash(plaintext, offset + plaintext.length);
    return plaintext.subarray(Math.max(0, start - offset), Math.max(0, end - offset));
  }

  private hash(plaintext: Uint8Array, endOffset: number): void {
    this.hashing?.update(plaintext);
    if (this.hashing === undefined || endOffset < this.plan.sizeBytes) return;
    if (!equalBytes(this.hashing.digest(), this.digest)) throw corrupt("the digest is another than the sender's");
  }
}

function isZero(bytes: Uint8Array, from: number): boolean {
  let seen = 0;
  for (let at = from; at < bytes.length; at++) seen |= bytes[at] as number;
  return seen === 0;
}
