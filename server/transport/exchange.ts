/** One request from the gate's word to the end of its answer: the same whichever transport runs. */

import type { HttpRequest, TransportHandlers } from "../ports.js";
import { ask, type Complain, plainAnswer, type WholeAnswer } from "./ask.js";
import type { TransferBounds } from "./bounds.js";
import type { Headers } from "./cors.js";
import type { IncomingBody } from "./incoming-body.js";
import { OpenPieces, type StreamToSend, sendStream } from "./send-stream.js";
import { SharedRoom } from "./shared-room.js";
import { Slots } from "./slots.js";
import type { Wire } from "./wire.js";

/** What all exchanges of one listener share. */
export interface ExchangeShared {
  readonly handlers: TransportHandlers;
  readonly complain: Complain;
  readonly bounds: TransferBounds;
  /** One for each body or streamed answer that is under way. */
  readonly slots: Slots;
  /** What lies in memory of all bodies. */
  readonly room: SharedRoom;
}

/** The shared things of a listener that has just begun. */
export function exchangeShared(
  handlers: TransportHandlers,
  complain: Complain,
  bounds: TransferBounds,
): ExchangeShared {
  const { maxTransfers, maxWaitingBytes } = bounds;
  return { handlers, complain, bounds, slots: new Slots(maxTransfers), room: new SharedRoom(maxWaitingBytes) };
}

/** A request that passed the gate. */
export interface Asked {
  readonly request: Omit<HttpRequest, "body">;
  /** The gate's headers for the answer. */
  readonly headers: Headers;
  readonly body: IncomingBody | undefined;
}

/** Asks the rules and sends their answer. Never rejects. */
export async function exchange(shared: ExchangeShared, { request, headers, body }: Asked, wire: Wire): Promise<void> {
  const giveBack = body === undefined ? undefined : shared.slots.take();
  const response = await ask(shared.handlers, { ...request, body }, headers, shared.complain);
  const isLeft = body !== undefined && !body.isTaken;
  body?.leave();
  giveBack?.();
  const { status, headers: lines, body: sent } = response;
  if (typeof sent === "string" || sent instanceof Uint8Array) {
    const answer = { status, headers: lines, body: sent };
    if (isLeft) await answerAndHangUp(shared.bounds, answer, wire);
    else wire.answer(answer);
  } else if (isLeft) {
    new OpenPieces(sent, shared.complain).dismiss();
    shared.complain("requestHandlerThrew", new Error("a stream cannot answer a body that was left alone"));
    await answerAndHangUp(shared.bounds, plainAnswer(500, "Internal error.", headers), wire);
  } else {
    await answerStream(shared, { head: { status, headers: lines }, stream: sent, headers, wire });
  }
}

/** Answers as the last thing on a connection, and gives the peer some time to hear it before it ends. */
export async function answerAndHangUp(bounds: TransferBounds, answer: WholeAnswer, wire: Wire): Promise<void> {
  wire.answerLast(answer);
  await wire.readOut(bounds.leftBodyMs);
  wire.hangUp();
}

type StreamAnswer = Pick<StreamToSend, "head" | "stream" | "headers" | "wire">;

async function answerStream({ bounds, complain, slots }: ExchangeShared, answer: StreamAnswer): Promise<void> {
  const { head, stream, headers, wire } = answer;
  if (wire.method === "HEAD" || stream.lengthBytes === 0) {
    new OpenPieces(stream, complain).dismiss();
    if (wire.method === "HEAD") wire.answerHead(head, stream.lengthBytes);
    else wire.answer({ ...head, body: "" });
    return;
  }
  const giveBack = slots.take();
  if (giveBack === undefined) {
    new OpenPieces(stream, complain).dismiss();
    const text = "The relay sends as much as it can; ask again later.";
    wire.answer(plainAnswer(503, text, { ...headers, "retry-after": "5" }));
    return;
  }
  await sendStream({ ...answer, bounds, complain });
  giveBack();
}
