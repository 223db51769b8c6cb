/**
 * From delivered envelopes to durable items: one at a time in mailbox order, one atomic commit each, acknowledged only
 * when that commit is on disk. Commits overlap with the next decryption, so the disk does not slow the ratchet.
 */

import type { Frame } from "@sotto/protocol";
import type { Counters } from "../counters.js";
import type { Log, StoreChange } from "../ports.js";
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
  readonly peerMail: Pick<PeerMail, "take">;
  readonly groupMail: Pick<GroupMail, "take">;
  readonly ownMail: Pick<OwnMail, "take">;
  readonly unopenedMail: Pick<UnopenedMail, "take">;
  readonly acknowledgements: Acknowledgements;
  readonly roles: Pick<Roles, "heard">;
  readonly counters: Counters;
  readonly log: Log;
  /** Mail between two cursors is gone: the relay dropped it after its time to live. */
  gap(missed: number): void;
  /** The store or the code failed: the client must end. */
  failed(error: unknown): void;
}

/** Takes what the relay delivers. */
export class Inbox {
  private tail: Promise<void> = Promise.resolve();
  private read: Row<"inbox"> = { cursor: 0, acceptedMs: 0 };
  private isClosed = false;

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
    this.tail = this.tail.then(() => this.take(frame, delivery)).catch((error) => this.parts.failed(error));
  }

  /** Takes no more. What is delivered from here on is not acknowledged, and comes again to the next client. */
  close(): void {
    this.isClosed = true;
  }

  /** Settles when everything delivered so far was taken. */
  async settled(): Promise<void> {
    await this.tail;
  }

  private async take(frame: Frame<"deliver">, delivery: Delivery): Promise<void> {
    const { cursor } = this.read;
    // Cursors begin at 1, so also before the first mail something may be missing: a copy may be as old as the device.
    if (frame.cursor > cursor + 1) this.parts.gap(frame.cursor - cursor - 1);
    const { durable, after } = await openEnvelope(this.parts, frame, async (opened) => {
      this.parts.counters.count(opened.kind === "payload" ? "opened" : opened.kind);
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
