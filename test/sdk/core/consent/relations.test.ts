/** Standings as versions: devices that were apart agree, whatever came first. */

import { relations } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decided,
  happened,
  holdsProfileKey,
  isShown,
  merged,
  type Standing,
  stranger,
} from "../../../../sdk/core/consent/relations.js";

const standings = fc.record<Standing>({
  relation: fc.constantFrom(...relations),
  relationVersion: fc.integer({ min: 0, max: 5 }),
});

describe("standings", () => {
  it("merge to the same, from both sides, in any order and grouping, and any number of times", () => {
    fc.assert(
      fc.property(standings, standings, standings, (one, other, third) => {
        expect(merged(one, other)).toEqual(merged(other, one));
        expect(merged(one, merged(other, third))).toEqual(merged(merged(one, other), third));
        expect(merged(one, one)).toEqual(one);
      }),
    );
  });

  it("let the later decision count, whatever it is", () => {
    fc.assert(
      fc.property(standings, fc.constantFrom(...relations), (before, relation) => {
        const after = decided(before, relation);
        expect(after.relation).toBe(relation);
        expect(merged(before, after)).toEqual(after);
      }),
    );
  });

  it("never go back by themselves, and never undo a decision", () => {
    fc.assert(
      fc.property(standings, fc.constantFrom(...relations), (before, relation) => {
        const after = happened(before, relation);
        expect(after.relationVersion).toBe(before.relationVersion);
        expect(relations.indexOf(after.relation)).toBeGreaterThanOrEqual(relations.indexOf(before.relation));
        expect(happened(decided(before, "blocked"), relation).relation).toBe("blocked");
      }),
    );
  });

  it("accept each other where two requests cross on two devices", () => {
    const asked = happened(stranger, "sent");
    const wasAsked = happened(stranger, "received");
    expect(happened(merged(asked, wasAsked), "accepted").relation).toBe("accepted");
  });

  it("tell who holds the profile key and whose conversation is shown", () => {
    expect(relations.filter(holdsProfileKey)).toEqual(["sent", "accepted"]);
    expect(relations.filter(isShown)).toEqual(["none", "sent", "accepted"]);
  });
});
