/** What comes back from the desk: receipts, the wish for more, a statement to whom something was done, and an appeal. */

import type { Client, DirectConversation, MessageId, Report, Statement } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AtDesk } from "../../support/at-desk.js";
import { until } from "../../support/group-people.js";
import { itemsUntil, nextEvent, World } from "../../support/world.js";
import { draftable, stands, submitted } from "./people.js";

let world: World;
let desk: AtDesk;
let alice: Client;
let bob: Client;
let toBob: DirectConversation;
let toAlice: DirectConversation;

beforeEach(async () => {
  world = await World.open();
  desk = await AtDesk.join(world);
  ({ alice, bob, toBob, toAlice } = await world.pair());
});
afterEach(() => world.close());

async function says(text: string): Promise<MessageId> {
  const sent = toAlice.send({ text });
  await sent.accepted;
  await itemsUntil(toBob, (item) => item.kind === "text" && item.text === text);
  return sent.id;
}

async function reports(id: MessageId): Promise<Report> {
  const draft = await draftable(alice, () => toBob.draftReport([id], { category: "harassment" }));
  return submitted(alice, draft);
}

describe("a reporter", () => {
  it("hears that the report was received, is looked at, and what came of it", async () => {
    const stages: string[] = [];
    alice.addEventListener("report", ({ report }) => void stages.push(report.stage));
    const report = await reports(await says("bad"));
    const { id } = await desk.caseWith(report.id);
    await stands(alice, report.id, ({ stage }) => stage === "received");
    await desk.service.claim(desk.by, id);
    await stands(alice, report.id, ({ stage }) => stage === "inReview");
    await desk.service.dismiss(desk.by, id, "no rule was broken");
    await until(() => stages.at(-1) === "noAction", "what came of it");
    expect(stages).toEqual(["waiting", "sent", "received", "inReview", "noAction"]);
  });

  it("is asked for what is missing, and shows it or does not", async () => {
    const first = await says("one");
    const missing = await says("two");
    const report = await reports(first);
    const view = await desk.caseWith(report.id);
    const { heads, words } = await desk.read(report.id);
    const counter = (await import("@sotto/protocol")).decodeCommitted(words.items[0]?.committed as Uint8Array).counter;
    const gaps = [{ account: heads.accused, after: counter, before: counter + 2 }];
    await desk.service.askContext(desk.by, view.id, { report: report.id, gaps, note: "what did they say next?" });
    const asked = await stands(alice, report.id, ({ wanted }) => wanted !== undefined);
    expect(asked.wanted).toMatchObject({ note: "what did they say next?" });
    const wanted = [];
    for await (const one of alice.reports.wantedOf(asked)) wanted.push(one);
    expect(wanted.map(({ messageId }) => messageId)).toEqual([missing]);
    const draft = await alice.reports.draftContext(asked, wanted);
    const context = await submitted(alice, draft);
    expect(await desk.verdictsOn(context.id)).toEqual(["verified"]);
    expect((await desk.caseWith(context.id)).id).toBe(view.id);
  });
});

describe("somebody who was acted against", () => {
  it("is told why, without who or what, appeals with own evidence, and hears of the reversal", async () => {
    const told = nextEvent<{ statement: Statement }>(bob, "statement");
    const own = toAlice.send({ text: "sorry, I was wrong" });
    await own.accepted;
    const report = await reports(await says("bad"));
    const { id } = await desk.caseWith(report.id);
    await desk.service.claim(desk.by, id);
    const rule = "Be kind to each other.";
    await desk.service.act(desk.by, id, { kind: "warn", category: "harassment", rule });
    const { statement } = await told;
    expect(statement).toMatchObject({ sanction: "warn", category: "harassment", rule });
    expect(JSON.stringify(statement)).not.toContain(alice.accountId);
    await stands(alice, report.id, ({ stage }) => stage === "action");

    const note = "it was a joke between friends";
    const draft = await bob.moderation.appeal(statement, { note, messages: [{ in: toAlice, messages: [own.id] }] });
    expect(draft.disclosure).toMatchObject({ kind: "appeal", accused: bob.accountId, note });
    const appeal = await submitted(bob, draft);
    expect(await desk.verdictsOn(appeal.id)).toEqual(["verified"]);
    await expect(bob.moderation.appeal(statement, { note })).rejects.toMatchObject({ code: "appealClosed" });

    const other = await AtDesk.join(world, ["community"], desk);
    const view = await other.caseWith(appeal.id);
    expect(view.hasAppeal).toBe(true);
    if (view.claimedBy !== undefined) await desk.service.release(desk.by, view.id);
    await other.service.claim(other.by, view.id);
    await other.service.decideAppeal(other.by, view.id, "reverse", "The context shows a joke.");
    await stands(alice, report.id, ({ stage }) => stage === "reversed");
  });

  it("hears why and appeals while it is suspended", async () => {
    const told = nextEvent<{ statement: Statement }>(bob, "statement");
    const report = await reports(await says("worse"));
    const { id } = await desk.caseWith(report.id);
    await desk.service.claim(desk.by, id);
    const acted = await desk.service.act(desk.by, id, { kind: "suspend", category: "threat", rule: "No threats." });
    const second = await AtDesk.join(world, ["community"], desk);
    await second.service.approve(second.by, acted.actions[0]?.id ?? "", "approve");
    const { statement } = await told;
    expect(statement).toMatchObject({ sanction: "suspend", rule: "No threats." });
    const upload = () => bob.attachments.upload(new Uint8Array(3)).catch((error: { code?: string }) => error.code);
    await until(async () => (await upload()) === "suspended", "the suspension at the relay");
    const draft = await bob.moderation.appeal(statement, { note: "I was quoting a film" });
    const appeal = await submitted(bob, draft);
    expect((await desk.caseWith(appeal.id)).hasAppeal).toBe(true);
  });

  it("can read what moderators may do, signed by the realm", async () => {
    const powers = alice.moderation.powers();
    expect(powers?.text.length).toBeGreaterThan(100);
    expect(powers?.realm).toBe(world.running.desk?.fingerprint);
    expect(powers?.manifest).toBeGreaterThan(0);
  });
});
