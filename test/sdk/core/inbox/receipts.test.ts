import { limits, type MessageId, SottoError } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { Receipts } from "../../../../sdk/core/inbox/receipts.js";
import type { StoreChange } from "../../../../sdk/core/ports.js";
import { keys, range } from "../../../../sdk/core/rows.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { manualClock, settled } from "../link/manual-clock.js";
import { me, messageId, peer, Talk } from "../people.js";
import { openSealed } from "../storage/fixture.js";

async function fixture(store?: SealedStore) {
  const sealed = store ?? (await openSealed());
  const clock = manualClock();
  const confirmed: (readonly MessageId[])[] = [];
  const failures: unknown[] = [];
  const outbox: { refusal: SottoError | undefined } = { refusal: undefined };
  const receipts = new Receipts({
    store: sealed,
    clock,
    async confirm(_sender, targets: readonly MessageId[], paid: readonly StoreChange[]) {
      if (outbox.refusal !== undefined) throw outbox.refusal;
      await sealed.commit(paid);
      confirmed.push(targets);
    },
    failed: (error) => failures.push(error),
  });
  await receipts.load();
  const talk = await Talk.open();
  const owe = async (number: number, sender = peer) => {
    const content = talk.content(sender, messageId(number), { kind: "text", text: "hi" });
    await sealed.commit([receipts.owe(content)]);
    receipts.wake();
  };
  const pass = async (ms: number) => {
    await clock.advance(ms);
    for (let turn = 0; turn < 20; turn++) await settled();
  };
  return { store: sealed, receipts, confirmed, failures, outbox, owe, pass };
}

describe("receipts", () => {
  it("are gathered, at most 64 messages of one sender in each, and owed no longer once queued", async () => {
    const it = await fixture();
    for (let number = 0; number < 150; number++) await it.owe(number);
    await it.owe(999, me);
    for (let round = 0; round < 5; round++) await it.pass(25);
    expect(it.confirmed.flat()).toHaveLength(151);
    expect(new Set(it.confirmed.flat()).size).toBe(151);
    expect(Math.max(...it.confirmed.map(({ length }) => length))).toBe(limits.receiptTargets.value);
    expect(await it.store.list(range(keys.owedAll, 10))).toEqual([]);
  });

  it("owed by an earlier run are sent by the next, which gives no row the same place", async () => {
    const first = await fixture();
    await first.owe(1);
    await first.owe(2);
    first.receipts.close();
    const second = await fixture(first.store);
    await second.owe(3);
    await second.pass(25);
    expect(second.confirmed).toEqual([[messageId(1), messageId(2), messageId(3)]]);
  });

  it("wait while the outbox is full, and do not end the client", async () => {
    const it = await fixture();
    it.outbox.refusal = new SottoError("outboxFull");
    await it.owe(1);
    await it.pass(25);
    expect([it.confirmed, it.failures]).toEqual([[], []]);
    it.outbox.refusal = undefined;
    await it.pass(1_000);
    await it.pass(25);
    expect(it.confirmed).toEqual([[messageId(1)]]);
  });

  it("tell a failed store", async () => {
    const it = await fixture();
    it.outbox.refusal = new SottoError("storeFailed");
    await it.owe(1);
    await it.pass(25);
    expect(it.failures).toMatchObject([{ code: "storeFailed" }]);
  });
});
