/** What is worked out from numbers: priority, reputation, bursts, standing, and what a month's report says and hides. */

import { type AccountId, type DeviceId, reportCategories } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newCase } from "../../../server/desk/cases/case-file.js";
import { priorityOf, worseOf } from "../../../server/desk/cases/priority.js";
import { barOf } from "../../../server/desk/issuer/standing.js";
import { transparencyOf } from "../../../server/desk/retention/transparency.js";
import type { RowOf } from "../../../server/desk/rows.js";
import { allowanceOf, isBrigade } from "../../../server/desk/triage/reputation.js";
import { DAY_MS, START_MS } from "./desk-of.js";

const HOUR_MS = 3_600_000;
const account = "00000000-0000-0000-0000-000000000000" as AccountId;

describe("priority", () => {
  const base = {
    category: "spam",
    reporters: 1,
    brigading: "no",
    sinceMs: 0,
    priorVerdicts: 0,
    nowMs: START_MS,
  } as const;

  it("rises with how bad it is, how many say so, how new the account is, and what it did before", () => {
    const plain = priorityOf(base);
    expect(priorityOf({ ...base, category: "childSafety" })).toBeGreaterThan(priorityOf({ ...base, reporters: 20 }));
    expect(priorityOf({ ...base, reporters: 3 })).toBe(plain * 3);
    expect(priorityOf({ ...base, reporters: 1_000 })).toBe(plain * 24);
    expect(priorityOf({ ...base, category: "childSafety" })).toBeGreaterThan(priorityOf({ ...base, reporters: 1_000 }));
    expect(priorityOf({ ...base, sinceMs: START_MS })).toBe(plain * 2);
    expect(priorityOf({ ...base, priorVerdicts: 2 })).toBe(plain * 3);
    expect(priorityOf({ ...base, reporters: 0 })).toBeLessThan(plain);
    expect(priorityOf({ ...base, reporters: 50, brigading: "yes" })).toBe(plain);
    expect(worseOf("spam", "threat")).toBe("threat");
    expect(worseOf("threat", "spam")).toBe("threat");
  });
});

describe("a reporter", () => {
  it("whose reports come to nothing is taken in less, then not at all for a week; few reports say nothing", () => {
    const of = (upheld: number, decided: number, agoMs = 0) =>
      allowanceOf({ upheld, decided, lastDecidedMs: START_MS - agoMs }, 30, START_MS);
    expect([of(0, 9), of(10, 20), of(3, 20), of(0, 20), of(0, 20, 8 * DAY_MS)]).toEqual([30, 30, 6, 0, 1]);
    expect(allowanceOf(undefined, 30, START_MS)).toBe(30);
  });

  it("is part of a brigade if many came within an hour who joined alike, and not if a group is merely large", () => {
    const at = (minutes: number, enrolledMs: number) => ({ atMs: START_MS + minutes * 60_000, enrolledMs });
    const joined = Array.from({ length: 8 }, (_, index) => at(index, START_MS - HOUR_MS));
    const old = Array.from({ length: 40 }, (_, index) => at(index, index * 30 * DAY_MS));
    expect(isBrigade(joined)).toBe(true);
    expect(isBrigade(joined.slice(1))).toBe(false);
    expect(isBrigade(old)).toBe(false);
    expect(isBrigade(joined.map((one, index) => ({ ...one, atMs: one.atMs + index * HOUR_MS })))).toBe(false);
  });
});

describe("standing", () => {
  const device = 1 as DeviceId;
  const other = 2 as DeviceId;

  it("names the heaviest and the longest of what is in force, and nothing that is over or of another device", () => {
    const rows = [
      { kind: "mute", untilMs: START_MS + 1 },
      { kind: "mute", untilMs: START_MS + 9 },
      { kind: "revokeDevice", device: other },
      { kind: "suspend", untilMs: START_MS },
      { kind: "noNewConversations" },
    ] as const;
    expect(barOf(rows, device, START_MS)).toEqual({ reason: "muted", untilMs: START_MS + 9 });
    expect(barOf(rows, other, START_MS)).toEqual({ reason: "deviceRevoked", untilMs: undefined });
    expect(barOf(rows, device, START_MS - 1)).toEqual({ reason: "suspended", untilMs: START_MS });
    expect(barOf(rows, device, START_MS + 9)).toBeUndefined();
  });
});

describe("a month's numbers", () => {
  const verdict = (category: (typeof reportCategories)[number]): RowOf<"verdict"> => ({
    ...{ report: new Uint8Array(16), reporter: account, accused: account, category, kind: "report" },
    ...{ receivedMs: START_MS, trust: "verified", items: [], signature: new Uint8Array(64) },
  });
  const month = "2026-11";
  const rowsOf = (verdicts: readonly RowOf<"verdict">[], cases: readonly RowOf<"case">[] = []) =>
    transparencyOf(month, { verdicts, cases, actions: [] }).rows;

  it("never say a number below ten", () => {
    const counts = fc.array(fc.nat(30), { minLength: reportCategories.length, maxLength: reportCategories.length });
    fc.assert(
      fc.property(counts, (numbers) => {
        const verdicts = numbers.flatMap((count, index) =>
          Array.from({ length: count }, () => verdict(reportCategories[index] ?? "other")),
        );
        const rows = rowsOf(verdicts);
        const shown = rows.flatMap(({ reports, verified }) => [reports, verified]);
        expect(shown.every((cell) => cell === "<10" || cell >= 10)).toBe(true);
        const [all, ...each] = rows;
        const hidden = each.filter(({ reports }) => reports === "<10");
        // One that is hidden alone would follow from the sum.
        if (all?.reports !== "<10" && hidden.length > 0) expect(hidden.length).toBeGreaterThan(1);
      }),
    );
  });

  it("count cases, decisions, appeals and reversals by when they happened", () => {
    const cases = Array.from({ length: 12 }, (_, index): RowOf<"case"> => {
      const opened = newCase(
        `${index}`.padStart(32, "0"),
        { accused: account, team: "community", category: "spam" },
        START_MS,
      );
      const history = [
        ...opened.history,
        { atMs: START_MS + (index + 1) * HOUR_MS, stage: "actioned" as const, by: "a" },
        { atMs: START_MS + 20 * HOUR_MS, stage: "appealed" as const, by: "a" },
        { atMs: START_MS + 30 * HOUR_MS, stage: "closed" as const, by: "b" },
      ];
      return { ...opened, history, stage: "closed", outcome: "reversed" };
    });
    expect(rowsOf([], cases)[0]).toMatchObject({
      ...{ category: "all", reports: "<10", cases: 12, appeals: 12, reversals: 12, medianHoursToDecision: 6.5 },
    });
    expect(transparencyOf("2026-12", { verdicts: [], cases, actions: [] }).rows[0]?.cases).toBe("<10");
  });
});
