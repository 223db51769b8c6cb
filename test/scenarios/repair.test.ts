/** Self-repair on real parts: stores put back to old copies, lost sessions, and what is gone for good. */

import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client, DirectConversation, Item } from "@sotto/sdk/node";
import { levelStore } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eachRow } from "../../sdk/core/rows.js";
import { SealedStore } from "../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../sdk/node/platform.js";
import { itemsUntil, nextEvent, textsOf, World } from "../support/world.js";

const TIMEOUT_MS = 60_000;

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(async () => {
  await world.close();
});

const folderOf = (userId: string) => join(world.folder, "clients", userId);

/** Keeps a copy of a closed client's store; the answer puts it back. */
async function copyOf(userId: string): Promise<() => Promise<void>> {
  const copy = join(world.folder, `copy-${userId}`);
  await cp(folderOf(userId), copy, { recursive: true });
  return async () => {
    await rm(folderOf(userId), { recursive: true });
    await cp(copy, folderOf(userId), { recursive: true });
  };
}

/** Deletes rows of a closed client's store, as a disk that lost them would. */
async function lose(userId: string, prefix: string): Promise<number> {
  const store = await SealedStore.open(levelStore(folderOf(userId)), nodePlatform);
  const lost: { readonly key: string; readonly value: undefined }[] = [];
  for await (const { key } of eachRow(store, prefix)) lost.push({ key, value: undefined });
  await store.commit(lost);
  await store.close();
  return lost.length;
}

/** Some messages both ways, all delivered. */
async function talk(one: DirectConversation, other: DirectConversation, rounds = 3): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await one.send({ text: `there ${round}` }).delivered;
    await other.send({ text: `back ${round}` }).delivered;
  }
}

const counts = async (client: Client) => (await client.debugBundle()).counts;

async function resolved(items: readonly Item[]): Promise<readonly string[]> {
  const all = await Promise.all(items.map((item) => (item.kind === "undecryptable" ? item.resolved : item)));
  return textsOf(all.filter((item) => item !== undefined));
}

describe("a store that was put back to an older copy", () => {
  it(
    "of the recipient: the messages come again in their places, and their senders learn that they arrived",
    async () => {
      const { bob, toBob, toAlice } = await world.pair();
      await talk(toBob, toAlice);
      await bob.close();
      const putBack = await copyOf("bob");
      const later = await world.client("bob");
      await talk(toBob, await later.openDM({ userId: "alice" }));
      await later.close();
      const waiting = ["a", "b", "c"].map((text) => toBob.send({ text }));
      await Promise.all(waiting.map(({ accepted }) => accepted));
      await putBack();

      const restored = await world.client("bob");
      const conversation = await restored.openDM({ userId: "alice" });
      // What it had forgotten comes again as well: it says since when it lost everything.
      const items = await itemsUntil(conversation, (_, all) => all.length === 12);
      expect((await resolved(items)).slice(6)).toEqual(["a", "b", "c", "there 0", "there 1", "there 2"]);
      await Promise.all(waiting.map(({ delivered }) => delivered));
      expect(await counts(restored)).toMatchObject({ undecryptable: 3 });
      await talk(toBob, conversation);
    },
    TIMEOUT_MS,
  );

  it(
    "of the sender: what it says next arrives once, and both directions go on",
    async () => {
      const { alice, bob, toBob, toAlice } = await world.pair();
      await talk(toBob, toAlice);
      await alice.close();
      const putBack = await copyOf("alice");
      const later = await world.client("alice");
      const before = await later.openDM({ userId: "bob" });
      await talk(before, toAlice);
      await later.close();
      await putBack();

      const restored = await world.client("alice");
      const conversation = await restored.openDM({ userId: "bob" });
      // Its ratchet stands where it stood before: the peer takes what comes for a repetition or cannot open it.
      await conversation.send({ text: "after" }).accepted;
      await toAlice.send({ text: "what did you say?" }).delivered;
      await talk(conversation, toAlice);
      expect(bob.state).toBe("ready");
      const texts = textsOf(await toAlice.latest(50));
      expect(texts.filter((text) => text === "after").length).toBeLessThanOrEqual(1);
      expect(new Set(texts.slice(-6)).size).toBe(6);
    },
    TIMEOUT_MS,
  );
});

