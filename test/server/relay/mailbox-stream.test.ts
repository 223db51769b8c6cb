/** Delivery of one mailbox to one connection. */

import { decodeFrame, type FrameToClient, limits } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Mailboxes, type MailboxId, type StoredEnvelope, StoreError } from "../../../server/ports.js";
import { MailboxStream } from "../../../server/relay/mailbox-stream.js";
import type { Client } from "./support/client.js";
import { ManualClock } from "./support/manual-clock.js";
import { envelopeFor, POLICY, sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";
import { settle } from "./support/turns.js";

const WINDOW = limits.inFlight.value;

/** Alice, offline, with this much mail; bodies spell their number. */
async function offlineWith(count: number, bodyBytes = 2) {
  const relay = await TestRelay.start();
  const alice = await relay.person("alice");
  alice.client.hangUp();
  let sender = await relay.anonymous();
  const write = async (number: number) => {
    if (sender.closedWith !== undefined) sender = await relay.anonymous();
    const body = new Uint8Array(bodyBytes);
    new DataView(body.buffer).setUint16(0, number);
    sender.say(sendFrame(sender, [{ ...sealedTo(alice.device), envelopes: [envelopeFor(alice.device, body)] }]));
    await sender.next("accepted");
  };
  for (let number = 1; number <= count; number++) await write(number);
  return { relay, alice, write };
}

async function deliveries(client: Client, first: number, last: number): Promise<void> {
  for (let cursor = first; cursor <= last; cursor++) expect((await client.next("deliver")).cursor).toBe(cursor);
}

describe("a mailbox stream", () => {
  it("delivers what is stored in order, then queueEmpty once, then what comes", async () => {
    const { relay, alice, write } = await offlineWith(3);
    const client = await relay.connected(alice.device);
    await deliveries(client, 1, 3);
    await client.next("queueEmpty");
    await write(4);
    await write(5);
    await deliveries(client, 4, 5);
    expect(await client.rest()).toEqual([]);
  });

  it("says queueEmpty at once for an empty mailbox, also one that was emptied", async () => {
    const { relay, alice } = await offlineWith(2);
    const client = await relay.connected(alice.device);
    await deliveries(client, 1, 2);
    await client.next("queueEmpty");
    client.say({ type: "acknowledge", upTo: 2, also: [] });
    expect(await client.rest()).toEqual([]);
    const again = await relay.connected(alice.device);
    expect(await again.rest()).toEqual(["queueEmpty"]);
  });

  it("delivers again to the next connection what was not acknowledged, and only that", async () => {
    const { relay, alice } = await offlineWith(5);
    const client = await relay.connected(alice.device);
    await deliveries(client, 1, 5);
    await client.next("queueEmpty");
    client.say({ type: "acknowledge", upTo: 2, also: [4] });
    await client.rest();
    client.hangUp();
    const again = await relay.connected(alice.device);
    expect((await again.next("deliver")).cursor).toBe(3);
    expect((await again.next("deliver")).cursor).toBe(5);
    expect(await again.rest()).toEqual(["queueEmpty"]);
  });

  it("keeps at most the window in flight, and says queueEmpty only after the last of the backlog", async () => {
    const count = WINDOW * 2 + 10;
    const { relay, alice } = await offlineWith(count);
    const client = await relay.connected(alice.device);
    await deliveries(client, 1, WINDOW);
    expect(await client.rest()).toEqual([]);
    client.say({ type: "acknowledge", upTo: WINDOW, also: [] });
    await deliveries(client, WINDOW + 1, WINDOW * 2);
    expect(await client.rest()).toEqual([]);
    client.say({ type: "acknowledge", upTo: WINDOW * 2, also: [] });
    await deliveries(client, WINDOW * 2 + 1, count);
    expect(await client.rest()).toEqual(["queueEmpty"]);
  });

  it("delivers live mail that came while the window was full", async () => {
    const { relay, alice, write } = await offlineWith(0);
    const client = await relay.connected(alice.device);
    await client.next("queueEmpty");
    for (let number = 1; number <= WINDOW + 40; number++) await write(number);
    await deliveries(client, 1, WINDOW);
    expect(await client.rest()).toEqual([]);
    client.say({ type: "acknowledge", upTo: WINDOW, also: [] });
    await deliveries(client, WINDOW + 1, WINDOW + 40);
    expect(await client.rest()).toEqual([]);
  });

  it("waits while the peer does not read, and goes on when it does", async () => {
    const { relay, alice, write } = await offlineWith(0);
    const client = await relay.connected(alice.device);
    await client.next("queueEmpty");
    client.bufferedBytes = 1_000_000;
    for (let number = 1; number <= 5; number++) await write(number);
    expect(await client.rest()).toEqual([]);
    client.drain();
    await deliveries(client, 1, 5);
  });

  it("stops a backlog in the middle of a page when the peer stops reading", async () => {
    const { relay, alice } = await offlineWith(40, 20_000);
    const { client, challenge } = await relay.challenged();
    const send = client.send.bind(client);
    client.send = (message) => {
      send(message);
      client.bufferedBytes += message.length;
    };
    client.say(alice.device.authentication(challenge));
    await client.next("welcome");
    let delivered = 0;
    for (let round = 0; round < 40 && delivered < 40; round++) {
      const came = (await client.rest()).filter((type) => type === "deliver").length;
      expect(came).toBeLessThan(20);
      await deliveries(client, delivered + 1, delivered + came);
      delivered += came;
      client.drain();
    }
    expect(delivered).toBe(40);
    expect(await client.rest()).toEqual(["queueEmpty"]);
  });

  it("skips what outlived its time to live", async () => {
    const { relay, alice, write } = await offlineWith(2);
    relay.clock.advance(POLICY.envelopeTtlMs + 1);
    await write(3);
    const client = await relay.connected(alice.device);
    expect((await client.next("deliver")).cursor).toBe(3);
    await relay.relay.sweep({ aborted: false });
    expect(relay.counts.get("envelopesExpired")).toBe(2);
  });
});

describe("an acknowledgement", () => {
  it("of what was not delivered closes with 4400, cumulative or single", async () => {
    const { relay, alice } = await offlineWith(2);
    for (const [upTo, also] of [
      [3, []],
      [0, [3]],
      [Number.MAX_SAFE_INTEGER, []],
    ] as const) {
      const client = await relay.connected(alice.device);
      await deliveries(client, 1, 2);
      await client.next("queueEmpty");
      client.say({ type: "acknowledge", upTo, also });
      await client.closed("badFrame");
    }
    const client = await relay.connected(alice.device);
    await deliveries(client, 1, 2);
  });

  it("repeated or of what is gone does nothing", async () => {
    const { relay, alice } = await offlineWith(2);
    const client = await relay.connected(alice.device);
    await deliveries(client, 1, 2);
    await client.next("queueEmpty");
    for (let count = 0; count < 3; count++) client.say({ type: "acknowledge", upTo: 1, also: [2, 1] });
    client.say({ type: "acknowledge", upTo: 0, also: [] });
    expect(await client.rest()).toEqual([]);
    expect(relay.counts.get("envelopesAcknowledged")).toBe(2);
  });
});

describe("whatever happens", () => {
  it("every connection sees rising cursors without a gap, queueEmpty once, and nothing is lost", async () => {
    const action = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant("write" as const), count: fc.integer({ min: 1, max: 60 }) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant("acknowledge" as const),
          part: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("congest" as const) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("drain" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("reconnect" as const) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("settle" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("tick" as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
        const { relay, alice } = await offlineWith(0);
        const sender = await relay.anonymous();
        let written = 0;
        let acknowledged = 0;
        let client = await relay.connected(alice.device);
        const delivered = () => cursorsOf(client);
        for (const one of actions) {
          switch (one.kind) {
            case "write":
              for (let count = 0; count < one.count; count++) sender.say(sendFrame(sender, [sealedTo(alice.device)]));
              written += one.count;
              break;
            case "acknowledge": {
              const upTo = delivered()[Math.floor((delivered().length - 1) * one.part)];
              if (upTo === undefined) break;
              client.say({ type: "acknowledge", upTo, also: [] });
              acknowledged = Math.max(acknowledged, upTo);
              break;
            }
            case "congest":
              client.bufferedBytes = 1_000_000;
              break;
            case "drain":
              client.drain();
              break;
            case "reconnect":
              await settle();
              client.hangUp();
              client = await relay.connected(alice.device);
              break;
            case "settle":
              await settle();
              break;
            case "tick":
              relay.clock.advance(20);
              break;
          }
          expectGapless(client);
        }
        client.drain();
        for (let round = 0; round < 50; round++) {
          await settle();
          relay.clock.advance(20);
          const last = delivered().at(-1);
          if (last === undefined || last === written) continue;
          client.say({ type: "acknowledge", upTo: last, also: [] });
          acknowledged = last;
        }
        expectGapless(client);
        if (written > acknowledged) expect(delivered().at(-1)).toBe(written);
        expect(client.closedWith).toBeUndefined();
        expect(typesOf(client).filter((type) => type === "queueEmpty")).toHaveLength(1);
        expect(relay.bugs).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  function framesOf(client: Client): readonly FrameToClient[] {
    return client.messages.map((message) => decodeFrame(message, "toClient"));
  }
  function typesOf(client: Client): readonly string[] {
    return framesOf(client).map(({ type }) => type);
  }
  function cursorsOf(client: Client): readonly number[] {
    return framesOf(client).flatMap((frame) => (frame.type === "deliver" ? [frame.cursor] : []));
  }
  function expectGapless(client: Client): void {
    const cursors = cursorsOf(client);
    for (let index = 1; index < cursors.length; index++)
      expect(cursors[index]).toBe((cursors[index - 1] as number) + 1);
  }
});

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
        },
        "mailbox" as MailboxId,
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
      return { cursor, messageId: new Uint8Array(16), acceptedMs: this.clock.now(), body: Uint8Array.of(cursor) };
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
