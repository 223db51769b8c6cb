/**
 * What accounts are by the host's word: people, or programs. The relay's certificate of everything an account sends says so,
 * so that no sender can leave it out. Only who is no person has a row.
 */

import type { AccountId, AccountRole } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** Reads and keeps roles. */
export class Roles {
  constructor(private readonly store: SealedStore) {}

  /** What an account is, as the relay last said; a person until it was heard of. */
  async of(account: AccountId): Promise<AccountRole> {
    const stored = await this.store.get(keys.role(this.store, account));
    return stored === undefined ? "person" : decodeRow("role", stored).role;
  }

  /** The change that keeps what an account was certified to be; none if that was known. */
  async heard(account: AccountId, role: AccountRole): Promise<readonly StoreChange[]> {
    if ((await this.of(account)) === role) return [];
    const value = role === "person" ? undefined : encodeRow("role", { role });
    return [{ key: keys.role(this.store, account), value }];
  }
}
