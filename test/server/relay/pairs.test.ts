/** The row of a pair: whatever is tried, in whatever order and at once, one message and a few repairs get in. */

import { limits } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { claimPair, type FirstContact, hasWritten, pairKey, pairStanding } from "../../../server/relay/pairs.js";
import type { Rules } from "../../../server/relay/rules.js";
import { memoryStore } from "../../../server/store/index.js";
import { ManualClock } from "./support/manual-clock.js";
import { signatures } from "./support/test-relay.js";

const TTL_MS = 30 * 86_400_000;

async function openRules() {
  const clock = new ManualClock();
  const store = memoryStore({ clock });
  await store.open();
  const rules: Pick<Rules, "clock" | "store" | "signatures"> = { clock, store, signatures };
  return { rules: rules as Rules, clock };
}

/** Odd ids are messages, even ones repairs. */
const contact = fc
  .integer({ min: 1, max: 16 })
  .map(
    (id): FirstContact => ({ messageId: new Uint8Array(16).fill(id), purpose: id % 2 === 1 ? "message" : "repair" }),
  );

describe("the row of a pair", () => {
  it("takes one message and a few repairs, each as often as it comes, and loses none it took", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(contact, { maxLength: 5 }), { maxLength: 12 }), async (rounds) => {
        const { rules } = await openRules();
        const taken = new Set<number>();
        for (const round of rounds) {
          const wonBefore = new Set(taken);
          const won = await Promise.all(round.map((one) => claimPair(rules, "pair", one)));
          for (const [at, one] of round.entries()) {
            const id = one.messageId[0] as number;
            if (won[at] === true) taken.add(id);
            else expect(wonBefore).not.toContain(id);
          }
        }
        const messages = [...taken].filter((id) => id % 2 === 1);
        expect(messages.length).toBeLessThanOrEqual(1);
        expect(taken.size - messages.length).toBeLessThanOrEqual(limits.firstContactRepairs.value);
        for (const id of taken) {
          const again = { messageId: new Uint8Array(16).fill(id), purpose: "message" } as const;
          expect(await pairStanding(rules, "pair", again)).toBe("covered");
          expect(await claimPair(rules, "pair", again)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("lives for thirty days from its first send, repairs or not", async () => {
    const { rules, clock } = await openRules();
    const one = { messageId: new Uint8Array(16).fill(1), purpose: "message" } as const;
    const repair = { messageId: new Uint8Array(16).fill(2), purpose: "repair" } as const;
    await claimPair(rules, "pair", one);
    clock.advance(TTL_MS - 1);
    await claimPair(rules, "pair", repair);
    expect(await hasWritten(rules, ["other", "pair"])).toBe(true);
    clock.advance(1);
    expect(await hasWritten(rules, ["other", "pair"])).toBe(false);
    expect(await pairStanding(rules, "pair", one)).toBe("room");
  });

  it("has a name of its own for each direction, identity and delivery key", () => {
    const side = (account: number, byte: number) => ({
      account: `00000000-0000-4000-8000-00000000000${account}` as never,
      identityKey: new Uint8Array(33).fill(byte),
      deliveryKeyHash: new Uint8Array(32).fill(byte),
    });
    const names = [
      [side(1, 1), side(2, 1)],
      [side(2, 1), side(1, 1)],
      [side(1, 2), side(2, 1)],
      [side(1, 1), side(2, 2)],
    ].map(([from, to]) => pairKey({ signatures }, from as never, to as never));
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{64}$/);
  });
});
