/** Contract of `Mailboxes`: read and acknowledge. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cursorsIn, type MakeStore, mailbox, readAll, type StoreHarness, send, text } from "./harness.js";

export function describeReadAndAcknowledge(makeStore: MakeStore): void {
  let harness: StoreHarness;
  beforeEach(async () => {
    harness = await makeStore();
    for (const number of [1, 2, 3]) await harness.store.mail.create(mailbox(number));
  });
  afterEach(() => harness.dispose());

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
