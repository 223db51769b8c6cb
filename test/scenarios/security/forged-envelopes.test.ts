/**
 * What a modified sender, a lying relay or somebody with stolen ciphertexts can put into a mailbox: none of it is shown,
 * each is counted, and the conversation with the honest goes on.
 */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type AccountId, type Content, directConversationId, encodeContent, type MessageId } from "@sotto/protocol";
import type { Client, Item } from "@sotto/sdk/node";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadKeys } from "../../../server/keys/key-folder.js";
import { createSignatures, type RelayKeys } from "../../../server/keys/signatures.js";
import { issueCertificate, newRoot } from "../../contract/engine/oracle.js";
import { contentOf, newContentId, payloadOf, type PeerDevice, RawDevice, type Said } from "../../support/raw-client/index.js";
import { nextEvent, type Pair, World } from "../../support/world.js";

const DAY_MS = 86_400_000;
let world: World;
let pair: Pair;
let mallory: RawDevice;
let bob: PeerDevice;

beforeEach(async () => {
  world = await World.open();
  pair = await world.pair();
  await pair.toBob.send({ text: "before" }).delivered;
  mallory = await RawDevice.register(world.url, "mallory");
  bob = await mallory.meet(pair.bob.accountId);
});
afterEach(async () => {
  await mallory.close();
  await world.close();
});

async function counts(client: Client): Promise<Readonly<Record<string, number>>> {
  return (await client.debugBundle()).counts;
}

/** What every conversation of a client shows, without items that only hold a place. */
async function shownTo(client: Client): Promise<readonly unknown[]> {
  const shown: unknown[] = [];
  for (const { conversation } of await client.conversations()) {
    for (const item of await conversation.latest(100)) shown.push(item);
  }
  return shown;
}

/** Delivers ciphertexts of the attacker and an honest message of mallory's behind them, and waits until that one is there. */
async function deliverAll(bodies: readonly Uint8Array[], over: Parameters<RawDevice["deliver"]>[2] = {}): Promise<void> {
  for (const body of bodies) expect(await mallory.deliver(bob, body, over)).toMatchObject({ type: "accepted" });
  await sayHonestly("the last one");
}

/** An honest message of mallory's; resolves when bob's client has it. */
async function sayHonestly(text: string): Promise<void> {
  const arrived = nextEvent<{ item: Item }>(pair.bob, "message", ({ item }) => item.kind === "text" && item.text === text);
  await mallory.deliver(bob, await sealed({ kind: "text", text }));
  await arrived;
}

function sealed(said: Said, lies: Partial<Content> = {}): Promise<Uint8Array> {
  return mallory.seal(bob, payloadOf(contentOf(mallory, bob.account, said, lies)));
}
