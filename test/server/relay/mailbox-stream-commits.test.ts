/** Delivery while commits are under way: notices run ahead of what can be read. */

import { accountIdFromBytes, decodeFrame } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { type Mailboxes, type MailboxId, type StoredEnvelope, StoreError } from "../../../server/ports.js";
import { MailboxStream } from "../../../server/relay/mailbox-stream.js";
import { ManualClock } from "./support/manual-clock.js";
import { POLICY } from "./support/test-relay.js";
import { settle } from "./support/turns.js";

describe("a stream whose store commits late", () => {
  /** A mailbox in hand: what is committed is readable, notices run ahead. */
  class SlowMailbox {
    readonly clock = new ManualClock();
    readonly cursors: number[] = [];
    readonly acknowledged: (readonly [number, readonly number[]])[] = [];
    committed = 0;
    reads = 0;
    failing: StoreError | undefined;
    failed = false;
    isEmpty = false;
    releaseAcknowledge: (() => void) | undefined;
    readonly stream: MailboxStream;

    constructor() {
      const mail: Pick<Mailboxes, "read" | "acknowledge"> = {
        read: async (_mailbox, after, { count }) => {
          this.reads += 1;
          if (this.failing !== undefined) throw this.failing;
          const items: StoredEnvelope[] = [];
          for (let cursor = after + 1; cursor <= this.committed && items.length < count; cursor++) {
            items.push(this.envelope(cursor));
          }
          return { items, more: after + items.length < this.committed, head: this.committed };
        },
        acknowledge: (_mailbox, upTo, also) => {
          this.acknowledged.push([upTo, also]);
          return new Promise((resolve) => {
            this.releaseAcknowledge = resolve;
          });
        },
      };
      this.stream = new MailboxStream(
        {
          store: { mail } as never,
          clock: this.clock,
          policy: POLICY,
          metrics: { count: () => {}, gauge: () => {}, observe: () => {} },
          log: { info: () => {}, warn: () => {}, error: () => {} },
          stamps: { of: () => new Uint8Array(16) } as never,
        },
        { account: accountIdFromBytes(new Uint8Array(16)), mailbox: "mailbox" as MailboxId },
        {
          isCongested: () => false,
          push: (message) => {
            const frame = decodeFrame(message, "toClient");
            if (frame.type === "deliver") this.cursors.push(frame.cursor);
            else this.isEmpty = true;
          },
          streamFailed: () => {
            this.failed = true;
          },
        },
      );
    }

    envelope(cursor: number): StoredEnvelope {
      return {
        cursor,
        messageId: new Uint8Array(16),
        acceptedMs: this.clock.now(),
        body: new Uint8Array(33).fill(cursor),
      };
    }

    announce(...cursors: readonly number[]): void {
      for (const cursor of cursors) this.stream.mail(this.envelope(cursor));
    }
  }

  it("pushes the next mail straight from its notice, without a read", async () => {
    const box = new SlowMailbox();
    box.stream.start();
    await settle();
    const reads = box.reads;
    box.announce(1, 2, 3);
    expect(box.cursors).toEqual([1, 2, 3]);
    expect(box.reads).toBe(reads);
  });

  it("joins announced mail after a page, although nothing of it is committed yet", async () => {
    const box = new SlowMailbox();
    box.committed = 2;
    box.stream.start();
    box.announce(3, 4);
    await settle();
    expect(box.cursors).toEqual([1, 2, 3, 4]);
    expect(box.isEmpty).toBe(true);
  });

  it("reads again, not in a circle, for mail that was announced beyond a gap", async () => {
    const box = new SlowMailbox();
    box.stream.start();
    await settle();
    box.announce(2);
    await settle();
    const reads = box.reads;
    await settle();
    expect(box.reads).toBe(reads);
    box.committed = 2;
    box.clock.advance(20);
    await settle();
    expect(box.cursors).toEqual([1, 2]);
    box.clock.advance(250);
    await settle();
    expect(box.clock.waiting).toEqual([]);
  });

  it("finds mail that was announced before it listened and committed after it read", async () => {
    const box = new SlowMailbox();
    box.stream.start();
    await settle();
    expect([box.isEmpty, box.cursors]).toEqual([true, []]);
    box.committed = 1;
    box.clock.advance(250);
    await settle();
    expect(box.cursors).toEqual([1]);
    expect(box.clock.waiting).toEqual([]);
  });

  it("finds mail whose notice was lost once it hears of the head", async () => {
    const box = new SlowMailbox();
    box.stream.start();
    await settle();
    box.committed = 3;
    box.stream.reaches(3);
    await settle();
    expect(box.cursors).toEqual([1, 2, 3]);
  });

  it("writes one deletion at a time and joins those that come meanwhile", async () => {
    const box = new SlowMailbox();
    box.stream.start();
    await settle();
    box.announce(1, 2, 3, 4, 5, 6);
    for (const [upTo, also] of [
      [1, []],
      [2, []],
      [2, [5]],
      [3, []],
    ] as const) {
      expect(box.stream.acknowledge(upTo, also)).toBe(true);
    }
    expect(box.acknowledged).toEqual([[1, []]]);
    box.releaseAcknowledge?.();
    await settle();
    expect(box.acknowledged).toEqual([
      [1, []],
      [3, [5]],
    ]);
  });

  it("says so when the mailbox cannot be read, and delivers nothing after it was stopped", async () => {
    const box = new SlowMailbox();
    box.failing = new StoreError("unavailable", "no");
    box.stream.start();
    await settle();
    expect(box.failed).toBe(true);
    const other = new SlowMailbox();
    other.committed = 2;
    other.stream.start();
    other.stream.stop();
    await settle();
    other.announce(3);
    expect(other.cursors).toEqual([]);
  });
});
