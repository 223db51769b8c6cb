/** The handle of a message: what became of it, as promises. */

import type { MessageId, SottoError } from "@sotto/protocol";
import { deferred } from "../deferred.js";

/** When something became true, by this device's clock. */
export interface Moment {
  readonly atMs: number;
}

/** What a handle can ask of the outbox. */
export interface SentActions {
  cancel(): Promise<boolean>;
  retry(): Promise<void>;
}

/**
 * One sent message. `accepted`: the relay has it on disk for every device of the recipient. `delivered`: a device of the
 * recipient has it on disk. Two separate facts; a rejection of one that nobody awaits is no unhandled rejection.
 */
export class SentMessage {
  private readonly acceptance = deferred<Moment>();
  private readonly delivery = deferred<Moment>();

  constructor(
    /** The message's id, as in its timeline item. */
    readonly id: MessageId,
    private readonly actions: SentActions,
  ) {}

  /** Resolves when the relay accepted the message; rejects when it was cancelled, refused or given up. */
  get accepted(): Promise<Moment> {
    return this.acceptance.promise;
  }

  /** Resolves when a device of the recipient has the message; rejects with `accepted`. */
  get delivered(): Promise<Moment> {
    return this.delivery.promise;
  }

  /**
   * Takes the message back before it leaves. True if it did not leave; false if it was too late, or for an edit, reaction or
   * delete, which already changed another item.
   */
  cancel(): Promise<boolean> {
    return this.actions.cancel();
  }

  /**
   * Sends a message that was given up once more. The item's status tells what becomes of it; this handle stays rejected.
   *
   * @throws invalidArgument if it is not waiting to be retried.
   */
  retry(): Promise<void> {
    return this.actions.retry();
  }

  /** For the outbox: the relay accepted it. */
  settleAccepted(moment: Moment): void {
    this.acceptance.resolve(moment);
  }

  /** For the inbox: a device has it. */
  settleDelivered(moment: Moment): void {
    this.acceptance.resolve(moment);
    this.delivery.resolve(moment);
  }

  /** For the outbox: it will not be sent. */
  settleFailed(error: SottoError): void {
    this.acceptance.reject(error);
    this.delivery.reject(error);
  }
}
