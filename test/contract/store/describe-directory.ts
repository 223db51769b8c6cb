/** Contract of `Directory`: account documents and one-time prekeys. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { account, bytes, type MakeStore, mailbox, type StoreHarness, text } from "./harness.js";

const KINDS = ["curve", "kyber"] as const;

function keys(from: number, to: number): readonly { readonly id: number; readonly key: Uint8Array }[] {
  return Array.from({ length: to - from + 1 }, (_, n) => ({ id: from + n, key: bytes(`key ${from + n}`) }));
}

export function describeDirectory(makeStore: MakeStore): void {
  let harness: StoreHarness;
  beforeEach(async () => {
    harness = await makeStore();
  });
  afterEach(() => harness.dispose());

  describe("accounts", () => {
    it("keeps a document with its revision, also after a reopen", async () => {
      expect(await harness.store.directory.account(account(1))).toBeUndefined();
      const { won, revision } = await harness.store.directory.compareAndSet(account(1), undefined, bytes("doc"));
      expect(won).toBe(true);
      for (let opened = 0; opened < 2; opened++) {
        const found = await harness.store.directory.account(account(1));
        expect(found?.revision).toBe(revision);
        expect(found && text(found.document)).toBe("doc");
        await harness.reopen();
      }
    });

    it("lets exactly one of many concurrent callers win, and tells the others the winner's revision", async () => {
      const { directory } = harness.store;
      const created = await Promise.all(
        Array.from({ length: 20 }, (_, n) => directory.compareAndSet(account(1), undefined, bytes(`${n}`))),
      );
      const winner = created.find(({ won }) => won);
      expect(created.filter(({ won }) => won)).toHaveLength(1);
      expect(new Set(created.map(({ revision }) => revision))).toEqual(new Set([winner?.revision]));

      const updated = await Promise.all(
        Array.from({ length: 20 }, (_, n) => directory.compareAndSet(account(1), winner?.revision, bytes(`new ${n}`))),
      );
      expect(updated.filter(({ won }) => won)).toHaveLength(1);
      expect(text((await directory.account(account(1)))?.document ?? bytes(""))).toBe("new 0");
    });

    it("refuses a wrong revision in every direction", async () => {
      const { directory } = harness.store;
      const { revision = 0 } = await directory.compareAndSet(account(1), undefined, bytes("doc"));
      const lost = { won: false, revision };
      expect(await directory.compareAndSet(account(1), undefined, bytes("x"))).toEqual(lost);
      expect(await directory.compareAndSet(account(1), revision + 1, bytes("x"))).toEqual(lost);
      expect(await directory.compareAndSet(account(1), revision + 1, undefined)).toEqual(lost);
      expect(await directory.compareAndSet(account(2), revision, bytes("x"))).toEqual({
        won: false,
        revision: undefined,
      });
    });

    it("never gives a revision of an account twice, also across deletion and reopen", async () => {
      const seen = new Set<number>();
      for (let round = 0; round < 3; round++) {
        const created = await harness.store.directory.compareAndSet(account(1), undefined, bytes("a"));
        const changed = await harness.store.directory.compareAndSet(account(1), created.revision, bytes("b"));
        for (const { revision } of [created, changed]) {
          expect(revision).toBeDefined();
          expect(seen.has(revision ?? 0)).toBe(false);
          seen.add(revision ?? 0);
        }
        const deleted = await harness.store.directory.compareAndSet(account(1), changed.revision, undefined);
        expect(deleted).toEqual({ won: true, revision: undefined });
        expect(await harness.store.directory.account(account(1))).toBeUndefined();
        await harness.reopen();
      }
    });

    it("reads what was written before the call, though it is not yet answered", async () => {
      const { directory } = harness.store;
      const write = directory.compareAndSet(account(1), undefined, bytes("doc"));
      expect(text((await directory.account(account(1)))?.document ?? bytes(""))).toBe("doc");
      await write;
    });
  });

  describe.each(KINDS)("one-time %s keys", (kind) => {
    it("are taken oldest first, each once, with the number left", async () => {
      const { directory } = harness.store;
      expect(await directory.addPrekeys(mailbox(1), kind, keys(1, 3), 100)).toBe(3);
      for (const id of [1, 2, 3]) {
        const taken = await directory.takePrekey(mailbox(1), kind);
        expect(taken).toMatchObject({ id, left: 3 - id });
        expect(taken && text(taken.key)).toBe(`key ${id}`);
      }
      expect(await directory.takePrekey(mailbox(1), kind)).toBeUndefined();
    });

    it("go to 64 concurrent takers without one going twice, also when they must be read from disk", async () => {
      await harness.store.directory.addPrekeys(mailbox(1), kind, keys(1, 50), 100);
      await harness.reopen();
      const { directory } = harness.store;
      const taken = await Promise.all(Array.from({ length: 64 }, () => directory.takePrekey(mailbox(1), kind)));
      const ids = taken.flatMap((prekey) => (prekey === undefined ? [] : [prekey.id]));
      expect(ids).toHaveLength(50);
      expect(new Set(ids).size).toBe(50);
      expect(taken.filter((prekey) => prekey === undefined)).toHaveLength(14);
      await harness.reopen();
      expect(await harness.store.directory.takePrekey(mailbox(1), kind)).toBeUndefined();
    });

    it("never come back under an id that was there before, also after a reopen", async () => {
      await harness.store.directory.addPrekeys(mailbox(1), kind, keys(5, 8), 100);
      await harness.store.directory.takePrekey(mailbox(1), kind);
      expect(await harness.store.directory.addPrekeys(mailbox(1), kind, keys(1, 8), 100)).toBe(3);
      for (let left = 3; left > 0; left--) await harness.store.directory.takePrekey(mailbox(1), kind);
      await harness.reopen();
      expect(await harness.store.directory.addPrekeys(mailbox(1), kind, keys(1, 9), 100)).toBe(1);
      expect((await harness.store.directory.takePrekey(mailbox(1), kind))?.id).toBe(9);
    });

    it("are ignored beyond the most a device may have, concurrent uploads included", async () => {
      const { directory } = harness.store;
      await Promise.all([
        directory.addPrekeys(mailbox(1), kind, keys(1, 6), 10),
        directory.addPrekeys(mailbox(1), kind, keys(7, 12), 10),
      ]);
      expect(await directory.countPrekeys(mailbox(1), kind)).toBe(10);
      expect(await directory.addPrekeys(mailbox(1), kind, keys(20, 30), 10)).toBe(10);
      await directory.takePrekey(mailbox(1), kind);
      expect(await directory.addPrekeys(mailbox(1), kind, keys(20, 30), 10)).toBe(10);
    });

    it("with an id that fits no row are refused, and the store goes on", async () => {
      const { directory } = harness.store;
      for (const id of [2 ** 48, Number.MAX_SAFE_INTEGER, 1.5e300]) {
        await expect(directory.addPrekeys(mailbox(1), kind, [{ id, key: bytes("k") }], 10)).rejects.toThrow();
      }
      expect(await directory.addPrekeys(mailbox(1), kind, keys(1, 2), 10)).toBe(2);
    });

    it("are counted per mailbox and kind", async () => {
      const { directory } = harness.store;
      const other = kind === "curve" ? "kyber" : "curve";
      await directory.addPrekeys(mailbox(1), kind, keys(1, 4), 100);
      await directory.addPrekeys(mailbox(2), other, keys(1, 2), 100);
      expect(await directory.countPrekeys(mailbox(1), kind)).toBe(4);
      expect(await directory.countPrekeys(mailbox(1), other)).toBe(0);
      expect(await directory.countPrekeys(mailbox(2), kind)).toBe(0);
      await harness.reopen();
      expect(await harness.store.directory.countPrekeys(mailbox(1), kind)).toBe(4);
    });

    it("that are discarded are never taken again, and their ids stay used, also after a reopen", async () => {
      const { directory } = harness.store;
      await directory.addPrekeys(mailbox(1), kind, keys(1, 6), 100);
      await directory.addPrekeys(mailbox(2), kind, keys(1, 2), 100);
      await directory.discardPrekeys(mailbox(1), kind, 5);
      await directory.discardPrekeys(mailbox(1), kind, 5);
      expect(await directory.countPrekeys(mailbox(1), kind)).toBe(2);
      await harness.reopen();
      const reopened = harness.store.directory;
      expect((await reopened.takePrekey(mailbox(1), kind))?.id).toBe(5);
      await reopened.discardPrekeys(mailbox(1), kind, 100);
      expect(await reopened.takePrekey(mailbox(1), kind)).toBeUndefined();
      expect(await reopened.highestPrekey(mailbox(1), kind)).toBe(6);
      expect(await reopened.addPrekeys(mailbox(1), kind, keys(1, 8), 100)).toBe(2);
      await harness.reopen();
      expect((await harness.store.directory.takePrekey(mailbox(1), kind))?.id).toBe(7);
      expect(await harness.store.directory.countPrekeys(mailbox(2), kind)).toBe(2);
    });

    it("that are discarded while they are being written are gone, those above them are not", async () => {
      const { directory } = harness.store;
      await directory.countPrekeys(mailbox(1), kind);
      const added = directory.addPrekeys(mailbox(1), kind, keys(1, 6), 6);
      await Promise.all([added, directory.discardPrekeys(mailbox(1), kind, 5)]);
      expect(await directory.countPrekeys(mailbox(1), kind)).toBe(2);
      expect(await directory.addPrekeys(mailbox(1), kind, keys(7, 12), 6)).toBe(6);
      await harness.reopen();
      const ids: (number | undefined)[] = [];
      for (let count = 0; count < 7; count++)
        ids.push((await harness.store.directory.takePrekey(mailbox(1), kind))?.id);
      expect(ids).toEqual([5, 6, 7, 8, 9, 10, undefined]);
    });

    it("go to a taker or are discarded, never both: what is taken after the discard is above it", async () => {
      const { directory } = harness.store;
      await directory.addPrekeys(mailbox(1), kind, keys(1, 40), 100);
      await harness.reopen();
      const reopened = harness.store.directory;
      const early = Array.from({ length: 20 }, () => reopened.takePrekey(mailbox(1), kind));
      await reopened.discardPrekeys(mailbox(1), kind, 31);
      const late = Array.from({ length: 20 }, () => reopened.takePrekey(mailbox(1), kind));
      const idsOf = async (taken: typeof early) => (await Promise.all(taken)).flatMap((prekey) => prekey?.id ?? []);
      const lateIds = await idsOf(late);
      expect(lateIds.every((id) => id >= 31)).toBe(true);
      const all = [...(await idsOf(early)), ...lateIds];
      expect(new Set(all).size).toBe(all.length);
    });

    it("leave the highest id ever added behind when they are taken; without any it is 0", async () => {
      const { directory } = harness.store;
      expect(await directory.highestPrekey(mailbox(1), kind)).toBe(0);
      await directory.addPrekeys(mailbox(1), kind, keys(3, 4), 100);
      await directory.takePrekey(mailbox(1), kind);
      await directory.takePrekey(mailbox(1), kind);
      expect(await directory.highestPrekey(mailbox(1), kind)).toBe(4);
      await harness.reopen();
      expect(await harness.store.directory.highestPrekey(mailbox(1), kind)).toBe(4);
      expect(await harness.store.directory.highestPrekey(mailbox(1), kind === "curve" ? "kyber" : "curve")).toBe(0);
    });
  });
}
