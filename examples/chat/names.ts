/** What accounts are called on the screen. */

import type { AccountId, Client, Item, Person } from "@sotto/sdk/node";
import type { Room } from "./room.js";
import { harmless } from "./words.js";

/** Of an account nothing else is known of. */
const SHORT_ID = 8;

/**
 * What somebody is called: by the host's name where it is known. A name they gave themselves is marked with `~`, for anybody
 * may call themselves like anybody else.
 */
export function nameOf({ accountId, userId, name }: Pick<Person, "accountId" | "userId" | "name">): string {
  if (userId !== undefined) return harmless(userId);
  return name === undefined ? accountId.slice(0, SHORT_ID) : `~${harmless(name)}`;
}

/** What somebody is called on the screen: beside the name, whether the host says that no person sits there. */
export function shownName(person: Pick<Person, "accountId" | "userId" | "name" | "accountRole">): string {
  return person.accountRole === "bot" ? `${nameOf(person)} [bot]` : nameOf(person);
}

/** Remembers what accounts are called. */
export class Names {
  private readonly known = new Map<AccountId, string>();
  private readonly me: AccountId;

  constructor(client: Pick<Client, "accountId">, me: string) {
    this.me = client.accountId;
    this.known.set(client.accountId, me);
  }

  /** What an account is called, as far as it was met. */
  readonly of = (account: AccountId): string => this.known.get(account) ?? account.slice(0, SHORT_ID);

  /** Looks up everybody whom an item names. */
  async meet(room: Room, item: Item): Promise<void> {
    for (const account of namedIn(item)) await this.look(room, account);
  }

  private async look(room: Room, account: AccountId): Promise<void> {
    const { known, me } = this;
    if (account === me) return;
    if (room.kind === "direct") {
      known.set(account, shownName({ ...(await room.conversation.peer()), userId: room.peer }));
      return;
    }
    const person = await room.conversation.person(account);
    if (person.userId !== undefined || !known.has(account)) known.set(account, shownName(person));
  }
}

function namedIn(item: Item): readonly AccountId[] {
  if (item.kind === "poll") return [item.from, ...item.tally.options.flatMap(({ voters }) => voters)];
  if (item.kind !== "group") return [item.from];
  const { change } = item;
  const others = [
    "account" in change ? change.account : undefined,
    "by" in change ? change.by : undefined,
    "after" in change ? change.after : undefined,
  ];
  return [item.from, ...others.filter((account) => account !== undefined)];
}
