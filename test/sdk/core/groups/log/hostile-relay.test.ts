/** A relay, or a member, that lies about a group's log: noticed, or without effect. */

import {
  type ConversationId,
  deriveGroupAccessSeed,
  encodeGroupEntry,
  encodeGroupState,
  type Frame,
  groupAppendText,
  groupStateHash,
  SottoError,
  toHex,
} from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import type { EpochSecret } from "../../../../../sdk/core/groups/log/group-keys.js";
import { NONCE_BYTES, sealCheckpoint, sealEntry } from "../../../../../sdk/core/groups/log/sealed-entries.js";
import { decodeRow, keys } from "../../../../../sdk/core/rows.js";
import { nodePlatform } from "../../../../../sdk/node/platform.js";
import { groupOf, join, type LogClient, LogWorld } from "./fixture.js";
import type { UnsafeLog } from "./unsafe-log-relay.js";

let world: LogWorld;
let alice: LogClient;
let bob: LogClient;
let carol: LogClient;

beforeEach(async () => {
  world = await LogWorld.open();
  [alice, bob, carol] = [await world.client(), await world.client(), await world.client()];
});

const { cipher, deviceKeys, random } = nodePlatform;
const hashIn = (client: LogClient, id: ConversationId) => toHex(groupStateHash(stateIn(client, id)));
const copyOf = (log: UnsafeLog): UnsafeLog => ({ ...log, entries: [...log.entries], former: [...log.former] });

function stateIn(client: LogClient, id: ConversationId) {
  const state = client.logs.get(id)?.state;
  if (state === undefined) throw new Error("no state");
  return state;
}

/** The newest secret a device keeps. */
async function secretOf(client: LogClient, id: ConversationId): Promise<EpochSecret> {
  const stored = await client.store.get(keys.group(client.store, id));
  const [secret] = stored === undefined ? [] : decodeRow("group", stored).secrets;
  if (secret === undefined) throw new Error("no secret");
  return secret;
}

/** Appends whatever bytes, as a member that follows no rules. */
async function force(client: LogClient, id: ConversationId, plaintext: Uint8Array): Promise<void> {
  const secret = await secretOf(client, id);
  const expectedSeq = world.relay.log(id).entries.at(-1)?.seq ?? 0;
  const nonce = random.bytes(NONCE_BYTES);
  const entry = sealEntry({ cipher }, { group: id, seq: expectedSeq + 1 }, { secret, entry: plaintext, nonce });
  const { privateKey } = deviceKeys.fromSeed(deriveGroupAccessSeed(secret.secret));
  const signature = deviceKeys.sign(privateKey, groupAppendText({ group: id, expectedSeq, entry }));
  await world.relay.side({}).anonymous.request({ type: "appendGroup", group: id, expectedSeq, entry, signature });
}

/** Changes what a client is shown of logs. */
function showing(client: LogClient, change: (page: Frame<"groupEntries">) => Frame<"groupEntries">): void {
  client.hooks.after = (_frame, answer) => (answer.type === "groupEntries" ? change(answer) : answer);
}

