import {
  type AccountId,
  type ConversationId,
  type DeviceId,
  parseAccountId,
  parseDeviceId,
  type Relation,
} from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Counters } from "../../../../sdk/core/counters.js";
import { Resends } from "../../../../sdk/core/inbox/resends.js";
import { KeptSends } from "../../../../sdk/core/outbox/kept-sends.js";
import type { Row } from "../../../../sdk/core/rows.js";
import { group, snapshotOf } from "../groups/sending/snapshots.js";
import { manualClock } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { UnsafeOutbox } from "../outbox/unsafe-outbox.js";
import { device, me, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

/** What was said when the group's log was read to its entry number 5. */
const toGroup = { recipient: undefined, group, standing: { revision: 5, head: new Uint8Array(32) } } as const;

const stranger = parseAccountId("12345678-0000-4000-8000-000000000000");

async function fixture() {
  const store = await openSealed();
  const clock = manualClock();
  const account = OwnAccount.create(ownRow());
  const keptSends = new KeptSends({ store, clock, failed: () => {} });
  const outbox = new UnsafeOutbox();
  const words = outbox.sent;
  const members = new Map<AccountId, number>([[me, 1]]);
  const logs = {
    get: () =>
      snapshotOf(
        group,
        [...members].map(([account, joinedSeq]) => ({ account, joinedSeq })),
      ),
  };
  const senderKeys = {
    again: (id: string, account: AccountId) => ({ key: `shared/${id}/${account}`, value: undefined }),
  };
  const resends = new Resends({ account, counters: new Counters(), keptSends, outbox, logs, senderKeys });
  let made = 0;
  /** Something that was sent to an account and is kept. */
  const keep = async (recipient: AccountId | undefined, over: Partial<Row<"outbox">> = {}) => {
    made += 1;
    const envelope = Uint8Array.from({ length: 16 }, (_, at) => (at === 0 ? made : 99));
    const row = { envelope, recipient, type: "content", envelopes: [], body: Uint8Array.of(5), ...over } as const;
    const when = { atMs: clock.now(), acceptedMs: clock.now() };
    await store.commit([keptSends.keep({ ...row, createdMs: 0, state: "queued" }, when)]);
    return envelope;
  };
  /** Answers a request and commits what that changes. */
  const answer = async (
    asker: AccountId,
    envelopes: readonly Uint8Array[],
    {
      from = device,
      inGroup,
      relation = "none",
    }: { readonly from?: DeviceId; readonly inGroup?: ConversationId; readonly relation?: Relation } = {},
  ) => {
    const asked = inGroup === undefined ? undefined : { group: inGroup, relation };
    const plan = await resends.answer({ account: asker, device: from }, envelopes, asked);
    await store.commit(plan.build());
    for (const work of plan.after) work();
  };
  return { outbox, words, members, keep, answer };
}

describe("answering who could not open", () => {
  it("sends again what went to the asker, and nothing that went to somebody else", async () => {
    const it = await fixture();
    const [mine, theirs] = [await it.keep(peer), await it.keep(stranger)];
    await it.answer(peer, [mine, theirs]);
    expect(it.words).toMatchObject([
      { type: "content", recipient: peer, resendOf: mine, body: Uint8Array.of(5) },
      { type: "unavailable", recipient: peer, envelopes: [theirs] },
    ]);
  });

  it("sends the same at most sixteen times", async () => {
    const it = await fixture();
    const envelope = await it.keep(peer);
    for (let time = 0; time < 20; time++) await it.answer(peer, [envelope]);
    expect(it.words.filter(({ type }) => type === "content")).toHaveLength(16);
  });

  it("tells when it was said first, also of what was sent again before", async () => {
    const it = await fixture();
    const again = await it.keep(peer, { resendOf: new Uint8Array(16), atMs: 7 });
    await it.answer(peer, [again]);
    expect(it.words).toMatchObject([{ type: "content", resendOf: again, atMs: 7 }]);
  });

  it("answers nothing while the outbox has no room, and counts nothing", async () => {
    const it = await fixture();
    const envelope = await it.keep(peer);
    it.outbox.room = 0;
    for (let time = 0; time < 10; time++) await it.answer(peer, [envelope]);
    it.outbox.room = 10;
    await it.answer(peer, [envelope]);
    expect(it.words).toMatchObject([{ type: "content" }]);
  });

  it("answers a device of this account alone, and with all that its word was", async () => {
    const it = await fixture();
    const other = parseDeviceId(2);
    const sent = { type: "sent", peer, atMs: 7 } as const;
    const [synced, elsewhere] = [await it.keep(me, sent), await it.keep(me, { ...sent, device: parseDeviceId(3) })];
    const state = await it.keep(me, { type: "state" });
    await it.answer(me, [synced, elsewhere, state], { from: other });
    expect(it.words).toMatchObject([
      { recipient: me, device: other, type: "sent", peer, atMs: 7, body: Uint8Array.of(5), resendOf: synced },
      { recipient: me, device: other, type: "state", body: Uint8Array.of(5), resendOf: state },
      { recipient: me, device: other, type: "unavailable", envelopes: [elsewhere] },
    ]);
  });

  it("says that there is nothing to show where only SDKs talked", async () => {
    const it = await fixture();
    const envelope = await it.keep(peer, { type: "retry", envelopes: [new Uint8Array(16)] });
    await it.answer(peer, [envelope]);
    expect(it.words).toMatchObject([{ type: "nothing", recipient: peer, resendOf: envelope }]);
  });
});

describe("answering members of a group who could not open", () => {
  it("sends what went to the group to the asker alone, in its place, with the key before it", async () => {
    const it = await fixture();
    it.members.set(peer, 4);
    const [one, two] = [await it.keep(undefined, toGroup), await it.keep(undefined, toGroup)];
    await it.answer(peer, [one, two], { inGroup: group });
    const { standing } = toGroup;
    expect(it.words).toMatchObject([
      { type: "senderKey", recipient: peer, group },
      { type: "content", recipient: peer, group, standing, resendOf: one, body: Uint8Array.of(5) },
      { type: "content", recipient: peer, group, standing, resendOf: two, body: Uint8Array.of(5) },
    ]);
    expect(it.words[1]?.atMs).toBeGreaterThan(0);
  });

  it("gives nothing to who joined after it was said, and no key either", async () => {
    const it = await fixture();
    it.members.set(peer, 6);
    const envelope = await it.keep(undefined, toGroup);
    await it.answer(peer, [envelope], { inGroup: group });
    expect(it.words).toMatchObject([{ type: "unavailable", recipient: peer, group, envelopes: [envelope] }]);
  });

  it("says nothing at all to who is no member any more, not even that", async () => {
    const it = await fixture();
    const envelope = await it.keep(undefined, toGroup);
    await it.answer(peer, [envelope], { inGroup: group });
    expect(it.words).toEqual([]);
  });

  it("gives nobody anything of a group it has left itself", async () => {
    const it = await fixture();
    it.members.set(peer, 4);
    const envelope = await it.keep(undefined, toGroup);
    it.members.delete(me);
    await it.answer(peer, [envelope], { inGroup: group });
    expect(it.words).toEqual([]);
  });

  it("hands the key once more to who could not open it", async () => {
    const it = await fixture();
    it.members.set(peer, 4);
    const envelope = await it.keep(peer, { ...toGroup, recipient: peer, type: "senderKey" });
    await it.answer(peer, [envelope], { inGroup: group });
    expect(it.words).toMatchObject([
      { type: "senderKey", recipient: peer, group },
      { type: "nothing", recipient: peer, group, resendOf: envelope },
    ]);
  });

  it("answers every member of many, however often one of them asks", async () => {
    const it = await fixture();
    it.members.set(peer, 4).set(stranger, 4);
    const envelope = await it.keep(undefined, toGroup);
    for (let time = 0; time < 60; time++) await it.answer(peer, [envelope], { inGroup: group });
    expect(it.words.filter(({ type }) => type === "content")).toHaveLength(16);
    await it.answer(stranger, [envelope], { inGroup: group });
    expect(it.words.filter(({ type }) => type === "content")).toHaveLength(17);
  });

  it("answers a group's question by what was said between the two only where it would be answered there", async () => {
    const it = await fixture();
    it.members.set(peer, 4);
    const [between, inGroup] = [await it.keep(peer), await it.keep(undefined, toGroup)];
    for (const relation of ["blocked", "declined", "received"] as const)
      await it.answer(peer, [between], { inGroup: group, relation });
    expect(it.words).toEqual([]);
    await it.answer(peer, [between, inGroup], { inGroup: group, relation: "blocked" });
    expect(it.words.map(({ resendOf }) => resendOf)).toEqual([undefined, inGroup]);
    // Of who is no member there, nothing is known that it may ask.
    it.members.delete(peer);
    await it.answer(peer, [between], { inGroup: group });
    expect(it.words).toHaveLength(2);
    await it.answer(peer, [between]);
    expect(it.words).toHaveLength(3);
  });

  it("repeats an invitation between the two, without a key", async () => {
    const it = await fixture();
    const envelope = await it.keep(peer, { ...toGroup, recipient: peer, type: "invitation" });
    await it.answer(peer, [envelope]);
    expect(it.words).toMatchObject([{ type: "invitation", recipient: peer, group, resendOf: envelope }]);
  });
});
