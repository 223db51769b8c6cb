/** Groups among the devices of one account, and what a client does in them by itself. */

import { groupStateHash, MAX_GROUPS_PER_BODY, parseDeviceId, SottoError, toHex } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { decodeRow, keys } from "../../../../../sdk/core/rows.js";
import { nodePlatform } from "../../../../../sdk/node/platform.js";
import { groupOf, join, type LogClient, LogWorld } from "./fixture.js";

let world: LogWorld;
let alice: LogClient;
let bob: LogClient;
let carol: LogClient;

beforeEach(async () => {
  world = await LogWorld.open();
  [alice, bob, carol] = [await world.client(), await world.client(), await world.client()];
});

const stateOf = (client: LogClient, id: Parameters<LogClient["logs"]["get"]>[0]) => {
  const state = client.logs.get(id)?.state;
  return state && toHex(groupStateHash(state));
};

describe("own devices", () => {
  it("hear of a group that another one joined, read its log and act in it", async () => {
    alice.others = [parseDeviceId(2)];
    const phone = await alice.second();
    const id = await groupOf(alice, bob);
    for (const word of alice.words()) await phone.take(word);
    await phone.logs.sync(id);
    expect(stateOf(phone, id)).toBe(stateOf(alice, id));
    expect(phone.changes.flatMap(({ applied }) => applied.map(({ seq }) => seq))).toEqual([2, 3]);
    await phone.logs.append(id, { kind: "remove", accounts: [bob.id] });
    await alice.logs.sync(id);
    expect(alice.logs.get(id)?.state.members.map(({ account }) => account)).toEqual([alice.id]);
  });

  it("are told everything when they are new: groups, left ones and open invitations", async () => {
    const joined = await groupOf(bob, alice);
    const left = await groupOf(bob, alice);
    await alice.logs.leave(left);
    const { id: open } = await carol.logs.create({ title: "Open" });
    await carol.logs.append(open, { kind: "invite", account: alice.id });
    const invitation = await carol.handInvitation(alice);
    await alice.logs.sync(open);
    await alice.logs.serve(parseDeviceId(2));
    const phone = await alice.second();
    for (const word of alice.words()) await phone.take(word);
    phone.logs.wake();
    await world.pass();
    expect(stateOf(phone, joined)).toBe(stateOf(alice, joined));
    expect(phone.logs.get(left)).toBeUndefined();
    const stored = await phone.store.get(keys.invitation(phone.store, open));
    expect(stored && decodeRow("invitation", stored)).toEqual(invitation);
    expect(phone.logs.get(open)?.status).toBe("invited");
    await phone.logs.accept(open);
    await carol.logs.sync(open);
    expect(carol.logs.get(open)?.state.members).toHaveLength(2);
  });

  it("are told of many groups in bodies that hold what one may hold", async () => {
    for (let count = 0; count < MAX_GROUPS_PER_BODY + 3; count++) await alice.logs.create({});
    await alice.logs.serve(parseDeviceId(2));
    expect(alice.words().map(({ groups }) => groups.length)).toEqual([MAX_GROUPS_PER_BODY, 3]);
  });

  it("keep an invitation that came itself where the one they are told of is older", async () => {
    const { id } = await bob.logs.create({ title: "Open" });
    await bob.logs.append(id, { kind: "invite", account: alice.id });
    await bob.handInvitation(alice);
    await alice.logs.serve(parseDeviceId(2));
    await bob.logs.append(id, { kind: "remove", accounts: [alice.id] });
    await bob.logs.append(id, { kind: "invite", account: alice.id });
    const phone = await alice.second();
    const newer = await bob.handInvitation(phone);
    for (const word of alice.words()) await phone.take(word);
    const stored = await phone.store.get(keys.invitation(phone.store, id));
    expect(stored && decodeRow("invitation", stored)).toEqual(newer);
    expect((await phone.logs.accept(id)).status).toBe("joined");
  });

  it("keep an invitation that was made after another one was declined, whichever they hear of first", async () => {
    alice.others = [parseDeviceId(2)];
    const phone = await alice.second();
    const { id } = await bob.logs.create({ title: "Open" });
    await bob.logs.append(id, { kind: "invite", account: alice.id });
    for (const device of [alice, phone]) await bob.handInvitation(device);
    await phone.logs.sync(id);
    await alice.logs.decline(id);
    await bob.logs.append(id, { kind: "invite", account: alice.id });
    const newer = await bob.handInvitation(phone);
    for (const word of alice.words()) await phone.take(word);
    const stored = await phone.store.get(keys.invitation(phone.store, id));
    expect(stored && decodeRow("invitation", stored)).toEqual(newer);
    expect((await phone.logs.accept(id)).status).toBe("joined");
  });

  it("leave together, and an old word brings nothing back", async () => {
    alice.others = [parseDeviceId(2)];
    const phone = await alice.second();
    const id = await groupOf(bob, alice);
    const [joining] = alice.words();
    if (joining === undefined) throw new Error("no word");
    await phone.take(joining);
    expect(phone.logs.get(id)?.status).toBe("joined");
    await alice.logs.leave(id);
    phone.hooks.before = () => {
      throw new SottoError("offline");
    };
    const leaving = alice.words().at(-1);
    if (leaving === undefined) throw new Error("no word");
    await phone.take(leaving);
    expect(phone.logs.get(id)?.status).toBe("left");
    await phone.take(joining);
    expect(phone.logs.get(id)?.status).toBe("left");
    const stored = await phone.store.get(keys.group(phone.store, id));
    expect(stored && decodeRow("group", stored)).toMatchObject({ secrets: [], wrapKeys: [] });
  });

  it("notice that they are shown two logs", async () => {
    alice.others = [parseDeviceId(2)];
    const phone = await alice.second();
    const id = await groupOf(alice, bob);
    for (const word of alice.words()) await phone.take(word);
    const [word] = alice.words();
    const [one] = word?.groups ?? [];
    if (one === undefined) throw new Error("no word");
    const head = one.head.slice();
    head[0] = (head[0] ?? 0) ^ 1;
    await phone.take({ groups: [{ ...one, head }] });
    expect(phone.forks).toEqual([{ group: id, seenBy: alice.id }]);
  });

  it("read no further than an account's word where the relay shows another log to begin with", async () => {
    alice.others = [parseDeviceId(2)];
    const phone = await alice.second();
    const id = await groupOf(alice, bob);
    const [one] = alice.words().at(0)?.groups ?? [];
    if (one === undefined) throw new Error("no word");
    await phone.take({ groups: [{ ...one, head: new Uint8Array(32) }] });
    expect(phone.logs.get(id)).toBeUndefined();
    await expect(phone.logs.sync(id)).rejects.toMatchObject({ code: "groupForked" });
  });
});

