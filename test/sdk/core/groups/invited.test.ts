/** Invitations as they come and wait: what is kept of them, and how many. */

import { type AccountId, type ConversationId, directConversationId, encodeContent } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { hidden } from "../../../../sdk/core/conversations/incoming.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { Invited } from "../../../../sdk/core/groups/invited.js";
import type { GroupSnapshot } from "../../../../sdk/core/groups/log/group-logs.js";
import { GroupRows } from "../../../../sdk/core/groups/log/group-rows.js";
import { Shown } from "../../../../sdk/core/groups/shown.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { manualClock } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { device, me, messageId, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";
import { accountOf } from "./sending/snapshots.js";

let store: SealedStore;
let invited: Invited;
let shown: Shown;
let clock: ReturnType<typeof manualClock>;
let status: GroupSnapshot["status"] | undefined;
/** How far this device has read the group's log. */
let readTo: number;
const told: string[] = [];
const account = OwnAccount.create(ownRow());

beforeEach(async () => {
  store = await openSealed();
  clock = manualClock();
  status = undefined;
  told.length = 0;
  readTo = 9;
  const get = () => ({ state: { seq: readTo } }) as GroupSnapshot;
  const rows = new GroupRows(store);
  shown = new Shown(store);
  invited = new Invited({
    ...{ store, account, clock, shown },
    logs: { status: () => status, get, withInvitation: (row) => rows.withInvitation(row) },
    invited: (id) => told.push(id),
  });
});

const groupOf = (number: number) => number.toString(16).padStart(32, "a") as ConversationId;

async function plan(by: AccountId, group: ConversationId, { revision = 5, title = "Team" } = {}) {
  const header = { sender: by, device, conversation: directConversationId(me, by), messageId: messageId(revision) };
  const content = { ...header, kind: "invitation", group, title, counter: 1, sentAtMs: 1, seen: [] } as const;
  const opened = Genuine.saidHere({ content, encoded: encodeContent(content) });
  const { encoded } = opened;
  const secret = new Uint8Array(32).fill(revision);
  const body = { epoch: 1, secret, wrapPrivate: new Uint8Array(32), content: encoded };
  const standing = { id: group, revision, head: new Uint8Array(32) };
  return invited.arrived(by, {
    payload: { type: "invitation", group: standing, body: new Uint8Array(0) },
    ...{ body, opened },
  });
}

async function arrive(...args: Parameters<typeof plan>): Promise<void> {
  const { build, after } = await plan(...args);
  await store.commit(build());
  for (const work of after) work();
}

const titles = async () => (await invited.pending()).map(({ title }) => title);

describe("an invitation", () => {
  it("waits with all that its answer takes, and is told", async () => {
    await arrive(peer, groupOf(1));
    expect(await invited.get(groupOf(1))).toMatchObject({ by: peer, title: "Team", revision: 5, atMs: clock.now() });
    expect(told).toEqual([groupOf(1)]);
    expect(await invited.get(groupOf(2))).toBeUndefined();
  });

  it("stands behind those that came before it", async () => {
    await arrive(peer, groupOf(2), { title: "first" });
    await clock.advance(1);
    await arrive(peer, groupOf(1), { title: "second" });
    expect(await titles()).toEqual(["first", "second"]);
  });

  it("gives way to a later one to the same group, and not to an earlier one that comes late", async () => {
    await arrive(peer, groupOf(1), { revision: 5 });
    await arrive(accountOf(1), groupOf(1), { revision: 9, title: "later" });
    await arrive(peer, groupOf(1), { revision: 7, title: "late" });
    expect(await titles()).toEqual(["later"]);
    expect((await invited.get(groupOf(1)))?.secret).toEqual(new Uint8Array(32).fill(9));
  });

  it.each(["joined", "waiting"] as const)("to a group where this account is %s changes nothing", async (present) => {
    status = present;
    await arrive(peer, groupOf(1));
    expect(await titles()).toEqual([]);
  });

  it("to a group this account is in, by an entry not read here yet, waits until its removal is read", async () => {
    status = "joined";
    readTo = 3;
    await arrive(peer, groupOf(1));
    expect(await titles()).toEqual([]);
    expect(told).toEqual([]);
    status = "left";
    expect(await titles()).toEqual(["Team"]);
  });

  it.each(["left", "declined"] as const)("to a group that this account %s is one", async (past) => {
    status = past;
    await arrive(peer, groupOf(1));
    expect(await titles()).toEqual(["Team"]);
  });

  it("that another device accepts while it is looked at does not stay", async () => {
    const { build } = await plan(peer, groupOf(1));
    status = "joined";
    await store.commit(build());
    expect(await titles()).toEqual([]);
  });

  it("of one account leaves room for those of others", async () => {
    for (let number = 0; number < 40; number++) await arrive(peer, groupOf(number), { title: "many" });
    expect(await titles()).toHaveLength(32);
    await arrive(accountOf(1), groupOf(99));
    expect(await titles()).toHaveLength(33);
    // One that waits is renewed all the same.
    await arrive(peer, groupOf(0), { revision: 6, title: "again" });
    expect(await titles()).toContain("again");
  });

  it("is dropped once very many wait", async () => {
    for (let number = 0; number < 300; number++) await arrive(accountOf(number), groupOf(number));
    expect(await titles()).toHaveLength(256);
  });

  it("to what is a conversation between two is none", async () => {
    await arrive(peer, directConversationId(me, peer));
    const third = accountOf(3);
    const { timeline } = await new Conversations(store, account).of(third);
    await store.commit(timeline.append(hidden(third, 1)).changes);
    await arrive(peer, directConversationId(me, third));
    expect([await titles(), told]).toEqual([[], []]);
  });
});
