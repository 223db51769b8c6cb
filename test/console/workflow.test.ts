/** From a word that hurts to its sanction and back: real users, the real relay with the desk inside it, and moderators in real browsers. */

import type { Client, Group, Item, MessageId, Report, Statement } from "@sotto/sdk/node";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { draftable, stands, submitted } from "../scenarios/reports/people.js";
import { freePort } from "../support/free-port.js";
import { groupOf, reads, until, wordsOf } from "../support/group-people.js";
import { befriend, itemsUntil, nextEvent, World } from "../support/world.js";
import { launchChromium, type Watched, watchedPage } from "./support/browser.js";
import { inviteFrom, joinBy, openWords, sealKeysTo, threadOf } from "./support/moderator.js";

let browser: Browser;
let world: World;
let people: readonly [alice: Client, bob: Client, mallory: Client];
let groups: readonly [ofAlice: Group, ofBob: Group, ofMallory: Group];
const desks: Watched[] = [];

beforeAll(async () => {
  [browser, world] = await Promise.all([launchChromium(), freePort().then((deskPort) => World.open({ deskPort }))]);
  const [alice, bob, mallory] = await Promise.all(["alice", "bob", "mallory"].map((name) => world.client(name)));
  people = [alice, bob, mallory] as [Client, Client, Client];
  const { toBob, toAlice } = await befriend(people[0], people[1]);
  await toBob.send({ text: "are you coming tonight?" }).delivered;
  await itemsUntil(toAlice, (item) => item.kind === "text");
  groups = (await groupOf(people, { title: "Choir" })) as [Group, Group, Group];
});
afterAll(async () => {
  await browser?.close();
  await world?.close();
});

/** Somebody new at the desk. */
async function atDesk(link: string): Promise<Page> {
  const watched = await watchedPage(browser);
  desks.push(watched);
  await joinBy(watched.page, link);
  return watched.page;
}

/** Says something in the group, and waits until the reporter and a friend read it. */
async function says(by: 0 | 1 | 2, text: string): Promise<MessageId> {
  const sent = groups[by].send({ text });
  await sent.accepted;
  await Promise.all(groups.map((group) => reads(group, text)));
  return sent.id;
}

