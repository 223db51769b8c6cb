/** Grants at the relay: whether one speaks for this send, and the single use of those that carry a nonce. */

import { type AccountId, equalBytes, SottoError } from "@sotto/protocol";
import type { HostGrant, HostUser } from "../ports.js";
import type { Rules } from "./rules.js";
import type { TableBucket } from "./table-buckets.js";
import { accountOfUser, userKey } from "./user.js";

const GRANTS: TableBucket = "grant";

/** How a grant stands: none was shown, it is good for this send, it was used for another one, or it says nothing here. */
export type GrantStanding = "none" | "good" | "spent" | "bad";

/** What makes a grant good for one send only: the row that says which, and how long it must be kept. */
export interface Nonce {
  readonly key: string;
  readonly takenUntilMs: number;
}

/** A grant, looked at. */
export interface CheckedGrant {
  readonly standing: GrantStanding;
  readonly nonce: Nonce | undefined;
}

/** Who writes to whom, under which id. */
export interface GrantUse {
  readonly from: AccountId;
  readonly to: AccountId;
  readonly messageId: Uint8Array;
}

const NONE: CheckedGrant = { standing: "none", nonce: undefined };
const BAD: CheckedGrant = { standing: "bad", nonce: undefined };

/**
 * Looks at a grant. What it answers does not depend on the recipient's settings.
 *
 * @throws busy if the host's keys cannot be fetched now.
 */
export async function checkGrant(rules: Rules, grant: string | undefined, use: GrantUse): Promise<CheckedGrant> {
  if (grant === undefined) return NONE;
  const said = await verified(rules, grant);
  if (said === undefined) return BAD;
  const [from, to] = await Promise.all([accountOf(rules, said.from), accountOf(rules, said.to)]);
  if (from !== use.from || to !== use.to) return BAD;
  if (said.nonce === undefined) return { standing: "good", nonce: undefined };
  const key = rules.signatures.keyedHash("sotto/grant/1", JSON.stringify([said.from.issuer, said.nonce]));
  const spent = await rules.store.table.get(GRANTS, key);
  const isSpent = spent !== undefined && !equalBytes(spent.value, use.messageId);
  return { standing: isSpent ? "spent" : "good", nonce: { key, takenUntilMs: said.takenUntilMs } };
}

/** Uses a nonce up for one message id, durably. True for exactly one id, as often as it asks. */
export async function burn({ store, clock }: Rules, nonce: Nonce, messageId: Uint8Array): Promise<boolean> {
  const ttlMs = Math.max(1, nonce.takenUntilMs - clock.now());
  const { won } = await store.table.compareAndSet(GRANTS, nonce.key, undefined, messageId.slice(), ttlMs);
  if (won) return true;
  const spent = await store.table.get(GRANTS, nonce.key);
  return spent !== undefined && equalBytes(spent.value, messageId);
}

async function verified({ grants }: Rules, grant: string): Promise<HostGrant | undefined> {
  try {
    return await grants?.verify(grant);
  } catch (cause) {
    if (cause instanceof SottoError && cause.code === "badGrant") return undefined;
    throw cause;
  }
}

function accountOf(rules: Rules, user: HostUser): Promise<AccountId | undefined> {
  return accountOfUser(rules, userKey(rules, user));
}
