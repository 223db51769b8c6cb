/** What is asked to be sent, and how it ended. */

import type { AccountId, ConversationId, DeviceId, SottoError } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import type { Row } from "../rows.js";

/**
 * A payload to be sent, but for the keys it will carry: those are the account's when it leaves. To an account; to all other
 * members of a group, if it names no recipient; or to one of them on the group's behalf.
 */
export interface Order {
  readonly recipient?: AccountId | undefined;
  readonly group?: ConversationId | undefined;
  /** What it says of the group's log; if absent, how far this device has read it when it leaves. */
  readonly standing?: Row<"outbox">["standing"];
  /** For this one device only; of the own account. */
  readonly device?: DeviceId | undefined;
  readonly type: Row<"outbox">["type"];
  /** The send that this one answers, because it did not open. */
  readonly resendOf?: Uint8Array | undefined;
  readonly envelopes?: readonly Uint8Array[] | undefined;
  readonly peer?: AccountId | undefined;
  readonly atMs?: number | undefined;
  /** Canonical bytes of the content, or of what own devices tell each other. */
  readonly body?: Uint8Array | undefined;
  /** Of what own devices are told of a send: what this one keeps of its frank. */
  readonly evidence?: Uint8Array | undefined;
  readonly conversation?: ConversationId;
  /** The place of its timeline item, if it has one. */
  readonly sequence?: number;
}

/** A queued order: commit its changes in the same turn, then call `sent` once they are durable, so that the outbox looks. */
export interface Queued {
  readonly order: number;
  readonly changes: readonly StoreChange[];
  sent(): void;
}

/** How a row ended. `commit` stores the outbox's own changes together with the caller's, atomically. */
export type Settled = {
  /** By this device's clock. */
  readonly atMs: number;
  commit(alongside: readonly StoreChange[]): Promise<void>;
} & (
  | {
      readonly kind: "accepted";
      /** By the relay's clock. */
      readonly acceptedMs: number;
      /** What this device keeps of its frank; `commit` stores it. None of what was not franked. */
      readonly evidence?: Uint8Array | undefined;
      /** Asked in the turn of `commit`: of what was struck out while it was on its way nothing is said once more, to nobody. */
      isWanted(): boolean;
    }
  | { readonly kind: "failed"; readonly error: SottoError }
);

/** The row that keeps an order until it is accepted. */
export function rowOf(
  order: Order,
  { envelope, createdMs }: { readonly envelope: Uint8Array; readonly createdMs: number },
): Row<"outbox"> {
  return {
    envelope,
    recipient: order.recipient,
    group: order.group,
    standing: order.standing,
    device: order.device,
    type: order.type,
    resendOf: order.resendOf,
    envelopes: order.envelopes ?? [],
    peer: order.peer,
    atMs: order.atMs,
    body: order.body ?? new Uint8Array(0),
    conversation: order.conversation,
    sequence: order.sequence,
    createdMs,
    state: "queued",
    evidence: order.evidence,
  };
}

/**
 * The orders for those members of a group whom an accepted row could not reach with the others: it says the same, in its
 * place. Only of what people say: whoever missed a notice hears of the log with the next word.
 */
export function leftOutOrders(
  { envelope, group, standing, type, body }: Row<"outbox">,
  acceptedMs: number,
  members: readonly AccountId[],
): readonly Order[] {
  if (type !== "content") return [];
  return members.map((recipient) => {
    return { recipient, group, standing, type, body, resendOf: envelope, atMs: acceptedMs };
  });
}

/** The order that says an accepted row once more, to the same people: it takes the place that the first one would have had. */
export function againOrder(
  { envelope, recipient, group, standing, type, body }: Row<"outbox">,
  acceptedMs: number,
): Order {
  return { recipient, group, standing, type, body, resendOf: envelope, atMs: acceptedMs };
}
