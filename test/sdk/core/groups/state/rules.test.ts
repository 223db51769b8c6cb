import { type GroupChange, groupStateHash, parseConversationId } from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import type { AppliedEntry } from "../../../../../sdk/core/groups/state/apply.js";
import { isCheckpointDue, mayWrite, standingOf } from "../../../../../sdk/core/groups/state/permissions.js";
import { acceptanceOf, entryBytes, handover, invitationOf, Log, rotationFor } from "./log.js";
import { curveKey, named, type Person, unsafePerson } from "./people.js";

const [ann, bob, cid, dee, eve] = ["ann", "bob", "cid", "dee", "eve"].map(unsafePerson) as [
  Person,
  Person,
  Person,
  Person,
  Person,
];

/** Ann owns, Bob is an admin, Cid a member, Dee invited by Cid; Eve is a stranger. */
function usual(settings: Partial<Extract<GroupChange, { kind: "create" }>> = {}): Log {
  const log = new Log(ann, settings);
  log.join(bob, ann);
  log.join(cid, ann);
  log.change(ann, { kind: "role", account: bob.account, role: "admin" });
  log.change(cid, invitationOf(dee));
  return log;
}

const reason = (outcome: AppliedEntry) => (outcome.kind === "ignored" ? outcome.reason : "applied");
const roles = ({ state }: Log) => state.members.map(({ account, role }) => [account, role]);
const effects = (outcome: AppliedEntry) => (outcome.kind === "applied" ? outcome.effects : reason(outcome));
const everybody = (...people: readonly Person[]) =>
  rotationFor(people.map(({ account }) => ({ account })).sort((one, other) => (one.account < other.account ? -1 : 1)));

describe("a group begins", () => {
  test("with its creator as owner, in epoch 1, open to members unless it says otherwise", () => {
    const { state } = new Log(ann, { title: "walks" });
    expect(state).toMatchObject({ seq: 1, epoch: 1, audience: 1, epochSeq: 1, checkpointSeq: 0, rotation: "none" });
    expect(state).toMatchObject({ invite: "members", write: "members", edit: "members", approval: "off", timerMs: 0 });
    expect(state.title).toBe("walks");
    expect(state.members).toMatchObject([{ account: ann.account, role: "owner", joinedSeq: 1 }]);
  });
});

