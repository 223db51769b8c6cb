/** Group logs between real engines: created, changed, raced for, crashed in between, and left. */

import {
  type ConversationId,
  decodeGroupBody,
  decodeGroupEntry,
  groupStateHash,
  SottoError,
  toHex,
} from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { openRotation } from "../../../../../sdk/core/groups/log/group-keys.js";
import { decodeRow, eachRow, keys } from "../../../../../sdk/core/rows.js";
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

const hashIn = (client: LogClient, id: ConversationId) => {
  const state = client.logs.get(id)?.state;
  return state && toHex(groupStateHash(state));
};
const members = (client: LogClient, id: ConversationId) =>
  client.logs.get(id)?.state.members.map(({ account }) => account);

describe("group logs", () => {
  it("create, invite and accept, and agree on the state", async () => {
    const id = await groupOf(alice, bob, carol);
    await bob.logs.sync(id);
    expect(members(alice, id)).toEqual([alice.id, bob.id, carol.id]);
    expect(hashIn(bob, id)).toBe(hashIn(alice, id));
    expect(hashIn(carol, id)).toBe(hashIn(alice, id));
    expect(bob.logs.get(id)?.status).toBe("joined");
    expect(bob.logs.get(id)?.state.title).toBe("Garden");
  });

  it("show the relay nothing that is readable", async () => {
    const id = await groupOf(alice, bob);
    const shown = world.relay.heard.flatMap((frame) => ("entry" in frame ? [toHex(frame.entry)] : [])).join();
    expect(shown).not.toContain(toHex(new TextEncoder().encode("Garden")));
    expect(shown).not.toContain(toHex(alice.person.identity.publicKey));
    expect(id).toMatch(/^[0-9a-f]{32}$/);
  });

  it("tell what changed once, in order, from the invitation on", async () => {
    const id = await groupOf(alice, bob);
    await alice.logs.append(id, { kind: "update", title: "Yard" });
    await bob.logs.sync(id);
    await bob.logs.sync(id);
    const applied = bob.changes.flatMap((changed) => changed.applied);
    expect(applied.map(({ summary }) => summary.map(({ kind }) => kind))).toEqual([
      ["invited"],
      ["joined"],
      ["settings"],
    ]);
    expect(applied.map(({ seq }) => seq)).toEqual([2, 3, 4]);
    expect(bob.changes[0]?.before).toBeUndefined();
    expect(decodeGroupEntry(applied[2]?.entry ?? new Uint8Array(0)).change).toMatchObject({
      kind: "update",
      title: "Yard",
    });
    expect(applied.map(({ acceptedMs }) => acceptedMs)).toEqual(
      world.relay
        .log(id)
        .entries.slice(1)
        .map(({ acceptedMs }) => acceptedMs),
    );
  });

  it("race for a place: both changes are in the log, in one order, for both", async () => {
    const id = await groupOf(alice, bob);
    await Promise.all([
      alice.logs.append(id, { kind: "update", title: "Alice's" }),
      bob.logs.append(id, { kind: "update", timerMs: 60_000 }),
      alice.logs.append(id, { kind: "update", invite: "admins" }),
    ]);
    await Promise.all([alice.logs.sync(id), bob.logs.sync(id)]);
    expect(alice.logs.get(id)?.state).toMatchObject({ title: "Alice's", timerMs: 60_000, invite: "admins", seq: 6 });
    expect(hashIn(bob, id)).toBe(hashIn(alice, id));
  });

  it("plan anew on what somebody faster changed", async () => {
    const id = await groupOf(alice, bob);
    let isFirst = true;
    bob.hooks.before = async (frame) => {
      if (frame.type !== "appendGroup" || !isFirst) return;
      isFirst = false;
      await alice.logs.append(id, { kind: "update", edit: "admins" });
    };
    await expect(bob.logs.append(id, { kind: "update", title: "Bob's" })).rejects.toMatchObject({
      code: "groupDenied",
    });
    expect(bob.logs.get(id)?.state.title).toBe("Garden");
  });

  it("give up as busy where somebody else is faster sixteen times", async () => {
    const id = await groupOf(alice, bob);
    let moves = 0;
    bob.hooks.before = async (frame) => {
      if (frame.type !== "appendGroup") return;
      moves += 1;
      await alice.logs.append(id, { kind: "update", title: `${moves}` });
    };
    await expect(bob.logs.append(id, { kind: "update", timerMs: 1_000 })).rejects.toMatchObject({ code: "busy" });
    expect(moves).toBe(16);
  });

  it("shut out who is removed although it knows the key of an invitation it made", async () => {
    const id = await groupOf(alice, bob);
    await bob.logs.append(id, { kind: "invite", account: carol.id });
    const invitation = bob.orders.find(({ type }) => type === "invitation")?.body ?? new Uint8Array(0);
    const { wrapPrivate } = decodeGroupBody("invitation", invitation);
    await alice.logs.append(id, { kind: "remove", accounts: [bob.id] });
    const { entry } = alice.changes.at(-1)?.applied.at(-1) ?? { entry: new Uint8Array(0) };
    const { change } = decodeGroupEntry(entry);
    const rotation = "rotation" in change ? change.rotation : undefined;
    if (rotation === undefined) throw new Error("a removal begins an epoch");
    const { cipher, deviceKeys, random } = nodePlatform;
    const crypto = { engine: world.engine, cipher, deviceKeys, random };
    for (const { account: me } of rotation.sealed)
      expect(openRotation(crypto, rotation, { group: id, me, epoch: 2, wrapKeys: [wrapPrivate] })).toBeUndefined();
    expect(alice.logs.get(id)?.state).toMatchObject({ invited: [], epoch: 2 });
  });

  it("take an entry whose answer was lost for appended, and append it once", async () => {
    const id = await groupOf(alice, bob);
    let losses = 0;
    alice.hooks.after = (frame, answer) => {
      if (frame.type !== "appendGroup" || losses > 0) return answer;
      losses += 1;
      throw new SottoError("offline");
    };
    const before = world.relay.log(id).entries.length;
    await alice.logs.append(id, { kind: "role", account: bob.id, role: "admin" });
    expect(world.relay.log(id).entries.length).toBe(before + 1);
    expect(alice.orders.at(-1)).toMatchObject({ type: "groupChange", group: id });
    await bob.logs.sync(id);
    await bob.logs.append(id, { kind: "remove", accounts: [] }).catch(() => undefined);
    await bob.logs.append(id, { kind: "rotate" });
    await alice.logs.sync(id);
    expect(alice.logs.get(id)?.state.epoch).toBe(2);
    expect(hashIn(bob, id)).toBe(hashIn(alice, id));
  });

  it("begin no second group where the answer to the first entry was lost", async () => {
    let losses = 0;
    alice.hooks.after = (frame, answer) => {
      if (frame.type !== "createGroup" || losses > 0) return answer;
      losses += 1;
      throw new SottoError("timeout");
    };
    const { id } = await alice.logs.create({ title: "Once" });
    expect([...world.relay.logs.keys()]).toEqual([id]);
  });

  it("find an entry again that a crash left between the relay and the disk, with its secret and its invitation", async () => {
    const id = await groupOf(alice, bob);
    alice.raw.beforeWrite = async () => {
      throw new Error("the disk is gone");
    };
    await expect(alice.logs.append(id, { kind: "rotate" })).rejects.toMatchObject({ code: "storeFailed" });
    const again = await alice.killed();
    expect(again.logs.get(id)?.state.epoch).toBe(1);
    await again.logs.sync(id);
    expect(again.logs.get(id)?.state.epoch).toBe(2);
    await world.pass();
    again.raw.beforeWrite = async () => {
      throw new Error("the disk is gone");
    };
    await expect(again.logs.append(id, { kind: "invite", account: carol.id })).rejects.toBeDefined();
    const third = await again.killed();
    await third.logs.sync(id);
    // Only the commit that takes the entry queues the invitation, exactly once.
    await third.logs.sync(id);
    expect(third.orders.filter(({ type }) => type === "invitation")).toHaveLength(1);
    await world.pass();
    await third.handInvitation(carol);
    await carol.logs.accept(id);
    expect(members(carol, id)).toEqual([alice.id, bob.id, carol.id]);
  });

  it("commit what follows with the log's progress, or neither", async () => {
    const id = await groupOf(alice, bob);
    bob.consequences = async () => ({ build: () => [{ key: "lost", value: Uint8Array.of(1) }], after: [] });
    await alice.logs.append(id, { kind: "update", title: "Yard" });
    await bob.logs.sync(id);
    const written = bob.raw.writes.filter((changes) => changes.some(({ key }) => key === "lost"));
    expect(written).toHaveLength(1);
    expect(written[0]?.some(({ key }) => key === keys.group(bob.store, id))).toBe(true);
    expect(written[0]?.some(({ key }) => key === keys.groupHead(bob.store, id, 4))).toBe(true);
  });

  it("keep the newest 512 heads, so that claims on them are compared", async () => {
    const id = await groupOf(alice);
    for (let change = 0; change < 540; change++) await alice.logs.append(id, { kind: "update", title: `${change}` });
    let heads = 0;
    for await (const _row of eachRow(alice.store, keys.groupHeads(alice.store, id))) heads += 1;
    expect(heads).toBe(512);
  }, 120_000);

  it("raise no alarm at the word of who is not in the group, but read on", async () => {
    const id = await groupOf(alice, bob);
    await alice.logs.append(id, { kind: "update", title: "Yard" });
    const { seq } = alice.logs.get(id)?.state ?? { seq: 0 };
    bob.logs.heard({ id, revision: seq + 1_000, head: new Uint8Array(32) }, carol.id);
    await world.pass(200_000);
    expect(bob.logs.get(id)?.state.title).toBe("Yard");
    bob.logs.heard({ id, revision: seq, head: new Uint8Array(32) }, carol.id);
    await world.pass(0);
    expect([bob.gaps, bob.forks]).toEqual([[], []]);
    bob.logs.heard({ id, revision: seq + 1_000, head: new Uint8Array(32) }, alice.id);
    await world.pass(70_000);
    expect(bob.gaps).toEqual([{ group: id, revision: seq + 1_000 }]);
  });

  it("let who was removed see its removal and nothing behind it, and forget the secrets", async () => {
    const id = await groupOf(alice, bob, carol);
    await alice.logs.append(id, { kind: "remove", accounts: [bob.id] });
    const removedAt = alice.logs.get(id)?.state.seq;
    await alice.logs.append(id, { kind: "update", title: "Without Bob" });
    await bob.logs.sync(id);
    expect(bob.logs.get(id)).toMatchObject({ status: "left", state: { title: "Garden", seq: removedAt } });
    await expect(bob.logs.append(id, { kind: "update", title: "Back" })).rejects.toMatchObject({ code: "groupLeft" });
    const kept = await bob.store.get(keys.group(bob.store, id));
    expect(kept && decodeRow("group", kept)).toMatchObject({ secrets: [], wrapKeys: [] });
    await carol.logs.sync(id);
    expect(carol.logs.get(id)?.state.title).toBe("Without Bob");
    expect(() => bob.logs.signSend(id, { messageId: new Uint8Array(16), message: new Uint8Array(1) })).toThrow(
      expect.objectContaining({ code: "groupLeft" }),
    );
  });

  it("follow three epochs that began while a member was away", async () => {
    const id = await groupOf(alice, bob, carol);
    for (const title of ["one", "two", "three"]) {
      await alice.logs.append(id, { kind: "rotate" });
      await alice.logs.append(id, { kind: "update", title });
      await world.pass();
    }
    await bob.logs.sync(id);
    expect(bob.logs.get(id)?.state).toMatchObject({ epoch: 4, title: "three" });
    expect(hashIn(bob, id)).toBe(hashIn(alice, id));
  });

  it("follow three epochs over a checkpoint when what lies before is deleted", async () => {
    world.relay.keptEntries = 0;
    const id = await groupOf(alice, bob, carol);
    for (const title of ["one", "two", "three"]) {
      await alice.logs.append(id, { kind: "update", title });
      await alice.logs.append(id, { kind: "rotate" });
      await world.pass();
    }
    expect(world.relay.log(id).checkpoint).toBeDefined();
    expect(world.relay.log(id).entries.length).toBeLessThan(8);
    await bob.logs.sync(id);
    expect(bob.logs.get(id)?.state).toMatchObject({ epoch: 4, title: "three" });
    expect(hashIn(bob, id)).toBe(hashIn(alice, id));
    expect(bob.failures).toEqual([]);
  });

  it("let a leaver go, and the admins begin an epoch without it by themselves", async () => {
    const id = await groupOf(alice, bob, carol);
    await carol.logs.leave(id);
    expect(carol.logs.get(id)?.status).toBe("left");
    await alice.logs.sync(id);
    expect(alice.logs.get(id)?.state.rotation).toBe("due");
    await world.pass();
    expect(alice.logs.get(id)?.state).toMatchObject({ rotation: "none", epoch: 2 });
    await bob.logs.sync(id);
    expect(hashIn(bob, id)).toBe(hashIn(alice, id));
  });

  it("answer an invitation that was taken back with invitationGone, and take another one", async () => {
    const id = await groupOf(alice, bob);
    await alice.logs.append(id, { kind: "invite", account: carol.id });
    await alice.handInvitation(carol);
    await alice.logs.append(id, { kind: "remove", accounts: [carol.id] });
    await expect(carol.logs.accept(id)).rejects.toMatchObject({ code: "invitationGone" });
    await world.pass();
    await join(alice, carol, id);
    expect(members(carol, id)).toEqual([alice.id, bob.id, carol.id]);
    expect(carol.logs.get(id)?.status).toBe("joined");
  });

  it("take a second invitation though the end of the first was not read yet", async () => {
    const id = await groupOf(alice, bob);
    await alice.logs.append(id, { kind: "invite", account: carol.id });
    await alice.handInvitation(carol);
    await carol.logs.sync(id);
    expect(carol.logs.get(id)?.status).toBe("invited");
    await alice.logs.append(id, { kind: "remove", accounts: [carol.id] });
    await world.pass();
    await join(alice, carol, id);
    expect(carol.logs.get(id)?.status).toBe("joined");
  });

  it("leave a checkpoint before they invite into a new epoch, so that who comes has something to begin from", async () => {
    const id = await groupOf(alice, bob);
    await alice.logs.append(id, { kind: "rotate" });
    await join(alice, carol, id);
    expect(members(carol, id)).toEqual([alice.id, bob.id, carol.id]);
  });

  it("refuse an invitation to an identity that this account does not have", async () => {
    const id = await groupOf(alice, bob);
    world.people.set(carol.id, { ...carol.person, identity: world.engine.generateIdentity() });
    await alice.logs.append(id, { kind: "invite", account: carol.id });
    await alice.handInvitation(carol);
    await expect(carol.logs.accept(id)).rejects.toMatchObject({ code: "invitationGone" });
  });

  it("tell the group of each own change, and the invited what to read", async () => {
    const id = await groupOf(alice, bob);
    expect(alice.orders.map(({ type, recipient }) => [type, recipient])).toEqual([
      ["groupChange", undefined],
      ["invitation", bob.id],
      ["groupChange", undefined],
    ]);
    expect(alice.orders[1]?.standing?.revision).toBe(2);
    expect(bob.orders).toMatchObject([{ type: "groupChange", group: id }]);
  });

  it("judge by who could write when, also once this account is out", async () => {
    const id = await groupOf(alice, bob, carol);
    const { seq } = alice.logs.get(id)?.state ?? { seq: 0 };
    const said = { account: bob.id, revision: seq, acceptedMs: world.relay.nowMs };
    expect(carol.logs.judge(id, said)).toBe("yes");
    expect(carol.logs.judge(id, { ...said, revision: seq + 1 })).toBe("later");
    await carol.logs.leave(id);
    expect(carol.logs.judge(id, said)).toBe("yes");
    expect(carol.logs.judge(id, { ...said, revision: seq + 2 })).toBe("no");
    await alice.logs.append(id, { kind: "remove", accounts: [bob.id] });
    expect(alice.logs.judge(id, said)).toBe("yes");
    expect(alice.logs.judge(id, { ...said, acceptedMs: world.relay.nowMs + 1 })).toBe("no");
  });

  it("decline, and let the inviter's epoch end", async () => {
    const id = await groupOf(alice, bob);
    await alice.logs.append(id, { kind: "invite", account: carol.id });
    await alice.handInvitation(carol);
    await carol.logs.decline(id);
    expect(carol.logs.get(id)?.status).toBe("declined");
    expect(await carol.store.get(keys.invitation(carol.store, id))).toBeUndefined();
    await alice.logs.sync(id);
    await world.pass();
    expect(alice.logs.get(id)?.state).toMatchObject({ invited: [], epoch: 2 });
  });

  it("wait for an admin where the group asks for approval", async () => {
    const id = await groupOf(alice, bob);
    await alice.logs.append(id, { kind: "update", approval: "on" });
    await join(bob, carol, id);
    expect(carol.logs.get(id)?.status).toBe("waiting");
    await alice.logs.append(id, { kind: "admit", account: carol.id });
    await carol.logs.sync(id);
    expect(carol.logs.get(id)?.status).toBe("joined");
  });
});
