import {
  accessTag,
  decodePayload,
  type GroupStanding,
  parseAccountId,
  parseDeviceId,
  SottoError,
} from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { deferred } from "../../../../sdk/core/deferred.js";
import { farewellTo } from "../../../../sdk/core/groups/sending/farewell.js";
import type { Order } from "../../../../sdk/core/outbox/order.js";
import type { Dispatched } from "../../../../sdk/core/outbox/outcome.js";
import { eachRow, keys } from "../../../../sdk/core/rows.js";
import { group } from "../groups/sending/snapshots.js";
import { device, me, peer } from "../people.js";
import {
  accepted,
  holdProfileKey,
  mismatch,
  type OutboxFixture,
  outboxFixture,
  quiet,
  refuse,
  standing,
} from "./fixture.js";

const stranger = parseAccountId("12345678-0000-4000-8000-000000000000");
const hash = new Uint8Array(32).fill(1);
const fellow = { identityKey: new Uint8Array(33), deliveryKeyHashes: [hash] };
const here: GroupStanding = { id: group, ...standing };

async function put({ outbox, store }: OutboxFixture, ...orders: readonly Order[]): Promise<void> {
  const queued = orders.map((order) => outbox.queue(order));
  await store.commit(queued.flatMap(({ changes }) => changes));
  for (const { sent } of queued) sent();
  await quiet();
}

/** A fixture in which rows for the whole group wait for the test. */
async function withGroup() {
  const it = await outboxFixture();
  const toGroup: { readonly content: number | undefined; answer(outcome: Dispatched): void }[] = [];
  it.toGroup = (row) =>
    new Promise((resolve) => toGroup.push({ content: row.body[0], answer: (outcome) => resolve(outcome) }));
  return { it, toGroup };
}

const said = (content: number): Order => ({ group, type: "content", body: Uint8Array.of(content) });
const done: Dispatched = { kind: "accepted", acceptedMs: 50, inGroup: { standing, leftOut: [] } };

describe("rows for a whole group", () => {
  it("keep their order among themselves, and wait for nobody else", async () => {
    const { it: one, toGroup } = await withGroup();
    await put(one, said(1), said(2));
    await one.put(9);
    await quiet();
    expect(one.outcomes.map(({ content }) => content)).toEqual([9]);
    toGroup[0]?.answer({ kind: "again", afterMs: 0 });
    toGroup[1]?.answer(done);
    await quiet();
    expect(toGroup.at(-1)?.content).toBe(1);
    toGroup.at(-1)?.answer(done);
    await quiet();
    expect(one.ended.map(({ group: of, body }) => [of, body[0]])).toContainEqual([group, 1]);
  });

  it("are tried at once after each of several repairs, and then with care", async () => {
    const one = await outboxFixture();
    let tries = 0;
    one.toGroup = async () => {
      tries += 1;
      return { kind: "again", afterMs: 0 };
    };
    await put(one, said(1));
    expect(tries).toBe(5);
    await one.clock.advance(60_000);
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(12);
  });

  it("are taken up by the next run under the same send id", async () => {
    const { it: first } = await withGroup();
    await put(first, said(1));
    first.outbox.close();
    const second = await outboxFixture(first.store, first.clock);
    const envelopes: Uint8Array[] = [];
    second.toGroup = async (row) => {
      envelopes.push(row.envelope);
      return done;
    };
    await second.outbox.load();
    await quiet();
    expect(second.ended).toMatchObject([{ group, envelope: envelopes[0], standing }]);
  });

  it("can be taken back before they leave", async () => {
    const one = await outboxFixture();
    const queued = one.outbox.queue(said(1));
    await one.store.commit(queued.changes);
    expect(await one.outbox.withdraw(queued.order)).toBeDefined();
    queued.sent();
    await quiet();
    expect(one.ended).toEqual([]);
  });

  it("are kept as they were said, for members that could not open them", async () => {
    const one = await outboxFixture();
    await put(one, said(1));
    const [ended] = one.ended;
    const kept = await one.keptSends.find(ended?.envelope ?? new Uint8Array(), { account: peer, device });
    expect(kept).toMatchObject({ group, standing, type: "content", body: Uint8Array.of(1) });
    expect(kept?.recipient).toBeUndefined();
  });
});

