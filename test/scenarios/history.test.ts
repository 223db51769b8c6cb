import type { Client, DirectConversation } from "@sotto/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, shownIn, type WatchedDevice, WatchedWorld } from "../support/devices-of.js";
import { befriend } from "../support/world.js";

/** Words so long that a part of the archive holds some dozens: many more parts than may be on their way at once. */
const LONG_WORDS = "and so on ".repeat(200);
const MESSAGES = 300;
const MESSAGES_WITH_DEATHS = 150;
const LONG_MS = 240_000;

let world: WatchedWorld;
beforeEach(async () => {
  world = await WatchedWorld.open();
});
afterEach(() => world.close());

const device: WatchedWorld["device"] = (name, userId) => world.device(name, userId);

interface Talk {
  readonly alice: WatchedDevice;
  readonly bob: WatchedDevice;
  readonly toBob: DirectConversation;
  readonly toAlice: DirectConversation;
}

/** A long talk with edits, reactions and deletions, of which everything is delivered. */
async function longTalk(messages: number): Promise<Talk> {
  const alice = device("alice");
  const bob = device("bob");
  const { toBob, toAlice } = await befriend(await alice.open(), await bob.open());
  const sent = Array.from({ length: messages }, (_, number) => {
    const from = number % 3 === 0 ? toAlice : toBob;
    return { from, handle: from.send({ text: `words ${number} ${LONG_WORDS}` }) };
  });
  await Promise.all(sent.map(({ handle }) => handle.delivered));
  const changes = sent.flatMap(({ from, handle }, number) => {
    if (number % 50 === 1) return [from.edit(handle.id, { text: `edited ${number}` })];
    if (number % 50 === 2) return [from.delete(handle.id)];
    if (number % 50 === 3) return [(from === toBob ? toAlice : toBob).react(handle.id, "👍")];
    return [];
  });
  await Promise.all(changes.map(({ delivered }) => delivered));
  return { alice, bob, toBob, toAlice };
}

/** Everything a transfer told on one side, for one life of it. */
function progressOf(client: Client, direction: "sending" | "receiving") {
  const told: { readonly done: number; readonly total: number }[] = [];
  client.addEventListener("transfer", (progress) => {
    if (progress.direction === direction) told.push(progress);
  });
  return told;
}

/** Kills a device as soon as a part of its history is there: a turn later all of it may be. */
function killedAtNextPart(device: WatchedDevice): Promise<void> {
  return new Promise((resolve) => {
    const { client } = device;
    const kill = ({ direction }: { readonly direction: string }) => {
      if (direction !== "receiving") return;
      client.removeEventListener("transfer", kill);
      resolve(device.crash());
    };
    client.addEventListener("transfer", kill);
  });
}

function expectMonotone(told: readonly { readonly done: number; readonly total: number }[]): void {
  const done = told.map((progress) => progress.done);
  expect(done).toEqual([...done].sort((one, other) => one - other));
  for (const progress of told) expect(progress.done).toBeLessThanOrEqual(progress.total);
}

const isSame = (expected: readonly string[]) => (shown: readonly string[]) =>
  shown.length === expected.length && shown.every((line, index) => line === expected[index]);

describe("history for a new device", () => {
  it(
    `brings ${MESSAGES} messages with their edits, reactions and deletions, in order, and raises their events`,
    async () => {
      const { alice, bob, toBob } = await longTalk(MESSAGES);
      const expected = await shownIn(toBob);
      const sending = progressOf(alice.client, "sending");
      const phone = device("phone", "alice");
      const onPhone = await phone.joinFrom(alice.client, "all");
      const receiving = progressOf(onPhone, "receiving");
      const told = new Set<string>();
      onPhone.addEventListener("message", ({ item }) => told.add(item.cursor));
      const there = await onPhone.openDM({ accountId: bob.client.accountId });
      const shown = await eventually(() => shownIn(there), isSame(expected), 60_000);
      expect(shown).toEqual(expected);
      expectMonotone(sending);
      expectMonotone(receiving);
      const last = await eventually(
        async () => receiving.at(-1),
        (progress) => progress !== undefined && progress.done === progress.total,
      );
      expect(last?.done).toBeGreaterThanOrEqual(MESSAGES);
      expect(told.size).toBeGreaterThan(0);
      expect(await world.repeatedKeys()).toEqual([]);
    },
    LONG_MS,
  );

  it(
    "goes on where it was when the old device is killed in the middle",
    async () => {
      const { alice, bob, toBob } = await longTalk(MESSAGES_WITH_DEATHS);
      const expected = await shownIn(toBob);
      const phone = device("phone", "alice");
      const sending = progressOf(alice.client, "sending");
      const onPhone = await phone.joinFrom(alice.client, "all");
      await eventually(
        async () => sending.length,
        (parts) => parts > 0,
      );
      await alice.crash();
      await alice.open();
      const there = await onPhone.openDM({ accountId: bob.client.accountId });
      expect(await eventually(() => shownIn(there), isSame(expected), 60_000)).toEqual(expected);
      expect(await world.repeatedKeys()).toEqual([]);
    },
    LONG_MS,
  );

  it(
    "goes on where it was when the new device is killed in the middle, twice",
    async () => {
      const { alice, bob, toBob } = await longTalk(MESSAGES_WITH_DEATHS);
      const expected = await shownIn(toBob);
      const phone = device("phone", "alice");
      let onPhone = await phone.joinFrom(alice.client, "all");
      for (let time = 0; time < 2; time++) {
        await killedAtNextPart(phone);
        onPhone = await phone.open();
      }
      const there = await onPhone.openDM({ accountId: bob.client.accountId });
      expect(await eventually(() => shownIn(there), isSame(expected), 60_000)).toEqual(expected);
      expect(await world.repeatedKeys()).toEqual([]);
    },
    LONG_MS,
  );

  it("leaves out what was not asked for, and what is said meanwhile comes once", async () => {
    const { alice, bob, toAlice } = await longTalk(30);
    const phone = device("phone", "alice");
    const onPhone = await phone.joinFrom(alice.client, "none");
    await eventually(
      () => onPhone.conversations(),
      (known) => known.length === 1,
    );
    await toAlice.send({ text: "after" }).delivered;
    const there = await onPhone.openDM({ accountId: bob.client.accountId });
    const shown = await eventually(
      () => shownIn(there),
      (lines) => lines.includes("received text after"),
    );
    expect(shown.some((line) => line.includes("words 3"))).toBe(false);
  });
});