describe("invitations", () => {
  test("make a member of who accepts, and say who invited", () => {
    const log = new Log(ann);
    expect(effects(log.change(ann, invitationOf(bob)))).toEqual([
      { kind: "invited", account: bob.account, by: ann.account },
    ]);
    expect(standingOf(log.state, bob.account)).toBe("invited");
    expect(mayWrite(log.state, bob.account)).toBe(false);
    expect(effects(log.change(bob, acceptanceOf(bob)))).toEqual([
      { kind: "joined", account: bob.account, by: ann.account },
    ]);
    expect(log.state.members[1]).toMatchObject({ role: "member", joinedSeq: 3, wrapKey: bob.wrapKey });
  });

  test("are taken only once, and not after they were declined or taken back", () => {
    const log = usual();
    expect(reason(log.say(bob, { ...acceptanceOf(bob) }))).toBe("invitationGone");
    expect(effects(log.change(dee, { kind: "decline" }))).toEqual([
      { kind: "invitationEnded", account: dee.account, how: "declined", by: dee.account },
    ]);
    expect(log.state.rotation).toBe("due");
    expect(reason(log.say(dee, acceptanceOf(dee)))).toBe("strangeAuthor");
  });

  test("wait for an admin where the group asks for it, unless an admin invited", () => {
    const log = usual({ approval: "on" });
    expect(effects(log.change(dee, acceptanceOf(dee)))).toEqual([
      { kind: "waiting", account: dee.account, by: cid.account },
    ]);
    expect(standingOf(log.state, dee.account)).toBe("waiting");
    expect(reason(log.say(cid, { kind: "admit", account: dee.account }))).toBe("groupDenied");
    expect(reason(log.say(dee, { kind: "admit", account: dee.account }))).toBe("groupDenied");
    expect(effects(log.change(bob, { kind: "admit", account: dee.account }))).toEqual([
      { kind: "joined", account: dee.account, by: bob.account },
    ]);
    log.join(eve, bob);
    expect(standingOf(log.state, eve.account)).toBe("member");
  });

  test("end also for who waits: refused by an admin, or withdrawn", () => {
    const log = usual({ approval: "on" });
    log.change(dee, acceptanceOf(dee));
    expect(effects(log.change(dee, { kind: "leave" }))).toEqual([
      { kind: "invitationEnded", account: dee.account, how: "withdrawn", by: dee.account },
    ]);
    log.change(cid, invitationOf(dee));
    log.change(dee, acceptanceOf(dee));
    expect(effects(log.change(bob, { kind: "remove", accounts: [dee.account] }))).toEqual([
      { kind: "invitationEnded", account: dee.account, how: "refused", by: bob.account },
      { kind: "epoch", epoch: 2, by: bob.account },
    ]);
  });

  test("stay below the cap, waiting and invited accounts counted", () => {
    const log = usual({ maxAccounts: 4 });
    expect(reason(log.say(ann, invitationOf(eve)))).toBe("groupFull");
    log.change(dee, { kind: "decline" });
    expect(reason(log.change(ann, invitationOf(eve)))).toBe("applied");
  });

  test("are the admins' where the group says so", () => {
    const log = usual();
    log.change(ann, { kind: "update", invite: "admins" });
    expect(reason(log.say(cid, invitationOf(eve)))).toBe("groupDenied");
    expect(reason(log.change(bob, invitationOf(eve)))).toBe("applied");
  });

  test("do not name who is in the group already, nor keys of a wrong type", () => {
    const log = usual();
    for (const person of [ann, cid, dee]) expect(reason(log.say(bob, invitationOf(person)))).toBe("invalidArgument");
    const odd = new Uint8Array(33).fill(4);
    expect(reason(log.say(bob, { ...invitationOf(eve), identityKey: odd }))).toBe("invalidArgument");
    expect(reason(log.say(bob, { ...invitationOf(eve), wrapKey: odd }))).toBe("invalidArgument");
    expect(reason(log.say(dee, { ...acceptanceOf(dee), wrapKey: odd }))).toBe("invalidArgument");
  });

  test("are taken back by whom they are from, without a new epoch, and make one due", () => {
    const log = usual();
    const { epoch } = log.state;
    expect(effects(log.change(cid, { kind: "remove", accounts: [dee.account] }))).toEqual([
      { kind: "invitationEnded", account: dee.account, how: "takenBack", by: cid.account },
    ]);
    expect(log.state).toMatchObject({ epoch, rotation: "due" });
    log.change(bob, invitationOf(dee));
    expect(reason(log.say(cid, { kind: "remove", accounts: [dee.account] }))).toBe("groupDenied");
  });
});

