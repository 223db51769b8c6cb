/** Messages with a timer between two people with several devices, over a real relay and in real time, kept short. */

import type { DirectConversation, Item } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/devices-of.js";
import { Linker } from "../../support/linking.js";
import { World } from "../../support/world.js";

const TIMER_MS = 800;
/** For what must still be there when it is looked at, however slow the machine is. */
const LONG_TIMER_MS = 3_600_000;

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

/** The words that a conversation shows. */
async function words(conversation: DirectConversation): Promise<readonly string[]> {
  return (await conversation.latest(100)).flatMap((item) =>
    "text" in item && item.text !== undefined ? [item.text] : [],
  );
}

async function shows(conversation: DirectConversation, expected: readonly string[]): Promise<void> {
  await eventually(
    () => words(conversation),
    (seen) => JSON.stringify(seen) === JSON.stringify(expected),
  );
}

/** The item of a message here. */
async function itemOf(conversation: DirectConversation, id: string): Promise<Item | undefined> {
  return (await conversation.latest(100)).find((item) => "messageId" in item && item.messageId === id);
}

describe("a message with a timer", () => {
  it("goes on both sides and their second devices, the sender's from acceptance and the reader's from reading", async () => {
    const { alice, bob, toBob, toAlice } = await world.pair();
    const laptop = await linker.link(alice, "alice-laptop", { userId: "alice" });
    const toBobToo = await laptop.openDM({ accountId: bob.accountId });
    await toBob.setTimer(TIMER_MS).accepted;
    await eventually(
      () => Promise.all([toBob.timerMs(), toBobToo.timerMs(), toAlice.timerMs()]),
      (set) => set.every((ms) => ms === TIMER_MS),
    );
    const said = toBob.send({ text: "short-lived" });
    toBob.edit(said.id, { text: "shorter" });
    await shows(toAlice, ["shorter", "shorter"]);
    await toAlice.react(said.id, "🎉").accepted;
    // Alice's devices lose it by themselves; bob has not read it.
    await shows(toBob, []);
    await shows(toBobToo, []);
    expect(await words(toAlice)).toEqual(["shorter", "shorter"]);
    expect(await itemOf(toAlice, said.id)).toMatchObject({ timerMs: TIMER_MS, status: "received" });
    expect((await itemOf(toAlice, said.id)) ?? {}).not.toHaveProperty("expiresMs");
    await toAlice.markRead([said.id]);
    await shows(toAlice, []);
    for (const one of [toBob, toBobToo, toAlice]) {
      const kinds = (await one.latest(100)).map(({ kind }) => kind);
      expect(kinds).not.toContain("reaction");
      expect(kinds).toContain("timer");
    }
  });

  it("says from reading on when it ends", async () => {
    const { toBob, toAlice } = await world.pair();
    await toBob.setTimer(LONG_TIMER_MS).delivered;
    const said = toBob.send({ text: "long-lived" });
    await shows(toAlice, ["long-lived"]);
    expect((await itemOf(toAlice, said.id)) ?? {}).not.toHaveProperty("expiresMs");
    await toAlice.markRead([said.id]);
    expect(await itemOf(toAlice, said.id)).toMatchObject({ timerMs: LONG_TIMER_MS, expiresMs: expect.any(Number) });
  });

  it("changes only what is said afterwards, whoever set the timer", async () => {
    const { toBob, toAlice } = await world.pair();
    await toBob.send({ text: "for ever" }).delivered;
    await toBob.setTimer(TIMER_MS).delivered;
    const short = toBob.send({ text: "short" });
    await shows(toAlice, ["for ever", "short"]);
    await toAlice.setTimer(undefined).delivered;
    await toBob.send({ text: "for ever again" }).delivered;
    await shows(toBob, ["for ever", "for ever again"]);
    expect(await toBob.timerMs()).toBeUndefined();
    await toAlice.markRead([short.id]);
    await shows(toAlice, ["for ever", "for ever again"]);
  });

  it("goes while its device was off, and is quoted as missing", async () => {
    const { alice, bob, toBob, toAlice } = await world.pair();
    await toBob.setTimer(TIMER_MS).delivered;
    const said = toAlice.send({ text: "read and gone" });
    const reply = toAlice.send({ text: "answer", replyTo: said.id });
    await shows(toBob, ["read and gone", "answer"]);
    await toBob.markRead([said.id]);
    const { expiresMs = 0 } = ((await itemOf(toBob, said.id)) ?? {}) as { readonly expiresMs?: number };
    await alice.close();
    await eventually(
      async () => Date.now(),
      (now) => now > expiresMs,
    );
    const again = await world.client("alice");
    const back = await again.openDM({ accountId: bob.accountId });
    await shows(back, ["answer"]);
    expect(await itemOf(back, reply.id)).toMatchObject({ kind: "reply", quoted: { state: "missing" } });
  });

  it("takes no place on a device that was off when it was said and when it ended", async () => {
    const { alice, bob, toBob } = await world.pair();
    const laptop = await linker.link(alice, "alice-laptop", { userId: "alice" });
    await laptop.close();
    await toBob.setTimer(TIMER_MS).accepted;
    const said = toBob.send({ text: "gone before you came" });
    toBob.edit(said.id, { text: "and its edit" });
    await said.accepted;
    await shows(toBob, []);
    await toBob.setTimer(undefined).accepted;
    await toBob.send({ text: "here" }).accepted;
    const back = await world.client("alice-laptop", { userId: "alice" });
    const arrived: string[] = [];
    back.addEventListener("message", ({ item }) => void arrived.push("text" in item ? String(item.text) : item.kind));
    const toBobToo = await back.openDM({ accountId: bob.accountId });
    await shows(toBobToo, ["here"]);
    expect(arrived.filter((one) => one.includes("gone") || one.includes("edit"))).toEqual([]);
  });
});

