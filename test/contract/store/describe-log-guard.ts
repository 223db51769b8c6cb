/** Contract of `Mailboxes`: a send that holds only while a group's log is where its sender saw it. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytes, cursorsIn, group, type MakeStore, mailbox, type StoreHarness, send } from "./harness.js";

export function describeLogGuard(makeStore: MakeStore): void {
  let harness: StoreHarness;
  beforeEach(async () => {
    harness = await makeStore();
    for (const number of [1, 2]) await harness.store.mail.create(mailbox(number));
  });
  afterEach(() => harness.dispose());

  function appendToLog(expectedSeq: number) {
    const acceptedMs = harness.clock.now();
    const document = bytes("document");
    return harness.store.logs.append({ group: group(1), expectedSeq, acceptedMs, entry: bytes("entry"), document });
  }

  function sendAt(number: number, seq: number, to: readonly number[] = [1, 2]) {
    const logGuard = { group: group(1), seq };
    return harness.store.mail.append(send(harness, number, to.map(mailbox), { logGuard, shared: bytes("end") }));
  }

  describe("a log guard", () => {
    it("stores nothing if the log is elsewhere, and says where", async () => {
      expect(await sendAt(1, 1)).toEqual({ kind: "moved", seq: 0 });
      await appendToLog(0);
      await appendToLog(1);
      for (const seq of [0, 1, 3]) expect(await sendAt(1, seq)).toEqual({ kind: "moved", seq: 2 });
      expect(await cursorsIn(harness.store, mailbox(1))).toEqual([]);
      expect((await sendAt(1, 2)).kind).toBe("stored");
      await harness.reopen();
      expect((await sendAt(2, 2)).kind).toBe("stored");
      expect(await sendAt(3, 1)).toEqual({ kind: "moved", seq: 2 });
      expect(await cursorsIn(harness.store, mailbox(2))).toEqual([1, 2]);
    });

    it("sees an entry that was appended before, though it is still being written, and none that comes after", async () => {
      await appendToLog(0);
      await harness.store.mail.heads([mailbox(1)]);
      const calls = [sendAt(1, 1, [1]), appendToLog(1), sendAt(2, 1, [1]), sendAt(3, 2, [1])] as const;
      const [before, , behind, after] = await Promise.all(calls);
      expect(before.kind).toBe("stored");
      expect(behind).toEqual({ kind: "moved", seq: 2 });
      expect(after.kind).toBe("stored");
    });

    it("is looked at when the mailboxes are at hand, not before they are read from disk", async () => {
      await appendToLog(0);
      await harness.reopen();
      const cold = sendAt(1, 1);
      const moved = appendToLog(1);
      const [outcome] = await Promise.all([cold, moved]);
      const later = await sendAt(2, 1, [1]);
      expect(later).toEqual({ kind: "moved", seq: 2 });
      // Whichever came first, the send is stored wholly or told that the log has moved.
      if (outcome.kind === "stored") expect(await cursorsIn(harness.store, mailbox(2))).toEqual([1]);
      else expect(outcome).toEqual({ kind: "moved", seq: 2 });
    });

    it("does not hide that the send was stored before", async () => {
      await appendToLog(0);
      const acceptedMs = harness.clock.now();
      await sendAt(1, 1);
      await appendToLog(1);
      expect(await sendAt(1, 1)).toEqual({ kind: "repeated", acceptedMs });
    });
  });
}
