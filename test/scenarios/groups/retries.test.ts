/** What does not open in a group is asked for again and takes its place, whatever was lost: keys, sessions, or a whole state. */

import { cp, rm } from "node:fs/promises";
import { join as pathOf } from "node:path";
import { type Client, type Group, type Item, levelStore } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StoreChange } from "../../../sdk/core/ports.js";
import { eachRow, keys } from "../../../sdk/core/rows.js";
import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../sdk/node/platform.js";
import { groupOf, join, reads, until } from "../../support/group-people.js";
import {
  countsOf,
  type Deceived,
  deceived,
  goesOn,
  readsEverything,
  textsOf,
} from "../../support/hostile-groups/people.js";
import { RogueMember } from "../../support/hostile-groups/rogue-member.js";
import { nextEvent, World } from "../../support/world.js";

let world: World;
let alice: Client;
let bob: Client;
let carol: Client;
let hers: Group;
let his: Group;
let theirs: Group;

beforeEach(async () => {
  world = await World.open();
  [alice, bob, carol] = await Promise.all([world.client("alice"), world.client("bob"), world.client("carol")]);
  // Alice invited both, so Bob and Carol know each other by the group alone.
  [hers, his, theirs] = (await groupOf([alice, bob, carol])) as [Group, Group, Group];
  await goesOn([hers, his, theirs]);
});
afterEach(async () => {
  for (const group of [hers, his, theirs]) await readsEverything(group);
  await goesOn([hers, his, theirs]);
  await world.close();
});

async function allReadTheSame(): Promise<void> {
  const [first, ...others] = await Promise.all([hers, his, theirs].map(textsOf));
  for (const texts of others) expect(texts).toEqual(first);
}

const folder = (name: string) => pathOf(world.folder, "clients", name);

/** Changes the store of Bob's client, which is closed meanwhile. */
async function between(work: (store: SealedStore) => Promise<readonly StoreChange[]>): Promise<void> {
  await bob.close();
  const store = await SealedStore.open(levelStore(folder("bob")), nodePlatform);
  await store.commit(await work(store));
  await store.close();
}

async function reopened(): Promise<void> {
  bob = await world.client("bob");
  his = (await bob.groups.get(hers.id)) as Group;
}

/** The changes that delete every row under these prefixes. */
async function without(store: SealedStore, ...prefixes: readonly string[]): Promise<readonly StoreChange[]> {
  const gone: StoreChange[] = [];
  for (const prefix of prefixes)
    for await (const { key } of eachRow(store, prefix)) gone.push({ key, value: undefined });
  return gone;
}

/** The places that did not open, as they come. */
function unopened(client: Client): Promise<{ item: Item }> {
  return nextEvent<{ item: Item }>(client, "message", ({ item }) => item.kind === "undecryptable");
}

describe("a member", () => {
  it.each([
    ["sender keys", [keys.senderKeys, keys.senderKeyGroups]],
    ["records of sender keys, though it knows their groups", [keys.senderKeys]],
    ["sender keys and sessions", [keys.senderKeys, keys.senderKeyGroups, keys.sessions]],
  ])("that lost its %s recovers by itself: what did not open resolves in its place", async (_what, prefixes) => {
    await between((store) => without(store, ...prefixes));
    await Promise.all([hers.send({ text: "one" }).accepted, theirs.send({ text: "two" }).accepted]);
    await reopened();
    await reads(his, "one");
    await reads(his, "two");
    await readsEverything(his);
    const { repairsAsked, undecryptable } = await countsOf(bob);
    expect({ repairsAsked, undecryptable }).toEqual({ repairsAsked: 2, undecryptable: 2 });
    // With what was asked for the keys came too: everything opens from here on.
    await goesOn([hers, his, theirs]);
    expect(await countsOf(bob)).toMatchObject({ repairsAsked, undecryptable });
    await allReadTheSame();
  });

  it("whose place in the timeline shows an undecryptable item sees it become the message", async () => {
    await between((store) => without(store, keys.senderKeys, keys.senderKeyGroups));
    await reopened();
    const came = unopened(bob);
    await theirs.send({ text: "in its place" }).accepted;
    const { item } = await came;
    if (item.kind !== "undecryptable") throw new Error("not undecryptable");
    await reads(his, "in its place");
    const [resolved] = (await his.latest(1_000)).filter(({ cursor }) => cursor === item.cursor);
    expect(resolved).toMatchObject({ kind: "text", text: "in its place", from: carol.accountId });
    await allReadTheSame();
  });

  it("that comes back as an older copy of itself reads what is said from then on, and is read under a key it never used", async () => {
    await bob.close();
    await cp(folder("bob"), `${folder("bob")}.kept`, { recursive: true });
    await reopened();
    await his.send({ text: "said by the later self" }).accepted;
    await hers.send({ text: "read by the later self" }).accepted;
    for (const group of [hers, his, theirs])
      for (const text of ["said by the later self", "read by the later self"]) await reads(group, text);
    await bob.close();
    await rm(folder("bob"), { recursive: true });
    await cp(`${folder("bob")}.kept`, folder("bob"), { recursive: true });
    await reopened();
    await hers.send({ text: "afterwards" }).accepted;
    await reads(his, "afterwards");
    await his.send({ text: "I am back" }).accepted;
    for (const group of [hers, theirs]) await reads(group, "I am back");
    expect((await countsOf(bob)).senderKeysMade).toBe(1);
    for (const client of [alice, carol]) expect((await countsOf(client)).duplicate).toBeUndefined();
  });
});

