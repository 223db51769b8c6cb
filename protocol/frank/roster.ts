/**
 * Rosters: whom a message was meant for, as one hash that its sender signs. A report opens one leaf of it, the reporter's, and
 * shows nothing of the others (PROTOCOL.md, Franking).
 */

import { type AccountId, accountIdToBytes, type ConversationId, fromHex } from "../ids.js";
import { hash, mac, u32 } from "./encoding.js";
import type { Realm } from "./token.js";

/** Levels of the largest roster, which has as many leaves as the largest group has accounts. */
export const MAX_ROSTER_LEVELS = 10;

/** One step up: the other child, and on which side it stands. */
export interface RosterStep {
  readonly side: "left" | "right";
  readonly hash: Uint8Array;
}

/** What shows that one account is in a roster: the salt of its leaf, and the way up. */
export interface RosterOpening {
  readonly salt: Uint8Array;
  readonly path: readonly RosterStep[];
}

/** A roster: its root, and the opening of each account in it. */
export interface Roster {
  readonly root: Uint8Array;
  /** `undefined` for an account that is not in it. */
  openingOf(account: AccountId): RosterOpening | undefined;
}

/** The roster of a message to one account. `key` is derived from the message's secret. */
export function directRoster(realm: Realm, key: Uint8Array, recipient: AccountId): Roster {
  return rosterOf(realm, key, [recipient]);
}

/**
 * The roster of a group at one entry of its log: everybody who is a member there. It is the same for all messages of that
 * revision, so whoever made it once keeps it. Its salts come from the hash of that entry, which nobody but those know who read
 * the log.
 */
export function groupRoster(
  realm: Realm,
  { group, revision, head }: { readonly group: ConversationId; readonly revision: number; readonly head: Uint8Array },
  members: readonly AccountId[],
): Roster {
  return rosterOf(realm, mac(head, "frank1/roster", realm, fromHex(group), u32(revision)), [...members].sort());
}

/** The root that an opening leads to. Of a wrong account, salt or path comes another root. */
export function rosterRoot(realm: Realm, account: AccountId, { salt, path }: RosterOpening): Uint8Array {
  let node: Uint8Array = leaf(realm, salt, account);
  for (const { side, hash: other } of path) node = side === "left" ? inner(other, node) : inner(node, other);
  return node;
}

function rosterOf(realm: Realm, key: Uint8Array, accounts: readonly AccountId[]): Roster {
  const salts = accounts.map((account) => saltOf(key, account));
  const leaves = accounts.map((account, index) => leaf(realm, salts[index] as Uint8Array, account));
  const width = 2 ** Math.ceil(Math.log2(Math.max(1, leaves.length)));
  const levels: Uint8Array[][] = [leaves];
  for (let index = leaves.length; index < width; index++) leaves.push(mac(key, "frank1/pad", u32(index)));
  for (let below = leaves; below.length > 1; ) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < below.length; at += 2)
      above.push(inner(below[at] as Uint8Array, below[at + 1] as Uint8Array));
    levels.push(above);
    below = above;
  }
  const places = new Map(accounts.map((account, index) => [account, index]));
  return {
    root: levels.at(-1)?.[0] as Uint8Array,
    openingOf(account) {
      const place = places.get(account);
      if (place === undefined) return undefined;
      const path = levels.slice(0, -1).map((level, height): RosterStep => {
        const at = place >> height;
        return { side: at % 2 === 0 ? "right" : "left", hash: level[at ^ 1] as Uint8Array };
      });
      return { salt: salts[place] as Uint8Array, path };
    },
  };
}

function saltOf(key: Uint8Array, account: AccountId): Uint8Array {
  return mac(key, "frank1/leafsalt", accountIdToBytes(account));
}

function leaf(realm: Realm, salt: Uint8Array, account: AccountId): Uint8Array {
  return mac(salt, "frank1/leaf", realm, accountIdToBytes(account));
}

function inner(left: Uint8Array, right: Uint8Array): Uint8Array {
  return hash("frank1/node", left, right);
}
