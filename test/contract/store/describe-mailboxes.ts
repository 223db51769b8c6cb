/** Contract of `Mailboxes`: append, read, acknowledge. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  account,
  bytes,
  cursorsIn,
  type MakeStore,
  mailbox,
  messageId,
  readAll,
  type StoreHarness,
  send,
  text,
  textsIn,
} from "./harness.js";

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

export function describeMailboxes(makeStore: MakeStore): void {
  let harness: StoreHarness;
  beforeEach(async () => {
    harness = await makeStore();
    for (const number of [1, 2, 3]) await harness.store.mail.create(mailbox(number));
  });
  afterEach(() => harness.dispose());

  describe("append", () => {
    it("stores every row of a send under the next cursor of its mailbox", async () => {
      const { mail } = harness.store;
      await mail.append(send(harness, 1, [mailbox(1)]));
      const outcome = await mail.append(send(harness, 2, [mailbox(1), mailbox(2), mailbox(1)]));
      expect(outcome).toEqual({ kind: "stored", cursors: [2, 1, 3] });
      expect(await textsIn(harness.store, mailbox(1))).toEqual(["body 1", "body 2", "body 2"]);
      expect(await textsIn(harness.store, mailbox(2))).toEqual(["body 2"]);
    });

    it("keeps id, time and body of an envelope, also an empty one and one of 96 KiB", async () => {
      const bodies = [new Uint8Array(0), new Uint8Array(98_304).fill(7), bytes("short")];
      for (const [n, body] of bodies.entries()) {
        await harness.store.mail.append(send(harness, n, [mailbox(1)], { body }));
        harness.clock.advance(1);
      }
      const items = await readAll(harness.store, mailbox(1));
      const startMs = harness.clock.now() - bodies.length;
      expect(items).toHaveLength(bodies.length);
      for (const [n, item] of items.entries()) {
        expect(item.cursor).toBe(n + 1);
        expect(item.acceptedMs).toBe(startMs + n);
        expect(Buffer.from(item.messageId)).toEqual(Buffer.from(messageId(n)));
        expect(Buffer.from(item.body).equals(bodies[n] ?? bytes("missing"))).toBe(true);
      }
    });

    it("gives concurrent sends to one mailbox rising cursors without gaps, in the order of the calls", async () => {
      const calls = Array.from({ length: 300 }, (_, n) =>
        harness.store.mail.append(send(harness, n, [mailbox(1), mailbox(2)])),
      );
      const outcomes = await Promise.all(calls);
      expect(outcomes).toEqual(calls.map((_, n) => ({ kind: "stored", cursors: [n + 1, n + 1] })));
      expect(await textsIn(harness.store, mailbox(2))).toEqual(calls.map((_, n) => `body ${n}`));
    });

    it("keeps the order of the calls when some of the mailboxes must first be read from disk", async () => {
      await harness.reopen();
      const { mail } = harness.store;
      await mail.heads([mailbox(1)]);
      const calls = [
        mail.append(send(harness, 1, [mailbox(1), mailbox(2)])),
        mail.append(send(harness, 2, [mailbox(1)])),
        mail.append(send(harness, 3, [mailbox(2), mailbox(3)])),
        mail.append(send(harness, 4, [mailbox(3)])),
      ];
      await Promise.all(calls);
      expect(await textsIn(harness.store, mailbox(1))).toEqual(["body 1", "body 2"]);
      expect(await textsIn(harness.store, mailbox(2))).toEqual(["body 1", "body 3"]);
      expect(await textsIn(harness.store, mailbox(3))).toEqual(["body 3", "body 4"]);
    });

    it("has taken the body when it returns", async () => {
      await harness.reopen();
      const body = bytes("before");
      const cold = harness.store.mail.append(send(harness, 1, [mailbox(1)], { body }));
      body.set(bytes("AFTER!"));
      await cold;
      body.set(bytes("second"));
      const warm = harness.store.mail.append(send(harness, 2, [mailbox(1)], { body }));
      body.set(bytes("AFTER!"));
      await warm;
      expect(await textsIn(harness.store, mailbox(1))).toEqual(["before", "second"]);
    });

    it("tells assigned cursors exactly once, before it resolves, and only for what it stores", async () => {
      const { mail } = harness.store;
      const told: string[] = [];
      const tell = (name: string) => (cursors: readonly number[]) => void told.push(`${name} ${cursors.join()}`);
      await mail.append(send(harness, 1, [mailbox(1), mailbox(2)]), tell("first")).then(() => told.push("resolved"));
      await mail.append(send(harness, 1, [mailbox(1)]), tell("repeated"));
      await mail.append(send(harness, 2, [mailbox(9)]), tell("no mailbox"));
      expect(told).toEqual(["first 1,1", "resolved"]);
    });

    it("stores a send without rows, so that its repeat is known", async () => {
      const request = send(harness, 1, []);
      expect(await harness.store.mail.append(request)).toEqual({ kind: "stored", cursors: [] });
      expect((await harness.store.mail.append(request)).kind).toBe("repeated");
    });

    it("names mailboxes that do not exist and stores nothing", async () => {
      const outcome = await harness.store.mail.append(send(harness, 1, [mailbox(1), mailbox(8), mailbox(9)]));
      expect(outcome).toEqual({ kind: "noMailbox", mailboxes: [mailbox(8), mailbox(9)] });
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([]);
      expect((await harness.store.mail.append(send(harness, 1, [mailbox(1)]))).kind).toBe("stored");
    });
  });

  describe("a repeated send", () => {
    it("answers the first time and stores nothing", async () => {
      const { mail } = harness.store;
      const acceptedMs = harness.clock.now();
      await mail.append(send(harness, 1, [mailbox(1)]));
      harness.clock.advance(1_000);
      expect(await mail.append(send(harness, 1, [mailbox(1)]))).toEqual({ kind: "repeated", acceptedMs });
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([1]);
    });

    it("is stored once, however many come at the same time", async () => {
      const acceptedMs = harness.clock.now();
      const calls = Array.from({ length: 10 }, () => harness.store.mail.append(send(harness, 1, [mailbox(1)])));
      const repeated = { kind: "repeated", acceptedMs };
      expect(await Promise.all(calls)).toEqual([{ kind: "stored", cursors: [1] }, ...Array(9).fill(repeated)]);
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([1]);
    });

    it("is recognised after a reopen, after the mail was acknowledged, and before any other refusal", async () => {
      const acceptedMs = harness.clock.now();
      await harness.store.mail.append(send(harness, 1, [mailbox(1)]));
      await harness.store.mail.acknowledge(mailbox(1), 1, []);
      await harness.store.mail.drop(mailbox(1));
      await harness.reopen();
      const again = send(harness, 1, [mailbox(1)], { guards: [{ account: account(1), revision: 5 }] });
      expect(await harness.store.mail.append(again)).toEqual({ kind: "repeated", acceptedMs });
    });

    it("is recognised for 7 days and not longer", async () => {
      const { mail } = harness.store;
      const acceptedMs = harness.clock.now();
      await mail.append(send(harness, 1, [mailbox(1)]));
      harness.clock.advance(WEEK_MS - 1);
      expect(await mail.append(send(harness, 1, [mailbox(1)]))).toEqual({ kind: "repeated", acceptedMs });
      harness.clock.advance(1);
      expect((await mail.append(send(harness, 1, [mailbox(1)]))).kind).toBe("stored");
    });
  });

  describe("guards", () => {
    it("store nothing if an account has moved on, appeared or gone", async () => {
      const { mail, directory } = harness.store;
      const { revision = 0 } = await directory.compareAndSet(account(1), undefined, bytes("one"));
      const guards = [{ account: account(1), revision }];
      expect((await mail.append(send(harness, 1, [mailbox(1)], { guards }))).kind).toBe("stored");

      const { revision: next = 0 } = await directory.compareAndSet(account(1), revision, bytes("two"));
      expect(await mail.append(send(harness, 2, [mailbox(1)], { guards }))).toEqual({ kind: "changed" });
      const moved = [{ account: account(1), revision: next }];
      expect((await mail.append(send(harness, 2, [mailbox(1)], { guards: moved }))).kind).toBe("stored");

      await directory.compareAndSet(account(1), next, undefined);
      expect((await mail.append(send(harness, 3, [mailbox(1)], { guards: moved }))).kind).toBe("changed");
      const unknown = [{ account: account(2), revision: 1 }];
      expect((await mail.append(send(harness, 3, [mailbox(1)], { guards: unknown }))).kind).toBe("changed");
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([1, 2]);
    });

    it("see a change that was called before, though it is still being written", async () => {
      const { mail, directory } = harness.store;
      const { revision = 0 } = await directory.compareAndSet(account(1), undefined, bytes("one"));
      const change = directory.compareAndSet(account(1), revision, bytes("two"));
      const guards = [{ account: account(1), revision }];
      expect((await mail.append(send(harness, 1, [mailbox(1)], { guards }))).kind).toBe("changed");
      await change;
    });

    it("hold after a reopen", async () => {
      const { revision = 0 } = await harness.store.directory.compareAndSet(account(1), undefined, bytes("one"));
      await harness.reopen();
      const guards = [{ account: account(1), revision }];
      expect((await harness.store.mail.append(send(harness, 1, [mailbox(1)], { guards }))).kind).toBe("stored");
    });
  });

  describe("the quota", () => {
    it("refuses a send whole, naming exactly the full mailboxes", async () => {
      const { mail } = harness.store;
      const quota = { envelopes: 2, bytes: 1_000 };
      for (const n of [1, 2]) await mail.append(send(harness, n, [mailbox(1), mailbox(3)], { quota }));
      const outcome = await mail.append(send(harness, 3, [mailbox(1), mailbox(2), mailbox(3)], { quota }));
      expect(outcome).toEqual({ kind: "full", mailboxes: [mailbox(1), mailbox(3)] });
      expect(await cursorsIn(harness.store, mailbox(2))).toEqual([]);
      expect((await mail.append(send(harness, 3, [mailbox(2)], { quota }))).kind).toBe("stored");
    });

    it("counts bytes, and all rows of the request for one mailbox together", async () => {
      const { mail } = harness.store;
      const quota = { envelopes: 10, bytes: 20 };
      const twice = send(harness, 1, [mailbox(1), mailbox(1)], { quota, body: new Uint8Array(11) });
      expect(await mail.append(twice)).toEqual({ kind: "full", mailboxes: [mailbox(1)] });
      const exact = send(harness, 1, [mailbox(1), mailbox(1)], { quota, body: new Uint8Array(10) });
      expect((await mail.append(exact)).kind).toBe("stored");
      expect((await mail.append(send(harness, 2, [mailbox(1)], { quota, body: bytes("x") }))).kind).toBe("full");
    });

    it("counts envelopes of one request for one mailbox together", async () => {
      const { mail } = harness.store;
      const quota = { envelopes: 2, bytes: 1_000 };
      const thrice = send(harness, 1, [mailbox(1), mailbox(2), mailbox(1), mailbox(1)], { quota });
      expect(await mail.append(thrice)).toEqual({ kind: "full", mailboxes: [mailbox(1)] });
      const twice = send(harness, 1, [mailbox(1), mailbox(2), mailbox(1)], { quota });
      expect((await mail.append(twice)).kind).toBe("stored");
    });

    it("counts what is still being written", async () => {
      const quota = { envelopes: 3, bytes: 1_000 };
      const calls = Array.from({ length: 10 }, (_, n) =>
        harness.store.mail.append(send(harness, n, [mailbox(1)], { quota })),
      );
      const kinds = (await Promise.all(calls)).map(({ kind }) => kind);
      expect(kinds).toEqual(["stored", "stored", "stored", ...Array(7).fill("full")]);
    });

    it("is freed by acknowledgement and counted anew after a reopen", async () => {
      const quota = { envelopes: 3, bytes: 30 };
      const body = new Uint8Array(10);
      const sendOne = async (n: number) =>
        (await harness.store.mail.append(send(harness, n, [mailbox(1)], { quota, body }))).kind;
      for (const n of [1, 2, 3]) expect(await sendOne(n)).toBe("stored");
      await harness.store.mail.acknowledge(mailbox(1), 0, [2]);
      await harness.reopen();
      expect(await sendOne(4)).toBe("stored");
      expect(await sendOne(5)).toBe("full");
      await harness.store.mail.acknowledge(mailbox(1), 1, []);
      expect(await sendOne(5)).toBe("stored");
    });
  });

  describe("read", () => {
    beforeEach(async () => {
      for (let n = 1; n <= 10; n++) {
        await harness.store.mail.append(send(harness, n, [mailbox(1)], { body: new Uint8Array(100).fill(n) }));
      }
    });

    it("pages by count, ascending, and says whether there is more", async () => {
      const { mail } = harness.store;
      const first = await mail.read(mailbox(1), 0, { count: 4, bytes: 10_000 });
      expect(first.items.map(({ cursor }) => cursor)).toEqual([1, 2, 3, 4]);
      expect(first).toMatchObject({ more: true, head: 10 });
      const rest = await mail.read(mailbox(1), 4, { count: 6, bytes: 10_000 });
      expect(rest.items.map(({ cursor }) => cursor)).toEqual([5, 6, 7, 8, 9, 10]);
      expect(rest).toMatchObject({ more: false, head: 10 });
    });

    it("pages by bytes, but always gives one", async () => {
      const { mail } = harness.store;
      const page = await mail.read(mailbox(1), 0, { count: 10, bytes: 399 });
      expect(page.items.map(({ cursor }) => cursor)).toEqual([1, 2, 3]);
      const exact = await mail.read(mailbox(1), 0, { count: 10, bytes: 400 });
      expect(exact.items).toHaveLength(4);
      const tooSmall = await mail.read(mailbox(1), 9, { count: 10, bytes: 1 });
      expect(tooSmall.items.map(({ cursor }) => cursor)).toEqual([10]);
      expect(tooSmall.more).toBe(false);
    });

    it("answers nothing behind the head and in a mailbox that is not there", async () => {
      const { mail } = harness.store;
      const max = { count: 10, bytes: 10 };
      expect(await mail.read(mailbox(1), 10, max)).toEqual({ items: [], more: false, head: 10 });
      expect(await mail.read(mailbox(1), 99, max)).toEqual({ items: [], more: false, head: 10 });
      expect(await mail.read(mailbox(9), 0, max)).toEqual({ items: [], more: false, head: 0 });
    });

    it("never shows what is not committed, and never lets a lower cursor appear later", async () => {
      const { mail } = harness.store;
      let answered = 10;
      let seen = 0;
      const appends = Array.from({ length: 200 }, (_, n) =>
        mail.append(send(harness, 100 + n, [mailbox(1)])).then(() => {
          answered += 1;
        }),
      );
      const all = Promise.all(appends);
      while (seen < 210) {
        const committedBefore = answered;
        const { items, head } = await mail.read(mailbox(1), seen, { count: 7, bytes: 1_000_000 });
        expect(head).toBeGreaterThanOrEqual(committedBefore);
        expect(items.map(({ cursor }) => cursor)).toEqual(items.map((_, index) => seen + 1 + index));
        seen += items.length;
        if (items.length === 0) await Promise.race(appends.slice(Math.max(0, seen - 10)));
      }
      await all;
    });
  });

  describe("acknowledge", () => {
    beforeEach(async () => {
      for (let n = 1; n <= 6; n++) await harness.store.mail.append(send(harness, n, [mailbox(1)]));
    });

    it("deletes up to a cursor and single ones behind it, and keeps doing so after a reopen", async () => {
      await harness.store.mail.acknowledge(mailbox(1), 2, [4, 6]);
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([3, 5]);
      await harness.reopen();
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([3, 5]);
      expect((await harness.store.mail.heads([mailbox(1)])).get(mailbox(1))).toBe(6);
    });

    it("changes nothing when it is repeated, lower, unknown or of no mailbox", async () => {
      const { mail } = harness.store;
      await mail.acknowledge(mailbox(1), 3, [5]);
      await mail.acknowledge(mailbox(1), 3, [5]);
      await mail.acknowledge(mailbox(1), 1, [2, 5, 77]);
      await mail.acknowledge(mailbox(9), 3, [5]);
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([4, 6]);
    });

    it("deletes no mail that comes after it, however far it reaches", async () => {
      const { mail } = harness.store;
      await mail.acknowledge(mailbox(1), Number.MAX_SAFE_INTEGER, []);
      expect(await mail.append(send(harness, 7, [mailbox(1)]))).toEqual({ kind: "stored", cursors: [7] });
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([7]);
    });

    it("deletes what was assigned and not yet answered: a device may be faster than the disk", async () => {
      const { mail } = harness.store;
      let acknowledged: Promise<void> | undefined;
      await mail.append(send(harness, 7, [mailbox(1)]), ([cursor = 0]) => {
        acknowledged = mail.acknowledge(mailbox(1), cursor, []);
      });
      await acknowledged;
      await harness.reopen();
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([]);
    });

    it("does not let cursors start over, though nothing is left and the store is reopened", async () => {
      await harness.store.mail.acknowledge(mailbox(1), 6, []);
      await harness.reopen();
      expect(await harness.store.mail.append(send(harness, 7, [mailbox(1)]))).toEqual({ kind: "stored", cursors: [7] });
      await harness.store.mail.acknowledge(mailbox(1), 0, [7]);
      await harness.reopen();
      await harness.reopen();
      expect((await harness.store.mail.heads([mailbox(1)])).get(mailbox(1))).toBe(7);
      expect(await harness.store.mail.append(send(harness, 8, [mailbox(1)]))).toEqual({ kind: "stored", cursors: [8] });
    });

    it("keeps the last cursor when the newest envelope goes before older ones", async () => {
      await harness.store.mail.acknowledge(mailbox(1), 0, [5, 6]);
      await harness.reopen();
      expect(await harness.store.mail.append(send(harness, 7, [mailbox(1)]))).toEqual({ kind: "stored", cursors: [7] });
      expect((await readAll(harness.store, mailbox(1))).map(({ body }) => text(body)).at(-1)).toBe("body 7");
    });
  });
}