describe("a relay that lies", () => {
  it("is noticed when it shows a shorter log than before", async () => {
    const id = await groupOf(alice, bob);
    const before = copyOf(world.relay.log(id));
    await alice.logs.append(id, { kind: "update", title: "Yard" });
    world.relay.logs.set(id, before);
    await expect(alice.logs.sync(id)).rejects.toMatchObject({ code: "groupForked" });
    expect(alice.forks).toEqual([{ group: id, seenBy: "relay" }]);
  });

  it("is noticed when it shows a log that is shorter to who appends", async () => {
    const id = await groupOf(alice, bob);
    alice.hooks.after = (frame, answer) =>
      frame.type === "appendGroup" ? { type: "groupMoved", id: 1, seq: 1 } : answer;
    const appending = alice.logs.append(id, { kind: "update", title: "Yard" });
    await expect(appending).rejects.toMatchObject({ code: "groupForked" });
    expect(alice.forks).toEqual([{ group: id, seenBy: "relay" }]);
  });

  it("is noticed by a client that starts again, when it shows another entry where one was read", async () => {
    const id = await groupOf(alice, bob);
    const before = copyOf(world.relay.log(id));
    await alice.logs.append(id, { kind: "update", title: "Yard" });
    const again = await alice.killed();
    world.relay.logs.set(id, before);
    await bob.logs.append(id, { kind: "update", title: "Other" });
    await expect(again.logs.sync(id)).rejects.toMatchObject({ code: "groupForked" });
    expect(again.forks).toEqual([{ group: id, seenBy: "relay" }]);
    expect(stateIn(again, id).title).toBe("Yard");
  });

  it("is noticed when two members compare what they read", async () => {
    const id = await groupOf(alice, bob, carol);
    await bob.logs.sync(id);
    const before = copyOf(world.relay.log(id));
    await alice.logs.append(id, { kind: "update", title: "For Alice" });
    world.relay.logs.set(id, before);
    await bob.logs.append(id, { kind: "update", title: "For Bob" });
    bob.logs.heard(alice.logs.standing(id), alice.id);
    await world.pass(0);
    expect(bob.forks).toEqual([{ group: id, seenBy: alice.id }]);
    bob.logs.heard(alice.logs.standing(id), alice.id);
    await world.pass(0);
    expect(bob.forks).toHaveLength(1);
  });

  it("is noticed when it joins two logs: somebody signed an entry that follows one which is not there", async () => {
    const id = await groupOf(alice, bob, carol);
    await carol.logs.sync(id);
    const before = copyOf(world.relay.log(id));
    await alice.logs.append(id, { kind: "update", title: "first" });
    await alice.logs.append(id, { kind: "update", title: "second" });
    const second = world.relay.log(id).entries.at(-1);
    if (second === undefined) throw new Error("no entry");
    world.relay.logs.set(id, before);
    await bob.logs.sync(id);
    // The place of an entry is bound into it, so only where it was can it be shown again: behind another one.
    await bob.logs.append(id, { kind: "update", title: "instead" });
    before.entries.push({ ...second, acceptedMs: world.relay.nowMs });
    await carol.logs.sync(id);
    expect(carol.forks).toEqual([{ group: id, seenBy: alice.id }]);
    expect(stateIn(carol, id).title).toBe("instead");
  });

  it("cannot hide entries for long that others have read", async () => {
    const id = await groupOf(alice, bob);
    await alice.logs.append(id, { kind: "update", title: "Hidden" });
    const { seq } = stateIn(bob, id);
    showing(bob, (page) => ({ ...page, head: seq, entries: page.entries.filter((entry) => entry.seq <= seq) }));
    bob.logs.heard(alice.logs.standing(id), alice.id);
    await world.pass(30_000);
    expect(bob.gaps).toEqual([]);
    await world.pass(60_000);
    expect(bob.gaps).toEqual([{ group: id, revision: seq + 1 }]);
    bob.hooks.after = (_frame, answer) => answer;
    await bob.logs.sync(id);
    expect(stateIn(bob, id).title).toBe("Hidden");
  });

  it("raises no alarm while it cannot be reached, or once it shows what was claimed", async () => {
    const id = await groupOf(alice, bob);
    await alice.logs.append(id, { kind: "update", title: "Yard" });
    bob.hooks.before = () => {
      throw new SottoError("offline");
    };
    bob.logs.heard(alice.logs.standing(id), alice.id);
    await world.pass(300_000);
    expect(bob.gaps).toEqual([]);
    bob.hooks.before = () => undefined;
    await world.pass(120_000);
    expect(bob.gaps).toEqual([]);
    expect(stateIn(bob, id).title).toBe("Yard");
  });

  it.each([
    ["reordered", (entries: Frame<"groupEntries">["entries"]) => [...entries].reverse()],
    ["twice the same", (entries: Frame<"groupEntries">["entries"]) => entries.flatMap((entry) => [entry, entry])],
  ])("is refused with entries that come %s, and nothing of them is taken", async (_how, change) => {
    const id = await groupOf(alice, bob);
    for (const title of ["one", "two", "three"]) await alice.logs.append(id, { kind: "update", title });
    showing(bob, (page) => ({ ...page, entries: change(page.entries) }));
    await expect(bob.logs.sync(id)).rejects.toMatchObject({ code: "badRelay" });
    expect(stateIn(bob, id).title).toBe("Garden");
    bob.hooks.after = (_frame, answer) => answer;
    await bob.logs.sync(id);
    expect(hashIn(bob, id)).toBe(hashIn(alice, id));
  });

  it("shows an entry under another number without effect", async () => {
    const id = await groupOf(alice, bob);
    for (const title of ["one", "two"]) await alice.logs.append(id, { kind: "update", title });
    showing(bob, (page) => {
      const bytes = page.entries.map(({ entry }) => entry).reverse();
      return { ...page, entries: page.entries.map((entry, at) => ({ ...entry, entry: bytes[at] ?? entry.entry })) };
    });
    await bob.logs.sync(id);
    expect(stateIn(bob, id).title).toBe("Garden");
  });

  it("cannot pass off another checkpoint", async () => {
    world.relay.keptEntries = 0;
    const id = await groupOf(alice, bob);
    await alice.logs.append(id, { kind: "rotate" });
    await world.pass();
    await alice.logs.append(id, { kind: "invite", account: carol.id });
    await alice.handInvitation(carol);
    const { checkpoint } = world.relay.log(id);
    if (checkpoint === undefined) throw new Error("no checkpoint");
    const body = checkpoint.body.slice();
    body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
    showing(carol, (page) => ({ ...page, checkpoint: { ...checkpoint, body } }));
    await expect(carol.logs.accept(id)).rejects.toMatchObject({ code: "busy" });
    expect(carol.logs.get(id)).toBeUndefined();
    carol.hooks.after = (_frame, answer) => answer;
    await carol.logs.accept(id);
    expect(carol.logs.get(id)?.status).toBe("joined");
  });

  it("is noticed when it puts other bytes where there were some that meant nothing", async () => {
    const id = await groupOf(alice, bob);
    await force(bob, id, random.bytes(100));
    await alice.logs.sync(id);
    const again = await alice.killed();
    const { entries } = world.relay.log(id);
    entries.pop();
    world.relay.nowMs += 1_000;
    await force(bob, id, random.bytes(100));
    await expect(again.logs.sync(id)).rejects.toMatchObject({ code: "groupForked" });
  });

  it("cannot pass off a state that a member made up, where the log has another entry than a checkpoint", async () => {
    const id = await groupOf(alice, bob);
    await bob.logs.sync(id);
    const truth = stateIn(bob, id);
    await alice.logs.append(id, { kind: "update", title: "Yard" });
    await alice.logs.append(id, { kind: "invite", account: carol.id });
    await alice.handInvitation(carol);
    const members = truth.members.map((member) => ({ ...member, role: "owner" as const }));
    const place = { group: id, seq: truth.seq + 1 };
    const secret = await secretOf(bob, id);
    const body = sealCheckpoint({ cipher, random }, place, { secret, state: encodeGroupState({ ...truth, members }) });
    world.relay.log(id).checkpoint = { seq: place.seq, body };
    await expect(carol.logs.accept(id)).rejects.toMatchObject({ code: "badRelay" });
    expect(carol.logs.get(id)).toBeUndefined();
  });

  it("cannot bring somebody who was away a state in which others have other identities", async () => {
    const id = await groupOf(alice, bob, carol);
    const truth = stateIn(carol, id);
    const members = truth.members.map((member) => {
      if (member.account === carol.id) return { ...member, role: "owner" as const };
      return member.account === alice.id ? { ...member, identityKey: carol.person.identity.publicKey } : member;
    });
    const forged = { ...truth, seq: truth.seq + 5, members };
    const place = { group: id, seq: forged.seq + 1 };
    const secret = await secretOf(carol, id);
    const change = { kind: "checkpoint", stateHash: groupStateHash(forged) } as const;
    const entry = encodeGroupEntry({ group: id, previous: forged.head, author: carol.id, atMs: 1, change }, (text) =>
      world.engine.sign(carol.person.identity, text),
    );
    const log = world.relay.log(id);
    const sealed = sealEntry({ cipher }, place, { secret, entry, nonce: random.bytes(NONCE_BYTES) });
    log.entries = [{ ...place, acceptedMs: world.relay.nowMs, entry: sealed }];
    const body = sealCheckpoint({ cipher, random }, place, { secret, state: encodeGroupState(forged) });
    log.checkpoint = { seq: place.seq, body };
    await expect(bob.logs.sync(id)).rejects.toMatchObject({ code: "groupForked" });
    expect(stateIn(bob, id).members[0]?.identityKey).toEqual(alice.person.identity.publicKey);
  });

  it("cannot show somebody invited another log than the inviter read", async () => {
    const id = await groupOf(alice, bob);
    const before = copyOf(world.relay.log(id));
    await alice.logs.append(id, { kind: "invite", account: carol.id });
    const { revision } = await alice.handInvitation(carol);
    world.relay.logs.set(id, before);
    await bob.logs.append(id, { kind: "invite", account: carol.id });
    expect(world.relay.log(id).entries.at(-1)?.seq).toBe(revision);
    await expect(carol.logs.accept(id)).rejects.toMatchObject({ code: "groupForked" });
    expect(carol.forks).toEqual([{ group: id, seenBy: alice.id }]);
    expect(carol.logs.get(id)).toBeUndefined();
  });

  it("cannot let somebody accept before it shows the invitation", async () => {
    const id = await groupOf(alice, bob);
    const before = copyOf(world.relay.log(id));
    await alice.logs.append(id, { kind: "invite", account: carol.id });
    await alice.handInvitation(carol);
    world.relay.logs.set(id, before);
    await expect(carol.logs.accept(id)).rejects.toMatchObject({ code: "busy" });
  });
});

