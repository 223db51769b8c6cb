/** Everything people put into a message, through real clients: between two, in a group, and to the other device of one of them. */

import type { Attachment, Client, Conversation, Group, Item, MessageId, Outgoing } from "@sotto/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { groupOf, until } from "../../support/group-people.js";
import { Linker } from "../../support/linking.js";
import { World } from "../../support/world.js";

type Room = Conversation<{ readonly id: MessageId; readonly accepted: Promise<unknown> }>;

let world: World;
let linker: Linker;
beforeEach(async () => {
  world = await World.open();
  linker = new Linker(world);
});
afterEach(async () => {
  await linker.close();
  await world.close();
});

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte);
/** Made by hand: nobody uploaded it, and nobody asks for it. */
const picture: Attachment = {
  ...{ id: filled(16, 1), key: filled(32, 2), digest: filled(32, 3), sizeBytes: 70_000 },
  ...{ media: "image", mime: "image/png", name: "cat.png", expiresMs: 1_900_000_000_000, width: 640, height: 480 },
};
const question = { question: "When?", options: ["now", "later", "never"] };

/** One message of each kind, all in one room. */
async function sayEverything(room: Room, other: Client): Promise<void> {
  const text = room.send({ text: "hello" });
  const messages: readonly Outgoing[] = [
    { text: "an answer", replyTo: text.id },
    { attachments: [picture], text: "my cat", replyTo: text.id },
    { attachments: [{ ...picture, media: "voice", mime: "audio/ogg", durationMs: 900, waveform: filled(9, 7) }] },
    { text: "ask @bob", mentions: [{ account: other.accountId, start: 4, length: 4 }], replyTo: text.id },
    { text: "https://example.org", preview: { url: "https://example.org", title: "An example" } },
    { location: { latitude: -33.856784, longitude: 151.215297, accuracyMeters: 12, label: "Opera House" } },
    { card: { name: "Bob", account: other.accountId, entries: [{ kind: "email", value: "bob@example.org" }] } },
    { poll: { ...question, choose: "many" } },
    { custom: { schema: "org.example", data: filled(4, 4) } },
  ];
  const sent = [text, ...messages.map((message) => room.send(message))];
  await Promise.all(sent.map(({ accepted }) => accepted));
}

const kinds = ["text", "reply", "attachments", "attachments", "reply", "text", "location", "card", "poll", "custom"];

/** What everybody sees alike of an item. */
function common(item: Item): unknown {
  const { cursor: _cursor, atMs: _atMs, direction: _direction, ...rest } = item;
  const shared = "status" in rest ? { ...rest, status: "" } : rest;
  return shared.kind === "poll" ? { ...shared, tally: { ...shared.tally, mine: [] } } : shared;
}

const isSaid = (item: Item) => item.kind !== "group" && item.kind !== "profile";

/** Waits until all rooms show the same, and so many messages; answers what the first shows. */
async function settledOn(rooms: readonly Room[], count: number): Promise<readonly Item[]> {
  let all: readonly (readonly Item[])[] = [];
  await until(async () => {
    all = await Promise.all(rooms.map(async (room) => (await room.latest(100)).filter(isSaid)));
    const [first = ""] = all.map((items) => JSON.stringify(items.map(common)));
    return all.every((items) => items.length === count && JSON.stringify(items.map(common)) === first);
  }, `the same ${count} items everywhere`);
  return all[0] ?? [];
}

const pollIn = (items: readonly Item[]) => {
  const item = items.find(({ kind }) => kind === "poll");
  if (item?.kind !== "poll") throw new Error("there is no poll");
  return item;
};
const counts = (items: readonly Item[]) => pollIn(items).tally.options.map(({ count }) => count);

/** Alice with two devices, and Bob; each with their conversation. */
async function threeDevices() {
  const { alice, bob, toBob, toAlice } = await world.pair();
  const laptop = await linker.link(alice, "alice-laptop");
  const there = await laptop.openDM({ accountId: bob.accountId });
  await until(async () => (await there.peer()).relation === "accepted", "the contact on the laptop");
  return { alice, bob, laptop, toBob, toAlice, there };
}

/** A group as another device of a member sees it, once that device is in it. */
async function on(device: Client, { id }: Pick<Group, "id">): Promise<Group> {
  await until(async () => (await device.groups.get(id))?.standing === "joined", "the group on another device");
  const group = await device.groups.get(id);
  if (group === undefined) throw new Error("the group went away again");
  return group;
}

