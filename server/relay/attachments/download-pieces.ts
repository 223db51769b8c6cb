/** The bytes of a download, from the first, which is read before anything is answered, to the end of the transfer. */

import { BlobError, type BlobId } from "../../ports.js";
import type { Rules } from "../rules.js";
import type { ByteRange } from "./byte-range.js";

/** What is sent, and what is to be called once when no more of it is. */
export interface Sending {
  readonly id: BlobId;
  readonly range: ByteRange;
  readonly ended: () => void;
}

/**
 * Reads the first piece, while trouble with it can still be answered, and answers all of them; `undefined` if the blob has gone
 * meanwhile. Whatever becomes of it, the transfer is ended and counted.
 *
 * @throws BlobError
 */
export async function beginPieces(rules: Rules, sending: Sending): Promise<AsyncIterable<Uint8Array> | undefined> {
  const all = pieces(rules, sending);
  try {
    return startingWith(await all.next(), all);
  } catch (cause) {
    if ((await rules.blobs.find(sending.id)) === undefined) return undefined;
    throw cause;
  }
}

type Pieces = AsyncGenerator<Uint8Array, void>;

async function* pieces({ blobs, metrics }: Rules, { id, range, ended }: Sending): Pieces {
  let outcome: "completed" | "cut" | "corrupt" | "unavailable" = "cut";
  let left = range.to - range.from;
  try {
    for await (const piece of blobs.read(id, range)) {
      yield piece;
      left -= piece.length;
      if (left === 0) outcome = "completed";
      metrics.count("downloadedBytes", undefined, piece.length);
    }
  } catch (cause) {
    outcome = cause instanceof BlobError && cause.kind === "corrupt" ? "corrupt" : "unavailable";
    throw cause;
  } finally {
    metrics.count("downloads", outcome);
    ended();
  }
}

function startingWith(first: IteratorResult<Uint8Array, void>, rest: Pieces): AsyncIterable<Uint8Array> {
  let waiting: typeof first | undefined = first;
  const next = async () => {
    const piece = waiting ?? (await rest.next());
    waiting = undefined;
    return piece;
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: () => rest.return() }) };
}
