/** A registered device proves itself. */

import { type AccountId, authenticationText, type Frame, SottoError } from "@sotto/protocol";
import { StoreError } from "../ports.js";
import { type Device, findDevice, mailboxOf } from "./account.js";
import type { LoadedAccount } from "./accounts.js";
import type { DeviceIdentity, Rules } from "./rules.js";

/** What a greeting's signatures are over, so that none fits another connection or another relay. */
export interface Challenge {
  readonly nonce: Uint8Array;
  readonly root: Uint8Array;
}

const DAY_MS = 86_400_000;

/** A time as a day since 1970. */
export function dayOf(timeMs: number): number {
  return Math.floor(timeMs / DAY_MS);
}

/**
 * The device that an answer proves. The day is noted with the device's first greeting of that day.
 *
 * @throws badCredentials if there is no such device or the signature is not by its authentication key.
 */
export async function authenticate(
  rules: Rules,
  { account, device, signature }: Frame<"authenticate">,
  challenge: Challenge,
): Promise<DeviceIdentity> {
  const { accounts, signatures } = rules;
  const loaded = await accounts.load(account);
  const found = loaded === undefined ? undefined : findDevice(loaded.document, device);
  const text = authenticationText(challenge, account, device);
  if (
    loaded === undefined ||
    found === undefined ||
    !signatures.verifyDevice(found.authenticationKey, text, signature)
  ) {
    throw new SottoError("badCredentials");
  }
  await noteSeen(rules, account, loaded, found);
  return { account, device, registrationId: found.registrationId, mailbox: mailboxOf(account, found) };
}

/** Tried once: a day that is not noted because others changed the account is noted by the next greeting. */
async function noteSeen(
  { accounts, clock }: Rules,
  account: AccountId,
  { revision, document }: LoadedAccount,
  seen: Device,
): Promise<void> {
  const seenDay = dayOf(clock.now());
  if (seenDay === seen.seenDay) return;
  const devices = document.devices.map((one) => (one === seen ? { ...one, seenDay } : one));
  try {
    await accounts.replace(account, revision, { ...document, devices });
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
  }
}
