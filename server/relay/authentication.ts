/** A registered device proves itself. */

import { authenticationText, type Frame, SottoError } from "@sotto/protocol";
import { findDevice, mailboxOf } from "./account.js";
import type { DeviceIdentity, Rules } from "./rules.js";

/** What a greeting's signatures are over, so that none fits another connection or another relay. */
export interface Challenge {
  readonly nonce: Uint8Array;
  readonly root: Uint8Array;
}

/**
 * The device that an answer proves.
 *
 * @throws badCredentials if there is no such device or the signature is not by its authentication key.
 */
export async function authenticate(
  { accounts, signatures }: Rules,
  { account, device, signature }: Frame<"authenticate">,
  challenge: Challenge,
): Promise<DeviceIdentity> {
  const loaded = await accounts.load(account);
  const found = loaded === undefined ? undefined : findDevice(loaded.document, device);
  const text = authenticationText(challenge, account, device);
  if (found === undefined || !signatures.verifyDevice(found.authenticationKey, text, signature)) {
    throw new SottoError("badCredentials");
  }
  return { account, device, registrationId: found.registrationId, mailbox: mailboxOf(account, found) };
}
