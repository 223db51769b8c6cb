/** The handles of messages on their way, so that an acceptance or a receipt finds the promise that waits for it. */

import type { ConversationId, MessageId, SottoError } from "@sotto/protocol";
import type { Moment, SentMessage } from "../outbox/sent-message.js";

/** Handles kept; the oldest is let go beyond that, and its promise then never settles (its item still tells). */
const MAX_HANDLES = 20_000;

/** A handle, and what ends the waiting for it: in a group nobody says that a message was delivered. */
interface Awaited {
  readonly handle: SentMessage;
  readonly until: "accepted" | "delivered";
}

/** Finds handles by conversation and message. */
export class Handles {
  private readonly waiting = new Map<string, Awaited>();

  /** Keeps a handle until that, or until it failed. */
  add(conversation: ConversationId, handle: SentMessage, until: Awaited["until"]): void {
    this.waiting.set(key(conversation, handle.id), { handle, until });
    const [oldest] = this.waiting.keys();
    if (this.waiting.size > MAX_HANDLES && oldest !== undefined) this.waiting.delete(oldest);
  }

  /** The relay has the message. */
  accepted(conversation: ConversationId, id: MessageId, moment: Moment): void {
    const awaited = this.waiting.get(key(conversation, id));
    awaited?.handle.settleAccepted(moment);
    if (awaited?.until === "accepted") this.waiting.delete(key(conversation, id));
  }

  /** A device of the recipient has the message. */
  delivered(conversation: ConversationId, id: MessageId, moment: Moment): void {
    this.waiting.get(key(conversation, id))?.handle.settleDelivered(moment);
    this.waiting.delete(key(conversation, id));
  }

  /** The message will not be sent. */
  failed(conversation: ConversationId, id: MessageId, error: SottoError): void {
    this.waiting.get(key(conversation, id))?.handle.settleFailed(error);
    this.waiting.delete(key(conversation, id));
  }

  /** Rejects everything that waits, because the client ends. What is in the outbox is still sent by the next one. */
  close(error: SottoError): void {
    for (const { handle } of this.waiting.values()) handle.settleFailed(error);
    this.waiting.clear();
  }
}

function key(conversation: ConversationId, id: MessageId): string {
  return `${conversation}/${id}`;
}