describe("a client that starts again between reading and the end", () => {
  it("ends the message all the same, also without the relay", async () => {
    const { alice, bob, toBob, toAlice } = await world.pair();
    await toAlice.setTimer(3 * TIMER_MS).delivered;
    const said = toAlice.send({ text: "read before the restart" });
    await shows(toBob, ["read before the restart"]);
    await toBob.markRead([said.id]);
    await alice.close();
    await world.stopRelay();
    const again = await world.client("alice");
    const back = await again.openDM({ accountId: bob.accountId });
    await shows(back, []);
    expect((await back.latest(10)).map(({ kind }) => kind)).toEqual(["timer"]);
  });
});

describe("a device that joins", () => {
  it("is given what still runs, which ends there no later, and nothing that is over", async () => {
    const { alice, bob, toBob, toAlice } = await world.pair();
    await toAlice.setTimer(TIMER_MS).delivered;
    const over = toAlice.send({ text: "over" });
    await shows(toBob, ["over"]);
    await toBob.markRead([over.id]);
    await shows(toBob, []);
    await toAlice.setTimer(LONG_TIMER_MS).delivered;
    const running = toAlice.send({ text: "running" });
    const unread = toAlice.send({ text: "unread" });
    await Promise.all([running.delivered, unread.delivered]);
    await toBob.markRead([running.id]);
    const link = await alice.devices.createLink({ history: "all" });
    const { shown, client } = linker.begin(link.uri, "alice-laptop");
    await link.joined;
    await link.confirm(await shown);
    const laptop = await client;
    const toBobToo = await laptop.openDM({ accountId: bob.accountId });
    await shows(toBobToo, ["running", "unread"]);
    const there = (await itemOf(toBobToo, running.id)) as { readonly expiresMs: number };
    const here = (await itemOf(toBob, running.id)) as { readonly expiresMs: number };
    expect(there.expiresMs).toBeLessThanOrEqual(here.expiresMs);
    expect((await itemOf(toBobToo, unread.id)) ?? {}).not.toHaveProperty("expiresMs");
    expect(await toBobToo.timerMs()).toBe(LONG_TIMER_MS);
  });
});
