import { encodeContent, parseDeviceId, SottoError } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { Handles } from "../../../../sdk/core/conversations/handles.js";
import { SentSync } from "../../../../sdk/core/devices/sent-sync.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { KeptSends } from "../../../../sdk/core/outbox/kept-sends.js";
import { rowOf, type Settled } from "../../../../sdk/core/outbox/order.js";
import { settle } from "../../../../sdk/core/outbox/settling.js";
import { group } from "../groups/sending/snapshots.js";
import { manualClock } from "../link/manual-clock.js";
import { me, messageId, peer, Talk } from "../people.js";
import { openSealed } from "../storage/fixture.js";
import { ownRow, standing } from "./fixture.js";
import { UnsafeOutbox } from "./unsafe-outbox.js";

/** A word to a group that waits, with its item. */
async function fixture() {
  const store = await openSealed();
  const account = OwnAccount.create(ownRow());
  const conversations = new Conversations(store, account);
  const outbox = new UnsafeOutbox();
  const keptSends = new KeptSends({ store, clock: manualClock(), failed: () => {} });
  const sentSync = new SentSync({
    ...{ store, account, outbox, keptSends },
    evidenceOf: async () => undefined,
    others: () => [parseDeviceId(2)],
  });
  const parts = { conversations, handles: new Handles(), locks: new KeyedLock(), sentSync };
  const thread = await conversations.group(group);
  const { timeline } = thread;
  const said = (await Talk.open()).content(me, messageId(1), { kind: "text", text: "hi all" });
  const body = encodeContent({ ...said, conversation: group });
  const item = { from: me, atMs: 1, content: body, shape: "content", status: "pending", reactions: [] } as const;
  const { sequence, changes } = timeline.append(item);
  await store.commit(changes);
  const order = { group, type: "content", body, conversation: group, sequence } as const;
  const row = { ...rowOf(order, { envelope: new Uint8Array(16).fill(1), createdMs: 1 }), standing };
  const told: string[] = [];
  thread.tell = ({ type }) => told.push(type);
  const end = (outcome: Settled) => settle(parts, row, outcome);
  return { store, conversations, timeline, outbox, sequence, body, told, end };
}

describe("the end of a word to a group", () => {
  it("moves its item on in the group, and tells own devices what was said there, in one commit", async () => {
    const it = await fixture();
    const commits: number[] = [];
    const commit = async (alongside: Parameters<Settled["commit"]>[0]) => {
      commits.push(alongside.length);
      await it.store.commit(alongside);
    };
    await it.end({ kind: "accepted", atMs: 5, acceptedMs: 50, isWanted: () => true, commit });
    expect(await it.timeline.row(it.sequence)).toMatchObject({ status: "accepted", acceptedMs: 50 });
    expect(it.outbox.sent).toMatchObject([{ recipient: me, type: "sent", group, standing, atMs: 50, body: it.body }]);
    expect(commits).toHaveLength(1);
    expect(it.told).toEqual(["changed"]);
    expect(await it.conversations.peers()).not.toContain(peer);
  });

  it("is told to nobody if its message ended while it was on its way", async () => {
    const it = await fixture();
    const commit: Settled["commit"] = (alongside) => it.store.commit(alongside);
    await it.end({ kind: "accepted", atMs: 5, acceptedMs: 50, isWanted: () => false, commit });
    expect(it.outbox.sent).toEqual([]);
  });

  it("shows that it failed where it did, and tells nobody else", async () => {
    const it = await fixture();
    const error = new SottoError("groupDenied");
    await it.end({ kind: "failed", atMs: 5, error, commit: (alongside) => it.store.commit(alongside) });
    expect(await it.timeline.row(it.sequence)).toMatchObject({ status: "failed", failure: "groupDenied" });
    expect(it.outbox.sent).toEqual([]);
  });
});
