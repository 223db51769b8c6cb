import { type AccountId, parseAccountId, parseDeviceId, SottoError } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { hidden } from "../../../../sdk/core/conversations/content-writer.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { Counters } from "../../../../sdk/core/counters.js";
import { Repairs } from "../../../../sdk/core/inbox/repairs.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { encodeRow, keys, range } from "../../../../sdk/core/rows.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { group } from "../groups/sending/snapshots.js";
import { manualClock, settled } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { UnsafeOutbox } from "../outbox/unsafe-outbox.js";
import { device, me, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";
import { UnsafeLogs } from "./unsafe-logs.js";

const stranger = parseAccountId("12345678-0000-4000-8000-000000000000");
/** A member of a group, and nothing else to this account. */
const other = parseAccountId("87654321-0000-4000-8000-000000000000");
const DAY_MS = 24 * 3_600_000;

async function fixture() {
  const store = await openSealed();
  const clock = manualClock();
  const account = OwnAccount.create(ownRow());
  const conversations = new Conversations(store, account);
  const peers = new Peers(store);
  for (const contact of [peer, stranger]) {
    await store.commit([peers.change({ ...(await peers.get(contact)), relation: "accepted" })]);
  }
  const failures: unknown[] = [];
  const failed = (error: unknown) => failures.push(error);
  const outbox = new UnsafeOutbox();
  const words = outbox.sent;
  const opened: AccountId[] = [];
  const relay = { isOnline: true, refusal: undefined as SottoError | undefined };
  const logs = new UnsafeLogs();
  const tries: (string | undefined)[] = [];
  const repairs = new Repairs({
    ...{ store, account, peers, clock, conversations, failed, outbox },
    ...{ locks: new KeyedLock(), counters: new Counters(), groupLogs: logs },
    async open(account, _devices, group) {
      tries.push(group);
      if (relay.refusal !== undefined) throw relay.refusal;
      opened.push(account);
    },
    isOnline: () => relay.isOnline,
  });
  let made = 0;
  /** One that was said in a group, without a place, or by somebody who may have said it there. */
  const failInGroup = async (sender: AccountId, conversation = group) => {
    made += 1;
    const envelope = Uint8Array.from({ length: 16 }, (_, at) => (at < 2 ? made >> (8 * at) : at));
    const row = { sender, device, conversation, sinceMs: clock.now(), acceptedMs: 1 };
    await store.commit([{ key: keys.undecryptable(envelope), value: encodeRow("undecryptable", row) }]);
    repairs.wake();
    return envelope;
  };
  /** An envelope that did not open. */
  const fail = async (sender = peer) => {
    made += 1;
    const envelope = Uint8Array.from({ length: 16 }, (_, at) => (at < 2 ? made >> (8 * at) : at));
    const { timeline } = await conversations.of(sender);
    const { sequence, changes } = timeline.append({ ...hidden(sender, clock.now()), shape: "undecryptable", envelope });
    const row = { sender, device, conversation: timeline.id, sequence, sinceMs: clock.now(), acceptedMs: 1 };
    const value = encodeRow("undecryptable", row);
    await store.commit([...changes, { key: keys.undecryptable(envelope), value }]);
    timeline.announce(sequence);
    repairs.wake();
    return { envelope, sequence, timeline };
  };
  const pass = async (ms: number) => {
    await clock.advance(ms);
    for (let turn = 0; turn < 30; turn++) await settled();
  };
  return { store, clock, peers, repairs, words, opened, relay, failures, fail, pass, logs, tries, failInGroup };
}

describe("asking for what did not open", () => {
  it("opens one fresh session and asks for everything of a device at once", async () => {
    const it = await fixture();
    for (let count = 0; count < 10; count++) await it.fail();
    await it.pass(200);
    expect(it.opened).toEqual([peer]);
    expect(it.words).toMatchObject([{ type: "retry", recipient: peer }]);
    expect(it.words[0]?.envelopes).toHaveLength(10);
  });

  it("asks a device at most every five seconds under a flood of bad envelopes, and still asks for all of them", async () => {
    const it = await fixture();
    for (let second = 0; second < 20; second++) {
      for (let count = 0; count < 10; count++) await it.fail();
      await it.pass(1_000);
    }
    expect(it.words.length).toBeLessThanOrEqual(5);
    for (let round = 0; round < 6; round++) await it.pass(5_300);
    const asked = it.words.flatMap(({ envelopes = [] }) => envelopes);
    expect(new Set(asked.map((envelope) => envelope.join())).size).toBe(200);
  });

  it("asks for the mail of others although one floods it with more than a thousand", async () => {
    const it = await fixture();
    for (let count = 0; count < 1_100; count++) await it.fail(stranger);
    await it.fail(peer);
    await it.pass(200);
    expect(it.opened).toContain(peer);
  });

  it("waits for the relay, and after a refusal tries again by itself", async () => {
    const it = await fixture();
    it.relay.isOnline = false;
    await it.fail();
    await it.pass(60_000);
    expect(it.opened).toEqual([]);
    it.relay.isOnline = true;
    it.relay.refusal = new SottoError("busy");
    it.repairs.wake();
    await it.pass(200);
    it.relay.refusal = undefined;
    await it.pass(5_000);
    await it.pass(200);
    expect(it.words).toHaveLength(1);
    expect(it.failures).toEqual([]);
  });

  it("asks again after an hour, and after eight days takes it for lost and tells whoever waits", async () => {
    const it = await fixture();
    const { sequence, timeline } = await it.fail();
    await it.pass(200);
    await it.clock.advance(3_600_000);
    it.repairs.wake();
    await it.pass(200);
    expect(it.words).toHaveLength(2);
    const waiting = timeline.resolved(sequence);
    await it.clock.advance(8 * DAY_MS);
    it.repairs.wake();
    await it.pass(200);
    await waiting;
    expect(await timeline.row(sequence)).toMatchObject({ shape: "undecryptable", reason: "lost" });
    expect(await it.store.list(range(keys.undecryptables, 10))).toEqual([]);
    expect(it.words).toHaveLength(2);
  });

  it.each(["none", "received", "declined", "blocked"] as const)("asks nobody who is %s", async (relation) => {
    const it = await fixture();
    const row = await it.peers.get(peer);
    await it.store.commit([it.peers.change({ ...row, relation })]);
    await it.fail();
    await it.pass(60_000);
    expect(it.opened).toEqual([]);
    await it.store.commit([it.peers.change({ ...row, relation: "accepted" })]);
    it.repairs.wake();
    await it.pass(200);
    expect(it.opened).toEqual([peer]);
  });

  it("asks who refuses again after some minutes, and not every few seconds", async () => {
    const it = await fixture();
    it.relay.refusal = new SottoError("notAllowed");
    await it.fail();
    await it.pass(200);
    for (let passed = 0; passed < 120; passed += 5) await it.pass(5_000);
    expect(it.tries).toHaveLength(1);
    it.relay.refusal = undefined;
    for (let passed = 0; passed < 300; passed += 5) await it.pass(5_000);
    expect(it.words).toHaveLength(1);
  });

  it("does nothing after close", async () => {
    const it = await fixture();
    await it.fail();
    it.repairs.close();
    await it.pass(60_000);
    expect(it.opened).toEqual([]);
  });
});

describe("asking for what was said in a group", () => {
  it("goes to a member on behalf of the group, whatever it is to this account", async () => {
    const it = await fixture();
    it.logs.read(group, { members: [{ account: me }, { account: other }] });
    await it.failInGroup(other);
    await it.pass(200);
    expect([it.opened, it.tries]).toEqual([[other], [group]]);
    expect(it.words).toMatchObject([{ type: "retry", recipient: other, group }]);
  });

  it("waits while this account is not let in, or the other is no member", async () => {
    const it = await fixture();
    it.logs.read(group, { status: "waiting", members: [{ account: other }] });
    await it.failInGroup(other);
    await it.pass(60_000);
    it.logs.read(group, { members: [{ account: me }] });
    it.repairs.wake();
    await it.pass(60_000);
    expect(it.opened).toEqual([]);
    it.logs.read(group, { members: [{ account: me }, { account: other }] });
    it.repairs.wake();
    await it.pass(200);
    expect(it.opened).toEqual([other]);
  });

  it("asks the same device of what is between the two and of each group by itself", async () => {
    const it = await fixture();
    it.logs.read(group, { members: [{ account: me }, { account: peer }] });
    await it.fail(peer);
    await it.failInGroup(peer);
    await it.pass(200);
    expect(it.words.map((word) => word.group)).toEqual(expect.arrayContaining([undefined, group]));
    expect(it.words).toHaveLength(2);
  });

  it("is given up after eight days, also if this device never read the group's log", async () => {
    const it = await fixture();
    const envelope = await it.failInGroup(other);
    await it.clock.advance(8 * DAY_MS + 1_000);
    it.repairs.wake();
    await it.pass(200);
    expect(await it.store.get(keys.undecryptable(envelope))).toBeUndefined();
    expect(it.failures).toEqual([]);
  });
});

describe("being told that it is lost", () => {
  it("takes no word of others for a place: only the device that sent it can say that it is lost", async () => {
    const it = await fixture();
    const { envelope, sequence, timeline } = await it.fail(peer);
    const conversations = new Conversations(it.store, OwnAccount.create(ownRow()));
    const other = parseDeviceId(2);
    for (const sender of [
      { account: stranger, device },
      { account: peer, device: other },
    ]) {
      const plan = await it.repairs.lost(sender, await conversations.of(sender.account), [envelope]);
      await it.store.commit(plan.build());
    }
    expect(await timeline.row(sequence)).not.toMatchObject({ reason: "lost" });
    expect(me).not.toBe(peer);
  });
});
