/** Blobs for vectors, sealed with WebCrypto. */

import { createHash, webcrypto } from "node:crypto";
import {
  ATTACHMENT_CHUNK_BYTES,
  attachmentNonce,
  deriveAttachmentKey,
  paddedAttachmentSize,
  sealedAttachmentSize,
} from "@sotto/protocol";
import { join } from "../../test/protocol/spelling.js";

/** The plaintext of every vector of a size: byte i is i mod 251, so that no two chunks are alike. */
export function plaintextOf(sizeBytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: sizeBytes }, (_, at) => at % 251);
}

/** The key of the vectors of a size. */
export function keyOf(sizeBytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(`attachment of ${sizeBytes}`).digest());
}

/** How one chunk is sealed. `key` is the one in the content. */
export interface Sealing {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly nonce: Uint8Array<ArrayBuffer>;
  readonly plaintext: Uint8Array<ArrayBuffer>;
}

/** Seals one chunk. */
export async function sealed({ key, nonce, plaintext }: Sealing): Promise<Uint8Array> {
  const { subtle } = webcrypto;
  const imported = await subtle.importKey("raw", deriveAttachmentKey(key), "AES-GCM", false, ["encrypt"]);
  return new Uint8Array(await subtle.encrypt({ name: "AES-GCM", iv: nonce }, imported, plaintext));
}

/** The blob of a size as it should be. */
export async function goodBlob(sizeBytes: number) {
  const key = keyOf(sizeBytes);
  const padded = paddedPlaintext(sizeBytes);
  const chunks: Uint8Array[] = [];
  for (let from = 0; from < padded.length; from += ATTACHMENT_CHUNK_BYTES) {
    const plaintext = padded.slice(from, from + ATTACHMENT_CHUNK_BYTES);
    const isLast = from + plaintext.length === padded.length;
    chunks.push(await sealed({ key, nonce: attachmentNonce(chunks.length, isLast), plaintext }));
  }
  const blob = join(chunks);
  if (blob.length !== sealedAttachmentSize(sizeBytes)) throw new Error("a blob of another size than it should have");
  return { key, blob, chunks };
}

/** A plaintext and its padding. */
export function paddedPlaintext(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(paddedAttachmentSize(sizeBytes));
  padded.set(plaintextOf(sizeBytes));
  return padded;
}
