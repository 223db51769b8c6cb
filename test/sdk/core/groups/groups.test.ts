/** Groups as an app holds them: one object for each, and what becomes of what it wants. */

import { type AccountId, type ConversationId, SottoError } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { Group } from "../../../../sdk/core/groups/group.js";
import { Groups } from "../../../../sdk/core/groups/groups.js";
import type { GroupSnapshot, GroupWish } from "../../../../sdk/core/groups/log/group-logs.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { ownRow } from "../outbox/fixture.js";
import { me, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";
import { accountOf, group, memberOf, snapshotOf } from "./sending/snapshots.js";

const known = new Map<ConversationId, GroupSnapshot>();
const log: string[] = [];
let store: SealedStore;
let peers: Peers;
let groups: Groups;
let refusal: SottoError | undefined;
let made: number;
let hasBeenMember: boolean;

const people: Readonly<Record<string, AccountId>> = { bob: peer, carol: accountOf(3) };
const find = (userId: string) => {
  const account = people[userId];
  if (account === undefined) throw new SottoError("unknownUser");
  return account;
};

beforeEach(async () => {
  known.clear();
  log.length = 0;
  store = await openSealed();
  peers = new Peers(store);
  refusal = undefined;
  made = 0;
  hasBeenMember = false;
  const conversations = new Conversations(store, OwnAccount.create(ownRow()));
  const there = (id: ConversationId) => {
    const present = known.get(id);
    if (present === undefined) throw new SottoError("groupNotFound");
    return present;
  };
  const logs = {
    get: (id: ConversationId) => known.get(id),
    all: () => [...known.values()],
    wasMember: () => hasBeenMember,
    async create(settings: { readonly title?: string | undefined }) {
      known.set(group, snapshotOf(group, [{ account: me, role: "owner" }], { title: settings.title ?? "" }));
      return there(group);
    },
    sync: async (id: ConversationId) => there(id),
    async append(id: ConversationId, wish: GroupWish) {
      if (refusal !== undefined) throw refusal;
      log.push(JSON.stringify(wish));
      return there(id);
    },
    async leave(id: ConversationId) {
      log.push(`leave ${id}`);
    },
  };
  const account = async (whom: { readonly userId: string } | { readonly accountId: AccountId }) =>
    "userId" in whom ? find(whom.userId) : whom.accountId;
  groups = new Groups({
    logs,
    async make(id) {
      made += 1;
      const thread = await conversations.group(id);
      return new Group({
        ...{
          me,
          thread,
          peers,
          roles: { of: async () => "person" as const },
          logs,
          accountOf: account,
          log: () => {},
          sender: {} as never,
          notes: {} as never,
          confirmations: {} as never,
          reports: {} as never,
          shown: { of: (_group, said) => said },
        },
        async inviting(whom) {
          const invited = await account(whom);
          log.push(`inviting ${invited}`);
          return { account: invited, failed: async () => void log.push(`not invited ${invited}`) };
        },
      });
    },
  });
});

const refused = (code: string) => expect.objectContaining({ code });

describe("groups", () => {
  it("are created with settings, then everybody is invited in turn", async () => {
    const one = await groups.create({ title: "Team", invite: ["bob", { accountId: accountOf(3) }] });
    expect([one.title, one.role, one.standing]).toEqual(["Team", "owner", "joined"]);
    expect(log).toEqual([
      `inviting ${peer}`,
      JSON.stringify({ kind: "invite", account: peer }),
      `inviting ${accountOf(3)}`,
      JSON.stringify({ kind: "invite", account: accountOf(3) }),
    ]);
  });

  it("are there although an invitation failed, and nobody counts as asked by it", async () => {
    refusal = new SottoError("groupFull");
    await expect(groups.create({ invite: ["bob", "carol"] })).rejects.toEqual(refused("groupFull"));
    expect(log).toEqual([`inviting ${peer}`, `not invited ${peer}`]);
    expect((await groups.list()).map(({ id }) => id)).toEqual([group]);
  });

  it("are not made of what is no setting", async () => {
    await expect(groups.create({ title: 5 as never })).rejects.toEqual(refused("invalidArgument"));
    expect(known.size).toBe(0);
  });

  it("are one object each, however often and at once they are asked for", async () => {
    known.set(group, snapshotOf(group, [{ account: me }]));
    const [one, other, [listed]] = await Promise.all([groups.get(group), groups.of(group), groups.list()]);
    expect(other).toBe(one);
    expect(listed).toBe(one);
    expect(made).toBe(1);
  });

  it.each([
    ["joined", true, true],
    ["waiting", true, true],
    ["left", false, true],
    ["invited", false, false],
    ["declined", false, false],
  ] as const)("where this account is %s: listed %s, to be had %s", async (status, isListed, isThere) => {
    known.set(group, { ...snapshotOf(group, []), status });
    expect((await groups.list()).length === 1).toBe(isListed);
    expect((await groups.get(group)) !== undefined).toBe(isThere);
  });

  it("that this account was in once can be read, also where it is asked to come back", async () => {
    known.set(group, { ...snapshotOf(group, []), status: "invited" });
    hasBeenMember = true;
    expect(await groups.get(group)).toBeDefined();
  });

  it("that were never heard of are none", async () => {
    expect(await groups.get("nonsense" as ConversationId)).toBeUndefined();
  });
});

describe("a group", () => {
  it("shows who is in it, who waits and who is invited, with the names that are known", async () => {
    await store.commit(peers.remember({ ...(await peers.get(peer)), name: "Bob" }, "bob"));
    const waiting = [memberOf(accountOf(4))];
    const invited = [
      { account: accountOf(5), by: me, seq: 1, identityKey: new Uint8Array(33), wrapKey: new Uint8Array(33) },
    ];
    const people = [{ account: me, role: "owner" as const }, { account: peer }];
    known.set(group, snapshotOf(group, people, { waiting, invited } as never));
    const members = await (await groups.of(group)).members();
    expect(members).toMatchObject([
      { accountId: me, role: "owner", standing: "member" },
      { accountId: peer, role: "member", standing: "member", userId: "bob", name: "Bob" },
      { accountId: accountOf(4), standing: "waiting" },
      { accountId: accountOf(5), standing: "invited" },
    ]);
  });

  it("wants of its log what an app wants, of people by name or account", async () => {
    known.set(group, snapshotOf(group, [{ account: me }]));
    const one = await groups.of(group);
    await one.remove("bob", { accountId: accountOf(3) });
    await one.remove();
    await one.admit("bob");
    await one.setRole({ userId: "carol" }, "admin");
    await one.update({ title: "Ours", avatar: undefined });
    await one.leave();
    expect(log).toEqual([
      JSON.stringify({ kind: "remove", accounts: [peer, accountOf(3)] }),
      JSON.stringify({ kind: "admit", account: peer }),
      JSON.stringify({ kind: "role", account: accountOf(3), role: "admin" }),
      JSON.stringify({ kind: "update", title: "Ours", avatar: new Uint8Array(0) }),
      `leave ${group}`,
    ]);
  });

  it("changes nothing for somebody there is not", async () => {
    known.set(group, snapshotOf(group, [{ account: me }]));
    const one = await groups.of(group);
    await expect(one.remove("bob", "nobody")).rejects.toEqual(refused("unknownUser"));
    await expect(one.invite("nobody", "bob")).rejects.toEqual(refused("unknownUser"));
    expect(log).toEqual([]);
  });

  it("tells why an invitation failed, also if that could not be taken back", async () => {
    known.set(group, snapshotOf(group, [{ account: me }]));
    refusal = new SottoError("groupDenied");
    await expect((await groups.of(group)).invite("bob")).rejects.toEqual(refused("groupDenied"));
    expect(log).toEqual([`inviting ${peer}`, `not invited ${peer}`]);
  });
});
