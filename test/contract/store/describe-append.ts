/** Contract of `Mailboxes`: append, with its repeats, guards and quota. */

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
  textsIn,
} from "./harness.js";

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

export function describeAppend(makeStore: MakeStore): void {
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

    it("tells what it takes once only the disk is waited for, and of what was taken before", async () => {
      const { mail } = harness.store;
      const told: string[] = [];
      const append = (name: string, number: number, to: number) =>
        mail.append(send(harness, number, [mailbox(to)]), undefined, () => told.push(name));
      await append("first", 1, 1).then(() => told.push("resolved"));
      await append("repeated", 1, 1);
      await append("no mailbox", 2, 9);
      expect(told).toEqual(["first", "resolved", "repeated"]);
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

    it("is told from another send under its id by its mark, also after a reopen, and stores nothing either way", async () => {
      const acceptedMs = harness.clock.now();
      const [mark, other] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
      const marked = { ...send(harness, 1, [mailbox(1)]), mark: mark.slice() };
      const stored = harness.store.mail.append(marked);
      marked.mark.fill(9);
      expect((await stored).kind).toBe("stored");
      const looks = async () => {
        const again = send(harness, 1, [mailbox(1)]);
        expect(await harness.store.mail.append({ ...again, mark })).toEqual({ kind: "repeated", acceptedMs });
        expect(await harness.store.mail.append({ ...again, mark: other })).toEqual({ kind: "reused", acceptedMs });
        expect(await harness.store.mail.append(again)).toEqual({ kind: "reused", acceptedMs });
      };
      await looks();
      await harness.reopen();
      await looks();
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([1]);
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
}
