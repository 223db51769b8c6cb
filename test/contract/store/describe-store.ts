/** The contract of the `Store` port. Every adapter passes it, here and in a cluster. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreError } from "../../../server/ports.js";
import { describeAppend } from "./describe-append.js";
import { describeDirectory } from "./describe-directory.js";
import { describeLogGuard } from "./describe-log-guard.js";
import { describeLogModel } from "./describe-log-model.js";
import { describeLogs } from "./describe-logs.js";
import { describeMailboxModel } from "./describe-mailbox-model.js";
import { describeMailboxUpkeep } from "./describe-mailbox-upkeep.js";
import { describeReadAndAcknowledge } from "./describe-read-and-acknowledge.js";
import { describeSharedEnds } from "./describe-shared-ends.js";
import { describeTable } from "./describe-table.js";
import { group, type MakeStore, mailbox, NEVER_ABORTED, type StoreHarness, send } from "./harness.js";

/** Describes the whole contract for one adapter. */
export function describeStore(name: string, makeStore: MakeStore): void {
  describe(`${name} as a store`, () => {
    describeAppend(makeStore);
    describeReadAndAcknowledge(makeStore);
    describeMailboxUpkeep(makeStore);
    describeSharedEnds(makeStore);
    describeMailboxModel(makeStore);
    describeDirectory(makeStore);
    describeTable(makeStore);
    describeLogs(makeStore);
    describeLogGuard(makeStore);
    describeLogModel(makeStore);
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
      const { mail, directory, table, logs } = harness.store;
      const document = new Uint8Array(0);
      const entry = { group: group(1), expectedSeq: 0, acceptedMs: 0, entry: document, document };
      const checkpoint = {
        group: group(1),
        expectedSeq: 0,
        seq: 0,
        body: document,
        document,
        deleteBelow: 0,
        keep: [],
      };
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
        logs.head(group(1)),
        logs.append(entry),
        logs.read(group(1), { after: 0, upTo: 1 }, { count: 1, bytes: 1 }),
        logs.checkpoint(group(1)),
        logs.putCheckpoint(checkpoint),
        logs.expire(0, NEVER_ABORTED),
      ];
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { kind: "unavailable" } });
        expect(outcome.status === "rejected" && outcome.reason).toBeInstanceOf(StoreError);
      }
    });
  });
}
