/** Invitations as an app meets them. */

import type { ConversationId } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import type { Group } from "../../../../sdk/core/groups/group.js";
import { type GroupInvitation, type InvitationParts, Invitations } from "../../../../sdk/core/groups/invitations.js";
import type { Row } from "../../../../sdk/core/rows.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";
import { snapshotOf } from "./sending/snapshots.js";

const group = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" as ConversationId;
const other = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" as ConversationId;
const opened = { id: group } as Group;
let rows: Row<"invitation">[];
let log: string[];
let invitations: Invitations;
let store: SealedStore;
let peers: Peers;

const row = (id: ConversationId, atMs = 1): Row<"invitation"> => ({
  ...{ group: id, by: peer, revision: 5, entry: new Uint8Array(32), epoch: 1, secret: new Uint8Array(32) },
  ...{ wrapPrivate: new Uint8Array(32), title: "Team", atMs },
});

beforeEach(async () => {
  store = await openSealed();
  peers = new Peers(store);
  rows = [];
  log = [];
  invitations = new Invitations(parts());
});

const parts = (): InvitationParts => ({
  invited: { pending: async () => rows, get: async (id) => rows.find((one) => one.group === id) },
  peers,
  consent: {
    async accept(account) {
      log.push(`accept ${account}`);
    },
    async decline(account) {
      log.push(`decline ${account}`);
    },
  },
  names: { confirmed: async () => "peer" },
  logs: {
    async accept(id) {
      log.push(`accept ${id}`);
      return snapshotOf(id, []);
    },
    async decline(id) {
      log.push(`decline ${id}`);
    },
  },
  open: async () => opened,
});

async function next(reading: AsyncGenerator<GroupInvitation>): Promise<GroupInvitation> {
  const { value, done } = await reading.next();
  if (done === true) throw new Error("it ended");
  return value;
}

describe("invitations", () => {
  it("are all that wait, then each that comes, once", async () => {
    rows = [row(group)];
    const reading = invitations.follow(undefined);
    expect(await next(reading)).toMatchObject({
      group,
      title: "Team",
      from: { accountId: peer, userId: "peer" },
      atMs: 1,
    });
    const coming = next(reading);
    rows.push(row(other));
    invitations.wake();
    expect((await coming).group).toBe(other);
    const further = reading.next();
    invitations.wake();
    invitations.close();
    expect((await further).done).toBe(true);
  });

  it("answered elsewhere are shown no more, and made anew are new", async () => {
    rows = [row(group)];
    const reading = invitations.follow(undefined);
    await next(reading);
    rows = [];
    invitations.wake();
    const coming = next(reading);
    await Promise.resolve();
    rows = [row(group, 2)];
    invitations.wake();
    expect((await coming).atMs).toBe(2);
    rows = [];
    const [late] = [invitations.follow(undefined)];
    invitations.close();
    expect((await late?.next())?.done).toBe(true);
    expect(await invitations.present(group)).toBeUndefined();
  });

  it("made anew while they are looked at are shown once, as they are", async () => {
    rows = [row(group)];
    const followed: Invitations = new Invitations({
      ...parts(),
      invited: {
        async pending() {
          const before = rows;
          if (before[0]?.atMs === 1) {
            rows = [row(group, 2)];
            followed.wake();
          }
          return before;
        },
        get: async (id) => rows.find((one) => one.group === id),
      },
    });
    const reading = followed.follow(undefined);
    expect((await next(reading)).atMs).toBe(2);
    const further = reading.next();
    followed.wake();
    await new Promise<void>((resolve) => setImmediate(resolve));
    followed.close();
    expect((await further).done).toBe(true);
  });

  it("of who is blocked are not shown", async () => {
    rows = [row(group)];
    await store.commit([peers.change({ ...(await peers.get(peer)), relation: "blocked" })]);
    expect(await invitations.present(group)).toBeUndefined();
  });

  it("become the group once accepted, and nothing once declined", async () => {
    rows = [row(group)];
    await store.commit([peers.change({ ...(await peers.get(peer)), relation: "received" })]);
    const invitation = await invitations.present(group);
    expect(await invitation?.accept()).toBe(opened);
    await invitation?.decline();
    // With the inviter's request to write, if there is one.
    expect(log).toEqual([`accept ${group}`, `accept ${peer}`, `decline ${group}`, `decline ${peer}`]);
  });

  it("leave a request of the inviter declined that was declined before", async () => {
    rows = [row(group)];
    await store.commit([peers.change({ ...(await peers.get(peer)), relation: "declined" })]);
    await (await invitations.present(group))?.accept();
    expect(log).toEqual([`accept ${group}`]);
  });
});
