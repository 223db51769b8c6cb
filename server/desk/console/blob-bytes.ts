/** Fetches the sealed bytes of a disclosed file from the desk, and opens them here. */

import { sealedAttachmentSize, toHex } from "@sotto/protocol";
import { useCallback } from "preact/hooks";
import type { Api } from "./api-client.js";
import { MAX_VIEWED_BYTES, openBlob } from "./blob-opening.js";
import { useDesk } from "./desk-context.js";
import type { BlobKey } from "./disclosed.js";

const refusals = {
  differs: "This is not the file that was sent. It is not evidence, and is not shown.",
  tooLarge: "This file is too large to be opened here.",
} as const;

/** Answers a function that yields the plaintext of a file, and rejects with words on why not. */
export function useBlobBytes(): (blob: BlobKey) => Promise<Uint8Array<ArrayBuffer>> {
  const { api } = useDesk();
  return useCallback((blob) => blobBytes(api, blob), [api]);
}

/** The plaintext of a file; rejects with words on why not. */
export async function blobBytes(api: Pick<Api, "blob">, blob: BlobKey): Promise<Uint8Array<ArrayBuffer>> {
  if (blob.sizeBytes > MAX_VIEWED_BYTES) throw new Error(refusals.tooLarge);
  // What was opened is overwritten when it is opened anew, as with a key that comes meanwhile: this file is fetched all the same.
  const own = { ...blob, key: blob.key.slice() };
  try {
    const sealed = await api.blob(toHex(blob.id), sealedAttachmentSize(blob.sizeBytes));
    const opened = await openBlob(sealed, own, crypto.subtle);
    if (opened.kind === "refused") throw new Error(refusals[opened.reason]);
    return opened.bytes;
  } finally {
    own.key.fill(0);
  }
}
