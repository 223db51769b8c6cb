/** Mailboxes are forgotten when idle, and only then. */

import { beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../../server/ports.js";
import { orderedStore } from "../../../server/store/ordered/ordered-store.js";
import { cursorsIn, mailbox, manualClock, type StoreHarness, send } from "../../contract/store/harness.js";
import { type ControlledEngine, controlledEngine } from "./controlled-engine.js";

const MANY = Array.from({ length: 40 }, (_, number) => mailbox(100 + number));

describe("a store with room for few idle mailboxes", () => {
  const clock = manualClock();
  let engine: ControlledEngine;
  let store: Store;
  let harness: StoreHarness;

  beforeEach(async () => {
    engine = controlledEngine();
    store = orderedStore({ engine, clock, durability: "synced", residentMailboxes: 2 });
    harness = { store, clock, reopen: async () => {}, dispose: async () => {} };
    await store.open();
    for (const id of [mailbox(1), ...MANY]) await store.mail.create(id);
  });

  async function useAllOthers(): Promise<void> {
    for (const id of MANY) await store.mail.heads([id]);
  }

  it("forgets what nobody uses and reads it again", async () => {
    await store.mail.append(send(harness, 1, [mailbox(1)]));
    await useAllOthers();
    const before = engine.gets;
    expect(await cursorsIn(store, mailbox(1))).toEqual([1]);
    expect(engine.gets).toBeGreaterThan(before);
  });

  it("keeps what is in use, so that no cursor is given twice", async () => {
    await cursorsIn(store, mailbox(1));
    engine.isHolding = true;
    const first = store.mail.append(send(harness, 1, [mailbox(1)]));
    const write = await engine.nextWrite();
    await useAllOthers();
    const second = store.mail.append(send(harness, 2, [mailbox(1)]));
    await write.finish();
    await (await engine.nextWrite()).finish();
    expect([await first, await second]).toEqual([
      { kind: "stored", cursors: [1] },
      { kind: "stored", cursors: [2] },
    ]);
  });

  it("sends to more mailboxes at once than it has room for", async () => {
    const outcomes = await Promise.all([
      store.mail.append(send(harness, 1, MANY)),
      store.mail.append(send(harness, 2, [...MANY].reverse())),
      store.mail.append(send(harness, 3, MANY)),
    ]);
    for (const [index, outcome] of outcomes.entries()) {
      expect(outcome).toEqual({ kind: "stored", cursors: MANY.map(() => index + 1) });
    }
  });
});
