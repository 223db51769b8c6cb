/** Entries of this device that it did not get to take in the run that appended them: what follows from them is still its own to say. */

import { type GroupEntryBody, SottoError, toHex } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { OwnKeys } from "../../../../../sdk/core/groups/log/own-keys.js";
import { groupOf, join, type LogClient, LogWorld } from "./fixture.js";

let world: LogWorld;
let alice: LogClient;
let bob: LogClient;
let id: Awaited<ReturnType<typeof groupOf>>;

beforeEach(async () => {
  world = await LogWorld.open();
  [alice, bob] = [await world.client(), await world.client()];
  id = await groupOf(alice, bob);
});

/** The process ends when an entry is in the log, and before anything of it is on the disk. */
async function crash(client: LogClient, appending: () => Promise<unknown>): Promise<LogClient> {
  client.raw.beforeWrite = async () => {
    throw new Error("the disk is gone");
  };
  await expect(appending()).rejects.toMatchObject({ code: "storeFailed" });
  return client.killed();
}

const update = (client: LogClient, change: GroupEntryBody<"update">) =>
  client.logs.append(id, { kind: "update", ...change });
const own = (client: LogClient) =>
  client.changes.flatMap(({ applied }) => applied.filter(({ isOwn }) => isOwn === "yes").map(({ seq }) => seq));
const notices = (client: LogClient) => client.orders.filter(({ type }) => type === "groupChange").length;

describe("an entry that its device did not take before it ended", () => {
  it("is its own in the next run, which tells the group once", async () => {
    const next = await crash(alice, () => update(alice, { title: "Yard" }));
    expect(next.logs.get(id)?.state.title).toBe("Garden");
    await next.logs.sync(id);
    expect(next.logs.get(id)?.state.title).toBe("Yard");
    expect([own(next), notices(next)]).toEqual([[4], 1]);
    await next.logs.sync(id);
    expect([own(next), notices(next)]).toEqual([[4], 1]);
  });

  it("is its own where the answer was lost, and with it the way to ask", async () => {
    alice.hooks.after = (frame, answer) => {
      if (frame.type !== "appendGroup") return answer;
      alice.hooks.before = () => {
        throw new SottoError("offline");
      };
      throw new SottoError("offline");
    };
    await expect(update(alice, { title: "Yard" })).rejects.toMatchObject({ code: "offline" });
    alice.hooks.before = () => undefined;
    const before = { own: own(alice), notices: notices(alice) };
    await alice.logs.sync(id);
    expect([own(alice), notices(alice)]).toEqual([[...before.own, 4], before.notices + 1]);
  });

  it("is nobody else's: no member's, and no other own device's", async () => {
    alice.others = [(await alice.second()).account.device];
    const phone = await alice.second();
    await alice.logs.serve(phone.account.device);
    for (const word of alice.words()) await phone.take(word);
    await update(alice, { title: "Yard" });
    await phone.logs.sync(id);
    await bob.logs.sync(id);
    expect(phone.logs.get(id)?.state.title).toBe("Yard");
    expect([own(phone).includes(4), own(bob).includes(4)]).toEqual([false, false]);
    expect([notices(phone), own(alice).includes(4)]).toEqual([0, true]);
  });

  it("names a checkpoint that is still owed, so that who comes finds something to begin from", async () => {
    await alice.logs.append(id, { kind: "rotate" });
    const next = await crash(alice, async () => {
      await world.pass();
      throw new SottoError("storeFailed");
    });
    expect(world.relay.log(id).checkpoint).toBeUndefined();
    const carol = await world.client();
    await join(next, carol, id);
    expect(carol.logs.get(id)?.status).toBe("joined");
  });

  it("is sealed under a nonce that is another for other bytes, another place and another device", async () => {
    const phone = await alice.second();
    const [mine, theirs] = [alice, phone].map(({ account }) => new OwnKeys({ account, engine: world.engine })) as [
      OwnKeys,
      OwnKeys,
    ];
    const [one, other] = [Uint8Array.of(1), Uint8Array.of(2)];
    const nonces = [
      mine.entryNonce({ group: id, seq: 4 }, one),
      mine.entryNonce({ group: id, seq: 4 }, other),
      mine.entryNonce({ group: id, seq: 5 }, one),
      theirs.entryNonce({ group: id, seq: 4 }, one),
    ];
    expect(new Set(nonces.map(toHex)).size).toBe(4);
    expect(nonces.every(({ length }) => length === 12)).toBe(true);
    expect(mine.entryNonce({ group: id, seq: 4 }, one)).toEqual(nonces[0]);
  });
});
