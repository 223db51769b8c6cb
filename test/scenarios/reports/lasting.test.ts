/** What can be reported later: by another device of the account, after it was deleted for everyone, and after it disappeared. */

import type { Client, DirectConversation, Item, MessageId } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AtDesk } from "../../support/at-desk.js";
import { until } from "../../support/group-people.js";
import { Linker, sharedCode } from "../../support/linking.js";
import { itemsUntil, World } from "../../support/world.js";
import { draftable, reportable, submitted } from "./people.js";

let world: World;
let linker: Linker;
let desk: AtDesk;
let alice: Client;
let toBob: DirectConversation;
let toAlice: DirectConversation;

beforeEach(async () => {
  world = await World.open();
  linker = new Linker(world);
  desk = await AtDesk.join(world);
  ({ alice, toBob, toAlice } = await world.pair());
});
afterEach(async () => {
  await linker.close();
  await world.close();
});

async function says(text: string): Promise<MessageId> {
  const sent = toAlice.send({ text });
  await sent.accepted;
  await itemsUntil(toBob, (item) => item.kind === "text" && item.text === text);
  return sent.id;
}

describe("what somebody said", () => {
  it("can be reported by a device that got it, and by one that was linked later and told", async () => {
    const early = await says("before the laptop");
    await toBob.send({ text: "said on the phone" }).delivered;
    const link = await alice.devices.createLink({ history: "all" });
    const { shown, client } = linker.begin(link.uri, "laptop");
    await link.confirm(await sharedCode(link, shown));
    const laptop = await client;
    const late = await says("after the laptop");
    const there = await laptop.openDM({ accountId: (await toBob.peer()).accountId });
    await until(async () => (await reportable(laptop, there)).length >= 3, "evidence on the laptop");
    for (const id of [early, late]) {
      const draft = await draftable(laptop, () => there.draftReport([id], { category: "harassment", context: 1 }));
      const roles = id === early ? ["reported"] : ["own", "reported"];
      expect(draft.disclosure.messages.map(({ role }) => role)).toEqual(roles);
      const report = await submitted(laptop, draft);
      expect(await desk.verdictsOn(report.id)).toEqual(roles.map(() => "verified"));
      // The phone hears of it by the desk only.
      await until(async () => (await alice.reports.get(report.id)) !== undefined, "the phone's receipt");
      expect((await alice.reports.get(report.id))?.made).toBeUndefined();
    }
  });

  it("can be reported after it was deleted for everyone, with what it was before and that it was deleted", async () => {
    const id = await says("a threat");
    await toAlice.edit(id, { text: "only a joke" }).accepted;
    await toAlice.delete(id).accepted;
    const [gone] = (await itemsUntil(toBob, (item) => item.kind === "delete")).slice(-1);
    expect(gone).toMatchObject({ kind: "delete", target: id });
    const draft = await draftable(alice, () => toBob.draftReport([id], { category: "threat" }));
    expect(draft.disclosure.messages.map(({ said }) => [said.kind, "text" in said ? said.text : ""])).toEqual([
      ["text", "a threat"],
      ["edit", "only a joke"],
      ["delete", ""],
    ]);
    const report = await submitted(alice, draft);
    expect(await desk.verdictsOn(report.id)).toEqual(["verified", "verified", "verified"]);
  });

  it("can be reported for a day after it disappeared", async () => {
    await toAlice.setTimer(50).accepted;
    const id = await says("now you see me");
    await toBob.markRead([id]);
    const isShown = async () =>
      (await toBob.latest(10)).some((item: Item) => "messageId" in item && item.messageId === id);
    await until(async () => !(await isShown()), "the end of the message");
    const left = async () => (await reportable(alice, toBob)).find(({ messageId }) => messageId === id);
    expect((await left())?.said).toMatchObject({ text: "now you see me" });
    const isForADay = async () => ((await left())?.untilMs ?? 0) <= Date.now() + 24 * 3_600_000;
    await until(isForADay, "the last day of the evidence");
    const draft = await draftable(alice, () => toBob.draftReport([id], { category: "threat" }));
    const report = await submitted(alice, draft);
    expect(await desk.verdictsOn(report.id)).toEqual(["verified"]);
  });
});
