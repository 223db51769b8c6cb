/** Who says how a group is called and looks, and what members show of it, whatever comes between the log and the word. */

import type { Content, ConversationId } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import type { ShownChange } from "../../../../sdk/core/conversations/group-change.js";
import type { Looks } from "../../../../sdk/core/groups/shown.js";
import { groupOf, type LogClient, LogWorld } from "./log/fixture.js";
import { hears, say, taken, talks, voiceOf } from "./talking.js";

const picture = Uint8Array.of(1, 2);

let world: LogWorld;
let alice: LogClient;
let bob: LogClient;
let carol: LogClient;
let id: ConversationId;

beforeEach(async () => {
  world = await LogWorld.open();
  [alice, bob, carol] = [await world.client(), await world.client(), await world.client()];
  for (const client of [alice, bob, carol]) talks(client);
  id = await groupOf(alice, bob, carol);
  await Promise.all([bob, carol].map((client) => client.logs.sync(id)));
  await say(alice, bob, carol);
});

const looks = (client: LogClient): Looks => {
  const state = client.logs.get(id)?.state;
  if (state === undefined) throw new Error("no group");
  const { title, avatar } = client.shown.of(id, state);
  return { title, avatar };
};
const update = (client: LogClient, change: Partial<Looks>) => client.logs.append(id, { kind: "update", ...change });

/** The process ends when the entry is in the log, and before anything of it is on the disk. */
async function crashes(client: LogClient, appending: () => Promise<unknown>): Promise<LogClient> {
  client.raw.beforeWrite = async () => {
    throw new Error("the disk is gone");
  };
  await expect(appending()).rejects.toMatchObject({ code: "storeFailed" });
  const next = await client.killed();
  await next.shown.load();
  talks(next);
  return next;
}

describe("a group's title", () => {
  it("is said by who changed it, once, also where its process ended between the log and the disk", async () => {
    const next = await crashes(alice, () => update(alice, { title: "Yard" }));
    await Promise.all([bob, carol].map((client) => client.logs.sync(id)));
    expect(looks(bob).title).toBe("Garden");
    await next.logs.sync(id);
    expect(await say(next, bob, carol)).toBe(1);
    expect([next, bob, carol].map((client) => looks(client).title)).toEqual(["Yard", "Yard", "Yard"]);
    await next.logs.sync(id);
    expect(await say(next, bob, carol)).toBe(0);
  });

  it("that was overtaken before its author's next run is said all the same: the log's items show it, and nothing else", async () => {
    const next = await crashes(alice, () => update(alice, { title: "Yard" }));
    await update(bob, { title: "Court" });
    await carol.logs.sync(id);
    await say(bob, carol);
    await next.logs.sync(id);
    const item: ShownChange = { kind: "settings", by: alice.id, changed: { title: "Yard" } };
    expect(carol.shown.inItem(id, item)).toMatchObject({ changed: { title: undefined } });
    expect(await say(next, bob, carol)).toBe(1);
    expect(carol.shown.inItem(id, item)).toEqual(item);
    expect([bob, carol].map((client) => looks(client).title)).toEqual(["Court", "Court"]);
  });

  it("and the picture that another member changes in the same moment are both shown to everybody in the end", async () => {
    await update(bob, { avatar: picture });
    await update(alice, { title: "Yard" });
    for (const client of [alice, bob, carol]) await client.logs.sync(id);
    const [ofBob, ofAlice] = [taken(bob), taken(alice)];
    for (const content of ofBob) for (const client of [alice, carol]) await hears(client, content);
    for (const content of ofAlice) for (const client of [bob, carol]) await hears(client, content);
    for (const client of [alice, bob, carol]) expect(looks(client)).toEqual({ title: "Yard", avatar: picture });
  });

  it.each([
    ["in the order of the log", (one: Content, other: Content) => [one, other]],
    ["in the other order", (one: Content, other: Content) => [other, one]],
  ])(
    "whose author left without a word leaves everybody at the latest one that was said, heard %s",
    async (_, ordered) => {
      await update(bob, { title: "Yard" });
      await alice.logs.sync(id);
      await update(alice, { title: "Court" });
      await carol.logs.sync(id);
      await update(carol, { title: "Attic" });
      for (const client of [alice, bob]) await client.logs.sync(id);
      const [[ofBob], [ofAlice]] = [taken(bob), taken(alice)];
      if (ofBob === undefined || ofAlice === undefined) throw new Error("nothing was said");
      for (const client of [alice, bob]) for (const content of ordered(ofBob, ofAlice)) await hears(client, content);
      expect([alice, bob].map((client) => looks(client).title)).toEqual(["Court", "Court"]);
      await say(carol, alice, bob);
      expect([alice, bob].map((client) => looks(client).title)).toEqual(["Attic", "Attic"]);
    },
  );

  it("is of the log also where only the picture is another by now, for who may say that and nothing else", async () => {
    await update(bob, { title: "Yard" });
    const [ofBob] = taken(bob);
    await update(alice, { avatar: picture });
    const isOfLog = (content: Content) => voiceOf(alice).statements.isOfLog(content);
    if (ofBob === undefined) throw new Error("nothing was said");
    expect(isOfLog(ofBob)).toBe(true);
    expect(isOfLog({ ...ofBob, title: "a slur" })).toBe(false);
    await update(alice, { avatar: new Uint8Array(0) });
    expect(isOfLog({ ...ofBob, title: "a slur" })).toBe(false);
    expect(isOfLog(ofBob)).toBe(true);
  });

  it.each([
    ["is told to whom a member brought in before it had heard of it itself", { room: 1_000, told: ["Yard"] }],
    ["is heard also while nobody can be told, for want of room", { room: 0, told: [] }],
  ])("%s", async (_, { room: left, told }) => {
    const dave = await world.client();
    talks(dave);
    await alice.logs.append(id, { kind: "invite", account: dave.id });
    await alice.handInvitation(dave);
    alice.orders.splice(0);
    // While Alice is away the title changes, and then he accepts: she reads both in the log before she hears what Bob said.
    await update(bob, { title: "Yard" });
    const ofBob = taken(bob);
    await dave.logs.accept(id);
    await alice.logs.sync(id);
    await bob.logs.sync(id);
    voiceOf(alice).room = left;
    for (const content of ofBob) await hears(alice, content);
    expect(looks(alice).title).toBe("Yard");
    const said = taken(alice);
    expect(said.map(({ title }) => title)).toEqual(told);
    for (const content of said) await hears(dave, content);
    expect(looks(dave).title).toBe(told[0] ?? "");
  });
});
