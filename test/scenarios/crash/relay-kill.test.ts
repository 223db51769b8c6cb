/** `kill -9` of the relay under load, in small; `npm run campaign -- kill-relay` does it with 10,000 messages. */

import { expect, it } from "vitest";
import { killRelay } from "../../support/crash/relay-kill.js";
import { freshSeed } from "../../support/crash/seeded-random.js";

const PLAN = { rounds: 3, messages: 300, groups: 3, timeLimitMs: 100_000 } as const;

it("keeps everything a killed relay accepted, once and in order, with receipts", { timeout: 120_000 }, async () => {
  const seed = freshSeed();
  const { findings, wrong, messages } = await killRelay({ ...PLAN, seed, say: () => undefined });
  expect({ seed, findings, wrong }).toEqual({
    seed,
    findings: { lost: [], twice: [], disordered: [], unknown: [] },
    wrong: [],
  });
  expect(messages).toBeGreaterThanOrEqual(PLAN.messages);
});
