/** From a host's user to an account of ours: one row each, which does not say whose it is. */

import { type AccountId, accountIdFromBytes, accountIdToBytes, type Frame, SottoError } from "@sotto/protocol";
import type { CertifiedUser, HostUser } from "../ports.js";
import type { Rules } from "./rules.js";
import type { TableBucket } from "./table-buckets.js";

const USERS: TableBucket = "user";

/** Who vouches for users where registration is open. */
const DEVELOPMENT_ISSUER = "development";

/**
 * The user a registration is for.
 *
 * @throws badFrame unless exactly one of token and user id is given, or if a role goes with a token.
 * @throws registrationClosed if a bare user id is given and registration is not open.
 * @throws badToken if the host's token is not good, or no host is configured.
 */
export async function registeringUser(
  { hostTokens, policy }: Rules,
  { token, userId, role }: Frame<"register">,
): Promise<CertifiedUser> {
  if ((token === undefined) === (userId === undefined)) throw new SottoError("badFrame", { detail: "one of both" });
  if (token !== undefined) {
    if (role !== undefined) throw new SottoError("badFrame", { detail: "the token says what its user is" });
    if (hostTokens === undefined) throw new SottoError("badToken", { detail: "no host is configured" });
    return hostTokens.verify(token);
  }
  if (policy.registration !== "open" || userId === undefined) throw new SottoError("registrationClosed");
  return { issuer: DEVELOPMENT_ISSUER, subject: userId, role: role ?? "person" };
}

/** The key of a user's row: a keyed hash, so that what lies on disk does not name a host's users. */
export function userKey({ signatures }: Rules, { issuer, subject }: HostUser): string {
  return signatures.keyedHash("sotto/user/1", JSON.stringify([issuer, subject]));
}

/** The account of a user, if one was ever claimed; its document may be missing if a registration did not finish. */
export async function accountOfUser({ store }: Rules, key: string): Promise<AccountId | undefined> {
  const row = await store.table.get(USERS, key);
  return row === undefined ? undefined : accountIdFromBytes(row.value);
}

/** The account of a user, claimed under a fresh random id if there is none. All claimants get the same one. */
export async function claimAccount(rules: Rules, key: string): Promise<AccountId> {
  const existing = await accountOfUser(rules, key);
  if (existing !== undefined) return existing;
  const account = accountIdFromBytes(randomUuid(rules.random.bytes(16)));
  const { won } = await rules.store.table.compareAndSet(USERS, key, undefined, accountIdToBytes(account));
  if (won) return account;
  const others = await accountOfUser(rules, key);
  if (others === undefined) throw new SottoError("busy", { detail: "a user's row came and went" });
  return others;
}

/** Marks 16 random bytes as a UUID of version 4 (RFC 9562 §5.4). */
function randomUuid(bytes: Uint8Array): Uint8Array {
  const uuid = bytes.slice();
  uuid[6] = ((uuid[6] as number) & 0x0f) | 0x40;
  uuid[8] = ((uuid[8] as number) & 0x3f) | 0x80;
  return uuid;
}