describe("members whom a row did not go to with the others", () => {
  it("are written to alone, in the group's name, under the tag of this send, and told its place", async () => {
    const one = await outboxFixture();
    one.fellows.set(peer, fellow);
    one.toGroup = async () => ({ kind: "accepted", acceptedMs: 50, inGroup: { standing, leftOut: [peer] } });
    await put(one, said(1));
    const [send] = one.sends;
    const original = one.ended[0]?.envelope;
    expect(decodePayload(send?.plaintext ?? new Uint8Array())).toEqual({
      ...{ type: "content", content: Uint8Array.of(1), group: here, resendOf: original, atMs: 50 },
    });
    expect(send?.link).toBe("anonymous");
    expect(send?.frame.recipients).toMatchObject([
      { account: peer, accessTag: accessTag(send?.envelope ?? new Uint8Array(), peer, hash), scope: "all" },
    ]);
    expect(send?.frame.recipients[0]?.deliveryKey).toBeUndefined();
    expect(one.encryptedFor).toEqual([fellow]);
  });

  it("never take more than half of the room there is", async () => {
    const one = await outboxFixture();
    one.state = "waiting";
    const many = Array.from({ length: 4_998 }, () => one.outbox.queue({ recipient: peer, type: "retry" }));
    expect(many).toHaveLength(4_998);
    one.toGroup = async () => ({ kind: "accepted", acceptedMs: 50, inGroup: { standing, leftOut: [peer, stranger] } });
    await put(one, said(1));
    // One of the two took the place of the row itself.
    expect(one.outbox.size).toBe(4_999);
    expect(one.counters.snapshot()).toMatchObject({ groupWordsDropped: 1 });
  });

  it("are told nothing of a mere notice", async () => {
    const one = await outboxFixture();
    one.toGroup = async () => ({ kind: "accepted", acceptedMs: 50, inGroup: { standing, leftOut: [peer] } });
    await put(one, { group, type: "groupChange" });
    expect(one.outbox.size).toBe(0);
  });
});

describe("rows for one member on behalf of a group", () => {
  const again: Order = { ...said(1), recipient: peer, standing, resendOf: new Uint8Array(16), atMs: 5 };

  it("are never shown with a name: who is refused waits until the log knows another key", async () => {
    const one = await outboxFixture();
    await holdProfileKey(one, 4);
    one.fellows.set(peer, fellow);
    one.answer = () => refuse("notAllowed");
    await put(one, again);
    expect(one.sends.map(({ link }) => link)).toEqual(["anonymous"]);
    expect(one.refusals).toEqual([{ account: peer, hash }]);
    expect(one.ended).toEqual([]);
    one.fellows.set(peer, { ...fellow, deliveryKeyHashes: [new Uint8Array(32).fill(2)] });
    one.answer = async () => accepted;
    await one.clock.advance(1_000);
    expect(one.ended).toHaveLength(1);
    expect((await one.peers.get(peer)).profileKey).toBeDefined();
  });

  it("keep their order while the log is read because of the first, whatever becomes known meanwhile", async () => {
    const one = await outboxFixture();
    one.fellows.set(peer, fellow);
    const read = deferred<void>();
    one.whileDoubting = () => read.promise;
    const toPeer = (content: number): Order => ({ ...said(content), recipient: peer });
    one.encryptFails = new SottoError("notAllowed");
    let franked = 0;
    one.whileFranking = async () => {
      franked += 1;
      if (franked === 2) one.encryptFails = undefined;
    };
    await put(one, toPeer(1), toPeer(2), toPeer(3));
    read.resolve();
    await quiet();
    await one.clock.advance(1_000);
    expect(one.outcomes.map(({ content }) => content)).toEqual([1, 2, 3]);
  });

  it("end with the membership", async () => {
    const one = await outboxFixture();
    await put(one, again);
    expect(one.sends).toEqual([]);
    expect(one.outcomes).toMatchObject([{ kind: "failed", code: "groupLeft" }]);
  });

  it("wait for nothing that is said between the two, and hold none of it up", async () => {
    const one = await outboxFixture();
    one.fellows.set(peer, { ...fellow, deliveryKeyHashes: [] });
    await put(one, again, { recipient: peer, type: "content", body: Uint8Array.of(2) });
    expect(one.outcomes.map(({ content }) => content)).toEqual([2]);
  });

  it("say which group they are about, and hand no key out to anybody", async () => {
    const one = await outboxFixture();
    one.fellows.set(peer, fellow);
    const to = { recipient: peer, group } as const;
    const envelopes = [new Uint8Array(16)];
    await put(
      one,
      again,
      { ...to, type: "retry", envelopes },
      { ...to, type: "unavailable", envelopes },
      { ...to, type: "nothing", resendOf: new Uint8Array(16) },
    );
    const payloads = one.sends.map(({ plaintext }) => decodePayload(plaintext));
    expect(payloads.map(({ type }) => type)).toEqual(["content", "retry", "unavailable", "nothing"]);
    for (const payload of payloads) {
      expect(payload).toMatchObject({ group: here });
      expect("profileKey" in payload && payload.profileKey).toBeFalsy();
    }
    expect(new Set(one.sends.map(({ frame }) => frame.purpose))).toEqual(new Set(["repair"]));
  });

  it("repair a wrong device list as members do", async () => {
    const one = await outboxFixture();
    one.fellows.set(peer, fellow);
    let isRepaired = false;
    one.answer = async () => (isRepaired ? accepted : mismatch);
    await put(one, again);
    isRepaired = true;
    await one.clock.advance(1_000);
    expect(one.repairs.count).toBeGreaterThan(0);
    expect(one.ended).toHaveLength(1);
  });

  it("tell who was removed of it under what the log said of it last, and give up where that is no good any more", async () => {
    const one = await outboxFixture();
    const removed = { account: peer, role: "member", joinedSeq: 1, wrapKey: new Uint8Array(33) } as const;
    const body = farewellTo({ ...removed, identityKey: fellow.identityKey, deliveryKeyHash: hash });
    await put(one, { recipient: peer, group, standing, type: "groupChange", body });
    expect(one.encryptedFor).toEqual([fellow]);
    const [send] = one.sends;
    expect(decodePayload(send?.plaintext ?? new Uint8Array())).toEqual({ type: "groupChange", group: here });
    expect(send?.frame.recipients[0]?.accessTag).toEqual(accessTag(send?.envelope ?? new Uint8Array(), peer, hash));
    one.answer = () => refuse("notAllowed");
    await put(one, { recipient: peer, group, standing, type: "groupChange", body });
    expect(one.outcomes.at(-1)).toMatchObject({ kind: "failed", code: "notAllowed" });
    expect(one.refusals).toEqual([]);
  });

  it("hand a key over through who keeps the group's keys", async () => {
    const { it: one, toGroup } = await withGroup();
    await put(one, { recipient: peer, group, type: "senderKey" });
    expect(one.sends).toEqual([]);
    toGroup[0]?.answer({ kind: "accepted", acceptedMs: 1 });
    await quiet();
    expect(one.ended).toMatchObject([{ type: "senderKey", recipient: peer, group }]);
  });
});