describe("sessions that were lost", () => {
  it(
    "on the recipient's side: the message becomes itself in its place, told as an event",
    async () => {
      const { bob, toBob, toAlice } = await world.pair();
      await talk(toBob, toAlice);
      await bob.close();
      expect(await lose("bob", "session/")).toBe(1);
      const sent = toBob.send({ text: "can you read this?" });
      await sent.accepted;
      const again = await world.client("bob");
      const conversation = await again.openDM({ userId: "alice" });
      const arrived = nextEvent<{ item: Item }>(again, "message", ({ item }) => item.kind === "text");
      await sent.delivered;
      expect((await arrived).item).toMatchObject({ kind: "text", text: "can you read this?" });
      expect(textsOf(await conversation.latest(50)).slice(-1)).toEqual(["can you read this?"]);
      expect(await counts(again)).toMatchObject({ undecryptable: 1, repairsAsked: 1 });
      await talk(toBob, conversation);
    },
    TIMEOUT_MS,
  );

  it(
    "on both sides, with mail of each on its way to the other",
    async () => {
      const { alice, bob, toBob, toAlice } = await world.pair();
      await talk(toBob, toAlice);
      await alice.close();
      const fromBob = toAlice.send({ text: "from bob" });
      await fromBob.accepted;
      await bob.close();
      await lose("bob", "session/");
      const [aliceAgain, bobAgain] = [await world.client("alice"), await world.client("bob")];
      const one = await aliceAgain.openDM({ userId: "bob" });
      const other = await bobAgain.openDM({ userId: "alice" });
      await Promise.all([one.send({ text: "x" }).delivered, other.send({ text: "y" }).delivered]);
      await aliceAgain.close();
      await bobAgain.close();
      await lose("alice", "session/");
      await lose("bob", "session/");
      const [aliceLast, bobLast] = [await world.client("alice"), await world.client("bob")];
      await talk(await aliceLast.openDM({ userId: "bob" }), await bobLast.openDM({ userId: "alice" }));
      const texts = textsOf(await (await aliceLast.openDM({ userId: "bob" })).latest(50));
      expect(texts.filter((text) => ["from bob", "x", "y"].includes(text)).sort()).toEqual(["from bob", "x", "y"]);
    },
    TIMEOUT_MS,
  );
});

describe("what its sender no longer keeps", () => {
  it(
    "is lost, says so, and does not keep anybody waiting, also after a restart",
    async () => {
      const { alice, bob, toBob, toAlice } = await world.pair();
      await talk(toBob, toAlice);
      await bob.close();
      await lose("bob", "session/");
      await toBob.send({ text: "forgotten" }).accepted;
      await alice.close();
      expect(await lose("alice", "sent/")).toBeGreaterThan(0);
      await world.client("alice");

      const again = await world.client("bob");
      const conversation = await again.openDM({ userId: "alice" });
      const items = await itemsUntil(conversation, ({ kind }) => kind === "undecryptable");
      const last = items.at(-1);
      expect(last?.kind === "undecryptable" ? await last.resolved : "not undecryptable").toBeUndefined();
      expect((await conversation.latest(1))[0]).toMatchObject({ kind: "undecryptable", reason: "lost" });
      await again.close();

      const restarted = await world.client("bob");
      const [item] = await (await restarted.openDM({ userId: "alice" })).latest(1);
      expect(item?.kind === "undecryptable" ? await item.resolved : "not undecryptable").toBeUndefined();
    },
    TIMEOUT_MS,
  );
});
