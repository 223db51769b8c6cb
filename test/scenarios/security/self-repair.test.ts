/** Mail that does not open: a typed item at once, the message in its place once its sender has sent it again. */

import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { encodeContent, type Payload } from "@sotto/protocol";
import type { Client, DirectConversation, Item } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { contentOf, newMessageId, payloadOf, RawDevice } from "../../support/raw-client/index.js";
import { itemsUntil, nextEvent, textsOf, World } from "../../support/world.js";
import { Attack, introduce } from "./attack.js";

type Undecryptable = Extract<Item, { readonly kind: "undecryptable" }>;

interface Arrived {
  readonly conversation: DirectConversation;
  readonly item: Item;
}

async function nextUndecryptable(client: Client): Promise<Arrived & { readonly item: Undecryptable }> {
  const { conversation, item } = await nextEvent<Arrived>(client, "message", (it) => it.item.kind === "undecryptable");
  if (item.kind !== "undecryptable") throw new Error("it resolved before it was seen");
  return { conversation, item };
}

/** Damages the inner ciphertext: the certificate holds, the message does not open. */
function breakInside(inner: Uint8Array): Uint8Array {
  const broken = Uint8Array.from(inner);
  broken[inner.length - 1] = (broken[inner.length - 1] as number) ^ 1;
  return broken;
}

describe("a device put back to an older copy of its store", () => {
  let world: World;
  beforeEach(async () => {
    world = await World.open();
  });
  afterEach(async () => {
    await world.close();
  });

  it("gets every message it cannot open any more again, each in its place", async () => {
    const { bob, toBob, toAlice } = await world.pair();
    await toBob.send({ text: "one" }).delivered;
    await toAlice.send({ text: "two" }).delivered;
    await bob.close();
    const folder = join(world.folder, "clients", "bob");
    const copy = join(world.folder, "copy");
    await cp(folder, copy, { recursive: true });

    const later = await world.client("bob");
    const conversation = await later.openDM({ userId: "alice" });
    for (let round = 0; round < 3; round++) {
      await toBob.send({ text: `forgotten ${round}` }).delivered;
      await conversation.send({ text: `forgotten answer ${round}` }).delivered;
    }
    await later.close();
    const waiting = ["a", "b", "c"].map((text) => toBob.send({ text }));
    await Promise.all(waiting.map(({ accepted }) => accepted));

    await rm(folder, { recursive: true });
    await cp(copy, folder, { recursive: true });
    const restored = await world.client("bob");
    const again = await restored.openDM({ userId: "alice" });
    // What it had forgotten comes again as well: it says since when it lost everything.
    const forgotten = ["forgotten 0", "forgotten 1", "forgotten 2"];
    const items = await itemsUntil(again, (_, all) => all.length === 8);
    const resolved = await Promise.all(items.map((item) => (item.kind === "undecryptable" ? item.resolved : item)));
    expect(textsOf(resolved.filter((item) => item !== undefined))).toEqual([
      ...["one", "two", "a", "b", "c"],
      ...forgotten,
    ]);
    expect((await restored.debugBundle()).counts).toMatchObject({ undecryptable: 3 });
    await Promise.all(waiting.map(({ delivered }) => delivered));
    await again.send({ text: "both ways" }).delivered;
    await toBob.send({ text: "again" }).delivered;
    // It came last and stands where it belongs.
    expect(textsOf(await again.latest(20))).toEqual([
      ...["one", "two"],
      ...forgotten,
      ...["a", "b", "c", "both ways", "again"],
    ]);
  }, 60_000);
});

describe("a message that does not open", () => {
  let attack: Attack;
  beforeEach(async () => {
    attack = await Attack.open();
  });
  afterEach(async () => {
    await attack.expectConversationGoesOn();
    await attack.close();
  });

  /** Lets an otherwise honest message of Mallory's arrive broken; answers its item and what was asked for. */
  async function broken(text: string) {
    const { mallory, bob, pair } = attack;
    const content = encodeContent(contentOf(mallory, bob.account, { kind: "text", text }));
    const body = await mallory.seal(bob, { type: "content", content }, { damage: breakInside });
    const messageId = newMessageId();
    const arrived = nextUndecryptable(pair.bob);
    await attack.deliver([body], { messageId });
    const { item, conversation } = await arrived;
    const asked = await mallory.receive();
    expect(asked).toEqual({ type: "retry", envelopes: [messageId] });
    return { item, conversation, messageId, content };
  }

  async function answer(payload: Payload): Promise<void> {
    const { mallory, bob } = attack;
    await attack.deliver([await mallory.seal(bob, payload)]);
  }

  it("becomes the message, in its place, when its sender sends it again", async () => {
    const { item, conversation, messageId, content } = await broken("broken on its way");
    expect(item.reason).toBe("invalidMessage");
    await attack.sayHonestly("the next one");
    await answer({ type: "content", resendOf: messageId, content });
    expect(await item.resolved).toMatchObject({ kind: "text", text: "broken on its way", cursor: item.cursor });
    expect(textsOf(await conversation.latest(10))).toEqual(["broken on its way", "the next one"]);
  });

  it("stays a typed item, lost, when its sender no longer has it", async () => {
    const { item, conversation, messageId } = await broken("gone");
    await answer({ type: "unavailable", envelopes: [messageId] });
    expect(await item.resolved).toBeUndefined();
    expect(await conversation.item(item.cursor)).toMatchObject({ kind: "undecryptable", reason: "lost" });
  });

  it("is not resolved by anybody but its sender, and not with a content that names another", async () => {
    const { item, conversation, messageId, content } = await broken("mine");
    const carol = await RawDevice.register(attack.world.url, "carol");
    const { device: bob, deliveryKey } = await introduce(carol, attack.pair.bob);
    for (const payload of [
      {
        type: "content",
        resendOf: messageId,
        content: encodeContent(contentOf(carol, bob.account, { kind: "text", text: "carol's" })),
      },
      { type: "content", resendOf: messageId, content },
      { type: "nothing", resendOf: messageId },
      { type: "unavailable", envelopes: [messageId] },
    ] as const) {
      expect(await carol.deliver(bob, await carol.seal(bob, payload), { deliveryKey })).toMatchObject({
        type: "accepted",
      });
    }
    const shown = nextEvent(
      attack.pair.bob,
      "message",
      ({ item: one }: { item: Item }) => one.kind === "text" && one.text === "the end of carol",
    );
    await carol.deliver(
      bob,
      await carol.seal(bob, payloadOf(contentOf(carol, bob.account, { kind: "text", text: "the end of carol" }))),
      { deliveryKey },
    );
    await shown;
    expect(await conversation.item(item.cursor)).toMatchObject({ kind: "undecryptable", reason: "invalidMessage" });
    await answer({ type: "content", resendOf: messageId, content });
    expect(await item.resolved).toMatchObject({ text: "mine" });
    await carol.close();
  });

  it("is no item, and asks for nothing, if it was only passing by", async () => {
    const { mallory, bob, pair } = attack;
    const content = encodeContent(contentOf(mallory, bob.account, { kind: "text", text: "x" }));
    const body = await mallory.seal(bob, { type: "content", content }, { damage: breakInside });
    await attack.deliver([body], { storage: "ephemeral" });
    await attack.sayHonestly("nothing was shown");
    expect((await pair.bob.debugBundle()).counts).toMatchObject({ undecryptable: 1 });
    const conversation = await pair.bob.openDM({ accountId: mallory.account });
    expect((await conversation.latest(10)).map(({ kind }) => kind)).toEqual(["text"]);
  });
});
