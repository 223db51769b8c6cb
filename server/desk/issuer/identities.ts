/**
 * Identity keys that took another one's place without anybody to vouch, as after an account was reset: refused, until the operator lets
 * exactly that key in.
 */

import { createHash } from "node:crypto";
import { type AccountId, equalBytes, parseAccountId, toHex } from "@sotto/protocol";
import { DeskError } from "../api.js";
import type { Ledger } from "../audit/ledger.js";
import type { Locks } from "../lock.js";
import type { Tables } from "../rows.js";

/** What letting in works on. */
export interface IdentityParts {
  readonly tables: Tables;
  readonly ledger: Ledger;
  readonly locks: Locks;
}

/** An identity key that was refused. */
export interface RefusedIdentity {
  readonly account: AccountId;
  /** SHA-256 of the key. */
  readonly key: Uint8Array;
  /** Whether it was let in since, and did not come yet. */
  readonly state: "refused" | "allowed";
}

/** How the desk names an identity key. */
export function identityKeyName(identityKey: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(identityKey).digest());
}

/** The last key that was refused of every account of which one was, and that did not enrol since. */
export async function refusedIdentities({ tables }: IdentityParts): Promise<readonly RefusedIdentity[]> {
  const rows = await tables.account.all();
  return rows.flatMap(({ key: account, value: { refusedKey: key, allowedKey } }) =>
    key === undefined
      ? []
      : [
          {
            account: parseAccountId(account),
            key,
            state: allowedKey !== undefined && equalBytes(key, allowedKey) ? "allowed" : "refused",
          } as const,
        ],
  );
}

/** Lets the key that was refused last enrol in the place of the one that is known. @throws DeskError notFound if there is none. */
export function allowIdentity(
  { tables, ledger, locks }: IdentityParts,
  { account, key }: Pick<RefusedIdentity, "account" | "key">,
): Promise<void> {
  return locks.hold(`account/${account}`, async () => {
    const held = await tables.account.get(account);
    if (held?.refusedKey === undefined || !equalBytes(held.refusedKey, key)) {
      throw new DeskError("notFound", "No such identity of this account was refused last.");
    }
    await ledger.commit([tables.account.put(account, { ...held, allowedKey: key })], {
      by: "operator",
      what: "identityAllowed",
      about: account,
      detail: { key: toHex(key) },
    });
  });
}
