import { decodeContent, encodeContent, parseDeviceId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Author } from "../../../../sdk/core/conversations/author.js";
import { Confirmations } from "../../../../sdk/core/conversations/confirmations.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { SentSync } from "../../../../sdk/core/devices/sent-sync.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { KeptSends } from "../../../../sdk/core/outbox/kept-sends.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { manualClock } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { UnsafeOutbox } from "../outbox/unsafe-outbox.js";
import { me, messageId, peer, Talk } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const RELAY_MS = 4_711;

/** A contact's message `1`, and another device of this account. */
async function fixture() {
  const store = await openSealed();
  const account = OwnAccount.create(ownRow());
  const clock = manualClock();
  const peers = new Peers(store);
  await store.commit([peers.change({ ...(await peers.get(peer)), relation: "accepted" })]);
  const outbox = new UnsafeOutbox();
  const keptSends = new KeptSends({ store, clock, failed: () => {} });
  const others = () => [parseDeviceId(2)];
  const confirmations = new Confirmations({
    ...{ store, account, peers, outbox, locks: new KeyedLock() },
    revisionOf: () => 0,
    author: new Author({ store, account, clock, random: nodePlatform.random, seen: { in: async () => [] } }),
    sentSync: new SentSync({ store, account, outbox, keptSends, others, evidenceOf: async () => undefined }),
    nowMs: () => RELAY_MS,
  });
  const state = await new Conversations(store, account).of(peer);
  const content = (await Talk.open()).content(peer, messageId(1), { kind: "text", text: "hi" });
  const said = Genuine.saidHere({ content, encoded: encodeContent(content) });
  const incoming = { said, atMs: 1, acceptedMs: 1, status: "received" } as const;
  await store.commit((await state.writer.write(incoming)).build().changes);
  return { confirmations, state, outbox };
}

describe("a read mark", () => {
  it("is told to own devices with the receipt and not behind it, for nobody may be there to take that", async () => {
    const { confirmations, state, outbox } = await fixture();
    await confirmations.read(state, [messageId(1)]);
    expect(await state.timeline.row(1)).toMatchObject({ status: "read" });
    const [receipt, told] = outbox.sent;
    expect(receipt).toMatchObject({ recipient: peer, type: "content" });
    expect(told).toEqual({ recipient: me, type: "sent", peer, atMs: RELAY_MS, body: receipt?.body });
    expect(decodeContent(told?.body ?? new Uint8Array(0))).toMatchObject({ receipt: "read", targets: [messageId(1)] });
  });

  it("is told once, and that a message arrived is told to the contact alone", async () => {
    const { confirmations, state, outbox } = await fixture();
    await confirmations.read(state, [messageId(1)]);
    await confirmations.read(state, [messageId(1)]);
    await confirmations.delivered(state, [messageId(1)], []);
    expect(outbox.sent.map(({ recipient }) => recipient)).toEqual([peer, me, peer]);
  });
});
