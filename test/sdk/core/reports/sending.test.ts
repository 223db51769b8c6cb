/** Reports on their way: kept before they leave, repeated until the relay has them, once, in order, and refused in words. */

import { fromHex, type MessageId, SottoError } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import type { Report } from "../../../../sdk/core/reports/report.js";
import type { ReportDraft } from "../../../../sdk/core/reports/report-draft.js";
import { NOW_MS } from "../../../support/franking/realm.js";
import { bob, type Fixture, failure, openReports, said, withBob } from "./fixture.js";

let device: Fixture;
let bad: MessageId;

beforeEach(async () => {
  device = await openReports();
  bad = await device.keep(said(bob, withBob, { kind: "text", text: "bad" }));
});

const drafted = (on = device) => on.reports.draftReport(withBob, [bad], { category: "spam" });
const submit = (draft: ReportDraft): Promise<Report> => draft.submit({ consent: draft.disclosure.hash });
const stages = (on = device) =>
  on.told.map(({ stage, failure: why }) => (why === undefined ? stage : `${stage} ${why}`));

describe("a submitted report", () => {
  it("is durable before it leaves, and gone from here once the relay has it", async () => {
    device.state = "waiting";
    const report = await submit(await drafted());
    expect(report).toMatchObject({
      stage: "waiting",
      made: { kind: "report", accused: bob.account, category: "spam" },
    });
    expect(
      await device.store.list({ after: "reportlayers/", before: "reportlayers0", limit: 9, order: "ascending" }),
    ).toHaveLength(1);
    await device.clock.advance(60_000);
    expect(device.submitted).toEqual([]);
    device.state = "ready";
    device.sending.wake();
    await device.clock.advance(1);
    expect(device.submitted).toHaveLength(1);
    expect(await device.reports.get(report.id)).toMatchObject({ stage: "sent" });
    expect(
      await device.store.list({ after: "reportlayers/", before: "reportlayers0", limit: 9, order: "ascending" }),
    ).toEqual([]);
    expect(stages()).toEqual(["waiting", "sent"]);
  });

  it("leaves with the next client, under the same id and with the same bytes", async () => {
    device.refusal = new SottoError("offline");
    const report = await submit(await drafted());
    await device.clock.advance(1);
    device.sending.close();
    const next = await openReports(device.store);
    next.sending.wake();
    await next.clock.advance(1);
    expect(next.submitted).toHaveLength(1);
    expect(await next.reports.list()).toMatchObject([{ id: report.id, stage: "sent" }]);
  });

  it("is known to have left by the desk's receipt too, and leaves nothing behind", async () => {
    device.refusal = new SottoError("offline");
    const report = await submit(await drafted());
    const about = fromHex(report.id);
    device.write({ kind: "receipt", atMs: NOW_MS, about, stage: "new", outcome: "open" });
    device.notes.wake();
    await device.clock.advance(1);
    expect(await device.reports.get(report.id)).toMatchObject({ stage: "received" });
    expect(await device.store.get(`reportlayers/${report.id}`)).toBeUndefined();
    device.refusal = undefined;
    await device.clock.advance(60_000);
    expect(device.submitted).toEqual([]);
  });

  it("is one report, however often its draft is submitted", async () => {
    const draft = await drafted();
    const [one, two] = await Promise.all([submit(draft), submit(draft)]);
    await device.clock.advance(1);
    expect(two.id).toBe(one.id);
    await submit(draft);
    await device.clock.advance(1);
    expect(device.submitted).toHaveLength(1);
    expect(await device.reports.list()).toHaveLength(1);
  });

  it("waits as long as a limiter says, says why, and goes then", async () => {
    device.refusal = new SottoError("tooManyRequests", { retryAfterMs: 60_000 });
    const report = await submit(await drafted());
    await device.clock.advance(1);
    expect(await device.reports.get(report.id)).toMatchObject({ stage: "waiting", failure: "tooManyRequests" });
    device.refusal = undefined;
    await device.clock.advance(59_000);
    expect(device.submitted).toEqual([]);
    await device.clock.advance(31_000);
    expect(device.submitted).toHaveLength(1);
    expect(stages()).toEqual(["waiting", "waiting tooManyRequests", "sent"]);
  });

  it("ends with a reason if the relay will never take it, and holds up no other", async () => {
    device.refusal = new SottoError("badFrame");
    const first = await submit(await drafted());
    await device.clock.advance(1);
    expect(await device.reports.get(first.id)).toMatchObject({ stage: "refused", failure: "badFrame" });
    device.refusal = undefined;
    await submit(await drafted());
    await device.clock.advance(1);
    expect(device.submitted).toHaveLength(1);
    expect(device.counters.snapshot()).toEqual({ reportsRefused: 1 });
  });

  it("waits beside a bounded number of others, which leave in their order", async () => {
    device.state = "waiting";
    const ids: string[] = [];
    for (let at = 0; at < 32; at++) {
      ids.push((await submit(await drafted())).id);
      await device.clock.advance(10);
    }
    await expect(submit(await drafted())).rejects.toEqual(failure("outboxFull"));
    device.state = "ready";
    device.sending.wake();
    await device.clock.advance(1);
    const { toHex } = await import("@sotto/protocol");
    expect(device.submitted.map(({ report }) => toHex(report))).toEqual(ids);
  });
});
