/** What becomes of a send that was decided: stored and pushed, or only handed on. Shared by all kinds of sends. */

import type { ConversationId } from "@sotto/protocol";
import type { AppendRequest, AppendRow, Bus, MailboxId, RelayPolicy, StoredEnvelope } from "../ports.js";
import { Appending, type Attempted, type Settled } from "./attempts.js";
import { withCommitment } from "./commitment.js";
import type { Caller, Rules } from "./rules.js";

/** The request that is answered. */
export interface SendRequest {
  readonly id: number;
  readonly messageId: Uint8Array;
  /** Of what is stored. */
  readonly commitment?: Uint8Array | undefined;
}

/** A send that may go ahead. */
export interface Sending {
  readonly request: SendRequest;
  /** Whom the sender is given stamps for, 16 bytes each. */
  readonly stampedFor: readonly Uint8Array[];
  readonly rows: readonly AppendRow[];
  readonly guards: AppendRequest["guards"];
  /** The end all bodies have in common, and where the group's log must be. */
  readonly group?: SharedEnd | undefined;
  /** By what right it is sent: `members` of a group do not fill the room that contacts need. */
  readonly from: "members" | "anybody";
  /** Bytes as accepted, a shared end once. */
  readonly sizeBytes: number;
  /** Monotonic. */
  readonly arrivedMs: number;
}

/** One attempt at storing a send: its bodies, or the end they share, end in the commitment. */
export interface Storing extends Sending {
  readonly acceptedMs: number;
  isPushed: boolean;
}

/** What a group send has beside its rows. */
export interface SharedEnd {
  readonly shared: Uint8Array;
  readonly logGuard: { readonly group: ConversationId; readonly seq: number };
}

/** A send as it is stored. */
function storingOf(sending: Sending, commitment: Uint8Array, acceptedMs: number): Storing {
  const { group, rows } = sending;
  if (group !== undefined) {
    const shared = withCommitment(group.shared, commitment);
    return { ...sending, group: { ...group, shared }, acceptedMs, isPushed: false };
  }
  const committed = rows.map(({ mailbox, body }) => ({ mailbox, body: withCommitment(body, commitment) }));
  return { ...sending, rows: committed, acceptedMs, isPushed: false };
}

/**
 * Stores a send, and pushes it to who is online as soon as its cursors are known; what goes to a group, once it is on disk. If
 * the relay dies in between, the repeat is accepted at another time, and in a group nobody tells the others the first one.
 */
function append({ bus, policy, store }: Rules, storing: Storing): Appending {
  const { acceptedMs, from, group, guards, request, rows } = storing;
  const { commitment: mark, messageId } = request;
  const quota = from === "members" ? shareOf(policy.mailboxQuota) : policy.mailboxQuota;
  const assigned = group === undefined ? (cursors: readonly number[]) => push(bus, storing, cursors) : undefined;
  return new Appending((taken) =>
    store.mail.append({ messageId, mark, acceptedMs, ...group, rows, guards, quota }, assigned, taken),
  );
}

/** Hands a send that may go ahead to the store; `tell` tells the sender what became of it. */
export function handOver(
  rules: Rules,
  sending: Sending,
  commitment: Uint8Array,
  tell: (storing: Storing, outcome: Settled) => void | Promise<void>,
): Attempted {
  const storing = storingOf(sending, commitment, rules.clock.now());
  return { kind: "handedOver", appending: append(rules, storing), tell: (outcome) => tell(storing, outcome) };
}

/** What members may fill, three quarters: one of them alone could else keep an account's contacts from writing to it. */
function shareOf({ envelopes, bytes }: RelayPolicy["mailboxQuota"]): RelayPolicy["mailboxQuota"] {
  return { envelopes: Math.ceil(envelopes * 0.75), bytes: Math.ceil(bytes * 0.75) };
}

