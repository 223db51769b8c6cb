/** What the desk writes: taken once and in order by each device, only if it is for this account, and only ever forwards. */

import { type CaseOutcome, type CaseStage, caseOutcomes, caseStages, fromHex, toHex } from "@sotto/protocol";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { goesOn, reportStages, stageOfReceipt } from "../../../../sdk/core/reports/progress.js";
import { accountOf, NOW_MS, secretOf } from "../../../support/franking/realm.js";
import { bob, carol, type Fixture, failure, group, me, opened, openReports, said, withBob } from "./fixture.js";

let device: Fixture;

beforeEach(async () => {
  device = await openReports();
});

const idOf = (name: string) => secretOf(name).slice(0, 16);
const receipt = (about: Uint8Array, stage: CaseStage, outcome: CaseOutcome = "open") =>
  ({ kind: "receipt", atMs: NOW_MS, about, stage, outcome }) as const;
const statement = (name: string, over: { appealUntilMs?: number } = {}) =>
  ({
    kind: "statement",
    atMs: NOW_MS,
    statement: idOf(name),
    sanction: "mute",
    category: "harassment",
    rule: "be kind",
    untilMs: NOW_MS + 86_400_000,
    ...over,
  }) as const;

async function look(on = device): Promise<void> {
  on.notes.wake();
  await on.clock.advance(1);
}

async function reported(): Promise<Uint8Array> {
  const bad = await device.keep(said(bob, withBob, { kind: "text", text: "bad" }));
  const draft = await device.reports.draftReport(withBob, [bad], { category: "spam" });
  const { id } = await draft.submit({ consent: draft.disclosure.hash });
  await device.clock.advance(1);
  return fromHex(id);
}

describe("receipts of the desk", () => {
  it("move a report on, and tell of each step once", async () => {
    const id = await reported();
    device.told.length = 0;
    device.write(receipt(id, "new"));
    device.write(receipt(id, "triage"));
    device.write(receipt(id, "escalated"));
    device.write(receipt(id, "actioned", "action"));
    device.write(receipt(id, "triage"));
    device.write(receipt(id, "appealed", "reversed"));
    await look();
    expect(device.told.map(({ stage }) => stage)).toEqual(["received", "inReview", "action", "reversed"]);
    expect(await device.reports.list()).toMatchObject([{ id: toHex(id), stage: "reversed" }]);
  });

  it("are read once, over restarts, page by page, and again by another device", async () => {
    for (let at = 0; at < 40; at++) device.write(receipt(idOf(`report ${at}`), "new"));
    await look();
    expect(device.told).toHaveLength(40);
    await look();
    expect(device.told).toHaveLength(40);
    expect(device.asked).toEqual([0, 16, 32, 40]);
    const restarted = await openReports(device.store);
    restarted.mail.push(...device.mail);
    await look(restarted);
    expect(restarted.told).toEqual([]);
    expect((await restarted.reports.list())[0]).toMatchObject({ stage: "received", made: undefined });
  });

  it("are looked for by themselves, not only when the relay tells", async () => {
    await look();
    device.write(receipt(idOf("report"), "new"));
    await device.clock.advance(15 * 60_000);
    expect(device.told).toHaveLength(1);
  });

  it("count only if they were sealed to this account and read as notes, and hold up nothing", async () => {
    device.write(receipt(idOf("other's"), "new"), accountOf("mallory"));
    const last = { ...(device.mail[0] as Fixture["mail"][number]) };
    device.mail.push({ ...last, seq: 2, sealed: secretOf("noise") });
    device.write(receipt(idOf("mine"), "new"));
    await look();
    expect(device.told.map(({ id }) => id)).toEqual([toHex(idOf("mine"))]);
    expect(device.counters.snapshot()).toEqual({ notesRefused: 2 });
    await look();
    expect(device.counters.snapshot()).toEqual({ notesRefused: 2 });
  });

  it("never move anything back, whatever comes in whatever order", () => {
    const stage = fc.constantFrom(...reportStages);
    fc.assert(
      fc.property(stage, stage, stage, (one, two, three) => {
        // A decision may follow another; nothing else is left again once it was left.
        if (goesOn(one, two) && goesOn(two, three))
          expect(goesOn(three, one) && one !== "action" && one !== "noAction").toBe(false);
        expect(goesOn(one, one)).toBe(false);
      }),
    );
    for (const of of caseStages) {
      for (const outcome of caseOutcomes) expect(goesOn("sent", stageOfReceipt({ stage: of, outcome }))).toBe(true);
    }
  });
});

