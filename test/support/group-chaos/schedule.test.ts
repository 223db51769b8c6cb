import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { castOf } from "./cast.js";
import type { Act, GroupEvent } from "./events.js";
import { schedule } from "./schedule.js";

const seeds = fc.integer({ min: 0, max: 0xffff_ffff });
const cast = castOf(16);

function actsIn(event: GroupEvent): readonly Act[] {
  if (event.kind === "clash") return [event.one, event.other];
  return event.kind === "act" ? [event.act] : [];
}

describe("a group's schedule", () => {
  it("is the same for the same seed, and begins the same when it is longer", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(schedule(seed, 120, cast).slice(0, 40)).toEqual(schedule(seed, 40, cast));
      }),
      { numRuns: 30 },
    );
  });

  it("leaves the founder in the group, as its owner and online, for it tells all of the log", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        for (const event of schedule(seed, 300, cast)) {
          if ("who" in event) expect(event.who).toBeGreaterThan(0);
          for (const act of actsIn(event)) if ("whom" in act) expect(act.whom).toBeGreaterThan(0);
          for (const act of actsIn(event)) if (act.kind === "leave") expect(act.by).toBeGreaterThan(0);
        }
      }),
      { numRuns: 20 },
    );
  });

  it("never gives two titles alike, so that each change is known in the log", () => {
    const titles = schedule(1, 2_000, cast).flatMap((event) =>
      actsIn(event).flatMap((act) => (act.kind === "update" ? [act.settings.title] : [])),
    );
    expect(new Set(titles).size).toBe(titles.length);
  });

  it("of 1,000 events has every kind of them, of changes too, and changes of two at once about one person", () => {
    const events = schedule(1, 1_000, cast);
    expect(new Set(events.map(({ kind }) => kind)).size).toBe(9);
    expect(new Set(events.flatMap(actsIn).map(({ kind }) => kind)).size).toBe(6);
    const aboutOne = events.some(
      (event) =>
        event.kind === "clash" && "whom" in event.one && "whom" in event.other && event.one.whom === event.other.whom,
    );
    expect(aboutOne).toBe(true);
  });
});
