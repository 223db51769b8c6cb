import { type Content, encodeContent, parseDeviceId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { KeyHandover } from "../../../../sdk/core/devices/key-handover.js";
import { SentSync } from "../../../../sdk/core/devices/sent-sync.js";
import { KeptSends } from "../../../../sdk/core/outbox/kept-sends.js";
import { encodeRow, keys, type Row } from "../../../../sdk/core/rows.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { group } from "../groups/sending/snapshots.js";
import { manualClock } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { UnsafeOutbox } from "../outbox/unsafe-outbox.js";
import { me, messageId, peer, Talk } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const other = parseDeviceId(2);

async function fixture() {
  const store = await openSealed();
  const account = OwnAccount.create(ownRow());
  const clock = manualClock();
  const outbox = new UnsafeOutbox();
  const peers = new Peers(store);
  const keptSends = new KeptSends({ store, clock, failed: () => {} });
  const devices = { others: [other] };
  const kept = { evidence: undefined as Uint8Array | undefined };
  const sentSync = new SentSync({
    ...{ store, account, outbox, keptSends },
    evidenceOf: async () => kept.evidence,
    others: () => devices.others,
  });
  const handover = new KeyHandover({ store, account, peers, outbox, keptSends, nowMs: () => clock.now() });
  const talk = await Talk.open();
  let made = 0;
  const row = (saying: Saying, over: Partial<Row<"outbox">> = {}): Row<"outbox"> => {
    made += 1;
    const content: Content = talk.content(me, messageId(made), saying);
    return {
      envelope: new Uint8Array(16).fill(made),
      ...{
        recipient: peer,
        type: "content",
        envelopes: [],
        body: encodeContent(content),
        createdMs: 0,
        state: "queued",
      },
      ...over,
    };
  };
  const keep = async (kept: Row<"outbox">, acceptedMs: number) => {
    await store.commit([keptSends.keep(kept, { atMs: acceptedMs, acceptedMs })]);
  };
  return { store, kept, keptSends, clock, peers, outbox, devices, sentSync, handover, row, keep };
}

const inGroup = { recipient: undefined, group, standing: { revision: 3, head: new Uint8Array(32) } } as const;
const text = { kind: "text", text: "hi" } as const;
const receipt = (kind: "delivered" | "read") =>
  ({ kind: "receipt", receipt: kind, targets: [messageId(1)] }) as const satisfies Saying;

describe("telling own devices what was sent", () => {
  it("names the peer, the relay's time and the content", async () => {
    const it = await fixture();
    const row = it.row(text);
    for (const { sent } of it.sentSync.accepted(row, { acceptedMs: 77 })) sent();
    expect(it.outbox.sent).toEqual([{ recipient: me, type: "sent", peer, atMs: 77, body: row.body }]);
  });

  it("leaves out a message that ended while a device that joined waited for room", async () => {
    const it = await fixture();
    const content: Content = { ...(await Talk.open()).content(me, messageId(9), text), timerMs: 5 };
    const row = it.row(text, { body: encodeContent(content) });
    await it.store.commit(it.keptSends.keeping(row, { atMs: 1_000_500, acceptedMs: 1_000_500 }));
    it.outbox.vacancy = async () => {
      await it.store.commit(await it.keptSends.forget(content.conversation, content.messageId));
    };
    await it.sentSync.serve(other, 1_000_000);
    expect(it.outbox.sent).toEqual([]);
  });

  it("hands on what this device keeps of the frank, also to a device that joins later", async () => {
    const it = await fixture();
    const evidence = Uint8Array.of(1, 2);
    const row = it.row(text);
    for (const { sent } of it.sentSync.accepted(row, { acceptedMs: 77, evidence })) sent();
    expect(it.outbox.sent).toMatchObject([{ type: "sent", evidence }]);
    it.kept.evidence = Uint8Array.of(3);
    await it.keep(row, 1_000_500);
    await it.sentSync.serve(other, 1_000_000);
    expect(it.outbox.sent.at(-1)).toMatchObject({ device: other, type: "sent", evidence: Uint8Array.of(3) });
  });

  it("leaves out what is no news to them: delivery receipts, resends, words between SDKs and what went to them", async () => {
    const it = await fixture();
    const rows = [
      it.row(receipt("delivered")),
      it.row(text, { resendOf: new Uint8Array(16) }),
      it.row(text, { type: "contact", body: new Uint8Array(0) }),
      it.row(text, { recipient: me }),
    ];
    for (const row of rows) expect(it.sentSync.accepted(row, { acceptedMs: 77 })).toEqual([]);
    // Told when it was marked.
    expect(it.sentSync.accepted(it.row(receipt("read")), { acceptedMs: 77 })).toEqual([]);
    it.devices.others = [];
    expect(it.sentSync.accepted(it.row(text), { acceptedMs: 77 })).toEqual([]);
  });

  it("names the group, as its log was read when it was said", async () => {
    const it = await fixture();
    const row = it.row(text, inGroup);
    for (const { sent } of it.sentSync.accepted(row, { acceptedMs: 77 })) sent();
    const { standing } = inGroup;
    expect(it.outbox.sent).toEqual([{ recipient: me, type: "sent", group, standing, atMs: 77, body: row.body }]);
  });

  it("tells what was said to a group once, and of no member that was sent it alone", async () => {
    const it = await fixture();
    const alone = { ...inGroup, recipient: peer } as const;
    expect(it.sentSync.accepted(it.row(text, alone), { acceptedMs: 77 })).toEqual([]);
    await it.keep(it.row(text, inGroup), 1_000_500);
    await it.keep(it.row(text, { ...alone, resendOf: new Uint8Array(16), atMs: 1_000_500 }), 1_000_600);
    await it.sentSync.serve(other, 1_000_000);
    expect(it.outbox.sent).toMatchObject([
      { recipient: me, device: other, type: "sent", group, standing: inGroup.standing, atMs: 1_000_500 },
    ]);
    expect(it.outbox.sent[0]?.peer).toBeUndefined();
  });

  it("lets a send through although the devices take nothing any more", async () => {
    const it = await fixture();
    it.outbox.room = 0;
    expect(it.sentSync.accepted(it.row(text), { acceptedMs: 77 })).toEqual([]);
  });

  it("tells of a read mark when it is made, whatever becomes of the receipt", async () => {
    const it = await fixture();
    const { body } = it.row(receipt("read"));
    for (const { sent } of it.sentSync.marked({ peer }, 77, body)) sent();
    expect(it.outbox.sent).toEqual([{ recipient: me, type: "sent", peer, atMs: 77, body }]);
    it.devices.others = [];
    expect(it.sentSync.marked({ peer }, 78, body)).toEqual([]);
  });

  it("gives a new device nothing old because it was sent again, and what is new with its own time", async () => {
    const it = await fixture();
    const resendOf = new Uint8Array(16);
    await it.keep(it.row(text, { resendOf, atMs: 900_000 }), 1_000_500);
    await it.keep(it.row(text, { resendOf, atMs: 1_000_100 }), 1_000_600);
    await it.sentSync.serve(other, 1_000_000);
    expect(it.outbox.sent.map(({ atMs }) => atMs)).toEqual([1_000_100]);
  });

  it("gives a new device what it missed since it was added, in order, and nothing from before", async () => {
    const it = await fixture();
    await it.keep(it.row(text), 900_000);
    const [later, sooner, close] = [it.row(text), it.row(text), it.row(text)];
    await it.keep(later, 1_000_500);
    await it.keep(sooner, 1_000_100);
    await it.keep(close, 996_000);
    await it.keep(it.row(receipt("delivered")), 1_000_200);
    await it.sentSync.serve(other, 1_000_000);
    expect(it.outbox.sent.map(({ body, device, atMs }) => [body, device, atMs])).toEqual([
      [close.body, other, 996_000],
      [sooner.body, other, 1_000_100],
      [later.body, other, 1_000_500],
    ]);
  });
});

describe("a device that lost what it was told", () => {
  const ask = async (it: Awaited<ReturnType<typeof fixture>>) => {
    it.outbox.sent.length = 0;
    const { build, after } = await it.sentSync.missed(other, 1_000_000);
    await it.store.commit(build());
    for (const work of after) work();
    return it.outbox.sent;
  };
  const told = { recipient: me, type: "sent", peer, atMs: 77 } as const;

  it("is told again what was read since, once, whenever it was said; the rest comes with the history", async () => {
    const it = await fixture();
    await it.keep(it.row(receipt("read"), told), 999_999);
    const [mark, ofGroup] = [
      it.row(receipt("read"), told),
      it.row(receipt("read"), { ...told, ...inGroup, peer: undefined }),
    ];
    await it.keep(mark, 1_000_000);
    await it.keep({ ...ofGroup, recipient: me }, 1_000_001);
    await it.keep(it.row(text, told), 1_000_002);
    await it.keep(it.row(receipt("read")), 1_000_003);
    await it.keep(it.row(receipt("read"), { ...told, device: parseDeviceId(3) }), 1_000_004);
    const again = { ...told, device: other };
    await it.keep({ ...mark, device: other, envelope: new Uint8Array(16).fill(99) }, 1_000_005);
    const { standing } = inGroup;
    expect(await ask(it)).toEqual([
      { ...again, body: mark.body },
      { recipient: me, device: other, type: "sent", group, standing, atMs: 77, body: ofGroup.body },
    ]);
  });

  it("waits for the next loss where the outbox takes nothing", async () => {
    const it = await fixture();
    await it.keep(it.row(receipt("read"), told), 1_000_000);
    it.outbox.room = 0;
    expect(await ask(it)).toEqual([]);
  });
});

describe("a profile key that another device made", () => {
  it("is repeated to contacts this device wrote to lately or is about to write to, and to nobody else", async () => {
    const it = await fixture();
    const now = it.clock.now();
    const people = Array.from({ length: 4 }, (_, n) => `00000000-0000-4000-8000-00000000000${n}` as typeof peer);
    const [lately, waiting, longAgo, stranger] = people as [typeof peer, typeof peer, typeof peer, typeof peer];
    for (const account of [lately, waiting, longAgo]) {
      await it.store.commit([it.peers.change({ ...(await it.peers.get(account)), relation: "accepted" })]);
    }
    await it.keep(it.row(text, { recipient: lately }), now - 60_000);
    await it.keep(it.row(text, { recipient: stranger }), now - 60_000);
    await it.keep(it.row(text, { ...inGroup, recipient: longAgo }), now - 60_000);
    await it.keep(it.row(text, inGroup), now - 60_000);
    await it.keep(it.row(text, { recipient: longAgo }), now - 2 * 3_600_000);
    const row = encodeRow("outbox", it.row(text, { recipient: waiting }));
    await it.store.commit([{ key: keys.outbox(1), value: row }]);
    await it.handover.adopted();
    expect(new Set(it.outbox.sent.map(({ recipient, type }) => `${type} ${recipient}`))).toEqual(
      new Set([`contact ${lately}`, `contact ${waiting}`]),
    );
  });
});
