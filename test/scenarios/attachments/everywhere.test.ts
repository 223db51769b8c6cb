/** What was really uploaded reaches everybody who was sent it: the peer, members of a group, and other devices, also later ones. */

import { randomBytes } from "node:crypto";
import type { Attachment, Client, Conversation, Group, MessageId } from "@sotto/sdk/node";
import { afterEach, beforeEach, expect, it } from "vitest";
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

const size = 300_000;
const bytes = new Uint8Array(randomBytes(size));
const waveform = new Uint8Array(randomBytes(32));

/** One attachment of each kind of media that is not made anew on the way. */
async function uploadedBy(client: Client): Promise<readonly Attachment[]> {
  const { attachments } = client;
  return [
    await attachments.upload(bytes, { name: "plan.pdf", mime: "application/pdf", as: "file" }),
    await attachments.upload(bytes.subarray(1), { as: "voice", mime: "audio/ogg", durationMs: 4_000, waveform }),
    await attachments.upload(bytes.subarray(2), { as: "video", mime: "video/mp4", durationMs: 9_000 }),
  ];
}

/** What a room shows as attached, once it does, read by its device. */
async function readBy(device: Client, room: Room): Promise<readonly Buffer[]> {
  let shown: readonly Attachment[] = [];
  await until(async () => {
    const item = (await room.latest(20)).findLast(({ kind }) => kind === "attachments");
    if (item?.kind === "attachments") shown = item.attachments;
    return shown.length > 0;
  }, "the attachments");
  expect(shown.map(({ media, mime, name }) => ({ media, mime, name }))).toEqual([
    { media: "file", mime: "application/pdf", name: "plan.pdf" },
    { media: "voice", mime: "audio/ogg", name: undefined },
    { media: "video", mime: "video/mp4", name: undefined },
  ]);
  return Promise.all(
    shown.map(async (attachment) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of device.attachments.download(attachment)) pieces.push(piece);
      return Buffer.concat(pieces);
    }),
  );
}

async function expectRead(device: Client, room: Room): Promise<void> {
  const read = await readBy(device, room);
  expect(read.map((one, cut) => one.equals(bytes.subarray(cut)))).toEqual([true, true, true]);
}

it("between two: the peer, my other device, and one that is linked later and gets the history", async () => {
  const { alice, bob, toBob, toAlice } = await world.pair();
  const laptop = await linker.link(alice, "alice-laptop");
  await toBob.send({ attachments: await uploadedBy(alice), text: "the plan" }).accepted;
  await expectRead(bob, toAlice);
  await expectRead(laptop, await laptop.openDM({ accountId: bob.accountId }));
  const link = await bob.devices.createLink({ history: "all" });
  const { client } = linker.begin(link.uri, "bob-phone", { userId: "bob" });
  await link.confirm((await link.joined).code);
  const phone = await client;
  await expectRead(phone, await phone.openDM({ accountId: alice.accountId }));
});

it("in a group: every member, and a member's other device", async () => {
  const [alice, bob, carol] = await Promise.all(["alice", "bob", "carol"].map((name) => world.client(name)));
  if (alice === undefined || bob === undefined || carol === undefined) throw new Error("nobody is there");
  const laptop = await linker.link(bob, "bob-laptop", { userId: "bob" });
  const [hers, his, carols] = (await groupOf([alice, bob, carol])) as [Group, Group, Group];
  await until(async () => (await laptop.groups.get(hers.id))?.standing === "joined", "the group on another device");
  const there = await laptop.groups.get(hers.id);
  if (there === undefined) throw new Error("the group went away again");
  await hers.send({ attachments: await uploadedBy(alice) }).accepted;
  await Promise.all([expectRead(bob, his), expectRead(carol, carols), expectRead(laptop, there)]);
});