describe("what the desk asks for", () => {
  it("is shown with the report, found in what is kept, and answered with consent", async () => {
    const first = await device.keep(said(bob, group, { kind: "text", text: "one" }));
    const missing = await device.keep(said(bob, group, { kind: "text", text: "two" }));
    await device.keep(said(carol, group, { kind: "text", text: "not asked for" }));
    const draft = await device.reports.draftReport(group, [first], { category: "hate" });
    const report = await draft.submit({ consent: draft.disclosure.hash });
    const counter = draft.disclosure.messages[0]?.said.counter ?? 0;
    const gaps = [{ account: bob.account, after: counter, before: counter + 2 }];
    device.write({ kind: "contextRequest", atMs: NOW_MS, about: fromHex(report.id), gaps, note: "what came next?" });
    await look();
    const asked = device.told.at(-1);
    expect(asked?.wanted).toEqual({
      gaps: [{ from: bob.account, after: counter, before: counter + 2 }],
      note: "what came next?",
      atMs: NOW_MS,
    });
    const wanted = [];
    for await (const one of device.reports.wantedOf(report)) wanted.push(one);
    expect(wanted.map(({ messageId }) => messageId)).toEqual([missing]);
    const context = await device.reports.draftContext(report, wanted);
    expect(context.disclosure).toMatchObject({
      kind: "context",
      about: report.id,
      accused: bob.account,
      category: "hate",
    });
    await context.submit({ consent: context.disclosure.hash });
    expect((await device.reports.get(report.id))?.wanted).toBeUndefined();
    await device.clock.advance(1);
    const { heads } = opened(device.submitted[1] as never, "community");
    expect(heads).toMatchObject({ kind: "context", about: fromHex(report.id), accused: bob.account });
    expect(heads.items.map(({ role }) => role)).toEqual(["context"]);
  });

  it("stays asked for where what is submitted was drafted before it was", async () => {
    const first = await device.keep(said(bob, group, { kind: "text", text: "one" }));
    const draft = await device.reports.draftReport(group, [first], { category: "hate" });
    const report = await draft.submit({ consent: draft.disclosure.hash });
    const asks = (atMs: number, note: string) =>
      device.write({
        ...{ kind: "contextRequest", atMs, about: fromHex(report.id), note },
        gaps: [{ account: bob.account, after: 0, before: 9e9 }],
      });
    asks(NOW_MS, "what came next?");
    await look();
    const context = await device.reports.draftContext(report, [first]);
    asks(NOW_MS + 1, "and before?");
    await look();
    await context.submit({ consent: context.disclosure.hash });
    expect((await device.reports.get(report.id))?.wanted).toMatchObject({ note: "and before?" });
    const other = await device.reports.draftContext(report, [first]);
    await other.submit({ consent: other.disclosure.hash });
    expect((await device.reports.get(report.id))?.wanted).toBeUndefined();
  });

  it("reaches a device that did not make the report, which has to be told where", async () => {
    const missing = await device.keep(said(bob, withBob, { kind: "text", text: "two" }));
    const about = idOf("made elsewhere");
    device.write({
      kind: "contextRequest",
      atMs: NOW_MS,
      about,
      gaps: [{ account: bob.account, after: 0, before: 9e9 }],
      note: "",
    });
    await look();
    const [report] = await device.reports.list();
    expect(report?.made).toBeUndefined();
    await expect(device.reports.draftContext(report as never, [missing])).rejects.toEqual(failure("invalidArgument"));
    const { disclosure } = await device.reports.draftContext(report as never, [missing], { conversation: withBob });
    expect(disclosure).toMatchObject({ about: toHex(about), accused: bob.account });
    await expect(device.reports.draftContext(toHex(idOf("none")), [missing])).rejects.toEqual(failure("unknownReport"));
  });
});

describe("statements", () => {
  it("are told once, listed, and appealed against once, in time, with own evidence", async () => {
    device.write(statement("late", { appealUntilMs: NOW_MS - 1 }));
    device.write(statement("final"));
    device.write(statement("fresh", { appealUntilMs: NOW_MS + 86_400_000 }));
    device.write(statement("fresh", { appealUntilMs: NOW_MS + 86_400_000 }));
    await look();
    expect(device.statements.map(({ id }) => id)).toEqual(["late", "final", "fresh"].map((name) => toHex(idOf(name))));
    const [, , fresh] = device.statements;
    const note = "I only answered";
    for (const name of ["late", "final"]) {
      await expect(device.moderation.appeal(toHex(idOf(name)), { note })).rejects.toEqual(failure("appealClosed"));
    }
    const own = await device.keep(said({ ...bob, ...{ account: me } } as never, group, { kind: "text", text: "hm" }));
    const theirs = await device.keep(said(bob, withBob, { kind: "text", text: "first!" }));
    const draft = await device.moderation.appeal(fresh as never, {
      note,
      messages: [
        { in: withBob, messages: [theirs] },
        { in: group, messages: [own] },
      ],
    });
    expect(draft.disclosure).toMatchObject({ kind: "appeal", about: fresh?.id, accused: me, note });
    expect(draft.disclosure.messages.map(({ role }) => role).sort()).toEqual(["context", "own"]);
    await draft.submit({ consent: draft.disclosure.hash });
    await device.clock.advance(1);
    const { heads, words } = opened(device.submitted[0] as never, "community");
    expect(heads).toMatchObject({ kind: "appeal", accused: me, about: idOf("fresh") });
    expect(words.note).toBe(note);
    await expect(device.moderation.appeal(fresh as never, { note })).rejects.toEqual(failure("appealClosed"));
  });

  it("are appealed against by one of two drafts that are submitted at once", async () => {
    device.write(statement("fresh", { appealUntilMs: NOW_MS + 86_400_000 }));
    await look();
    const drafts = await Promise.all(
      ["one", "two"].map((note) => device.moderation.appeal(toHex(idOf("fresh")), { note })),
    );
    const submitted = await Promise.allSettled(drafts.map((draft) => draft.submit({ consent: draft.disclosure.hash })));
    expect(submitted.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(submitted[1]).toMatchObject({ reason: { code: "appealClosed" } });
    await drafts[0]?.submit({ consent: drafts[0].disclosure.hash });
    await device.clock.advance(1);
    expect(device.submitted).toHaveLength(1);
  });

  it("come with the moderators' powers, as the realm signed them", () => {
    expect(device.moderation.powers()).toMatchObject({ text: "what moderators can do", manifest: 7 });
    expect(device.moderation.powers()?.realm).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});
