/** The contract of the `Store` port. Every adapter passes it, here and in a cluster. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreError } from "../../../server/ports.js";
import { describeAppend } from "./describe-append.js";
import { describeDirectory } from "./describe-directory.js";
import { describeMailboxModel } from "./describe-mailbox-model.js";
import { describeMailboxUpkeep } from "./describe-mailbox-upkeep.js";
import { describeReadAndAcknowledge } from "./describe-read-and-acknowledge.js";
import { describeTable } from "./describe-table.js";
import { type MakeStore, mailbox, NEVER_ABORTED, type StoreHarness, send } from "./harness.js";

/** Describes the whole contract for one adapter. */
export function describeStore(name: string, makeStore: MakeStore): void {
  describe(`${name} as a store`, () => {
    describeAppend(makeStore);
    describeReadAndAcknowledge(makeStore);
    describeMailboxUpkeep(makeStore);
    describeMailboxModel(makeStore);
    describeDirectory(makeStore);
    describeTable(makeStore);
    describeLife(makeStore);
  });
}

function describeLife(makeStore: MakeStore): void {
  describe("opening and closing", () => {
    let harness: StoreHarness;
    beforeEach(async () => {
      harness = await makeStore();
    });
    afterEach(() => harness.dispose());

    it("commits what is queued before it closes", async () => {
      const { store } = harness;
      await store.mail.create(mailbox(1));
      const appends = Array.from({ length: 50 }, (_, n) => store.mail.append(send(harness, n, [mailbox(1)])));
      await store.close();
      for (const outcome of await Promise.all(appends)) expect(outcome.kind).toBe("stored");
      await harness.reopen();
      expect((await harness.store.mail.heads([mailbox(1)])).get(mailbox(1))).toBe(50);
    });

    it("closes any number of times", async () => {
      await Promise.all([harness.store.close(), harness.store.close()]);
      await harness.store.close();
    });

    it("refuses every call after the close as one that did not happen", async () => {
      const { mail, directory, table } = harness.store;
      await harness.store.close();
      const calls = [
        mail.append(send(harness, 1, [mailbox(1)])),
        mail.read(mailbox(1), 0, { count: 1, bytes: 1 }),
        mail.acknowledge(mailbox(1), 1, []),
        mail.heads([mailbox(1)]),
        mail.create(mailbox(1)),
        mail.drop(mailbox(1)),
        mail.expire(0, NEVER_ABORTED),
        directory.takePrekey(mailbox(1), "curve"),
        table.get("bucket", "key"),
        table.spendOnce("bucket", "key", 1),
      ];
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { kind: "unavailable" } });
        expect(outcome.status === "rejected" && outcome.reason).toBeInstanceOf(StoreError);
      }
    });
  });
}