describe("removal", () => {
  test("by an admin begins an epoch and an audience without the removed", () => {
    const log = usual();
    const { audience } = log.state;
    expect(effects(log.change(bob, { kind: "remove", accounts: [dee.account, cid.account] }))).toEqual(
      expect.arrayContaining([
        { kind: "removed", account: cid.account, by: bob.account },
        { kind: "invitationEnded", account: dee.account, how: "takenBack", by: bob.account },
        { kind: "epoch", epoch: 2, by: bob.account },
      ]),
    );
    expect(log.state).toMatchObject({ epoch: 2, audience: audience + 1, rotation: "none", epochSeq: log.state.seq });
    expect(standingOf(log.state, cid.account)).toBe("none");
    expect(isCheckpointDue(log.state)).toBe(true);
  });

  test("takes back whom the removed invited, for it knows the key that secrets are sealed to for them", () => {
    const log = usual();
    log.change(bob, invitationOf(eve));
    const leaky = { kind: "remove", accounts: [cid.account], rotation: everybody(ann, bob, dee, eve) } as const;
    expect(reason(log.say(bob, leaky))).toBe("wrongSecrets");
    expect(effects(log.change(bob, { kind: "remove", accounts: [cid.account] }))).toEqual([
      { kind: "removed", account: cid.account, by: bob.account },
      { kind: "invitationEnded", account: dee.account, how: "takenBack", by: bob.account },
      { kind: "epoch", epoch: 2, by: bob.account },
    ]);
    expect(log.state.invited.map(({ account }) => account)).toEqual([eve.account]);
  });

  test("of admins is the owners', and nobody removes itself or who is not there", () => {
    const log = usual();
    const stays = everybody(ann, cid, dee);
    expect(reason(log.say(bob, { kind: "remove", accounts: [ann.account], rotation: stays }))).toBe("groupDenied");
    expect(reason(log.say(cid, { kind: "remove", accounts: [bob.account] }))).toBe("groupDenied");
    expect(reason(log.say(cid, { kind: "remove", accounts: [bob.account], rotation: stays }))).toBe("groupDenied");
    expect(reason(log.say(bob, { kind: "remove", accounts: [bob.account], rotation: stays }))).toBe("invalidArgument");
    expect(reason(log.say(bob, { kind: "remove", accounts: [eve.account], rotation: stays }))).toBe("invalidArgument");
    expect(reason(log.change(ann, { kind: "remove", accounts: [bob.account] }))).toBe("applied");
  });

  test("of several names them once, in order", () => {
    const log = usual();
    const [low, high] = [cid.account, dee.account].sort() as [typeof cid.account, typeof cid.account];
    const rotation = everybody(ann, bob);
    expect(reason(log.say(ann, { kind: "remove", accounts: [high, low], rotation }))).toBe("invalidArgument");
    expect(reason(log.say(ann, { kind: "remove", accounts: [low, low], rotation }))).toBe("invalidArgument");
    expect(reason(log.say(ann, { kind: "remove", accounts: [low, high], rotation }))).toBe("applied");
  });

  test("ends what the removed says; who is invited anew comes back as a member", () => {
    const log = usual();
    log.change(ann, { kind: "remove", accounts: [bob.account] });
    expect(reason(log.say(bob, { kind: "rotate", rotation: everybody(ann, cid, dee) }))).toBe("strangeAuthor");
    log.join(bob, ann);
    expect(roles(log)).toEqual([
      [ann.account, "owner"],
      [cid.account, "member"],
      [bob.account, "member"],
    ]);
  });
});

