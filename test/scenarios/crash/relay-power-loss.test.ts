/** The power of the relay's machine goes: what the protocol called accepted is there afterwards, for real clients. */

import { describe, expect, it } from "vitest";
import { cutPower } from "../../support/crash/power-cut.js";
import { freshSeed, seededRandom } from "../../support/crash/seeded-random.js";
import { isClean } from "../../support/crash/verdict.js";

const CUTS = 10;

describe("a relay whose machine loses power", { timeout: 120_000 }, () => {
  it(`loses, repeats and mixes up nothing that it accepted, ${CUTS} times`, async () => {
    const seed = freshSeed();
    const plan = { cuts: CUTS, durability: "synced", messagesPerCut: 30, random: seededRandom(seed) } as const;
    const { listening, away } = await cutPower(plan);
    for (const { acceptedAndLost, findings, sent } of [listening, away]) {
      expect({ seed, acceptedAndLost, findings }).toEqual({
        seed,
        acceptedAndLost: [],
        findings: { lost: [], twice: [], disordered: [], unknown: [] },
      });
      expect(isClean(findings)).toBe(true);
      expect(sent).toBe(CUTS * 30 + 2);
    }
  });

  it("is seen to lose accepted messages once its store does not sync", async () => {
    const random = seededRandom(freshSeed());
    const { away } = await cutPower({ cuts: 3, durability: "unsafeUnsynced", messagesPerCut: 60, random });
    expect(away.acceptedAndLost.length).toBeGreaterThan(0);
  });
});