/** Tells the sender of a send that is on disk, and pushes it if that was not done before. */
export function tellStored(rules: Rules, caller: Caller, storing: Storing, cursors: readonly number[]): void {
  const { acceptedMs, arrivedMs, rows, sizeBytes } = storing;
  if (!storing.isPushed) push(rules.bus, storing, cursors);
  tellAccepted(rules, caller, storing, acceptedMs);
  rules.metrics.count("envelopesAccepted", undefined, rows.length);
  rules.metrics.count("bytesAccepted", undefined, sizeBytes);
  rules.metrics.observe("acceptSeconds", (rules.clock.monotonic() - arrivedMs) / 1_000);
}

/** Tells the sender of a send that was stored before. */
export function tellRepeated(rules: Rules, caller: Caller, storing: Storing, acceptedMs: number): void {
  tellAccepted(rules, caller, storing, acceptedMs);
  rules.metrics.count("sendsRepeated");
}

/**
 * Tells the sender of a send whose id another had before. It is given no stamps: nobody was delivered this commitment, and who
 * has a stamp on one could say that somebody was.
 */
export function tellReused(rules: Rules, caller: Caller, { request }: Storing, acceptedMs: number): void {
  caller.answer({ type: "accepted", id: request.id, acceptedMs, stamps: [] });
  rules.metrics.count("sendsRepeated");
}

function tellAccepted({ stamps }: Rules, caller: Caller, { request, stampedFor }: Sending, acceptedMs: number): void {
  const { commitment, id } = request;
  const made = commitment === undefined ? [] : stamps.allOf(commitment, stampedFor, acceptedMs);
  caller.answer({ type: "accepted", id, acceptedMs, stamps: made });
}

/** Tells the owner of a mailbox that it is full, now and then. */
export function tellOwner({ bus, limiters }: Rules, mailbox: MailboxId): void {
  if (limiters.take("fullNoticesPerMailbox", mailbox) === 0) bus.publish(mailbox, { kind: "mailboxFull" });
}

/** Passes on what is not stored; nobody learns whether anybody was there. */
export function handOn(rules: Rules, caller: Caller, sending: Sending): void {
  const { bus, clock } = rules;
  const { request, rows, group } = sending;
  const { messageId } = request;
  const acceptedMs = clock.now();
  const bodies = new Bodies(group?.shared);
  for (const { mailbox, body: head } of rows) {
    bus.publish(mailbox, {
      kind: "ephemeral",
      messageId,
      acceptedMs,
      get body() {
        return bodies.whole(head);
      },
    });
  }
  tellAccepted(rules, caller, sending, acceptedMs);
}

function push(bus: Bus, storing: Storing, cursors: readonly number[]): void {
  storing.isPushed = true;
  const { acceptedMs, group, request, rows } = storing;
  const { messageId } = request;
  const bodies = group === undefined ? undefined : new Bodies(group.shared);
  for (let index = 0; index < rows.length; index++) {
    const { mailbox, body } = rows[index] as AppendRow;
    const cursor = cursors[index] as number;
    const envelope =
      bodies === undefined
        ? { cursor, messageId, acceptedMs, body }
        : new SharedEnvelope(cursor, storing, body, bodies);
    bus.publish(mailbox, { kind: "mail", envelope });
  }
}

/** An envelope whose body is joined only for who is there to take it: most devices of a group are not. Not to be spread. */
class SharedEnvelope implements StoredEnvelope {
  readonly messageId: Uint8Array;
  readonly acceptedMs: number;

  constructor(
    readonly cursor: number,
    { request, acceptedMs }: Storing,
    private readonly head: Uint8Array,
    private readonly bodies: Bodies,
  ) {
    this.messageId = request.messageId;
    this.acceptedMs = acceptedMs;
  }

  get body(): Uint8Array {
    return this.bodies.whole(this.head);
  }
}

/** Joins heads with the end they share. The devices of an account stand together and have one head. */
class Bodies {
  private last: { readonly head: Uint8Array; readonly whole: Uint8Array } | undefined;

  constructor(private readonly shared: Uint8Array | undefined) {}

  whole(head: Uint8Array): Uint8Array {
    const { shared } = this;
    if (shared === undefined) return head;
    if (this.last?.head !== head) {
      const whole = new Uint8Array(head.length + shared.length);
      whole.set(head);
      whole.set(shared, head.length);
      this.last = { head, whole };
    }
    return this.last.whole;
  }
}