describe("a member that keeps to no rule", () => {
  const forged = (
    by: LogClient,
    id: ConversationId,
    change: Parameters<typeof encodeGroupEntry>[0]["change"],
    author = by.id,
  ) =>
    encodeGroupEntry({ group: id, previous: stateIn(by, id).head, author, atMs: 1, change }, (text) =>
      world.engine.sign(by.person.identity, text),
    );

  it("changes nothing by garbage, forged or forbidden entries, which are counted", async () => {
    const id = await groupOf(alice, bob, carol);
    await bob.logs.sync(id);
    const before = stateIn(alice, id);
    await force(bob, id, random.bytes(100));
    await force(bob, id, forged(bob, id, { kind: "role", account: bob.id, role: "owner" }));
    await force(bob, id, forged(bob, id, { kind: "update", title: "Alice said so" }, alice.id));
    await force(bob, id, forged(bob, id, { kind: "remove", accounts: [carol.id] }));
    for (const client of [alice, carol]) {
      await client.logs.sync(id);
      expect({ ...stateIn(client, id), seq: 0, head: [] }).toEqual({ ...before, seq: 0, head: [] });
      expect(client.counters.snapshot().groupRefused).toBe(4);
      expect(client.forks).toEqual([]);
    }
    await alice.logs.append(id, { kind: "update", title: "Goes on" });
    await carol.logs.sync(id);
    expect(stateIn(carol, id).title).toBe("Goes on");
  });

  it("raises no alarm by appending another's old entry again", async () => {
    const id = await groupOf(alice, bob, carol);
    await alice.logs.append(id, { kind: "update", title: "old" });
    const old = alice.changes.at(-1)?.applied.at(-1)?.entry ?? new Uint8Array(0);
    await alice.logs.append(id, { kind: "update", title: "new" });
    await bob.logs.sync(id);
    await force(bob, id, old);
    await carol.logs.sync(id);
    expect(stateIn(carol, id).title).toBe("new");
    expect(carol.forks).toEqual([]);
  });

  it("raises no alarm by an old entry of another where somebody came too late to have read it", async () => {
    const id = await groupOf(alice, bob);
    await alice.logs.append(id, { kind: "update", title: "old" });
    const old = alice.changes.at(-1)?.applied.at(-1)?.entry ?? new Uint8Array(0);
    world.relay.nowMs += 7 * 24 * 3_600_000;
    await alice.logs.append(id, { kind: "rotate" });
    await world.pass();
    await join(alice, carol, id);
    await bob.logs.sync(id);
    await force(bob, id, old);
    await carol.logs.sync(id);
    expect(carol.counters.snapshot()).toMatchObject({ groupRefused: 1 });
    expect(carol.forks).toEqual([]);
  });

  it("stops no epoch by a key of its own that nobody can seal to", async () => {
    const id = await groupOf(alice, bob, carol);
    await bob.logs.sync(id);
    const wrapKey = Uint8Array.of(5, ...new Uint8Array(32));
    await force(bob, id, forged(bob, id, { kind: "keys", wrapKey, deliveryKeyHash: random.bytes(32) }));
    await alice.logs.append(id, { kind: "rotate" });
    await carol.logs.sync(id);
    expect(stateIn(carol, id).epoch).toBe(2);
    // Who did that locked itself out.
    await bob.logs.sync(id);
    expect(stateIn(bob, id).epoch).toBe(1);
    await world.pass(70_000);
    expect(bob.gaps).toMatchObject([{ group: id }]);
  });
});

