/** One person, several devices: what one of them says, decides or learns, all of them end with. */

import { join } from "node:path";
import { type Client, type DirectConversation, type Item, levelStore, linkDevice } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { until } from "../support/group-people.js";
import { nextEvent, World } from "../support/world.js";

let world: World;
let linked: Client[];
beforeEach(async () => {
  linked = [];
  world = await World.open();
});
afterEach(async () => {
  await Promise.all(linked.map((client) => client.close()));
  await world.close();
});

/** Links one more device to an account. */
async function another(old: Client, userId: string, name: string): Promise<Client> {
  const link = await old.devices.createLink();
  const store = levelStore(join(world.folder, "clients", name));
  const joining = linkDevice(link.uri, { userId, store, deviceName: name, confirm: () => true });
  await link.confirm((await link.joined).code);
  const client = await joining;
  linked.push(client);
  return client;
}

/** The conversation of a device with somebody, once the device knows that this is a contact. */
async function contact(client: Client, { accountId }: Client): Promise<DirectConversation> {
  const conversation = await client.openDM({ accountId });
  await until(async () => (await conversation.peer()).relation === "accepted");
  return conversation;
}

/** What everybody sees alike of a conversation: the words in their order, with what became of them. */
function picture(items: readonly Item[]): readonly unknown[] {
  return items.flatMap((item): readonly unknown[] => {
    if (item.kind === "keychange" || item.kind === "undecryptable" || item.kind === "group") return [item.kind];
    if (item.kind === "profile") return [];
    const text = item.kind === "text" || item.kind === "reply" ? item.text : item.kind;
    const { messageId, from, order } = item;
    const edited = "edited" in item ? item.edited : undefined;
    const reactions = "reactions" in item ? item.reactions.map(({ emoji, from }) => `${emoji} ${from}`).sort() : [];
    return [{ text, messageId, from, order, edited, reactions }];
  });
}

async function settledOn(conversations: readonly DirectConversation[], count: number): Promise<readonly unknown[]> {
  let seen: readonly unknown[] = [];
  await vi.waitFor(
    async () => {
      const pictures = await Promise.all(conversations.map(async (one) => picture(await one.latest(1_000))));
      const [first = []] = pictures;
      for (const one of pictures) expect(one).toEqual(first);
      expect(first).toHaveLength(count);
      seen = first;
    },
    { timeout: 20_000, interval: 50 },
  );
  return seen;
}

describe("devices of one account", () => {
  it("end with one conversation, in one order, whoever of three and two devices speaks", async () => {
    const { alice, bob } = await world.pair();
    const laptop = await another(alice, "alice", "alice-laptop");
    const tablet = await another(alice, "alice", "alice-tablet");
    const work = await another(bob, "bob", "bob-work");
    const alices = [alice, laptop, tablet];
    const bobs = [bob, work];
    const toBob = await Promise.all(alices.map((one) => contact(one, bob)));
    const toAlice = await Promise.all(bobs.map((one) => contact(one, alice)));
    const all = [...toBob, ...toAlice];

    for (let round = 0; round < 3; round++) {
      await Promise.all(all.map((one, index) => one.send({ text: `round ${round} of ${index}` }).accepted));
    }
    const seen = await settledOn(all, 15);
    expect(new Set(seen.map((one) => (one as { readonly messageId: string }).messageId)).size).toBe(15);
  });

  it("agree on edits, reactions, deletes and what was read", async () => {
    const { alice, bob, toBob, toAlice } = await world.pair();
    const laptop = await another(alice, "alice", "alice-laptop");
    const laptopToBob = await contact(laptop, bob);
    const mine = laptopToBob.send({ text: "helo" });
    const gone = laptopToBob.send({ text: "gone" });
    const theirs = toAlice.send({ text: "hi" });
    await Promise.all([mine.delivered, gone.delivered, theirs.delivered]);
    await settledOn([toBob, laptopToBob, toAlice], 3);

    const read = nextEvent<{ readonly status: string }>(toAlice, "receipt", ({ status }) => status === "read");
    await toBob.edit(mine.id, { text: "hello" }).accepted;
    await toBob.react(theirs.id, "🎉").accepted;
    await toAlice.react(mine.id, "👍").accepted;
    await toBob.delete(gone.id).accepted;
    await toBob.markRead([theirs.id]);
    await read;
    // Three messages, and the edit, the reactions and the delete, which are items of their own.
    const seen = await settledOn([toBob, laptopToBob, toAlice], 7);
    expect(JSON.stringify(seen)).toContain('"hello"');
    expect(JSON.stringify(seen)).toContain("🎉");
    await until(async () => {
      const items = await laptopToBob.latest(10);
      return items.some((item) => item.kind === "text" && item.messageId === theirs.id && item.status === "read");
    });
  });

  it("hand a new device who the contacts are, so that it writes to them at once", async () => {
    const { alice, bob, toAlice } = await world.pair();
    await alice.setProfile({ name: "Alice" });
    const laptop = await another(alice, "alice", "alice-laptop");
    await (await contact(laptop, bob)).send({ text: "from the new one" }).delivered;
    const heard = await toAlice.latest(10);
    expect(heard.some((item) => item.kind === "text" && item.text === "from the new one")).toBe(true);
  });

  it("tell a device that was offline everything that was said without it", async () => {
    const { alice, bob, toBob, toAlice } = await world.pair();
    const laptop = await another(alice, "alice", "alice-laptop");
    const before = toBob.send({ text: "before" });
    await before.delivered;
    await settledOn([toBob, await contact(laptop, bob)], 1);
    await laptop.close();
    await toBob.send({ text: "without you" }).delivered;
    await toAlice.send({ text: "nor you" }).delivered;
    const again = await world.client("alice-laptop", { userId: "alice" });
    const back = await again.openDM({ accountId: bob.accountId });
    await settledOn([toBob, toAlice, back], 3);
  });
});