describe("upkeep", () => {
  const revoke = (client: LogClient) => client.account.change({ profileKey: nodePlatform.random.bytes(32) });

  it("publishes keys that changed once the relay holds them, and begins an epoch that the old ones do not open", async () => {
    const id = await groupOf(alice, bob);
    alice.keyOut = false;
    revoke(alice);
    alice.logs.wake();
    await world.pass();
    const { seq } = alice.logs.get(id)?.state ?? { seq: 0 };
    expect(seq).toBe(3);
    alice.keyOut = true;
    alice.logs.wake();
    await world.pass();
    const state = alice.logs.get(id)?.state;
    expect(state).toMatchObject({ epoch: 2, rotation: "none" });
    expect(state?.checkpointSeq).toBeGreaterThan(state?.epochSeq ?? 0);
    // The device that was revoked has the identity and the old profile key, and no way into the new epoch.
    const revoked = await alice.second();
    await bob.logs.sync(id);
    expect(stateOf(bob, id)).toBe(stateOf(alice, id));
    expect(revoked.logs.get(id)).toBeUndefined();
  });

  it("of a member without office publishes keys, and an admin begins the epoch", async () => {
    const id = await groupOf(alice, bob);
    revoke(bob);
    bob.logs.wake();
    await world.pass();
    expect(bob.logs.get(id)?.state).toMatchObject({ epoch: 1, rotation: "due" });
    await alice.logs.sync(id);
    await world.pass();
    await bob.logs.sync(id);
    expect(bob.logs.get(id)?.state).toMatchObject({ epoch: 2, rotation: "none" });
    expect(bob.gaps).toEqual([]);
  });

  it("of several admins begins one epoch, and leaves one checkpoint", async () => {
    const id = await groupOf(alice, bob, carol);
    await alice.logs.append(id, { kind: "role", account: bob.id, role: "admin" });
    await carol.logs.leave(id);
    alice.logs.wake();
    bob.logs.wake();
    await world.pass(5_000);
    await Promise.all([alice.logs.sync(id), bob.logs.sync(id)]);
    expect(alice.logs.get(id)?.state.epoch).toBe(2);
    expect(stateOf(bob, id)).toBe(stateOf(alice, id));
    const epochs = alice.changes.flatMap(({ applied }) =>
      applied.flatMap(({ summary }) => summary.map(({ kind }) => kind)),
    );
    expect(epochs.filter((kind) => kind === "epoch")).toHaveLength(1);
    expect(epochs.filter((kind) => kind === "checkpoint")).toHaveLength(1);
  });

  it("names no new checkpoint while the last one cannot be left, and leaves that one when it can", async () => {
    const id = await groupOf(alice, bob);
    alice.hooks.before = (frame) => {
      if (frame.type === "putCheckpoint") throw new SottoError("offline");
    };
    await alice.logs.append(id, { kind: "rotate" });
    for (let turn = 0; turn < 5; turn++) {
      await alice.logs.sync(id);
      await world.pass(90_000);
    }
    const named = world.relay.log(id).entries.length;
    expect(named).toBe(5);
    alice.hooks.before = () => undefined;
    alice.logs.wake();
    await world.pass();
    expect(world.relay.log(id).entries.length).toBe(named);
    expect(world.relay.log(id).checkpoint?.seq).toBe(named);
  });

  it("leaves another checkpoint where a crash lost what the last one stands for", async () => {
    const id = await groupOf(alice, bob);
    alice.hooks.before = (frame) => {
      if (frame.type === "putCheckpoint") throw new SottoError("offline");
    };
    await alice.logs.append(id, { kind: "rotate" });
    await world.pass();
    const again = await alice.killed();
    again.logs.wake();
    await world.pass();
    expect(world.relay.log(id).checkpoint?.seq).toBe(6);
    await join(again, carol, id);
    expect(stateOf(carol, id)).toBeDefined();
  });
});
