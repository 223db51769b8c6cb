/** Contract of `Mailboxes`: bodies that end alike, which a store keeps once. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AppendRequest } from "../../../server/ports.js";
import {
  account,
  bytes,
  cursorsIn,
  EVERYTHING,
  type MakeStore,
  mailbox,
  NEVER_ABORTED,
  type StoreHarness,
  send,
  text,
  textsIn,
} from "./harness.js";

export function describeSharedEnds(makeStore: MakeStore): void {
  let harness: StoreHarness;
  beforeEach(async () => {
    harness = await makeStore();
    for (const number of [1, 2, 3]) await harness.store.mail.create(mailbox(number));
  });
  afterEach(() => harness.dispose());

  /** A send that begins with the recipient's number and ends, for all, in `end` and the send's number. */
  function shared(number: number, to: readonly number[], rest: Partial<AppendRequest> = {}): AppendRequest {
    const rows = to.map((place) => ({ mailbox: mailbox(place), body: bytes(`to ${place}, `) }));
    return { ...send(harness, number, []), rows, shared: bytes(`end ${number}`), ...rest };
  }

  describe("a shared end", () => {
    it("is part of every body that is read, also after a reopen", async () => {
      const { mail } = harness.store;
      expect(await mail.append(shared(1, [1, 2, 1]))).toEqual({ kind: "stored", cursors: [1, 1, 2] });
      for (const _ of [1, 2]) {
        expect(await textsIn(harness.store, mailbox(1))).toEqual(["to 1, end 1", "to 1, end 1"]);
        expect(await textsIn(harness.store, mailbox(2))).toEqual(["to 2, end 1"]);
        await harness.reopen();
      }
    });

    it("may be empty, 96 KiB, or the whole body, among envelopes without one", async () => {
      const { mail } = harness.store;
      const large = "x".repeat(98_304);
      await mail.append(shared(1, [1, 2], { shared: new Uint8Array(0) }));
      await mail.append(send(harness, 2, [mailbox(1)]));
      await mail.append(shared(3, [2, 1], { shared: bytes(large) }));
      await mail.append(send(harness, 4, [mailbox(1)], { body: new Uint8Array(0), shared: bytes("whole") }));
      await harness.reopen();
      expect(await textsIn(harness.store, mailbox(1))).toEqual(["to 1, ", "body 2", `to 1, ${large}`, "whole"]);
      expect(await textsIn(harness.store, mailbox(2))).toEqual(["to 2, ", `to 2, ${large}`]);
    });

    it("stays for those who have not acknowledged, whatever the others do", async () => {
      await harness.store.mail.append(shared(1, [1, 2, 3, 2]));
      await harness.store.mail.acknowledge(mailbox(1), 1, []);
      expect(await textsIn(harness.store, mailbox(3))).toEqual(["to 3, end 1"]);
      await harness.reopen();
      await harness.store.mail.acknowledge(mailbox(1), 1, [1]);
      await harness.store.mail.acknowledge(mailbox(2), 0, [2, 2]);
      await harness.store.mail.acknowledge(mailbox(2), 0, [2]);
      expect(await textsIn(harness.store, mailbox(2))).toEqual(["to 2, end 1"]);
      await harness.reopen();
      await harness.store.mail.drop(mailbox(2));
      await harness.store.mail.drop(mailbox(2));
      expect(await textsIn(harness.store, mailbox(3))).toEqual(["to 3, end 1"]);
      await harness.store.mail.acknowledge(mailbox(3), 1, []);
      expect(await textsIn(harness.store, mailbox(3))).toEqual([]);
    });

    it("outlives the expiry of other sends, and goes with its own", async () => {
      const { mail } = harness.store;
      await mail.append(shared(1, [1, 2]));
      harness.clock.advance(10);
      await mail.append(shared(2, [1, 3]));
      expect(await mail.expire(harness.clock.now(), NEVER_ABORTED)).toBe(2);
      await harness.reopen();
      expect(await textsIn(harness.store, mailbox(1))).toEqual(["to 1, end 2"]);
      expect(await textsIn(harness.store, mailbox(3))).toEqual(["to 3, end 2"]);
      expect(await harness.store.mail.expire(harness.clock.now() + 1, NEVER_ABORTED)).toBe(2);
      for (const number of [1, 2, 3]) expect(await cursorsIn(harness.store, mailbox(number))).toEqual([]);
    });

    it("counts in every mailbox's quota and in the size of a page", async () => {
      const { mail } = harness.store;
      // "to 1, end 7" has 11 bytes.
      const quota = { envelopes: 100, bytes: 33 };
      expect(await mail.append(shared(1, [1, 1, 1, 1, 2], { quota }))).toEqual({
        kind: "full",
        mailboxes: [mailbox(1)],
      });
      for (const number of [1, 2]) expect((await mail.append(shared(number, [1], { quota }))).kind).toBe("stored");
      expect((await mail.append(shared(3, [1, 2], { quota }))).kind).toBe("stored");
      await harness.reopen();
      const full = { kind: "full", mailboxes: [mailbox(1)] };
      expect(await harness.store.mail.append(shared(4, [2, 1], { quota }))).toEqual(full);
      const page = await harness.store.mail.read(mailbox(1), 0, { count: 10, bytes: 32 });
      expect(page).toMatchObject({ more: true, head: 3 });
      expect(page.items.map(({ body }) => text(body))).toEqual(["to 1, end 1", "to 1, end 2"]);
      await harness.store.mail.acknowledge(mailbox(1), 0, [2]);
      expect((await harness.store.mail.append(shared(4, [2, 1], { quota }))).kind).toBe("stored");
    });

    it("is judged in one go for a send to very many mailboxes", async () => {
      const many = Array.from({ length: 300 }, (_, index) => 1_000 + index);
      await Promise.all(many.map((number) => harness.store.mail.create(mailbox(number))));
      const quota = { envelopes: 1, bytes: 1_000 };
      const twice = shared(1, [...many, 1_007], { quota });
      expect(await harness.store.mail.append(twice)).toEqual({ kind: "full", mailboxes: [mailbox(1_007)] });
      expect((await harness.store.mail.append(shared(1, many, { quota }))).kind).toBe("stored");
      await Promise.all(many.slice(1).map((number) => harness.store.mail.acknowledge(mailbox(number), 1, [])));
      await harness.reopen();
      expect(await textsIn(harness.store, mailbox(1_000))).toEqual(["to 1000, end 1"]);
    });

    it("has been taken when append returns", async () => {
      await harness.reopen();
      const end = bytes("before");
      const cold = harness.store.mail.append(shared(1, [1], { shared: end }));
      end.set(bytes("AFTER!"));
      await cold;
      end.set(bytes("second"));
      const warm = harness.store.mail.append(shared(2, [1], { shared: end }));
      end.set(bytes("AFTER!"));
      await warm;
      expect(await textsIn(harness.store, mailbox(1))).toEqual(["to 1, before", "to 1, second"]);
    });

    it("is not stored with a send that is refused or repeated, nor needed by one without rows", async () => {
      const { mail } = harness.store;
      const guards = [{ account: account(1), revision: 1 }];
      expect((await mail.append(shared(1, [1, 9]))).kind).toBe("noMailbox");
      expect((await mail.append(shared(1, [1], { guards }))).kind).toBe("changed");
      expect(await mail.append(shared(1, []))).toEqual({ kind: "stored", cursors: [] });
      expect((await mail.append(shared(1, [1, 2]))).kind).toBe("repeated");
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([]);
    });

    it("goes with envelopes that were acknowledged before the disk had them", async () => {
      const { mail } = harness.store;
      let acknowledged: Promise<unknown> | undefined;
      await mail.append(shared(1, [1, 2]), ([first = 0, second = 0]) => {
        acknowledged = Promise.all([
          mail.acknowledge(mailbox(1), first, []),
          mail.acknowledge(mailbox(2), second, []),
          mail.append(shared(2, [1, 2])),
        ]);
      });
      await acknowledged;
      await harness.reopen();
      expect(await textsIn(harness.store, mailbox(1))).toEqual(["to 1, end 2"]);
      expect(await textsIn(harness.store, mailbox(2))).toEqual(["to 2, end 2"]);
    });

    it("is whole in whatever is read while others acknowledge, drop and expire", async () => {
      const { mail } = harness.store;
      const SENDS = 120;
      const seen = new Map([
        [1, 0],
        [2, 0],
      ]);
      const readSome = async (place: number) => {
        const after = seen.get(place) ?? 0;
        const { items, head } = await mail.read(mailbox(place), after, { count: 30, bytes: 1_000_000 });
        for (const { cursor, body } of items) expect(text(body)).toBe(`to ${place}, end ${cursor}`);
        // What has expired is not seen, so a reader goes on where the mailbox is.
        const last = items.at(-1)?.cursor ?? head;
        seen.set(place, last);
        await mail.acknowledge(mailbox(place), last - 3, [last - 1]);
      };
      for (let number = 1; number <= SENDS; number++) {
        const calls: Promise<unknown>[] = [mail.append(shared(number, number % 3 === 0 ? [3, 1, 2] : [1, 2]))];
        calls.push(readSome(1), readSome(2));
        harness.clock.advance(1);
        if (number % 20 === 0) calls.push(mail.expire(harness.clock.now() - 10, NEVER_ABORTED));
        if (number % 30 === 0) calls.push(mail.drop(mailbox(3)).then(() => mail.create(mailbox(3))));
        await Promise.all(calls);
      }
      await harness.reopen();
      for (const place of [1, 2]) {
        const { items, head } = await harness.store.mail.read(mailbox(place), 0, EVERYTHING);
        expect(head).toBe(SENDS);
        for (const { cursor, body } of items) expect(text(body)).toBe(`to ${place}, end ${cursor}`);
      }
    });
  });
}
