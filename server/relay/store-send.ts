/** What becomes of a send that was decided: stored and pushed, or only handed on. Shared by all kinds of sends. */

import type { ConversationId } from "@sotto/protocol";
import type { AppendOutcome, AppendRequest, AppendRow, Bus, MailboxId, RelayPolicy, StoredEnvelope } from "../ports.js";
import type { Caller, Rules } from "./rules.js";

/** The request that is answered. */
export interface SendRequest {
  readonly id: number;
  readonly messageId: Uint8Array;
}

/** One attempt at storing a send. */
export interface Storing {
  readonly request: SendRequest;
  readonly rows: readonly AppendRow[];
  readonly guards: AppendRequest["guards"];
  /** The end all bodies have in common, and where the group's log must be. */
  readonly group?: SharedEnd | undefined;
  /** By what right it is sent: `members` of a group do not fill the room that contacts need. */
  readonly from: "members" | "anybody";
  /** Bytes as accepted, a shared end once. */
  readonly sizeBytes: number;
  readonly acceptedMs: number;
  /** Monotonic. */
  readonly arrivedMs: number;
  isPushed: boolean;
}

/** What a group send has beside its rows. */
export interface SharedEnd {
  readonly shared: Uint8Array;
  readonly logGuard: { readonly group: ConversationId; readonly seq: number };
}

/**
 * Stores a send, and pushes it to who is online as soon as its cursors are known; what goes to a group, once it is on disk. If
 * the relay dies in between, the repeat is accepted at another time, and in a group nobody tells the others the first one.
 */
export function append({ bus, policy, store }: Rules, storing: Storing): Promise<AppendOutcome> {
  const { acceptedMs, from, group, guards, request, rows } = storing;
  const quota = from === "members" ? shareOf(policy.mailboxQuota) : policy.mailboxQuota;
  return store.mail.append(
    { messageId: request.messageId, acceptedMs, ...group, rows, guards, quota },
    group === undefined ? (cursors) => push(bus, storing, cursors) : undefined,
  );
}

/** What members may fill, three quarters: one of them alone could else keep an account's contacts from writing to it. */
function shareOf({ envelopes, bytes }: RelayPolicy["mailboxQuota"]): RelayPolicy["mailboxQuota"] {
  return { envelopes: Math.ceil(envelopes * 0.75), bytes: Math.ceil(bytes * 0.75) };
}

/** Tells the sender of a send that is on disk, and pushes it if that was not done before. */
export function tellStored(rules: Rules, caller: Caller, storing: Storing, cursors: readonly number[]): void {
  const { acceptedMs, arrivedMs, request, rows, sizeBytes } = storing;
  if (!storing.isPushed) push(rules.bus, storing, cursors);
  caller.answer({ type: "accepted", id: request.id, acceptedMs });
  rules.metrics.count("envelopesAccepted", undefined, rows.length);
  rules.metrics.count("bytesAccepted", undefined, sizeBytes);
  rules.metrics.observe("acceptSeconds", (rules.clock.monotonic() - arrivedMs) / 1_000);
}

/** Tells the sender of a send that was stored before. */
export function tellRepeated({ metrics }: Rules, caller: Caller, { id }: SendRequest, acceptedMs: number): void {
  caller.answer({ type: "accepted", id, acceptedMs });
  metrics.count("sendsRepeated");
}

/** Tells the owner of a mailbox that it is full, now and then. */
export function tellOwner({ bus, limiters }: Rules, mailbox: MailboxId): void {
  if (limiters.take("fullNoticesPerMailbox", mailbox) === 0) bus.publish(mailbox, { kind: "mailboxFull" });
}

/** Passes on what is not stored; nobody learns whether anybody was there. */
export function handOn(
  { bus, clock }: Rules,
  caller: Caller,
  { request, rows, group }: Pick<Storing, "request" | "rows" | "group">,
): void {
  const { id, messageId } = request;
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
  caller.answer({ type: "accepted", id, acceptedMs });
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
