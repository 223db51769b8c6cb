/** Sends an answer that is made while it is sent, as fast as its peer takes it. */

import type { HttpStream } from "../ports.js";
import { type Complain, plainAnswer } from "./ask.js";
import type { TransferBounds } from "./bounds.js";
import type { Headers } from "./cors.js";
import { Patience } from "./patience.js";
import { type AnswerHead, PeerGone, type Wire } from "./wire.js";

/** Larger pieces are handed over in parts, so that a slow taker's progress is seen while it takes one. */
const PART_BYTES = 65_536;

/** One answer and where it goes. */
export interface StreamToSend {
  readonly head: AnswerHead;
  /** Headers of whatever is answered instead. */
  readonly headers: Headers;
  /** Of more than 0 bytes. */
  readonly stream: HttpStream;
  readonly wire: Wire;
  readonly bounds: TransferBounds;
  readonly complain: Complain;
}

/** Sends all of a stream, or cuts the connection. Never rejects. */
export async function sendStream({ head, headers, stream, wire, bounds, complain }: StreamToSend): Promise<void> {
  const pieces = new OpenPieces(stream, complain);
  const stop = () => pieces.dismiss();
  wire.gone.addEventListener("abort", stop);
  const patience = new Patience(bounds, () => wire.cut());
  let leftBytes = stream.lengthBytes;
  let hasBegun = false;
  try {
    if (wire.gone.aborted) stop();
    for (let piece = await pieces.next(); piece !== undefined && !wire.gone.aborted; piece = await pieces.next()) {
      if (piece.length > leftBytes) throw new RangeError("a streamed answer has more bytes than it said");
      if (!hasBegun) wire.begin(head, stream.lengthBytes);
      hasBegun = true;
      leftBytes -= piece.length;
      for (let at = 0; at < piece.length; at += PART_BYTES) {
        const part = piece.subarray(at, at + PART_BYTES);
        patience.wait();
        await wire.write(part);
        patience.rest();
        patience.moved(part.length);
      }
    }
    if (leftBytes > 0 && !wire.gone.aborted) throw new RangeError("a streamed answer has fewer bytes than it said");
  } catch (cause) {
    if (!(cause instanceof PeerGone)) complain("requestHandlerThrew", cause);
    if (hasBegun) wire.cut();
    else wire.answer(plainAnswer(500, "Internal error.", headers));
  } finally {
    patience.end();
    wire.gone.removeEventListener("abort", stop);
    pieces.dismiss();
  }
}

/** The pieces of a stream, until they end or are dismissed. */
export class OpenPieces {
  private iterator: AsyncIterator<Uint8Array> | undefined;

  constructor(
    stream: HttpStream,
    private readonly complain: Complain,
  ) {
    this.iterator = stream.pieces[Symbol.asyncIterator]();
  }

  /** The next one; `undefined` when there is none, or none is wanted. @throws what the stream throws. */
  async next(): Promise<Uint8Array | undefined> {
    const { iterator } = this;
    if (iterator === undefined) return undefined;
    try {
      const result = await iterator.next();
      if (result.done !== true) return result.value;
    } catch (cause) {
      this.iterator = undefined;
      throw cause;
    }
    this.iterator = undefined;
    return undefined;
  }

  /** Tells the stream that no more is wanted. Idempotent. */
  dismiss(): void {
    const { iterator } = this;
    this.iterator = undefined;
    const dismissed = async () => iterator?.return?.();
    dismissed().catch((cause) => this.complain("requestHandlerThrew", cause));
  }
}
