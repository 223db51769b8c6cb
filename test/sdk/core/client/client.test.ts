/** The client as a whole against a real relay: what holds whenever it is closed, and what it tells. */

import { SottoError } from "@sotto/protocol";
import type { Client, Item } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClientParts } from "../../../../sdk/core/compose/parts.js";
import { cursorOf } from "../../../../sdk/core/conversations/items.js";
import { deferred } from "../../../../sdk/core/deferred.js";
import { until } from "../../../support/group-people.js";
import { itemsUntil, textsOf, World } from "../../../support/world.js";

let world: World;
const unhandled: unknown[] = [];
const listen = (reason: unknown) => unhandled.push(reason);
beforeEach(async () => {
  unhandled.length = 0;
  process.on("unhandledRejection", listen);
  world = await World.open();
});
afterEach(async () => {
  await world.close();
  process.off("unhandledRejection", listen);
  expect(unhandled).toEqual([]);
});

const partsOf = (client: Client) =>
  (client as unknown as { readonly running: { readonly parts: ClientParts } }).running.parts;

describe("close", () => {
  it("in the middle of sending settles every handle and loses nothing that had one", async () => {
    const { alice, toBob, toAlice } = await world.pair();
    await toBob.send({ text: "first" }).delivered;
    const texts = Array.from({ length: 120 }, (_, index) => `m${index}`);
    const sent = texts.map((text) => toBob.send({ text }));
    await sent[10]?.accepted;
    await alice.close();
    const outcomes = await Promise.allSettled(sent.flatMap(({ accepted, delivered }) => [accepted, delivered]));
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "closed" });
    }
    await expect(toBob.send({ text: "too late" }).accepted).rejects.toThrow(SottoError);
    await world.client("alice");
    const items = await itemsUntil(toAlice, (item) => item.kind === "text" && item.text === "m119");
    expect(textsOf(items)).toEqual(["first", ...texts]);
  }, 60_000);

  it("in the middle of receiving loses nothing and shows nothing twice", async () => {
    const { bob, toBob } = await world.pair();
    const texts = Array.from({ length: 100 }, (_, index) => `m${index}`);
    const sent = texts.map((text) => toBob.send({ text }));
    await sent[20]?.delivered;
    await bob.close();
    await bob.close();
    const again = await world.client("bob");
    await Promise.all(sent.map(({ delivered }) => delivered));
    const conversation = await again.openDM({ userId: "alice" });
    expect(textsOf(await conversation.latest(200))).toEqual(texts);
  }, 60_000);

  it("ends readers, and makes every later call say so", async () => {
    const { alice, toBob } = await world.pair();
    const reading = itemsUntil(toBob, () => false);
    await alice.close();
    expect(await reading).toEqual([]);
    expect(alice.state).toBe("closed");
    await expect(alice.openDM({ userId: "bob" })).rejects.toThrow(/closed/);
    await expect(alice.debugBundle()).rejects.toThrow(/closed/);
  });
});

describe("a client", () => {
  it("tells messages in the order of the timeline, replies among them", async () => {
    const { bob, toBob } = await world.pair();
    const told: Item[] = [];
    const allTold = deferred<void>();
    bob.addEventListener("message", ({ item }) => {
      told.push(item);
      if (told.length === 61) allTold.resolve();
    });
    const first = toBob.send({ text: "0" });
    await first.delivered;
    const sent = Array.from({ length: 60 }, (_, index) =>
      toBob.send(index % 3 === 0 ? { text: `${index + 1}`, replyTo: first.id } : { text: `${index + 1}` }),
    );
    await Promise.all(sent.map(({ delivered }) => delivered));
    await allTold.promise;
    expect(told.map((item) => Number(item.cursor))).toEqual(told.map((_, index) => index + 1));
  }, 60_000);

  it("shows nothing older than what it told of, however long it reads what an answer quotes", async () => {
    const { alice, bob, toBob, toAlice } = await world.pair();
    const first = toBob.send({ text: "first" });
    await first.delivered;
    const { store, conversations } = partsOf(bob);
    const { timeline } = await conversations.of(alice.accountId);
    const get = store.get.bind(store);
    const reading = deferred<void>();
    store.get = async (key) => {
      if (key === timeline.indexKey(alice.accountId, first.id)) await reading.promise;
      return get(key);
    };
    const told: Item[] = [];
    bob.addEventListener("message", ({ item }) => told.push(item));
    const isChanged = new Promise((resolve) => toAlice.addEventListener("changed", resolve));
    const answer = toBob.send({ text: "as it was", replyTo: first.id });
    await answer.delivered;
    const latest = toAlice.latest(2);
    const messages = toAlice.messages({ after: cursorOf(timeline.end - 1) });
    const next = messages.next();
    await toBob.edit(answer.id, { text: "as it is" }).delivered;
    await isChanged;
    reading.resolve();
    const is = { kind: "reply", messageId: answer.id, text: "as it is" };
    expect(await latest).toMatchObject([{ text: "first" }, is]);
    expect(await next).toMatchObject({ value: is });
    await until(async () => told.length === 2, "both to be told");
    expect(told).toMatchObject([is, { kind: "edit" }]);
    await messages.return(undefined);
  });

  it("gives support a bundle with nothing in it that names anybody or says anything", async () => {
    const { alice, bob, toBob } = await world.pair("alice-canary", "bob-canary");
    await alice.setProfile({ name: "name-canary" });
    await toBob.send({ text: "text-canary" }).delivered;
    // The peer's receipt may overtake the relay's own answer, which takes the message out of the outbox.
    await until(async () => (await alice.debugBundle()).outboxSize === 0, "an empty outbox");
    const bundle = JSON.stringify(await alice.debugBundle());
    for (const secret of ["canary", alice.accountId, bob.accountId, toBob.id, world.url, world.folder]) {
      expect(bundle).not.toContain(secret);
    }
    expect(JSON.parse(bundle)).toMatchObject({ state: "ready", conversationCount: 1, outboxSize: 0 });
  });

  it("ends with the last of several names at its contacts too, in whatever order it finds out who they are", async () => {
    const { alice, toBob, toAlice } = await world.pair();
    await toBob.send({ text: "hi" }).delivered;
    const { peers } = partsOf(alice);
    const contacts = peers.contacts.bind(peers);
    const late = deferred<void>();
    let isFirst = true;
    peers.contacts = async () => {
      if (!isFirst) return contacts();
      isFirst = false;
      await late.promise;
      return contacts();
    };
    const first = alice.setProfile({ name: "Alice" });
    await alice.setProfile({ name: "Alice B." });
    late.resolve();
    await first;
    await toBob.send({ text: "how do you like my name?" }).delivered;
    expect(await toAlice.peer()).toMatchObject({ name: "Alice B." });
  });

  it("refuses a name out of bounds and goes on with the one it had", async () => {
    const { alice } = await world.pair();
    await expect(alice.setProfile({ name: "x".repeat(300) })).rejects.toThrow(/invalidArgument/);
    await alice.setProfile({ name: "Alice" });
    expect(alice.state).toBe("ready");
  });
});