describe("the workflow", () => {
  let lead: Page;
  let second: Page;
  let third: Page;
  let report: Report;
  let own: MessageId;
  let statement: Statement;
  const withheld: MessageId[] = [];
  const stages: string[] = [];

  test("begins with a lead whose browser makes the team keys, and a report with context from the group", async () => {
    lead = await atDesk((await world.running.desk?.firstInvitation()) ?? "");
    await lead.getByText("Made a new key for the community team").waitFor();
    await says(1, "rehearsal is at eight");
    own = await says(2, "only if she stays at home");
    const first = await says(2, "nobody wants you here");
    withheld.push(await says(2, "you sing like a crow"));
    await says(0, "please stop this");
    const last = await says(2, "or I will make you leave");
    const [alice] = people;
    alice.addEventListener("report", ({ report: { id, stage } }) => {
      if ((report === undefined || id === report.id) && stages.at(-1) !== stage) stages.push(stage);
    });
    const context = await messagesOf(groups[0], ["rehearsal is at eight", "please stop this"]);
    const draft = await draftable(alice, () =>
      groups[0].draftReport([first, last], { category: "harassment", context, note: "it goes on for weeks" }),
    );
    expect(draft.disclosure).toMatchObject({ accused: people[2].accountId, team: "community" });
    report = await submitted(alice, draft);
    await stands(alice, report.id, ({ stage }) => stage === "received");
  });

  test("shows a verified case in the queue, and after a claim and a reason the very words, with their gap", async () => {
    await lead.getByRole("button", { name: "Refresh" }).click();
    const row = lead.getByRole("row", { name: "Harassment" });
    await row.getByRole("cell", { name: "Verified" }).waitFor();
    await row.getByRole("link", { name: "Harassment" }).click();
    await lead.getByRole("button", { name: "Claim" }).click();
    await stands(people[0], report.id, ({ stage }) => stage === "inReview");
    await openWords(lead, "Harassment is alleged.");
    expect(await threadOf(lead)).toEqual([
      "Person A: rehearsal is at eight",
      "Accused: nobody wants you here",
      "Reporter: please stop this",
      "1 message by Accused withheld here",
      "Accused: or I will make you leave",
    ]);
    await lead.getByText("it goes on for weeks").waitFor();
  });

  test("asks for context, which the reporter's device finds and adds", async () => {
    await lead.getByRole("button", { name: "Ask for context…" }).click();
    const dialog = lead.getByRole("dialog", { name: "Ask for context" });
    await dialog.getByLabel("1 message by Accused withheld here").check();
    await dialog.getByLabel("Note to the reporter").fill("What came between?");
    await dialog.getByRole("button", { name: "Ask the reporter" }).click();
    const [alice] = people;
    const asked = await stands(alice, report.id, ({ wanted }) => wanted !== undefined);
    expect(asked.wanted?.note).toBe("What came between?");
    const wanted = [];
    for await (const one of alice.reports.wantedOf(asked)) wanted.push(one);
    expect(wanted.map(({ messageId }) => messageId)).toEqual(withheld);
    const added = await submitted(alice, await alice.reports.draftContext(asked, wanted));
    await stands(alice, added.id, ({ stage }) => stage === "inReview");
    await lead.getByRole("button", { name: "Close words" }).click();
    await openWords(lead, "Context came.");
    expect((await threadOf(lead))[2]).toBe("Accused: you sing like a crow");
  });

  test("suspends once a second person approved, tells the accused why, and nobody is shown what it says then", async () => {
    await lead.getByRole("button", { name: "Act…" }).click();
    const dialog = lead.getByRole("dialog", { name: "Act" });
    await dialog.getByLabel("Suspend").check();
    await dialog.getByLabel("Rule", { exact: true }).fill("No threats against members.");
    await dialog.getByRole("button", { name: "Ask for approval" }).click();
    await lead.getByText("Waits for a second person", { exact: true }).waitFor();
    second = await atDesk(await inviteFrom(lead, "Nora"));
    await sealKeysTo(lead, second, "Nora");

    const [alice, , mallory] = people;
    const told = nextEvent<{ statement: Statement }>(mallory, "statement");
    await second.getByRole("link", { name: "Approvals" }).click();
    await second.getByText("No threats against members.").waitFor();
    await second.getByRole("button", { name: "Approve" }).click();
    ({ statement } = await told);
    expect(statement).toMatchObject({ sanction: "suspend", rule: "No threats against members." });
    expect(JSON.stringify(statement)).not.toContain(alice.accountId);
    await stands(alice, report.id, ({ stage }) => stage === "action");

    // What the account says before it and the group have heard of it may still be shown.
    const tries: string[] = [];
    await until(async () => {
      tries.push(`I am still here, said ${tries.length} times.`);
      return (await refusalOf(groups[2], tries.at(-1) ?? "")) === "suspended";
    }, "the suspension");
    await says(0, "it is quiet now");
    for (const group of groups.slice(0, 2)) expect((await wordsOf(group)).join()).not.toContain(tries.at(-1));
  });

  test("has an appeal with own evidence decided by somebody else, who reverses it: the account speaks again", async () => {
    const [, , mallory] = people;
    const draft = await mallory.moderation.appeal(statement, {
      note: "we quoted a play",
      messages: [{ in: groups[2], messages: [own] }],
    });
    const appeal = await submitted(mallory, draft);
    await stands(mallory, appeal.id, ({ stage }) => stage === "inReview" || stage === "action");
    third = await atDesk(await inviteFrom(lead, "Otto"));
    await sealKeysTo(lead, third, "Otto");

    await second.getByRole("link", { name: "Queue" }).click();
    await second.getByRole("link", { name: "Harassment" }).click();
    await second.getByRole("button", { name: "Claim" }).click();
    await second.getByText("An appeal is looked at by somebody who did not decide before.").waitFor();

    await third.getByRole("button", { name: "Refresh" }).click();
    const row = third.getByRole("row", { name: "Harassment" });
    await row.getByText("Appeal", { exact: true }).waitFor();
    await row.getByRole("link", { name: "Harassment" }).click();
    await third.getByRole("button", { name: "Claim" }).click();
    await openWords(third, "An appeal.");
    await third.getByText("we quoted a play").waitFor();
    expect(await threadOf(third)).toContain("Accused: only if she stays at home");
    const lifted = nextEvent<{ statement: Statement }>(mallory, "statement");
    await third.getByRole("button", { name: "Decide appeal…" }).click();
    const dialog = third.getByRole("dialog", { name: "Decide the appeal" });
    await dialog.getByLabel("Verdict").selectOption("reverse");
    await dialog.getByLabel("Ground").fill("It was a quotation.");
    await dialog.getByRole("button", { name: "Reverse" }).click();
    expect((await lifted).statement).toMatchObject({ sanction: "lift", rule: "It was a quotation." });
    await until(() => stages.at(-1) === "reversed", "the reporter's last receipt");
    expect(stages).toEqual(["waiting", "sent", "received", "inReview", "action", "reversed"]);
    await until(async () => (await refusalOf(groups[2], "thank you")) === undefined, "the end of the suspension");
    await Promise.all(groups.map((group) => reads(group, "thank you")));
  });

  test("leaves a log that tells it all in one unbroken chain, and pages that reached for nothing else", async () => {
    await lead.getByRole("link", { name: "Audit log" }).click();
    await lead.getByText(/Checked in this browser: \d+ entries in one unbroken chain/).waitFor();
    const table = lead.getByRole("table", { name: "Entries, newest first" });
    const told = await table.getByRole("row").locator("strong").allInnerTexts();
    const steps = ["teamKeyMade", "triaged", "claimed", "opened", "contextAsked", "closed", "opened", "proposed"];
    const decided = ["teamKeyGranted", "approved", "appealed", "teamKeyGranted", "claimed", "opened", "appealDecided"];
    expect(inOrder(told.toReversed(), [...steps, ...decided])).toEqual([...steps, ...decided]);
    for (const detail of ["reason: Harassment is alleged.", "verdict: reverse", "kind: suspend"])
      await table.getByText(detail).first().waitFor();
    const origin = new URL(world.running.desk?.url ?? "").origin;
    for (const { requests, troubles } of desks) {
      expect(requests.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("blob:"))).toEqual([]);
      expect(troubles).toEqual([]);
    }
  });
});

/** Those of the wanted that are found one behind the other. */
function inOrder(all: readonly string[], wanted: readonly string[]): readonly string[] {
  let at = 0;
  for (const one of all) if (one === wanted[at]) at += 1;
  return wanted.slice(0, at);
}

/** Why a group message was refused; `undefined` if it was taken. */
async function refusalOf(group: Group, text: string): Promise<string | undefined> {
  return group.send({ text }).accepted.then(
    () => undefined,
    ({ code }: { readonly code: string }) => code,
  );
}

async function messagesOf(
  group: Group,
  texts: readonly string[],
): Promise<readonly (Item & { messageId: MessageId })[]> {
  const items = await group.latest(100);
  return texts.map(
    (text) => items.find((item) => item.kind === "text" && item.text === text) as Item & { messageId: MessageId },
  );
}