describe("who comes later", () => {
  it("begins from a checkpoint of a thousand changes, and agrees with everybody", async () => {
    const id = await groupOf(alice, bob);
    for (let change = 0; change < 1_000; change++) {
      await alice.logs.append(id, { kind: "update", title: `${change}` });
      if (change % 100 === 99) await world.pass();
    }
    await join(alice, carol, id);
    const read = world.relay.heard.filter(({ type }) => type === "readGroup");
    expect(read.length).toBeGreaterThan(0);
    await alice.logs.sync(id);
    expect(hashIn(carol, id)).toBe(hashIn(alice, id));
    expect(world.relay.log(id).entries.length).toBeLessThan(420);
    expect(carol.changes[0]?.applied.map(({ summary }) => summary[0]?.kind)).toEqual(["invited"]);
  }, 240_000);

  it("waits where no admin left a checkpoint of the epoch yet, and comes in once one did", async () => {
    const id = await groupOf(alice, bob);
    let isPutting = true;
    alice.hooks.before = (frame) => {
      if (frame.type === "putCheckpoint" && isPutting) throw new SottoError("offline");
    };
    await alice.logs.append(id, { kind: "rotate" });
    await bob.logs.sync(id);
    await bob.logs.append(id, { kind: "invite", account: carol.id });
    await bob.handInvitation(carol);
    await expect(carol.logs.accept(id)).rejects.toMatchObject({ code: "busy" });
    await world.pass();
    await expect(carol.logs.accept(id)).rejects.toMatchObject({ code: "busy" });
    isPutting = false;
    alice.logs.wake();
    await world.pass();
    await carol.logs.accept(id);
    expect(carol.logs.get(id)?.status).toBe("joined");
  });
});
