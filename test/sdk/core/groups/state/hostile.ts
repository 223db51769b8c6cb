/** Entries that break a rule, told from the rules' words and not from the code under test. */

import {
  type AccountId,
  type GroupChange,
  type GroupRole,
  type GroupState,
  groupStateHash,
  parseConversationId,
} from "@sotto/protocol";
import { accountsIn, memberOf, standingOf } from "../../../../../sdk/core/groups/state/permissions.js";
import { acceptanceOf, entryBytes, handover, invitationOf, type Log, rotationFor } from "./log.js";
import { named, type Person, unsafePerson } from "./people.js";
import { at, forced, intentOf, people, type Wish } from "./schedule.js";

const NOT_OURS = parseConversationId("ff".repeat(16));

/**
 * The bytes of an entry that breaks a rule, of one of eight sorts; `undefined` if this actor could not break that rule now.
 */
export function hostileBytes(log: Log, { actor, kind, target, pick }: Wish): Uint8Array | undefined {
  const { state } = log;
  const by = at(people, actor);
  const victim = at(people, target);
  const previous = state.head;
  const change = forced(state, by.account, intentOf({ actor, kind, target, pick }, by, state));
  switch (pick % 8) {
    case 0:
      // Somebody else's name under one's own signature.
      return victim === by ? undefined : entryBytes(change, by, { previous, author: victim.account });
    case 1:
      return log.entries[pick % log.entries.length];
    case 2:
      return entryBytes(change, by, { previous, group: NOT_OURS });
    case 3:
      return entryBytes(change, by, { previous: named(`${pick}`) });
    case 4:
      return Uint8Array.from({ length: pick % 300 }, (_, index) => (index * pick) % 256);
    case 5:
      return flipped(entryBytes(change, by, { previous }), pick);
    default: {
      const forbidden = forbiddenTo(state, by, victim);
      return forbidden.length === 0
        ? undefined
        : entryBytes(at(forbidden, target + people.length * Math.floor(pick / 8)), by, { previous });
    }
  }
}

/** One bit of it is another one. */
function flipped(bytes: Uint8Array, pick: number): Uint8Array {
  const copy = bytes.slice();
  const place = (pick * 7_919) % copy.length;
  copy[place] = (copy[place] ?? 0) ^ (1 << (pick % 8));
  return copy;
}

/** Well-formed changes, properly signed and chained, that this person may not make on this state. */
function forbiddenTo(state: GroupState, by: Person, victim: Person): GroupChange[] {
  const me = memberOf(state, by.account);
  const everybody = [...state.members, ...state.waiting, ...state.invited].map(({ account }) => ({ account }));
  const byId = (one: { account: AccountId }, other: { account: AccountId }) => (one.account < other.account ? -1 : 1);
  const rotation = rotationFor([...everybody].sort(byId));
  const without = (account: AccountId) => rotationFor(everybody.filter((one) => one.account !== account).sort(byId));
  const outsider = people.find(({ account }) => standingOf(state, account) === "none");
  // With the secrets that somebody else's promotion would carry, and with those that one's own change of role does.
  const promotions = (...roles: readonly GroupRole[]) =>
    roles.flatMap((role): GroupChange[] => [
      { kind: "role", account: by.account, role, sealed: handover },
      { kind: "role", account: by.account, role },
    ]);
  const asAdmin: GroupChange[] = [
    { kind: "rotate", rotation },
    { kind: "update", approval: "off", invite: "members", write: "members", edit: "members" },
    { kind: "checkpoint", stateHash: groupStateHash(state) },
    ...state.waiting.map(({ account }): GroupChange => ({ kind: "admit", account })),
    ...state.members
      .filter(({ account }) => account !== by.account)
      .map(({ account }): GroupChange => ({ kind: "remove", accounts: [account], rotation: without(account) })),
  ];
  const ofMembers: GroupChange[] = [
    ...(outsider === undefined ? [] : [invitationOf(outsider)]),
    { kind: "update", title: "taken over" },
  ];
  const ofAnybody: GroupChange[] = [acceptanceOf(by), { kind: "decline" }];
  switch (standingOf(state, by.account)) {
    case "none":
      return [...asAdmin, ...ofMembers, ...ofAnybody, { kind: "leave" }, ...promotions("owner")];
    case "invited":
      return [
        ...asAdmin,
        ...ofMembers,
        { kind: "leave" },
        { kind: "admit", account: by.account },
        ...promotions("admin"),
      ];
    case "waiting":
      return [...asAdmin, ...ofMembers, ...ofAnybody, { kind: "admit", account: by.account }, ...promotions("admin")];
    case "member":
      break;
  }
  const voids: GroupChange[] = [...ofAnybody, ...badSecrets(state, by, victim), ...ghosts(state, victim)];
  switch (me?.role) {
    case "owner":
      return voids;
    case "admin":
      return [
        ...voids,
        ...promotions("owner"),
        ...state.members
          .filter(({ role }) => role === "member")
          .map(({ account }): GroupChange => ({ kind: "role", account, role: "admin", sealed: handover })),
        ...state.members
          .filter(({ account, role }) => account !== by.account && role !== "member")
          .flatMap(({ account }): GroupChange[] => [
            { kind: "remove", accounts: [account], rotation: without(account) },
            { kind: "role", account, role: "member", rotation },
          ]),
      ];
    default:
      return [
        ...voids,
        ...(state.invite === "admins" ? ofMembers.slice(0, -1) : []),
        ...(state.edit === "admins" ? ofMembers.slice(-1) : []),
        ...asAdmin,
        ...promotions("admin", "owner"),
      ];
  }
}

/** New secrets for the wrong people, or none where one is due. */
function badSecrets(state: GroupState, by: Person, victim: Person): GroupChange[] {
  const stays = [...state.members, ...state.waiting, ...state.invited].map(({ account }) => ({ account }));
  const sorted = stays.sort((one, other) => (one.account < other.account ? -1 : 1));
  const removed = sorted.filter(({ account }) => account !== victim.account);
  const bad: GroupChange[] = [
    { kind: "rotate", rotation: rotationFor(sorted.slice(1)) },
    { kind: "rotate", rotation: rotationFor([...sorted, { account: unsafePerson("ghost").account }]) },
    { kind: "rotate", rotation: rotationFor([...sorted, ...sorted.slice(0, 1)]) },
    { kind: "checkpoint", stateHash: named("another state") },
  ];
  if (sorted.length > 1) bad.push({ kind: "rotate", rotation: rotationFor([...sorted].reverse()) });
  if (victim !== by && standingOf(state, victim.account) !== "none") {
    bad.push({ kind: "remove", accounts: [victim.account], rotation: rotationFor(sorted) });
    bad.push({ kind: "remove", accounts: [victim.account, victim.account], rotation: rotationFor(removed) });
  }
  if (victim !== by && memberOf(state, victim.account)?.role === "member")
    bad.push({ kind: "role", account: victim.account, role: "admin" });
  return bad;
}

/** People who cannot be brought in, or taken out. */
function ghosts(state: GroupState, victim: Person): GroupChange[] {
  const ghost = unsafePerson("ghost");
  const bad: GroupChange[] = [
    { kind: "admit", account: ghost.account },
    { kind: "remove", accounts: [ghost.account], rotation: rotationFor([]) },
    { kind: "role", account: ghost.account, role: "admin", sealed: handover },
    { ...invitationOf(ghost), identityKey: new Uint8Array(33) },
  ];
  if (accountsIn(state) >= state.maxAccounts) bad.push(invitationOf(ghost));
  if (standingOf(state, victim.account) !== "none") bad.push(invitationOf(victim));
  return bad;
}
