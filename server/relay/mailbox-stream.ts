/** One mailbox towards one connection: what is stored, in order, then `queueEmpty` once, then live. */

import { accountIdToBytes, encodeFrame, limits } from "@sotto/protocol";
import type { MailboxId, StoredEnvelope } from "../ports.js";
import { Announced } from "./announced.js";
import { splitCommitment } from "./commitment.js";
import { DeliveryWindow } from "./delivery-window.js";
import type { DeviceIdentity, Rules } from "./rules.js";

/** Where a stream's frames go. */
export interface Outlet {
  push(message: Uint8Array): void;
  /** True while the peer does not take what it is sent; `MailboxStream.drained` is called when it did. */
  isCongested(): boolean;
  /** The mailbox cannot be read; the device has to connect again. */
  streamFailed(): void;
}

/** Bodies in one page. */
const PAGE_BYTES = 262_144;

/** A page is read when this many envelopes may go out, or none is out: small pages cost as much as large ones. */
const REFILL = limits.inFlight.value / 4;

/** Wait before mail that was announced is read again, where its commit was not yet through. */
const REREAD_MS = 20;

/**
 * Mail is announced ahead of its commit: what was announced before this stream listened may be stored after it read. So it
 * looks once more, when such a commit is through; later ones the sweep finds.
 */
const LOOK_AGAIN_MS = 250;

/**
 * Delivers a mailbox.
 *
 *   waiting ──start──▶ opening ──first page──▶ catchingUp ──all stored at that page delivered──▶ live
 *      └──────────────────┴─────────── stop ──────┴───────────────────────────────────────────▶ stopped
 *
 * Everything up to `position` was delivered on this connection or is gone. A notice whose cursor is the next one is pushed
 * straight away, possibly ahead of its commit; every other notice only says that there is something to read. So nothing is
 * ever skipped or sent out of order, and what stays unacknowledged is delivered again to the next connection.
 */
export class MailboxStream {
  readonly mailbox: MailboxId;
  /** The account that mail is stamped for. */
  private readonly stampedFor: Uint8Array;
  private phase: "waiting" | "opening" | "catchingUp" | "live" | "stopped" = "waiting";
  private readonly window = new DeliveryWindow(limits.inFlight.value);
  private position = 0;
  private readonly announced = new Announced();
  /** The head of the mailbox when the connection began. */
  private headAtStart = 0;
  private hasMore = true;
  private isReading = false;
  private isPaused = false;
  private reread: { cancel(): void } | undefined;
  private lookAgain: { cancel(): void } | undefined;
  /** Acknowledgements that wait for the one being written. */
  private owed: { upTo: number; also: number[] } | undefined;
  private isWritingOwed = false;

  constructor(
    private readonly rules: Pick<Rules, "store" | "clock" | "log" | "metrics" | "policy" | "stamps">,
    { account, mailbox }: Pick<DeviceIdentity, "account" | "mailbox">,
    private readonly outlet: Outlet,
  ) {
    this.mailbox = mailbox;
    this.stampedFor = accountIdToBytes(account);
  }

  /** Begins to deliver. The bus is attached before, so that nothing falls between reading and listening. */
  start(): void {
    if (this.phase !== "waiting") return;
    this.phase = "opening";
    this.pump();
  }

  /** Delivers nothing more. Acknowledgements already taken are still written. */
  stop(): void {
    this.phase = "stopped";
    this.reread?.cancel();
    this.lookAgain?.cancel();
  }

  /** Mail arrived. */
  mail(envelope: StoredEnvelope): void {
    if (envelope.cursor <= this.position) return;
    this.announced.add(envelope);
    this.pump();
  }

  /** The mailbox is known to reach up to `head`: notices may have been lost. */
  reaches(head: number): void {
    this.announced.reaches(head);
    this.pump();
  }

  /** The peer took what it was sent. */
  drained(): void {
    this.isPaused = false;
    this.pump();
  }

  /** Takes an acknowledgement; false if it names mail this connection did not deliver. */
  acknowledge(upTo: number, also: readonly number[]): boolean {
    if (upTo > this.position || also.some((cursor) => cursor > this.position)) return false;
    let count = this.window.acknowledgeUpTo(upTo);
    const single: number[] = [];
    for (const cursor of also) if (this.window.acknowledgeOne(cursor)) single.push(cursor);
    count += single.length;
    if (count === 0) return true;
    this.rules.metrics.count("envelopesAcknowledged", undefined, count);
    this.owe(upTo, single);
    this.pump();
    return true;
  }

