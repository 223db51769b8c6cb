/** The rows of reports and statements are bounded, and what goes first is worth least. */

import { toHex } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import type { ReportStage } from "../../../../sdk/core/reports/progress.js";
import { MAX_REPORTS, type ReportRows } from "../../../../sdk/core/reports/report-rows.js";
import type { Row } from "../../../../sdk/core/rows.js";
import { NOW_MS, secretOf } from "../../../support/franking/realm.js";
import { bob, type Fixture, openReports } from "./fixture.js";

let rows: ReportRows;
let device: Fixture;

beforeEach(async () => {
  device = await openReports();
  ({ rows } = device);
});

const idOf = (name: string) => secretOf(name).slice(0, 16);

function report(name: string, stage: ReportStage, made: "here" | "elsewhere"): Row<"report"> {
  const subject = { kind: "report", accused: bob.account, category: "spam", madeMs: NOW_MS } as const;
  return { id: idOf(name), stage, changedMs: NOW_MS, ...(made === "here" ? { made: subject } : {}) };
}

const names = async () => (await rows.reports()).map(({ id }) => toHex(id));

describe("the rows of reports", () => {
  it("lose those of other devices first, then decided ones, and never one that waits", async () => {
    const own = [
      report("waiting", "waiting", "here"),
      report("open", "received", "here"),
      report("over", "action", "here"),
    ];
    const foreign = Array.from({ length: MAX_REPORTS }, (_, at) => report(`foreign ${at}`, "received", "elsewhere"));
    await rows.change(async () => ({ reports: own }));
    for (const one of foreign.slice(0, MAX_REPORTS - 3)) await rows.change(async () => ({ reports: [one] }));
    expect(await names()).toHaveLength(MAX_REPORTS);
    for (const one of foreign.slice(MAX_REPORTS - 3)) await rows.change(async () => ({ reports: [one] }));
    const left = await names();
    expect(left).toHaveLength(MAX_REPORTS);
    for (const { id } of own) expect(left).toContain(toHex(id));
    const more = Array.from({ length: MAX_REPORTS }, (_, at) => report(`own ${at}`, "received", "here"));
    await rows.change(async () => ({ reports: more.slice(0, MAX_REPORTS - 2) }));
    expect(await names()).toHaveLength(MAX_REPORTS);
    await rows.change(async () => ({ reports: more.slice(MAX_REPORTS - 2) }));
    const after = await names();
    expect(after).toHaveLength(MAX_REPORTS);
    expect(after).toContain(toHex(idOf("waiting")));
    expect(after).not.toContain(toHex(idOf("over")));
  });

  it("keep the latest statements", async () => {
    const rule = "a rule";
    for (let at = 0; at < 258; at++) {
      const atMs = NOW_MS + at;
      const statement = { statement: idOf(`statement ${at}`), sanction: "warn", category: "spam", rule, atMs } as const;
      await rows.change(async () => ({ statements: [statement] }));
    }
    const kept = await device.moderation.statements();
    expect(kept).toHaveLength(256);
    expect(kept[0]?.atMs).toBe(NOW_MS + 2);
  });
});
