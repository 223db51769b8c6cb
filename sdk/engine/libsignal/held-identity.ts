/** Which identity an account must have. */

import type { AccountId } from "@sotto/protocol";
import type { EngineRecords } from "../../core/ports.js";

/**
 * The identity key an account must have; `undefined` before the first contact. For our own account that is our own, whatever
 * a certificate says or a record holds.
 */
export async function heldIdentity(records: EngineRecords, account: AccountId): Promise<Uint8Array | undefined> {
  const { address, identity } = records.own();
  return account === address.account ? identity.publicKey : records.peerIdentity(account);
}
