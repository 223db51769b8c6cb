/** The rosters of this account's groups: whom a message at some entry of a log was meant for, kept for as long as it is of use. */

import { type AccountId, type GroupStanding, groupRoster, type Realm, type Roster, toHex } from "@sotto/protocol";

/** Rosters in memory: the largest have some 2,000 hashes each. */
const MAX_ROSTERS = 16;

/** What rosters are made from. */
export interface RosterParts {
  /** `undefined` while this device knows no realm. */
  realm(): Realm | undefined;
  /** The members of a group at an entry of its log; `undefined` if that is not known here. */
  membersAt(group: GroupStanding["id"], revision: number): readonly AccountId[] | undefined;
}

/** Makes each once: in a large group that takes longer than all the rest of a message. */
export class Rosters {
  /** Those used last come last. */
  private readonly made = new Map<string, Roster>();

  constructor(private readonly parts: RosterParts) {}

  /** The roster of a group at one entry; `undefined` if its members there, or the realm, are not known here. */
  at({ id: group, revision, head }: GroupStanding): Roster | undefined {
    const realm = this.parts.realm();
    if (realm === undefined) return undefined;
    const name = `${group}/${revision}/${toHex(head)}/${toHex(realm)}`;
    const present = this.made.get(name);
    if (present !== undefined) return this.used(name, present);
    const members = this.parts.membersAt(group, revision);
    if (members === undefined) return undefined;
    return this.used(name, groupRoster(realm, { group, revision, head }, members));
  }

  private used(name: string, roster: Roster): Roster {
    this.made.delete(name);
    this.made.set(name, roster);
    for (const oldest of this.made.keys()) {
      if (this.made.size <= MAX_ROSTERS) break;
      this.made.delete(oldest);
    }
    return roster;
  }
}
