/** Contract of `Mailboxes`: create, drop, heads, expire. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  bytes,
  cursorsIn,
  EVERYTHING,
  type MakeStore,
  mailbox,
  NEVER_ABORTED,
  type StoreHarness,
  send,
  textsIn,
} from "./harness.js";

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

export function describeMailboxUpkeep(makeStore: MakeStore): void {
  let harness: StoreHarness;
  beforeEach(async () => {
    harness = await makeStore();
    for (const number of [1, 2, 3]) await harness.store.mail.create(mailbox(number));
  });
  afterEach(() => harness.dispose());

  describe("create, drop and heads", () => {
    it("creates a mailbox for exactly one of several callers, and never an existing one", async () => {
      const calls = Array.from({ length: 8 }, () => harness.store.mail.create(mailbox(5)));
      expect((await Promise.all(calls)).filter((created) => created)).toHaveLength(1);
      await harness.reopen();
      expect(await harness.store.mail.create(mailbox(5))).toBe(false);
    });

    it("tells the heads of the mailboxes that exist, empty ones as 0", async () => {
      await harness.store.mail.append(send(harness, 1, [mailbox(1)]));
      await harness.store.mail.append(send(harness, 2, [mailbox(1)]));
      await harness.store.mail.acknowledge(mailbox(1), 2, []);
      const expected = new Map([
        [mailbox(1), 2],
        [mailbox(2), 0],
      ]);
      expect(await harness.store.mail.heads([mailbox(1), mailbox(2), mailbox(9)])).toEqual(expected);
      await harness.reopen();
      expect(await harness.store.mail.heads([mailbox(1), mailbox(2), mailbox(9)])).toEqual(expected);
    });

    it("drops a mailbox with its mail and its prekeys, and no other's", async () => {
      const { mail, directory } = harness.store;
      await mail.append(send(harness, 1, [mailbox(1), mailbox(2)]));
      await directory.addPrekeys(mailbox(1), "curve", [{ id: 1, key: bytes("k") }], 10);
      await directory.addPrekeys(mailbox(2), "kyber", [{ id: 1, key: bytes("k") }], 10);
      await mail.drop(mailbox(1));
      await mail.drop(mailbox(1));
      await harness.reopen();
      expect(await harness.store.mail.heads([mailbox(1), mailbox(2)])).toEqual(new Map([[mailbox(2), 1]]));
      expect(await harness.store.directory.takePrekey(mailbox(1), "curve")).toBeUndefined();
      expect(await harness.store.directory.countPrekeys(mailbox(2), "kyber")).toBe(1);
      expect((await harness.store.mail.append(send(harness, 2, [mailbox(1)]))).kind).toBe("noMailbox");
    });

    it("gives a mailbox that is created again none of the former's mail", async () => {
      const { mail } = harness.store;
      const former = mail.append(send(harness, 1, [mailbox(1)]));
      const dropped = mail.drop(mailbox(1));
      await Promise.all([former, dropped]);
      expect(await mail.create(mailbox(1))).toBe(true);
      await mail.append(send(harness, 2, [mailbox(1)]));
      expect(await textsIn(harness.store, mailbox(1))).toEqual(["body 2"]);
      await harness.reopen();
      expect(await textsIn(harness.store, mailbox(1))).toEqual(["body 2"]);
    });

    it("drops prekeys that are still being written", async () => {
      const { mail, directory } = harness.store;
      await directory.countPrekeys(mailbox(1), "curve");
      const added = directory.addPrekeys(mailbox(1), "curve", [{ id: 1, key: bytes("k") }], 10);
      await Promise.all([added, mail.drop(mailbox(1))]);
      expect(await directory.countPrekeys(mailbox(1), "curve")).toBe(0);
      await harness.reopen();
      expect(await harness.store.directory.countPrekeys(mailbox(1), "curve")).toBe(0);
    });
  });

  describe("expire", () => {
    it("deletes what was accepted before a time, in every mailbox, and counts it", async () => {
      const { mail } = harness.store;
      for (let n = 0; n < 150; n++) {
        await mail.append(send(harness, n, [mailbox(1), mailbox(3)]));
        harness.clock.advance(10);
      }
      await mail.acknowledge(mailbox(3), 20, [30]);
      const beforeMs = harness.clock.now() - 50 * 10;
      expect(await mail.expire(beforeMs, NEVER_ABORTED)).toBe(100 + 79);
      const young = Array.from({ length: 50 }, (_, n) => 101 + n);
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual(young);
      expect(await mail.expire(beforeMs, NEVER_ABORTED)).toBe(0);
      await harness.reopen();
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual(young);
      expect(await cursorsIn(harness.store, mailbox(3))).toEqual(young);
    });

    it("frees quota, keeps cursors rising and lets mail arrive meanwhile", async () => {
      const { mail } = harness.store;
      const quota = { envelopes: 2, bytes: 1_000 };
      await mail.append(send(harness, 1, [mailbox(1)], { quota }));
      await mail.append(send(harness, 2, [mailbox(1)], { quota }));
      harness.clock.advance(1);
      await harness.reopen();
      expect(await harness.store.mail.expire(harness.clock.now(), NEVER_ABORTED)).toBe(2);
      const outcome = await harness.store.mail.append(send(harness, 3, [mailbox(1)], { quota }));
      expect(outcome).toEqual({ kind: "stored", cursors: [3] });
      await harness.reopen();
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([3]);
    });

    it("stops between two steps when it is told to", async () => {
      const { mail } = harness.store;
      for (const n of [1, 2, 3]) await mail.append(send(harness, n, [mailbox(n)]));
      harness.clock.advance(1);
      expect(await mail.expire(harness.clock.now(), { aborted: true })).toBe(0);
      let looks = 0;
      const signal = {
        get aborted() {
          looks += 1;
          return looks > 2;
        },
      };
      expect(await mail.expire(harness.clock.now(), signal)).toBeLessThan(3);
      expect(await mail.expire(harness.clock.now(), NEVER_ABORTED)).toBeGreaterThan(0);
      for (const n of [1, 2, 3]) expect((await mail.read(mailbox(n), 0, EVERYTHING)).items).toEqual([]);
    });

    it("forgets no send that could still be repeated", async () => {
      const { mail } = harness.store;
      for (let day = 0; day < 30; day++) {
        const request = send(harness, day, [mailbox(1)]);
        await mail.append(request);
        harness.clock.advance(WEEK_MS / 7);
        await mail.expire(0, NEVER_ABORTED);
        const now = harness.clock.now();
        for (let back = 0; back < Math.min(day, 6); back++) {
          const again = send(harness, day - back, [mailbox(1)], { acceptedMs: now });
          expect((await mail.append(again)).kind).toBe("repeated");
        }
      }
    });
  });
}