describe("a member that is no contact", () => {
  let dave: Deceived;
  let davids: Group;
  beforeEach(async () => {
    dave = await deceived(world, "dave");
    await hers.invite({ accountId: dave.client.accountId });
    davids = await join(dave.client, hers);
  });
  afterEach(() => dave.close());

  it.each([1, 2])(
    "asks for what it cannot open, also if %d envelopes before it were damaged beyond recognition",
    async (damaged) => {
      let left = damaged;
      let isDamaged = false;
      dave.relay.become((told) => {
        if (told.type !== "deliver" || left === 0) return [told];
        left -= 1;
        isDamaged = true;
        return [{ ...told, body: told.body.map((byte, at) => (at > 40 ? byte ^ 1 : byte)) }];
      });
      await theirs.refresh();
      // The first word of Carol's to who joined goes behind her key, which is what is lost.
      await theirs.send({ text: "first" }).accepted;
      await theirs.send({ text: "second" }).accepted;
      await reads(davids, "second");
      await readsEverything(davids);
      expect(isDamaged).toBe(true);
      // A group message that was damaged names nobody to ask: it is counted, and its sender's key still came.
      expect(await textsOf(davids)).toEqual(damaged === 1 ? ["first", "second"] : ["second"]);
      expect((await countsOf(dave.client)).rejected).toBe(damaged);
      expect((await countsOf(dave.client)).repairsAsked).toBeGreaterThan(0);
    },
  );
});

describe("who joined late", () => {
  it("is not sent what was said before, though it asks for it by name", async () => {
    const before = await countsOf(alice);
    const dave = await world.client("dave");
    await hers.invite({ accountId: dave.accountId });
    const davids = await join(dave, hers);
    await hers.refresh();
    await hers.send({ text: "for Dave too" }).accepted;
    await reads(davids, "for Dave too");
    const sent = await sentBefore();
    await dave.close();
    const rogue = await RogueMember.takeOver(world, "dave", hers.id);
    await rogue.read();
    await rogue.sayTo(alice.accountId, { type: "retry", envelopes: sent, group: rogue.standing });
    await until(async () => ((await countsOf(alice)).repairsAnswered ?? 0) > (before.repairsAnswered ?? 0));
    await rogue.close();
    const again = await world.client("dave");
    const theirsAgain = (await again.groups.get(hers.id)) as Group;
    await goesOn([hers, theirsAgain]);
    expect((await textsOf(theirsAgain)).slice(0, 1)).toEqual(["for Dave too"]);
    expect((await textsOf(theirsAgain)).filter((text) => text.startsWith("still here, 1"))).toHaveLength(1);
  });

  /** What Alice keeps of what she sent to the group, by the names under which the relay delivered it. */
  async function sentBefore(): Promise<readonly Uint8Array[]> {
    await alice.close();
    const store = await SealedStore.open(levelStore(folder("alice")), nodePlatform);
    const names: Uint8Array[] = [];
    for await (const { key } of eachRow(store, keys.sentAll))
      names.push(Buffer.from(key.slice(keys.sentAll.length), "hex"));
    await store.close();
    alice = await world.client("alice");
    hers = (await alice.groups.get(his.id)) as Group;
    return names.slice(0, 64);
  }
});
