import { encodePayload, limits } from "@sotto/protocol";
import { expect, test } from "vitest";
import { libsignalEngine } from "../../../sdk/engine/libsignal.js";
import { newRoot } from "../../contract/engine/oracle.js";
import { Party } from "../../contract/engine/party.js";

/** What PROTOCOL.md says sealing adds at most. */
const SEALING_BYTES = 4_096;

test("the largest payload fits one envelope, in a session's first messages and in its later ones", async () => {
  const engine = await libsignalEngine();
  const root = newRoot();
  const [alice, bob] = [new Party(engine, { name: "alice", root }), new Party(engine, { name: "bob", root })];
  const body = new Uint8Array(limits.ownBodyBytes.value);
  const largest = encodePayload({ type: "archive", body, resendOf: new Uint8Array(16) }).length;
  const text = "x".repeat(largest);

  const sizes: number[] = [];
  const exchange = async (from: Party, to: Party) => {
    const sealed = await from.send(to, text);
    sizes.push(sealed.length);
    expect(await to.receive(sealed)).toBe(text);
  };
  await alice.startSession(bob);
  await exchange(alice, bob);
  await exchange(alice, bob);
  for (let round = 0; round < 12; round++) {
    await exchange(bob, alice);
    await exchange(alice, bob);
  }

  const [first, later] = [sizes[0] ?? 0, sizes.at(-1) ?? 0];
  expect(first).toBeGreaterThan(later);
  for (const size of sizes) {
    expect(size).toBeGreaterThan(largest);
    expect(size - largest).toBeLessThanOrEqual(SEALING_BYTES);
    expect(size).toBeLessThanOrEqual(limits.ciphertextBytes.value);
  }
});
