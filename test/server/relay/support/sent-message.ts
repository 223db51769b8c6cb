/** Writes multi-recipient messages as libsignal lays them out; nobody could open these. */

import { createHash } from "node:crypto";
import { type AccountId, accountIdToBytes } from "@sotto/protocol";

/** One account of a message. */
export interface SentRecipient {
  readonly account: AccountId;
  readonly devices: readonly { readonly device: number; readonly registrationId: number }[];
}

/** The end that all devices of a test's message get. */
export const SHARED = new Uint8Array(createHash("sha512").update("shared").digest());

/** A message to these accounts. */
export function sentMessage(
  recipients: readonly SentRecipient[],
  shared: Uint8Array = SHARED,
): Uint8Array<ArrayBuffer> {
  const count =
    recipients.length < 0x80 ? [recipients.length] : [(recipients.length & 0x7f) | 0x80, recipients.length >> 7];
  const named = recipients.map(({ account, devices }) =>
    Buffer.concat([
      Buffer.of(0),
      accountIdToBytes(account),
      ...devices.map(({ device, registrationId }, index) => {
        const word = registrationId | (index < devices.length - 1 ? 0x8000 : 0);
        return Buffer.of(device, word >> 8, word & 0xff);
      }),
      sealedKeyOf(account),
    ]),
  );
  return new Uint8Array(Buffer.concat([Buffer.of(0x23, ...count), ...named, shared]));
}

/** What a device of this account gets. */
export function receivedMessage(account: AccountId, shared: Uint8Array = SHARED): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([Buffer.of(0x22), sealedKeyOf(account), shared]));
}

/** Key material and tag, different for each account. */
function sealedKeyOf(account: AccountId): Buffer {
  return createHash("sha384").update(account).digest();
}
