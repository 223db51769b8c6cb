/**
 * How a newcomer hears what its group is called when the title changed before it came, and nobody it was said to then knew of it:
 * from whoever brought it in, whenever that one hears it.
 */

import type { Content, ConversationId } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { deferred } from "../../../../sdk/core/deferred.js";
import { groupOf, join, type LogClient, LogWorld } from "./log/fixture.js";
import { hears, say, taken, takes, talks, tell, titleOf } from "./talking.js";

let world: LogWorld;
let alice: LogClient;
let bob: LogClient;
let dave: LogClient;
let id: ConversationId;

beforeEach(async () => {
  world = await LogWorld.open();
  [alice, bob, dave] = [await newClient(), await newClient(), await newClient()];
  id = await groupOf(alice, bob);
  await say(alice, bob);
});

async function newClient(): Promise<LogClient> {
  const client = await world.client();
  talks(client);
  return client;
}

/** A member changes the title and says so to all who are in the group now; nobody has heard it yet. */
async function titled(by: LogClient, title: string): Promise<Content> {
  await by.logs.append(id, { kind: "update", title });
  const [said] = taken(by);
  if (said === undefined) throw new Error("nothing was said");
  return said;
}

/** Reads the log, and hears a word while what was read is on its way to the disk. */
async function hearsWhileReading(client: LogClient, content: Content): Promise<void> {
  const [isWriting, disk] = [deferred<void>(), deferred<void>()];
  client.raw.beforeWrite = () => {
    isWriting.resolve();
    return disk.promise;
  };
  const before = client.logs.get(id)?.state.seq;
  const reading = client.logs.sync(id);
  await isWriting.promise;
  expect(client.logs.get(id)?.state.seq).not.toBe(before);
  const { kept } = await takes(client, content);
  disk.resolve();
  await reading;
  await kept();
}

/** Asks somebody in, who accepts later. */
async function invites(by: LogClient, whom: LogClient): Promise<void> {
  await by.logs.append(id, { kind: "invite", account: whom.id });
  await by.handInvitation(whom);
  taken(by);
}

/** She takes somebody out, and leaves what a newcomer can begin to read from. */
async function aliceRemoves(whom: LogClient): Promise<void> {
  const { state } = await alice.logs.append(id, { kind: "remove", accounts: [whom.id] });
  const left = async () => {
    await world.pass();
    return alice.logs.get(id)?.state.checkpointSeq;
  };
  await expect.poll(left).toBeGreaterThan(state.seq);
}