describe("a new secret", () => {
  test.each<[string, (log: Log) => AppliedEntry]>([
    ["lacks somebody", (log) => log.say(bob, { kind: "rotate", rotation: everybody(ann, bob, cid) })],
    ["names a ghost", (log) => log.say(bob, { kind: "rotate", rotation: everybody(ann, bob, cid, dee, eve) })],
    ["is for somebody else", (log) => log.say(bob, { kind: "rotate", rotation: everybody(ann, bob, cid, eve) })],
    [
      "is in another order",
      (log) => {
        const { sealed, ...rest } = everybody(ann, bob, cid, dee);
        return log.say(bob, { kind: "rotate", rotation: { ...rest, sealed: [...sealed].reverse() } });
      },
    ],
    [
      "names somebody twice",
      (log) => {
        const rotation = everybody(ann, bob, cid, dee);
        const [first] = rotation.sealed;
        if (first === undefined) throw new Error("nobody stays");
        return log.say(bob, {
          kind: "rotate",
          rotation: { ...rotation, sealed: [first, ...rotation.sealed.slice(1, -1), first] },
        });
      },
    ],
    [
      "is under a key of a wrong type",
      (log) =>
        log.say(bob, { kind: "rotate", rotation: { ...everybody(ann, bob, cid, dee), ephemeral: new Uint8Array(33) } }),
    ],
    [
      "still names the removed",
      (log) => log.say(bob, { kind: "remove", accounts: [cid.account], rotation: everybody(ann, bob, cid, dee) }),
    ],
    ["is missing from a removal", (log) => log.say(bob, { kind: "remove", accounts: [cid.account] })],
    [
      "is in a member's taking back",
      (log) => log.say(cid, { kind: "remove", accounts: [dee.account], rotation: everybody(ann, bob, cid) }),
    ],
    ["is missing from a demotion", (log) => log.say(ann, { kind: "role", account: bob.account, role: "member" })],
    ["is missing from a promotion", (log) => log.say(ann, { kind: "role", account: cid.account, role: "admin" })],
    [
      "is a new epoch's in a promotion",
      (log) =>
        log.say(ann, { kind: "role", account: cid.account, role: "admin", rotation: everybody(ann, bob, cid, dee) }),
    ],
    [
      "goes to who is an admin already",
      (log) => log.say(ann, { kind: "role", account: bob.account, role: "owner", sealed: handover }),
    ],
    [
      "is in a step down",
      (log) =>
        log.say(bob, { kind: "role", account: bob.account, role: "member", rotation: everybody(ann, bob, cid, dee) }),
    ],
    ["is in the leave of who is no last owner", (log) => log.say(cid, { kind: "leave", sealed: handover })],
  ])("that %s makes the entry void", (_what, act) => {
    const log = usual();
    const before = log.state;
    expect(reason(act(log))).toBe("wrongSecrets");
    expect(log.state).toEqual({ ...before, seq: before.seq + 1 });
  });

  test("is what ends that one is due, and is the admins' to make", () => {
    const log = usual();
    log.change(dee, { kind: "decline" });
    expect(reason(log.say(cid, { kind: "rotate", rotation: everybody(ann, bob, cid) }))).toBe("groupDenied");
    expect(log.state.rotation).toBe("due");
    expect(effects(log.change(bob, { kind: "rotate" }))).toEqual([{ kind: "epoch", epoch: 2, by: bob.account }]);
    expect(log.state.rotation).toBe("none");
  });
});

describe("roles", () => {
  test("are given by owners, and nobody promotes itself", () => {
    const log = usual();
    for (const by of [bob, cid]) {
      expect(reason(log.say(by, { kind: "role", account: by.account, role: "owner", sealed: handover }))).toBe(
        "groupDenied",
      );
    }
    expect(reason(log.say(bob, { kind: "role", account: cid.account, role: "admin", sealed: handover }))).toBe(
      "groupDenied",
    );
    expect(
      reason(
        log.say(bob, { kind: "role", account: ann.account, role: "member", rotation: everybody(ann, bob, cid, dee) }),
      ),
    ).toBe("groupDenied");
    expect(reason(log.say(ann, { kind: "role", account: eve.account, role: "admin", sealed: handover }))).toBe(
      "invalidArgument",
    );
    expect(reason(log.say(ann, { kind: "role", account: dee.account, role: "admin", sealed: handover }))).toBe(
      "invalidArgument",
    );
    expect(reason(log.say(ann, { kind: "role", account: bob.account, role: "admin" }))).toBe("invalidArgument");
    expect(effects(log.change(ann, { kind: "role", account: bob.account, role: "owner" }))).toEqual([
      { kind: "role", account: bob.account, from: "admin", to: "owner", by: ann.account },
    ]);
    expect(effects(log.change(bob, { kind: "role", account: ann.account, role: "member" }))).toEqual([
      { kind: "role", account: ann.account, from: "owner", to: "member", by: bob.account },
      { kind: "epoch", epoch: 2, by: bob.account },
    ]);
  });

  test("may be stepped down from, which makes an epoch due, but for the last owner", () => {
    const log = usual();
    expect(reason(log.say(ann, { kind: "role", account: ann.account, role: "admin" }))).toBe("groupDenied");
    log.change(bob, { kind: "role", account: bob.account, role: "member" });
    expect(log.state.rotation).toBe("due");
    expect(reason(log.say(bob, { kind: "admit", account: dee.account }))).toBe("groupDenied");
  });
});