describe("every kind of content", () => {
  it("is the same on both sides and on my other device, and is edited, reacted to and deleted there", async () => {
    const { bob, toBob, toAlice, there } = await threeDevices();
    await sayEverything(toBob, bob);
    const items = await settledOn([toBob, toAlice, there], kinds.length);
    expect(items.map(({ kind }) => kind)).toEqual(kinds);
    expect(items[2]).toMatchObject({ attachments: [picture], text: "my cat", quoted: { state: "found" } });
    expect(items[4]).toMatchObject({ mentions: [{ account: bob.accountId, start: 4, length: 4 }] });
    expect(items[5]).toMatchObject({ preview: { url: "https://example.org", title: "An example" } });
    expect(items[6]).toMatchObject({ latitude: -33.856784, longitude: 151.215297, label: "Opera House" });

    const ids = items.map((item) => ("messageId" in item ? item.messageId : undefined) as MessageId);
    const [, , attachments, , naming, , location] = ids as [MessageId, ...MessageId[]];
    await there.edit(attachments as MessageId, { text: "not my cat" }).accepted;
    await toBob.edit(naming as MessageId, { text: "ask anybody" }).accepted;
    await toAlice.react(location as MessageId, "🎉").accepted;
    await toBob.delete(ids[7] as MessageId).accepted;
    const changed = await settledOn([toBob, toAlice, there], kinds.length + 4);
    expect(changed[2]).toMatchObject({ attachments: [picture], text: "not my cat", edited: "yes" });
    expect(changed[4]).toMatchObject({ kind: "reply", text: "ask anybody" });
    expect(changed[4]).not.toHaveProperty("mentions");
    expect(changed[6]).toMatchObject({ reactions: [{ from: bob.accountId, emoji: "🎉" }] });
    expect(changed[7]).toMatchObject({ kind: "deleted" });
  });

  it("is the same for all members of a group and their devices", async () => {
    const [alice, bob, carol] = await Promise.all(["alice", "bob", "carol"].map((name) => world.client(name)));
    if (alice === undefined || bob === undefined || carol === undefined) throw new Error("nobody is there");
    const laptop = await linker.link(alice, "alice-laptop");
    const [hers, his, carols] = (await groupOf([alice, bob, carol])) as [Group, Group, Group];
    const rooms = [hers, his, carols, await on(laptop, hers)];
    await sayEverything(his, alice);
    const items = await settledOn(rooms, kinds.length);
    expect(items.map(({ kind }) => kind)).toEqual(kinds);
    const { messageId } = pollIn(items);
    const votes = [[0, 2], [1], [2], [0]].map((choices, index) => rooms[index]?.vote(messageId, choices).accepted);
    await Promise.all(votes);
    const voted = await settledOn(rooms, kinds.length + 4);
    // Of Alice's two devices the later one counts, whichever that was, for everybody.
    expect(pollIn(voted).tally).toMatchObject({ voters: 3 });
    const voters = pollIn(voted).tally.options.map(({ voters }) => voters);
    expect(voters[1]).toEqual([bob.accountId]);
    expect(voters[0]).toEqual([alice.accountId]);
  });
});

describe("votes", () => {
  it("of two devices at once come to one, the last word wins everywhere, and is taken back by either device", async () => {
    const { toBob, toAlice, there } = await threeDevices();
    const rooms = [toBob, toAlice, there];
    const { id, accepted } = toAlice.send({ poll: question });
    await accepted;
    await settledOn(rooms, 1);
    await Promise.all([toBob.vote(id, [0]), there.vote(id, [1]), toAlice.vote(id, [2])].map((vote) => vote.accepted));
    const conflicting = await settledOn(rooms, 4);
    expect(pollIn(conflicting).tally.voters).toBe(2);
    expect(counts(conflicting)[2]).toBe(1);
    await there.vote(id, [0]).accepted;
    expect(counts(await settledOn(rooms, 5))).toEqual([1, 0, 1]);
    expect(pollIn(await toBob.latest(100)).tally.mine).toEqual([0]);
    const changed = new Promise<void>((resolve) => {
      toAlice.addEventListener("changed", async ({ cursor }) => {
        if ((await toAlice.item(cursor))?.kind === "poll") resolve();
      });
    });
    await toBob.vote(id, []).accepted;
    await changed;
    expect(counts(await settledOn(rooms, 6))).toEqual([0, 0, 1]);
    await toAlice.delete(id).accepted;
    expect((await settledOn(rooms, 7))[0]).toMatchObject({ kind: "deleted" });
  });

  it("for what no poll offers never leave", async () => {
    const { toBob, toAlice } = await world.pair();
    const { id } = toBob.send({ poll: question });
    const text = toBob.send({ text: "no poll" });
    await text.accepted;
    const invalid = { code: "invalidArgument" };
    await expect(toBob.vote(id, [3]).accepted).rejects.toMatchObject(invalid);
    await expect(toBob.vote(id, [0, 1]).accepted).rejects.toMatchObject(invalid);
    await expect(toBob.vote(text.id, [0]).accepted).rejects.toMatchObject(invalid);
    expect(() => toBob.vote(id, [0, 0])).toThrow(expect.objectContaining(invalid));
    await toBob.vote(id, [1]).accepted;
    expect(counts(await settledOn([toBob, toAlice], 3))).toEqual([0, 1, 0]);
  });

  it("are counted on a device that is linked later, with those that come meanwhile", async () => {
    const { alice, bob, toBob, toAlice } = await world.pair();
    const { id, accepted } = toBob.send({ poll: question });
    await accepted;
    await settledOn([toBob, toAlice], 1);
    await toAlice.vote(id, [2]).accepted;
    await toBob.vote(id, [0]).accepted;
    const link = await alice.devices.createLink({ history: "all" });
    const { client } = linker.begin(link.uri, "alice-laptop");
    await link.confirm((await link.joined).code);
    const vote = toAlice.vote(id, [1]);
    const there = await (await client).openDM({ accountId: bob.accountId });
    await vote.accepted;
    const items = await settledOn([toBob, toAlice, there], 4);
    expect(counts(items)).toEqual([1, 1, 0]);
    expect(pollIn(await there.latest(100)).tally.mine).toEqual([0]);
  });
});

describe("a first word to a stranger", () => {
  it("is one plain text and nothing richer", async () => {
    const [alice] = await Promise.all([world.client("alice"), world.client("bob")]);
    const toBob = await alice.openDM({ userId: "bob" });
    const rich: readonly Outgoing[] = [
      { attachments: [picture] },
      { poll: question },
      { text: "@bob", mentions: [{ account: alice.accountId, start: 0, length: 4 }] },
    ];
    for (const message of rich) await expect(toBob.send(message).accepted).rejects.toMatchObject({ code: "textOnly" });
  });
});
