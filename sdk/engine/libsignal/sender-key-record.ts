/** A sender key as the port's records hold it: the library's record, and since when it opens messages. */

import { SottoError } from "@sotto/protocol";
import { plain } from "./library.js";

/** Big-endian, before the library's bytes. */
const SINCE_BYTES = 4;

/** One device's key for one distribution. */
export interface SenderKey {
  /**
   * The iteration at which the key was handed over: nothing before it can be opened. The library tells such messages from
   * opened ones by nothing, and taking one for a duplicate would lose it without a word.
   */
  readonly since: number;
  /** The library's record: one chain, and the keys of at most 2,000 messages that were skipped; some 78 kB at most. */
  readonly state: Uint8Array<ArrayBuffer>;
}

/** The bytes of a sender key. */
export function encodeSenderKey({ since, state }: SenderKey): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SINCE_BYTES + state.length);
  new DataView(bytes.buffer).setUint32(0, since);
  bytes.set(state, SINCE_BYTES);
  return bytes;
}

/** Reads a stored sender key. @throws storeCorrupt if it is none. */
export function decodeSenderKey(record: Uint8Array): SenderKey {
  if (record.length <= SINCE_BYTES) throw new SottoError("storeCorrupt", { detail: "a sender key does not parse" });
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  return { since: view.getUint32(0), state: plain(record.subarray(SINCE_BYTES)) };
}
