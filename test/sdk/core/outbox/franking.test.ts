import { decodePayload, SottoError } from "@sotto/protocol";
import { describe, expect, it as test } from "vitest";
import { eachRow, keys } from "../../../../sdk/core/rows.js";
import { accepted, commitmentTo, outboxFixture, quiet, refuse } from "./fixture.js";

describe("what goes beside a ciphertext", () => {
  test("is the commitment of its order, the same with every try", async () => {
    const it = await outboxFixture();
    let tries = 0;
    const { answer } = it;
    it.answer = (send) => (tries++ === 0 ? refuse("busy") : answer(send));
    await it.put(1);
    await quiet();
    await it.clock.advance(1_000);
    expect(it.outcomes).toMatchObject([{ content: 1, kind: "accepted" }]);
    expect(it.sends).toHaveLength(2);
    for (const { frame, envelope } of it.sends) expect(frame.commitment).toEqual(commitmentTo(envelope));
  });

  test("is waited for: nothing leaves without, and what waits leaves in order once it is there", async () => {
    const it = await outboxFixture();
    it.isFrankAwaited = true;
    await it.put(1);
    await it.put(2);
    await quiet();
    expect(it.sends).toEqual([]);
    expect(it.encryptedFor).toEqual([]);
    it.isFrankAwaited = false;
    it.outbox.wake();
    await quiet();
    expect(it.outcomes.map(({ content }) => content)).toEqual([1, 2]);
  });

  test.each(["muted", "suspended", "identityMoved", "wrongRealm", "realmRequired"] as const)(
    "fails with %s, and says so",
    async (code) => {
      const it = await outboxFixture();
      it.frankFails = new SottoError(code);
      await it.put(1);
      await quiet();
      expect(it.outcomes).toMatchObject([{ content: 1, kind: "failed", code }]);
      expect(it.sends).toEqual([]);
    },
  );

  test("is forgotten with the order, and its evidence is kept in the same commit", async () => {
    const it = await outboxFixture();
    it.evidence = { encoded: Uint8Array.of(7), changes: [{ key: "evidence/x", value: Uint8Array.of(9) }] };
    it.answer = async ({ envelope }) => {
      await it.store.commit([{ key: keys.frank(envelope), value: Uint8Array.of(1) }]);
      return accepted;
    };
    const order = await it.put(1);
    await quiet();
    expect(it.outcomes).toMatchObject([{ kind: "accepted" }]);
    expect(await it.store.get("evidence/x")).toEqual(Uint8Array.of(9));
    expect(await it.store.get(keys.frank(it.sends[0]?.envelope as Uint8Array))).toBeUndefined();
    expect(await it.store.get(keys.outbox(order))).toBeUndefined();
  });

  test("is made anew where the relay took it too late for its token: said again once, in the place of the first", async () => {
    const it = await outboxFixture();
    const { acceptedMs } = accepted;
    it.missedAt.add(acceptedMs);
    await it.put(1);
    await quiet();
    await it.clock.advance(10);
    expect([it.sends.length, it.timeAsked, it.counters.snapshot().franksMissed]).toEqual([2, 1, 1]);
    const [first, second] = it.sends.map(({ plaintext }) => decodePayload(plaintext));
    expect(second).toMatchObject({ type: "content", resendOf: it.sends[0]?.envelope, atMs: acceptedMs });
    expect(second).toMatchObject({ content: (first as { content: Uint8Array }).content });
    expect(it.outcomes[0]).toMatchObject({ content: 1, kind: "accepted" });
    for await (const row of eachRow(it.store, keys.outboxAll)) throw new Error(row.key);
  });

  test("is not made anew of what the relay took before under the same name: who got that was shown it", async () => {
    const it = await outboxFixture();
    it.missedAt.add(accepted.acceptedMs);
    it.answer = async () => ({ ...accepted, stamps: [] });
    await it.put(1);
    await quiet();
    expect(it.sends).toHaveLength(1);
  });

  test("is forgotten when the order is taken back", async () => {
    const it = await outboxFixture();
    it.state = "waiting";
    const order = await it.put(1);
    await quiet();
    expect(await it.outbox.withdraw(order)).toBeDefined();
    expect(it.forgotten).toHaveLength(1);
  });
});
