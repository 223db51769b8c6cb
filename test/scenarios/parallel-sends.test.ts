/** Many sends at once: all arrive, in order, each readable and with a counter of its own. */

import { join } from "node:path";
import { type Content, decodeContent, decodePayload } from "@sotto/protocol";
import { type Client, createClient, type Platform } from "@sotto/sdk";
import { levelStore, nodePlatform } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { befriend, itemsUntil, textsOf, World } from "../support/world.js";

const SENDS = 200;
/** In each of several directions. */
const SENDS_EACH = 100;
const clients: Client[] = [];
let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await world.close();
});

/** A client whose decrypted contents are looked at behind its engine. */
async function reader(userId: string): Promise<{ readonly client: Client; readonly opened: Content[] }> {
  const opened: Content[] = [];
  const platform: Platform = {
    ...nodePlatform,
    async engine() {
      const engine = await nodePlatform.engine();
      const decrypt: typeof engine.decrypt = async (records, unsealed) => {
        const result = await engine.decrypt(records, unsealed);
        const payload = decodePayload(result.plaintext);
        if (payload.type !== "content") return result;
        const content = decodeContent(payload.content);
        // Receipts are not counted: they repeat the counter of the last word.
        if (content.kind !== "receipt") opened.push(content);
        return result;
      };
      return { ...engine, decrypt };
    },
  };
  const store = levelStore(join(world.folder, "clients", userId));
  const client = await createClient(platform, {
    relay: world.url,
    relayRoot: world.running.rootFingerprint,
    userId,
    store,
  });
  clients.push(client);
  return { client, opened };
}

const numbered = (name: string, sends: number) => Array.from({ length: sends }, (_, index) => `${name} ${index}`);

/** Counters of all contents of one conversation and sender. */
function countersOf(opened: readonly Content[], sender: Client): readonly number[] {
  return opened.filter((content) => content.sender === sender.accountId).map(({ counter }) => counter);
}

function expectDistinctAndRising(counters: readonly number[], sends: number): void {
  expect(counters.length).toBeGreaterThanOrEqual(sends);
  expect(new Set(counters).size).toBe(counters.length);
  expect(counters).toEqual([...counters].sort((one, other) => one - other));
}

describe("many sends at once", { timeout: 60_000 }, () => {
  it(`to one peer all ${SENDS} arrive in order with distinct counters`, async () => {
    const [alice, bob] = await Promise.all([reader("alice"), reader("bob")]);
    const { toBob, toAlice } = await befriend(alice.client, bob.client);
    const texts = numbered("alice", SENDS);
    await Promise.all(texts.map((text) => toBob.send({ text }).delivered));
    const items = await itemsUntil(toAlice, (_, all) => all.length === SENDS);
    expect(textsOf(items)).toEqual(texts);
    expectDistinctAndRising(countersOf(bob.opened, alice.client), SENDS);
  });

  it("from both sides, which know each other from neither, all arrive in order with distinct counters", async () => {
    const [alice, bob] = await Promise.all([reader("alice"), reader("bob")]);
    const [toBob, toAlice] = await Promise.all([
      alice.client.openDM({ userId: "bob" }),
      bob.client.openDM({ userId: "alice" }),
    ]);
    const [[toBobFirst = "", ...toBobThen], [toAliceFirst = "", ...toAliceThen]] = [
      numbered("alice", SENDS_EACH),
      numbered("bob", SENDS_EACH),
    ];
    // Each asks the other at once: two requests that cross accept each other.
    await Promise.all([toBob.send({ text: toBobFirst }).delivered, toAlice.send({ text: toAliceFirst }).delivered]);
    await Promise.all([
      ...toBobThen.map((text) => toBob.send({ text }).delivered),
      ...toAliceThen.map((text) => toAlice.send({ text }).delivered),
    ]);
    for (const [conversation, own, peer] of [
      [toBob, "alice", "bob"],
      [toAlice, "bob", "alice"],
    ] as const) {
      const items = await itemsUntil(conversation, (_, all) => all.length === 2 * SENDS_EACH);
      expect(items.every(({ kind }) => kind === "text")).toBe(true);
      expect(textsOf(items.filter(({ direction }) => direction === "sent"))).toEqual(numbered(own, SENDS_EACH));
      expect(textsOf(items.filter(({ direction }) => direction === "received"))).toEqual(numbered(peer, SENDS_EACH));
    }
    expectDistinctAndRising(countersOf(bob.opened, alice.client), SENDS_EACH);
    expectDistinctAndRising(countersOf(alice.opened, bob.client), SENDS_EACH);
  });

  it("to each of three peers all arrive in order with distinct counters", async () => {
    const alice = await reader("alice");
    const peers = await Promise.all(["bob", "carol", "dave"].map(reader));
    const friends = await Promise.all(peers.map(({ client }) => befriend(alice.client, client)));
    const conversations = friends.map(({ toBob }) => toBob);
    const texts = numbered("alice", SENDS_EACH);
    await Promise.all(texts.flatMap((text) => conversations.map((one) => one.send({ text }).delivered)));
    for (const { client, opened } of peers) {
      const conversation = await client.openDM({ accountId: alice.client.accountId });
      expect(textsOf(await itemsUntil(conversation, (_, all) => all.length === SENDS_EACH))).toEqual(texts);
      expectDistinctAndRising(countersOf(opened, alice.client), SENDS_EACH);
    }
  });
});