  private get isBehind(): boolean {
    return this.hasMore || this.announced.head > this.position;
  }

  /** Delivers what was announced and comes next, then reads the next page if there is one and room for it. */
  private pump(): void {
    if (this.phase === "catchingUp" || this.phase === "live") this.deliverAnnounced();
    this.readNext();
  }

  private deliverAnnounced(): void {
    for (;;) {
      const next = this.announced.next(this.position);
      if (next === undefined || !this.mayDeliver()) return;
      this.deliver(next);
    }
  }

  private mayDeliver(): boolean {
    if (this.isPaused || this.window.room === 0) return false;
    this.isPaused = this.outlet.isCongested();
    return !this.isPaused;
  }

  private deliver({ cursor, messageId, acceptedMs, body: stored }: StoredEnvelope): void {
    this.position = cursor;
    this.window.delivered(cursor);
    const { body, commitment } = splitCommitment(stored);
    const stamp = this.rules.stamps.of({ commitment, recipient: this.stampedFor, acceptedMs });
    // A commitment without a stamp is worth nothing to anybody: mail that is older than the keys are kept.
    const proof = stamp === undefined ? undefined : { commitment, stamp };
    this.outlet.push(encodeFrame({ type: "deliver", cursor, messageId, acceptedMs, ...proof, body }));
    this.rules.metrics.count("envelopesDelivered");
    this.announceEmpty();
  }

  private readNext(): void {
    if (this.phase === "waiting" || this.phase === "stopped") return;
    if (this.isReading || this.isPaused || !this.isBehind || this.reread !== undefined) return;
    const { room, size } = this.window;
    if (room < REFILL && size > 0) return;
    this.isReading = true;
    this.rules.store.mail
      .read(this.mailbox, this.position, { count: room, bytes: PAGE_BYTES })
      .then((page) => this.take(page))
      .catch((cause) => this.failed(cause));
  }

  private take(page: {
    readonly items: readonly StoredEnvelope[];
    readonly more: boolean;
    readonly head: number;
  }): void {
    this.isReading = false;
    if (this.phase === "stopped") return;
    if (this.phase === "opening") {
      this.phase = "catchingUp";
      this.headAtStart = page.head;
      this.lookAgain = this.rules.clock.after(LOOK_AGAIN_MS, () => {
        this.hasMore = true;
        this.pump();
      });
    }
    const expiredMs = this.rules.clock.now() - this.rules.policy.envelopeTtlMs;
    this.hasMore = page.more;
    for (const item of page.items) {
      if (item.cursor <= this.position) continue;
      if (item.acceptedMs < expiredMs) {
        this.position = item.cursor;
        continue;
      }
      if (!this.mayDeliver()) {
        this.hasMore = true;
        break;
      }
      this.deliver(item);
    }
    if (!this.hasMore) this.position = Math.max(this.position, page.head);
    this.announceEmpty();
    this.deliverAnnounced();
    if (!this.hasMore && this.isBehind) this.rereadLater();
    else this.readNext();
  }

  /** Something was announced that is not readable yet: its commit is under way. */
  private rereadLater(): void {
    this.reread ??= this.rules.clock.after(REREAD_MS, () => {
      this.reread = undefined;
      this.readNext();
    });
  }

  private announceEmpty(): void {
    if (this.phase !== "catchingUp" || this.position < this.headAtStart) return;
    this.phase = "live";
    this.outlet.push(encodeFrame({ type: "queueEmpty" }));
  }

  /** Remembers what is to be deleted; one deletion is written at a time, and those that come meanwhile are joined. */
  private owe(upTo: number, also: readonly number[]): void {
    if (this.owed === undefined) this.owed = { upTo, also: [...also] };
    else {
      this.owed.upTo = Math.max(this.owed.upTo, upTo);
      this.owed.also.push(...also);
    }
    if (!this.isWritingOwed) void this.writeOwed();
  }

  private async writeOwed(): Promise<void> {
    this.isWritingOwed = true;
    while (this.owed !== undefined) {
      const { upTo, also } = this.owed;
      this.owed = undefined;
      try {
        await this.rules.store.mail.acknowledge(this.mailbox, upTo, also);
      } catch {
        // What was not deleted is delivered again, and the device drops it by its id.
        this.rules.log.warn("acknowledgementNotWritten");
      }
    }
    this.isWritingOwed = false;
  }

  private failed(cause: unknown): void {
    this.isReading = false;
    if (this.phase === "stopped") return;
    this.rules.log.error("mailboxUnreadable", cause);
    this.outlet.streamFailed();
  }
}