describe("leaving", () => {
  test("takes the reach of who left, and makes an epoch due", () => {
    const log = usual();
    const { audience, epoch } = log.state;
    expect(effects(log.change(cid, { kind: "leave" }))).toEqual([
      { kind: "left", account: cid.account },
      { kind: "invitationEnded", account: dee.account, how: "takenBack", by: cid.account },
    ]);
    expect(log.state).toMatchObject({ audience: audience + 1, epoch, rotation: "due", invited: [] });
    expect(reason(log.say(cid, { kind: "leave" }))).toBe("strangeAuthor");
    log.change(bob, invitationOf(dee));
    expect(reason(log.say(dee, { kind: "leave" }))).toBe("groupDenied");
  });

  test("of the last owner hands the group to the first admin, also if members joined before", () => {
    const late = new Log(ann);
    late.join(cid, ann);
    late.join(bob, ann);
    late.change(ann, { kind: "role", account: bob.account, role: "admin" });
    late.change(ann, { kind: "leave" });
    expect(roles(late)).toEqual([
      [cid.account, "member"],
      [bob.account, "owner"],
    ]);
    const log = usual();
    expect(effects(log.change(ann, { kind: "leave" }))).toEqual([
      { kind: "left", account: ann.account },
      { kind: "succession", account: bob.account, from: "admin", after: ann.account },
    ]);
    expect(roles(log)).toEqual([
      [bob.account, "owner"],
      [cid.account, "member"],
    ]);
  });

  test("of the last owner among members hands over the admins' secret too", () => {
    const log = new Log(ann);
    log.join(bob, ann);
    log.join(cid, ann);
    expect(reason(log.say(ann, { kind: "leave" }))).toBe("wrongSecrets");
    expect(effects(log.change(ann, { kind: "leave" }))).toEqual([
      { kind: "left", account: ann.account },
      { kind: "succession", account: bob.account, from: "member", after: ann.account },
    ]);
  });

  test("of the last member ends the group, its invitations with it", () => {
    const log = new Log(ann);
    log.change(ann, invitationOf(bob));
    expect(effects(log.change(ann, { kind: "leave" }))).toEqual([
      { kind: "left", account: ann.account },
      { kind: "invitationEnded", account: bob.account, how: "takenBack", by: ann.account },
      { kind: "ended" },
    ]);
    expect(log.state).toMatchObject({ members: [], waiting: [], invited: [] });
    expect(reason(log.say(bob, acceptanceOf(bob)))).toBe("strangeAuthor");
    expect(reason(log.say(ann, invitationOf(bob)))).toBe("strangeAuthor");
  });
});

