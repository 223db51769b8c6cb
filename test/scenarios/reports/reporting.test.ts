/** Reports through a real relay to a real desk: from a DM, a group and a request; what moderators read is what was shown. */

import { inspectWords } from "@sotto/protocol";
import type { Client, DirectConversation, Disclosure, Group, Item, MessageId, ReportDraft } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AtDesk, type ReadReport } from "../../support/at-desk.js";
import { groupOf, reads, until } from "../../support/group-people.js";
import { itemsUntil, World } from "../../support/world.js";
import { draftable, submitted } from "./people.js";

let world: World;
let desk: AtDesk;

beforeEach(async () => {
  world = await World.open();
  desk = await AtDesk.join(world);
});
afterEach(() => world.close());

/** What a desk sees, in the form in which the reporter was shown it. */
function seen({ heads, words }: ReadReport): Pick<Disclosure, "accused" | "category" | "team" | "note" | "messages"> {
  const messages = heads.items.map((item, at) => {
    const verdict = inspectWords(words.items[at] as never, item, desk.realm);
    if (verdict.kind !== "verified") throw new Error(verdict.reason);
    const { messageId, conversation } = verdict.content;
    const { account: from, device: deviceId, acceptedMs } = item.head;
    return {
      role: item.role,
      messageId,
      from,
      deviceId,
      conversation,
      acceptedMs,
      said: verdict.content,
      attachments: [],
    };
  });
  const { accused, category, team } = heads;
  return { accused, category, team, note: words.note, messages };
}

const shownOf = ({ disclosure }: ReportDraft) => {
  const { accused, category, team, note, messages } = disclosure;
  return { accused, category, team, note, messages };
};

async function heard(conversation: DirectConversation | Group, text: string): Promise<Item & { messageId: MessageId }> {
  const items = await itemsUntil(
    conversation as DirectConversation,
    (item) => item.kind === "text" && item.text === text,
  );
  return items.at(-1) as Item & { messageId: MessageId };
}

describe("a report", () => {
  it("from a conversation is verified, with what was said around it, and read as it was shown", async () => {
    const { alice, bob, toBob, toAlice } = await world.pair();
    await toBob.send({ text: "hello" }).delivered;
    await toAlice.send({ text: "nobody's business" }).accepted;
    await heard(toBob, "nobody's business");
    await toBob.send({ text: "please stop" }).delivered;
    await toAlice.send({ text: "you will regret it" }).accepted;
    const bad = await heard(toBob, "you will regret it");
    const draft = await draftable(alice, () =>
      toBob.draftReport([bad], { category: "threat", context: 1, note: "since yesterday" }),
    );
    expect(draft.disclosure.messages.map(({ role, said }) => [role, "text" in said && said.text])).toEqual([
      ["own", "please stop"],
      ["reported", "you will regret it"],
    ]);
    const report = await submitted(alice, draft);
    expect(await desk.verdictsOn(report.id)).toEqual(["verified", "verified"]);
    expect(await desk.caseWith(report.id)).toMatchObject({
      accused: bob.accountId,
      trust: "verified",
      category: "threat",
    });
    expect(seen(await desk.read(report.id))).toEqual(shownOf(draft));
  });

  it("from a group names one of its members, and shows own words as meant for them", async () => {
    const [alice, bob, carol] = await Promise.all(["alice", "bob", "carol"].map((name) => world.client(name)));
    const people = [alice, bob, carol] as [Client, Client, Client];
    const [ofAlice, ofBob, ofCarol] = (await groupOf(people, { title: "Team" })) as [Group, Group, Group];
    await ofAlice.send({ text: "be nice" }).accepted;
    await reads(ofBob, "be nice");
    await ofBob.send({ text: "make me" }).accepted;
    await reads(ofCarol, "make me");
    await ofCarol.send({ text: "oh come on" }).accepted;
    const bad = await heard(ofAlice, "make me");
    const others = [await heard(ofAlice, "be nice"), await heard(ofAlice, "oh come on")];
    const draft = await draftable(people[0], () => ofAlice.draftReport([bad], { category: "hate", context: others }));
    const report = await submitted(people[0], draft);
    expect(await desk.verdictsOn(report.id)).toEqual(["verified", "verified", "verified"]);
    const read = await desk.read(report.id);
    expect(seen(read)).toEqual(shownOf(draft));
    expect(read.heads.items.map(({ role, head }) => [role, head.recipient])).toEqual([
      ["own", people[1].accountId],
      ["reported", people[0].accountId],
      ["context", people[0].accountId],
    ]);
  });

  it("from a request that waits answers nobody, and leaves the request as it was", async () => {
    const [alice, bob] = await Promise.all([world.client("alice"), world.client("bob")]);
    await (await bob.openDM({ userId: "alice" })).send({ text: "buy my coins" }).accepted;
    for await (const request of alice.requests()) {
      const draft = await draftable(alice, () => request.draftReport({ category: "scam" }));
      const report = await submitted(alice, draft);
      expect(await desk.verdictsOn(report.id)).toEqual(["verified"]);
      expect(seen(await desk.read(report.id)).messages[0]?.said).toMatchObject({ text: "buy my coins" });
      await request.block();
      break;
    }
    expect((await alice.blocked()).map(({ accountId }) => accountId)).toEqual([bob.accountId]);
  });

  it("opens the attachments that were chosen, and nothing of the others", async () => {
    const { alice, bob, toBob, toAlice } = await world.pair();
    const files = await Promise.all(
      ["one", "two"].map((name) => bob.attachments.upload(new TextEncoder().encode(name), { name: `${name}.txt` })),
    );
    await toAlice.send({ attachments: files, text: "look" }).accepted;
    const [bad] = (await itemsUntil(toBob, (item) => item.kind === "attachments")).slice(-1);
    const draft = await draftable(alice, () =>
      toBob.draftReport([bad as Item], { category: "sexual", attachments: [{ message: bad as Item, place: 1 }] }),
    );
    expect(draft.disclosure.messages[0]?.attachments.map(({ name, opened }) => [name, opened])).toEqual([
      ["one.txt", "no"],
      ["two.txt", "yes"],
    ]);
    const report = await submitted(alice, draft);
    const { heads, words } = await desk.read(report.id);
    const [item] = words.items;
    expect(inspectWords(item as never, heads.items[0] as never, desk.realm).kind).toBe("verified");
    expect(item?.blobs.map(({ index, id }) => [index, id])).toEqual([[1, files[1]?.id]]);
  });

  it("waits offline and over a restart, and is one report", async () => {
    const { alice, bob, toBob, toAlice } = await world.pair();
    await toAlice.send({ text: "bad" }).accepted;
    const bad = await heard(toBob, "bad");
    const draft = await draftable(alice, () => toBob.draftReport([bad], { category: "spam" }));
    await world.stopRelay();
    await until(() => alice.state === "offline");
    const report = await draft.submit({ consent: draft.disclosure.hash });
    expect(await draft.submit({ consent: draft.disclosure.hash })).toEqual(report);
    expect(report.stage).toBe("waiting");
    await alice.close();
    const again = await world.client("alice");
    await world.startRelay();
    desk = desk.after();
    await until(async () => (await again.reports.get(report.id))?.stage !== "waiting", "the relay's answer");
    expect(await desk.verdictsOn(report.id)).toEqual(["verified"]);
    expect((await desk.caseWith(report.id)).reports).toHaveLength(1);
    await bob.close();
  });
});
