/** What devices note for themselves, when one of them crashes or an old copy of it is put back. */

import type { Client, DirectConversation } from "@sotto/sdk";
import { afterEach, beforeEach, expect, it } from "vitest";
import { eventually, type WatchedDevice, WatchedWorld } from "../support/devices-of.js";
import { befriend } from "../support/world.js";

let world: WatchedWorld;
beforeEach(async () => {
  world = await WatchedWorld.open();
});
afterEach(() => world.close());

/** Alice with two devices, who knows Bob. */
async function twoDevices() {
  const alice = world.device("alice");
  const bob = world.device("bob");
  await befriend(await alice.open(), await bob.open());
  const laptop = world.device("laptop", "alice");
  await laptop.joinFrom(alice.client, "none");
  const toBob = ({ client }: WatchedDevice): Promise<DirectConversation> =>
    client.openDM({ accountId: bob.client.accountId });
  return { alice, laptop, toBob };
}

/** Waits until the conversation shows this draft, and the account these labels. */
async function showing(
  client: Client,
  talk: DirectConversation,
  expected: { draft: string; labels: readonly string[] },
) {
  await eventually(
    async () => ({ draft: await talk.draft(), labels: (await client.labels.list()).map(({ name }) => name) }),
    (seen) => JSON.stringify(seen) === JSON.stringify(expected),
  );
}

it("gets back what an old copy lost: what others told it, and what it said itself", async () => {
  const { alice, laptop, toBob } = await twoDevices();
  await (await toBob(laptop)).setDraft("before");
  await showing(alice.client, await toBob(alice), { draft: "before", labels: [] });
  await alice.close();
  await alice.copy();
  await alice.open();
  await alice.client.labels.put({ name: "of alice" });
  await laptop.client.labels.put({ name: "of laptop" });
  await (await toBob(laptop)).setDraft("after");
  for (const device of [alice, laptop]) {
    await showing(device.client, await toBob(device), { draft: "after", labels: ["of alice", "of laptop"] });
  }
  await alice.close();
  await alice.restore();
  await alice.open();
  await showing(alice.client, await toBob(alice), { draft: "after", labels: ["of alice", "of laptop"] });
  await (await toBob(alice)).setDraft("and on");
  await showing(laptop.client, await toBob(laptop), { draft: "and on", labels: ["of alice", "of laptop"] });
  expect(await world.repeatedKeys()).toEqual([]);
});

it("tells after a crash what was changed before it", async () => {
  const { alice, laptop, toBob } = await twoDevices();
  const talk = await toBob(alice);
  await talk.setDraft("typed");
  await alice.client.labels.put({ name: "made" });
  await talk.setDraft("typed more");
  await alice.crash();
  await alice.open();
  await showing(laptop.client, await toBob(laptop), { draft: "typed more", labels: ["made"] });
  await showing(alice.client, await toBob(alice), { draft: "typed more", labels: ["made"] });
});