describe("what concerns a group and goes between two", () => {
  it("is an invitation, which travels as any first word, with the key for the answer", async () => {
    const one = await outboxFixture();
    const invite = { revision: 2, head: new Uint8Array(32).fill(2) };
    await put(one, { recipient: peer, group, standing: invite, type: "invitation", body: Uint8Array.of(1) });
    const [send] = one.sends;
    expect([send?.link, send?.frame.purpose]).toEqual(["device", "message"]);
    expect(decodePayload(send?.plaintext ?? new Uint8Array())).toMatchObject({
      ...{ type: "invitation", group: { id: group, ...invite }, body: Uint8Array.of(1), profileKey: one.handedOut },
    });
    const kept = await one.keptSends.find(send?.envelope ?? new Uint8Array(), { account: peer, device });
    expect(kept).toMatchObject({ type: "invitation", body: Uint8Array.of(1), standing: invite });
  });

  it("is what own devices are told, as the group stood when it was said", async () => {
    const one = await outboxFixture();
    one.ownOthers = [parseDeviceId(2)];
    const then = { revision: 2, head: new Uint8Array(32).fill(2) };
    await put(
      one,
      { recipient: me, group, standing: then, type: "sent", atMs: 5, body: Uint8Array.of(1) },
      { recipient: me, type: "groups", body: Uint8Array.of(2) },
    );
    expect(one.sends.map(({ link }) => link)).toEqual(["device", "device"]);
    const payloads = one.sends.map(({ plaintext }) => decodePayload(plaintext));
    expect(payloads).toMatchObject([
      { type: "sent", group: { id: group, ...then }, atMs: 5, content: Uint8Array.of(1) },
      { type: "groups", body: Uint8Array.of(2) },
    ]);
    for await (const { key } of eachRow(one.store, keys.outboxAll)) expect(key).toBe("none is left");
  });
});
