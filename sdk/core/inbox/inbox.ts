/**
 * From delivered envelopes to durable items: one at a time in mailbox order, one atomic commit each, acknowledged only
 * when that commit is on disk. Commits overlap with the next decryption, so the disk does not slow the ratchet.
 */

import { equalBytes, type Frame } from "@sotto/protocol";
import type { Counters } from "../counters.js";
import { type Deferred, deferred } from "../deferred.js";
import type { Checking } from "../franking/checking.js";
import type { Clock, Log, StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { Roles } from "../sessions/roles.js";
import type { Acknowledgements, Delivery } from "./acknowledgements.js";
import type { GroupMail } from "./group-mail.js";
import type { Commit, Mail } from "./mail.js";
import { type Opened, type OpeningParts, openEnvelope } from "./open-envelope.js";
import type { OwnMail } from "./own-mail.js";
import type { PeerMail } from "./peer-mail.js";
import { nothing, type Plan } from "./plan.js";
import type { UnopenedMail } from "./unopened-mail.js";

/** What the inbox works with. */
export interface InboxParts extends OpeningParts {
  readonly peerMail: Pick<PeerMail, "take" | "unshown">;
  readonly groupMail: Pick<GroupMail, "take">;
  readonly ownMail: Pick<OwnMail, "take">;
  readonly unopenedMail: Pick<UnopenedMail, "take">;
  readonly acknowledgements: Acknowledgements;
  readonly roles: Pick<Roles, "heard">;
  readonly checking: Pick<Checking, "direct" | "isReady">;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Log;
  /** Mail between two cursors is gone: the relay dropped it after its time to live. */
  gap(missed: number): void;
  /** The store or the code failed: the client must end. */
  failed(error: unknown): void;
}

/** While there is no realm, the relay is asked for it so often. */
const ASK_AGAIN_MS = 6_000;

/** What was delivered, by the last connection that did. */
interface Queued {
  frame: Frame<"deliver">;
  delivery: Delivery;
}

/** Takes what the relay delivers. */
export class Inbox {
  private tail: Promise<void> = Promise.resolve();
  private read: Row<"inbox"> = { cursor: 0, acceptedMs: 0 };
  private isClosed = false;
  /** What was delivered last under a cursor and not begun yet; as much as the relay's window holds. */
  private readonly queued = new Map<number, Queued>();
  private waiting: Deferred<void> | undefined;

  constructor(private readonly parts: InboxParts) {}

  /** Reads how far the mailbox was read. */
  async load(): Promise<void> {
    const stored = await this.parts.store.get(keys.inbox);
    if (stored !== undefined) this.read = decodeRow("inbox", stored);
  }

  /** Goes on behind a cursor of which nothing will come any more. The caller commits the change in the same turn. */
  skipTo(cursor: number): readonly StoreChange[] {
    if (cursor > this.read.cursor) this.read = { ...this.read, cursor };
    return [{ key: keys.inbox, value: encodeRow("inbox", this.read) }];
  }

  /** Queues an envelope. The relay's window bounds how many there are. */
  deliver(frame: Frame<"deliver">): void {
    if (this.isClosed) return;
    const delivery = this.parts.acknowledgements.delivered(frame.cursor);
    const { cursor } = frame;
    const queued = this.queued.get(cursor);
    // What waits while the connection is another one is delivered again, and acknowledged there. Other mail under its cursor is
    // not: what a crashed relay gave that cursor to stands behind all that it delivers before, which its acknowledgement covers.
    if (queued !== undefined && equalBytes(queued.frame.messageId, frame.messageId)) {
      queued.frame = frame;
      queued.delivery = delivery;
      return;
    }
    // What passes through is not worth waiting for.
    if (cursor === 0 && this.waiting !== undefined) {
      this.parts.counters.count("ephemeralDropped");
      return;
    }
    const next: Queued = { frame, delivery };
    if (cursor > 0) this.queued.set(cursor, next);
    this.tail = this.tail.then(() => this.takeNext(next)).catch((error) => this.parts.failed(error));
  }

  /** Something that mail waits for is another than before. */
  wake(): void {
    this.waiting?.resolve();
  }

  /** Takes no more. What is delivered from here on is not acknowledged, and comes again to the next client. */
  close(): void {
    this.isClosed = true;
    this.wake();
  }

  /** Settles when everything delivered so far was taken. */
  async settled(): Promise<void> {
    await this.tail;
  }

  /** Without a realm nothing is opened: what could not be checked now would be lost, and so it waits where it is. */
  private async takeNext(queued: Queued): Promise<void> {
    const { checking, clock } = this.parts;
    while (!(await checking.isReady(queued.frame.acceptedMs))) {
      if (this.isClosed) return;
      this.waiting = deferred();
      const timer = clock.after(ASK_AGAIN_MS, () => this.wake());
      await this.waiting.promise;
      timer.cancel();
      this.waiting = undefined;
      if (this.isClosed) return;
    }
    const { frame, delivery } = queued;
    if (this.queued.get(frame.cursor) === queued) this.queued.delete(frame.cursor);
    await this.take(frame, delivery);
  }

  private async take(frame: Frame<"deliver">, delivery: Delivery): Promise<void> {
    const { cursor } = this.read;
    // Cursors begin at 1, so also before the first mail something may be missing: a copy may be as old as the device.
    if (frame.cursor > cursor + 1) this.parts.gap(frame.cursor - cursor - 1);
    const { durable, after } = await openEnvelope(this.parts, frame, async (opened) => {
      // What may not be shown was counted with its reason.
      const isOpened = opened.kind === "payload" || opened.kind === "unshown";
      this.parts.counters.count(isOpened ? "opened" : opened.kind);
      const certified = await this.certified(opened);
      return this.decide({ frame, commit: (plan) => this.commit(frame, plan, certified) }, opened);
    });
    delivery.when(durable);
    durable
      .then(() => {
        for (const work of after) work();
      })
      .catch((error: unknown) => this.parts.failed(error));
  }

  /** What the sender's certificate says the account is; one from an identity that was given up says nothing of today. */
  private async certified(opened: Opened): Promise<readonly StoreChange[]> {
    const isToday = (opened.kind === "payload" || opened.kind === "unfit") && opened.era === "present";
    return isToday ? this.parts.roles.heard(opened.sender.account, opened.role) : [];
  }

  private async decide(mail: Mail, opened: Opened): Promise<Commit> {
    const { account, log, peerMail, groupMail, ownMail, unopenedMail } = this.parts;
    switch (opened.kind) {
      case "payload": {
        const { said } = opened;
        switch (said.from) {
          case "peer":
            return peerMail.take(mail, opened, said);
          case "member":
            return groupMail.take(mail, opened, said);
          case "own":
            return ownMail.take(mail, opened, said);
          default:
            return said satisfies never;
        }
      }
      case "unfit": {
        log("warn", "content refused", { reason: opened.reason });
        const isOwn = opened.sender.account === account.id;
        return isOwn ? ownMail.take(mail, opened, undefined) : peerMail.take(mail, opened, undefined);
      }
      case "unshown":
        log("warn", "content not shown", { reason: opened.reason });
        return peerMail.unshown(mail, opened);
      case "undecryptable":
        return unopenedMail.take(mail, opened);
      case "rejected":
        log("warn", "envelope rejected", { reason: opened.reason });
        return mail.commit(nothing);
      case "duplicate":
        return mail.commit(nothing);
      default:
        return opened satisfies never;
    }
  }

  /** One batch, queued in the turn that built it, so that places and counters reach the disk in the order they were taken. */
  private commit({ cursor, acceptedMs }: Frame<"deliver">, plan: Plan, certified: readonly StoreChange[]): Commit {
    if (cursor > this.read.cursor) this.read = { cursor, acceptedMs: Math.max(acceptedMs, this.read.acceptedMs) };
    const position = { key: keys.inbox, value: encodeRow("inbox", this.read) };
    return { durable: this.parts.store.commit([...plan.build(), ...certified, position]), after: plan.after };
  }
}
