import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChaosEvent } from "./events.js";
import { after, beginning, MAX_DEVICES, type Model } from "./model.js";
import { schedule } from "./schedule.js";

const seeds = fc.integer({ min: 0, max: 0xffff_ffff });

/** The models before each event. */
function modelsOf(events: readonly ChaosEvent[]): readonly Model[] {
  const models = [beginning];
  for (const event of events) models.push(after(models.at(-1) ?? beginning, event));
  return models;
}

describe("a schedule", () => {
  it("is the same for the same seed, and begins the same when it is longer", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(schedule(seed, 80).slice(0, 30)).toEqual(schedule(seed, 30));
      }),
      { numRuns: 30 },
    );
  });

  it("never has more devices than it may, nor a side without any", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        for (const { devices } of modelsOf(schedule(seed, 300))) {
          for (const side of ["alice", "bob"]) {
            const count = devices.filter((device) => device.side === side).length;
            expect(count).toBeGreaterThan(0);
            expect(count).toBeLessThanOrEqual(MAX_DEVICES);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it("of 2,000 events has every kind of them, also a reset of both sides", () => {
    const events = schedule(1, 2_000);
    const kinds = new Set(events.map(({ kind }) => kind));
    expect(kinds.size).toBe(16);
    const resets = new Set(events.flatMap((event) => (event.kind === "reset" ? [event.side] : [])));
    expect(resets.size).toBe(2);
  });
});