describe("the title that a newcomer was not told by who changed it", () => {
  it("is told by who brought it in, also while its coming is on its way to the disk there", async () => {
    await invites(alice, dave);
    const ofBob = await titled(bob, "Yard");
    await dave.logs.accept(id);
    await hearsWhileReading(alice, ofBob);
    expect(await tell(alice, dave)).toEqual(["Yard"]);
    expect(titleOf(dave, id)).toBe("Yard");
  });

  it("is told however much happened in the group meanwhile", async () => {
    await invites(alice, dave);
    const ofBob = await titled(bob, "Yard");
    await dave.logs.accept(id);
    for (let times = 1; times <= 40; times++) await bob.logs.append(id, { kind: "update", timerMs: times * 60_000 });
    taken(bob);
    await alice.logs.sync(id);
    await hears(alice, ofBob);
    expect(await tell(alice, dave)).toEqual(["Yard"]);
  });

  it("goes on to whom the newcomer brought in before it was told itself", async () => {
    const erin = await newClient();
    await invites(alice, dave);
    const ofBob = await titled(bob, "Yard");
    await dave.logs.accept(id);
    await invites(dave, erin);
    await erin.logs.accept(id);
    for (const client of [alice, dave]) await client.logs.sync(id);
    await hears(alice, ofBob);
    expect(await tell(alice, dave)).toEqual(["Yard"]);
    expect(await tell(dave, erin)).toEqual(["Yard"]);
    expect(titleOf(erin, id)).toBe("Yard");
  });

  it("goes on also where who told the newcomer had read so far in the log already", async () => {
    const erin = await newClient();
    await invites(alice, dave);
    const ofBob = await titled(bob, "Yard");
    await alice.logs.sync(id);
    await hears(alice, ofBob);
    await dave.logs.accept(id);
    await invites(dave, erin);
    await erin.logs.accept(id);
    for (const client of [alice, dave]) await client.logs.sync(id);
    expect(await tell(alice, dave)).toEqual(["Yard"]);
    expect(await tell(dave, erin)).toEqual(["Yard"]);
  });

  it("is told to one who was removed and asked in again, and to whom it then asks in", async () => {
    const erin = await newClient();
    await join(alice, dave, id);
    await alice.logs.sync(id);
    await tell(alice, dave);
    await aliceRemoves(dave);
    const ofAlice = await titled(alice, "Yard");
    await invites(bob, dave);
    await dave.logs.accept(id);
    await invites(dave, erin);
    await erin.logs.accept(id);
    for (const client of [bob, dave]) await client.logs.sync(id);
    expect(titleOf(dave, id)).toBe("Garden");
    await hears(bob, ofAlice);
    await tell(bob, dave);
    await tell(dave, erin);
    expect([bob, dave, erin].map((client) => titleOf(client, id))).toEqual(["Yard", "Yard", "Yard"]);
  });

  describe("whose inviter is gone", () => {
    let ofCarol: Content;
    beforeEach(async () => {
      const carol = await newClient();
      await join(alice, carol, id);
      for (const client of [alice, bob]) await client.logs.sync(id);
      await tell(alice, carol);
      await invites(bob, dave);
      ofCarol = await titled(carol, "Yard");
      await alice.logs.sync(id);
      await hears(alice, ofCarol);
      await dave.logs.accept(id);
      expect(taken(alice)).toEqual([]);
    });

    it("is told by who removed it, also before it read that the newcomer came", async () => {
      await aliceRemoves(bob);
      await tell(alice, dave);
      expect(titleOf(dave, id)).toBe("Yard");
    });

    it("is told by an owner, if it left", async () => {
      await bob.logs.sync(id);
      await bob.logs.leave(id);
      await alice.logs.sync(id);
      expect(await tell(alice, dave)).toEqual(["Yard"]);
      expect(titleOf(dave, id)).toBe("Yard");
    });
  });

  it("is told to who knows a former one also where it was taken away, and there is none", async () => {
    await join(alice, dave, id);
    await alice.logs.sync(id);
    await tell(alice, dave);
    await aliceRemoves(dave);
    const ofAlice = await titled(alice, "");
    await bob.logs.sync(id);
    await hears(bob, ofAlice);
    await invites(bob, dave);
    await dave.logs.accept(id);
    await bob.logs.sync(id);
    expect(titleOf(dave, id)).toBe("Garden");
    expect(await tell(bob, dave)).toEqual([""]);
    expect(titleOf(dave, id)).toBe("");
  });

  it("is not told where the group never had one", async () => {
    const nameless = await newClient();
    const erin = await newClient();
    const { id: other } = await nameless.logs.create({});
    await join(nameless, erin, other);
    await nameless.logs.sync(other);
    expect(taken(nameless)).toEqual([]);
  });

  it("is told to nobody again who came before it was said to all", async () => {
    await join(alice, dave, id);
    await say(alice, dave);
    await bob.logs.sync(id);
    const ofBob = await titled(bob, "Yard");
    await alice.logs.sync(id);
    await hears(alice, ofBob);
    expect(await tell(alice, dave)).toEqual([]);
  });
});

describe("the latest title that somebody said", () => {
  it("is shown also while the entries that name the titles are on their way to the disk", async () => {
    const carol = await newClient();
    await join(alice, carol, id);
    for (const client of [alice, bob]) await client.logs.sync(id);
    await tell(alice, carol);
    await titled(bob, "Yard");
    await alice.logs.sync(id);
    const ofAlice = await titled(alice, "Court");
    await carol.logs.sync(id);
    await carol.logs.append(id, { kind: "update", title: "Attic" });
    await hearsWhileReading(bob, ofAlice);
    expect(titleOf(bob, id)).toBe("Court");
  });
});
