/** What the run and its client processes tell each other: one JSON object a line. */

import { fromHex, toHex } from "@sotto/protocol";
import type { Attachment } from "@sotto/sdk";
import type { ContentName } from "./content-of.js";
import type { Growth } from "./growth.js";
import type { SourceKind } from "./plan.js";

/** The direction of a transfer. */
export type Way = "up" | "down";

/** One life of a client. */
export interface TransferLife {
  readonly relay: string;
  readonly relayRoot: string;
  readonly userId: string;
  readonly store: string;
}

/** What is uploaded; `path` is where it lies, if it does. */
export interface UploadTask extends ContentName {
  readonly source: SourceKind;
  readonly path: string;
}

/** What an app kept of an attachment. */
export type KeptReference = Record<"id" | "key" | "digest", string> & { readonly sizeBytes: number };

/** What a client is told. */
export type ToClient =
  | { readonly kind: "upload"; readonly task: UploadTask }
  | { readonly kind: "download"; readonly file: number; readonly reference: KeptReference; readonly path: string }
  | { readonly kind: "end" };

/** What a client tells. It is in the pipe before what it is about happens, so that a kill does not silence it. */
export type FromClient =
  /** Its client is open. */
  | { readonly kind: "ready" }
  /** Bytes of the plaintext that the SDK told its app were moved. */
  | { readonly kind: "moved"; readonly way: Way; readonly file: number; readonly bytes: number }
  /**
   * The relay is asked for, or given, what is behind this byte of the plaintext; `again` after a line was lost in this life.
   * `blob` is the upload's id, or the blob's.
   */
  | {
      readonly kind: "asked";
      readonly way: Way;
      readonly file: number;
      readonly blob: string;
      readonly at: number;
      readonly when: "first" | "onward" | "again";
    }
  /** The tags of the sealed chunks that leave now, by their numbers: what was sealed under one nonce. */
  | { readonly kind: "sealed"; readonly upload: string; readonly tags: readonly (readonly [number, string])[] }
  | { readonly kind: "uploaded"; readonly file: number; readonly reference: KeptReference }
  | { readonly kind: "downloaded"; readonly file: number }
  /** Bytes of memory beyond those that it had when it was ready. */
  | ({ readonly kind: "grown" } & Growth)
  | { readonly kind: "wrong"; readonly what: string }
  /** It closed in peace, with so many uploads that are not finished. */
  | { readonly kind: "ended"; readonly pending: number };

/** What an app keeps of an attachment. */
export function kept({ id, key, digest, sizeBytes }: Attachment): KeptReference {
  return { id: toHex(id), key: toHex(key), digest: toHex(digest), sizeBytes };
}

/** What downloads it. */
export function referenceOf({ id, key, digest, sizeBytes }: KeptReference) {
  return { id: fromHex(id), key: fromHex(key), digest: fromHex(digest), sizeBytes };
}