describe("settings", () => {
  test("of who may do what are the admins'; title, picture and timer everybody's unless the group says otherwise", () => {
    const log = usual();
    expect(reason(log.say(cid, { kind: "update", write: "admins" }))).toBe("groupDenied");
    expect(reason(log.say(cid, { kind: "update", title: "new", approval: "on" }))).toBe("groupDenied");
    expect(effects(log.change(cid, { kind: "update", title: "new", timerMs: 0 }))).toEqual([
      { kind: "settings", changed: { title: "new" }, by: cid.account },
    ]);
    log.change(bob, { kind: "update", edit: "admins", write: "admins" });
    expect(reason(log.say(cid, { kind: "update", title: "mine" }))).toBe("groupDenied");
    expect([ann, bob, cid, dee, eve].map(({ account }) => mayWrite(log.state, account))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test("that say nothing are void; those that change nothing tell timelines nothing", () => {
    const log = usual({ title: "walks", avatar: Uint8Array.of(1, 2) });
    expect(reason(log.say(ann, { kind: "update" }))).toBe("invalidArgument");
    expect(effects(log.change(ann, { kind: "update", title: "walks", avatar: Uint8Array.of(1, 2) }))).toEqual([]);
    expect(effects(log.change(ann, { kind: "update", avatar: Uint8Array.of(1, 3) }))).toEqual([
      { kind: "settings", changed: { avatar: Uint8Array.of(1, 3) }, by: ann.account },
    ]);
  });
});

describe("keys", () => {
  const fresh = { kind: "keys", wrapKey: curveKey("fresh"), deliveryKeyHash: named("fresh") } as const;

  test("that changed take the reach of a revoked device, and make an epoch due", () => {
    const log = usual();
    expect(reason(log.say(dee, fresh))).toBe("groupDenied");
    const { audience } = log.state;
    // The revoked device knows the private keys of the invitations that its account made.
    expect(effects(log.change(cid, fresh))).toEqual([
      { kind: "keys", account: cid.account },
      { kind: "invitationEnded", account: dee.account, how: "takenBack", by: cid.account },
    ]);
    expect(log.state).toMatchObject({ audience: audience + 1, rotation: "due", invited: [] });
    expect(log.state.members[2]).toMatchObject({ wrapKey: fresh.wrapKey, deliveryKeyHash: fresh.deliveryKeyHash });
    expect(reason(log.say(cid, fresh))).toBe("invalidArgument");
  });

  test("of who waits reach nobody yet", () => {
    const log = usual({ approval: "on" });
    log.change(dee, acceptanceOf(dee));
    const { audience } = log.state;
    log.change(dee, fresh);
    expect(log.state).toMatchObject({ audience, rotation: "due" });
    expect(log.state.waiting[0]).toMatchObject({ wrapKey: fresh.wrapKey });
  });
});

describe("checkpoints", () => {
  test("name the state before them, are the admins', and are due once in every epoch but the first", () => {
    const log = usual();
    expect(isCheckpointDue(log.state)).toBe(false);
    log.change(bob, { kind: "rotate" });
    expect(isCheckpointDue(log.state)).toBe(true);
    const stateHash = groupStateHash(log.state);
    expect(reason(log.say(cid, { kind: "checkpoint", stateHash }))).toBe("groupDenied");
    expect(reason(log.say(bob, { kind: "checkpoint", stateHash }))).toBe("invalidArgument");
    expect(effects(log.change(bob, { kind: "checkpoint", stateHash: groupStateHash(log.state) }))).toEqual([
      { kind: "checkpoint", by: bob.account },
    ]);
    expect(isCheckpointDue(log.state)).toBe(false);
    expect(log.state.checkpointSeq).toBe(log.state.seq);
  });
});

describe("an entry", () => {
  test("of another group, behind another entry, by nobody known, or signed by somebody else is ignored", () => {
    const log = usual();
    const change = { kind: "update", title: "x" } as const;
    const previous = log.state.head;
    const other = parseConversationId("ff".repeat(16));
    expect(reason(log.append(entryBytes(change, ann, { previous, group: other })))).toBe("otherGroup");
    expect(reason(log.append(entryBytes(change, ann, { previous: new Uint8Array(32) })))).toBe("notNext");
    expect(reason(log.append(log.entries[1] ?? new Uint8Array(0)))).toBe("notNext");
    expect(reason(log.append(entryBytes(change, eve, { previous })))).toBe("strangeAuthor");
    expect(reason(log.append(entryBytes(change, bob, { previous, author: ann.account })))).toBe("badSignature");
    expect(reason(log.append(Uint8Array.of(1, 2, 3)))).toBe("unreadable");
    const { identityKey, wrapKey, deliveryKeyHash } = ann;
    const create = { kind: "create", maxAccounts: 9, identityKey, wrapKey, deliveryKeyHash } as const;
    expect(reason(log.say(ann, create))).toBe("secondCreate");
    expect(log.state.head).toEqual(previous);
    expect(reason(log.append(entryBytes(change, ann, { previous })))).toBe("applied");
  });
});
