import { compareRegisters, FORGET_EMPTIED_MS, MAX_REGISTER_MS, parseDeviceId, type Register } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { merged } from "../../../../sdk/core/registers/merge.js";
import { wordMs } from "../../../../sdk/core/registers/register-time.js";

const NOW_MS = 2 * FORGET_EMPTIED_MS;
const KEYS = ["a", "b", "c", "d", "e"];

/** Words of three devices on five registers, of which three are kept. */
const word: fc.Arbitrary<Register> = fc.record({
  kind: fc.constant("label" as const),
  key: fc.constantFrom(...KEYS),
  atMs: fc.nat(6).map((ms) => NOW_MS + ms),
  device: fc.integer({ min: 1, max: 3 }).map(parseDeviceId),
  value: fc.option(fc.uint8Array({ minLength: 1, maxLength: 1 }), { nil: undefined }),
});
const rules = { kept: 3, nowMs: NOW_MS };

/** Hears words in parts, as they came. */
function heard(parts: readonly (readonly Register[])[]): readonly Register[] {
  const held = parts.reduce((before, part) => [...merged(before, part, rules).values()], [] as Register[]);
  return [...held].sort((one, other) => (one.key < other.key ? -1 : 1));
}

describe("words on registers", () => {
  it("leave the same behind in whatever order, parts and repetitions they come", () => {
    const cuts = fc.array(fc.nat(8), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 16 }), fc.infiniteStream(fc.nat(1_000)), cuts, (words, chance, sizes) => {
        const shuffled = [...words, ...words.filter((_, index) => index % 3 === 0)]
          .map((one) => ({ one, by: chance.next().value }))
          .sort((one, other) => one.by - other.by)
          .map(({ one }) => one);
        const parts: Register[][] = [];
        for (const size of sizes) parts.push(shuffled.splice(0, size));
        parts.push(shuffled);
        expect(heard(parts)).toEqual(heard([words]));
        // And of each register the latest word counts, unless too many later ones crowd it out.
        const latest = KEYS.flatMap((key) =>
          words
            .filter((one) => one.key === key)
            .sort(compareRegisters)
            .slice(-1),
        );
        const kept = latest.sort((one, other) => compareRegisters(other, one) || (one.key < other.key ? 1 : -1));
        expect(heard([words])).toEqual(kept.slice(0, 3).sort((one, other) => (one.key < other.key ? -1 : 1)));
      }),
      { numRuns: 500 },
    );
  });

  it("leave nothing behind of what was emptied long ago, and bring nothing back before that", () => {
    const at = (atMs: number, value?: Uint8Array): Register => {
      return { kind: "label", key: "a", atMs, device: parseDeviceId(1), value };
    };
    const value = Uint8Array.of(1);
    const oldMs = NOW_MS - FORGET_EMPTIED_MS;
    expect(heard([[at(oldMs - 1)]])).toEqual([]);
    expect(heard([[at(oldMs - 2, value)], [at(oldMs - 1)]])).toEqual([]);
    expect(heard([[at(oldMs)], [at(oldMs - 1, value)]])).toEqual([at(oldMs)]);
    // However old it is, what has a value stays.
    expect(heard([[at(1, value)]])).toEqual([at(1, value)]);
  });
});

describe("the time of a word", () => {
  const held = (atMs: number): Register => ({ kind: "label", key: "a", atMs, device: parseDeviceId(2) });

  it("is the relay's, unless a later word was seen: then it is the next", () => {
    expect(wordMs(100, undefined, [])).toBe(100);
    expect(wordMs(100, held(99), [held(99)])).toBe(100);
    expect(wordMs(100, held(100), [held(100)])).toBe(101);
    expect(wordMs(100, undefined, [held(500)])).toBe(501);
  });

  it("wins over a word of a device whose clock is days or centuries ahead", () => {
    for (const aheadMs of [86_400_001, 3_650 * 86_400_000, MAX_REGISTER_MS / 2 - 100]) {
      const theirs = held(100 + aheadMs);
      expect(wordMs(100, theirs, [theirs])).toBe(theirs.atMs + 1);
    }
  });

  it("stops at the end of time only on the register that was taken there", () => {
    const theirs = held(MAX_REGISTER_MS);
    expect(wordMs(100, theirs, [theirs])).toBe(MAX_REGISTER_MS);
    const mine = wordMs(100, undefined, [theirs]);
    expect(mine).toBeLessThan(MAX_REGISTER_MS);
    expect(wordMs(100, { ...theirs, atMs: mine }, [theirs])).toBeGreaterThan(mine);
  });
});
