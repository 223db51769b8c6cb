/** What a device does that was just linked, before and after another one told it who the contacts are. */

import { type Client, createClient, type DirectConversation } from "@sotto/sdk/node";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Linker, sharedCode } from "../support/linking.js";
import { acceptFrom, World } from "../support/world.js";

const WAITING = { timeout: 20_000, interval: 50 };
let world: World;
let linker: Linker;
beforeEach(async () => {
  world = await World.open({ deviceLimit: 3 });
  linker = new Linker(world);
});
afterEach(async () => {
  await linker.close();
  await world.close();
});

/** Hands the account over to a phone that is killed before it registers. */
async function handOver(old: Client, history: "none" | "all" = "none"): Promise<void> {
  const link = await old.devices.createLink({ history });
  const failing = linker.begin(link.uri, "phone", { auth: () => Promise.reject(new Error("killed")) });
  link.confirm(await sharedCode(link, failing.shown)).catch(() => undefined);
  await expect(failing.client).rejects.toThrow("killed");
}

/** The phone's next run. */
async function phone(): Promise<Client> {
  return linker.keep(await createClient({ relay: world.url, userId: "alice", store: linker.storeOf("phone") }));
}

const ready = (client: Client) => vi.waitFor(() => expect(client.state).toBe("ready"), WAITING);

async function texts(conversation: DirectConversation): Promise<readonly string[]> {
  return (await conversation.latest(50)).flatMap((item) => (item.kind === "text" ? [item.text] : []));
}

it("knows the contacts as soon as it is linked, and writes to them as one of them", async () => {
  const { alice, bob, toAlice } = await world.pair();
  const linked = await linker.link(alice, "phone");
  const toBob = await linked.openDM({ accountId: bob.accountId });
  expect((await toBob.peer()).relation).toBe("accepted");
  await Promise.all(["one", "two"].map((text) => toBob.send({ text }).delivered));
  expect(await texts(toAlice)).toEqual(["one", "two"]);
});

it("holds back what it says until it was told, over a restart, and makes no request of it", async () => {
  const { alice, bob, toAlice } = await world.pair();
  await handOver(alice);
  await alice.close();
  const first = await phone();
  await ready(first);
  (await first.openDM({ accountId: bob.accountId })).send({ text: "one" });
  await first.close();
  const again = await phone();
  await ready(again);
  const toBob = await again.openDM({ accountId: bob.accountId });
  const further = ["two", "three"].map((text) => toBob.send({ text }));
  await world.client("alice");
  await Promise.all(further.map((message) => message.delivered));
  expect((await toBob.peer()).relation).toBe("accepted");
  expect(await texts(toAlice)).toEqual(["one", "two", "three"]);
});

it("decides on what it was told: whom it blocks meanwhile stays blocked", async () => {
  const { alice, bob, toBob } = await world.pair();
  // Decisions of the old device count more than a first one of the new.
  await toBob.block();
  await toBob.unblock();
  await handOver(alice);
  await alice.close();
  const linked = await phone();
  await ready(linked);
  const theirs = await linked.openDM({ accountId: bob.accountId });
  const blocking = theirs.block();
  const old = await world.client("alice");
  await blocking;
  const seen = await old.openDM({ accountId: bob.accountId });
  await vi.waitFor(async () => expect((await seen.peer()).relation).toBe("blocked"), WAITING);
});

it("gets what contacts said before it knew them", async () => {
  const { alice, bob, toAlice } = await world.pair();
  await handOver(alice);
  await alice.close();
  const linked = await phone();
  await ready(linked);
  const toBob = await linked.openDM({ accountId: bob.accountId });
  for (const text of ["one", "two", "three"]) await toAlice.send({ text }).accepted;
  await world.client("alice");
  await vi.waitFor(async () => expect(await texts(toBob)).toEqual(["one", "two", "three"]), WAITING);
});

it("gets the history also if the old device ended before the new one was there", async () => {
  const { alice, bob, toAlice } = await world.pair();
  // What she said herself just now, her devices would be told anyway.
  await toAlice.send({ text: "long ago" }).delivered;
  await handOver(alice, "all");
  await alice.close();
  const linked = await phone();
  await world.client("alice");
  const theirs = await linked.openDM({ accountId: bob.accountId });
  await vi.waitFor(async () => expect(await texts(theirs)).toContain("long ago"), WAITING);
});

it("introduces the account to who answers while the device with the lowest number is away", async () => {
  const alice = await world.client("alice");
  await alice.setProfile({ name: "Alice" });
  const carol = await world.client("carol");
  const linked = await linker.link(alice, "phone");
  expect(linked.deviceId).toBeGreaterThan(alice.deviceId);
  await alice.close();
  const toCarol = await linked.openDM({ accountId: carol.accountId });
  await toCarol.requestContact();
  const toAlice = await acceptFrom(carol, linked.accountId);
  await vi.waitFor(async () => expect((await toAlice.peer()).name).toBe("Alice"), WAITING);
});
