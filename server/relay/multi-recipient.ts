/**
 * Splits libsignal's multi-recipient sealed message into what each account's devices get. One spelling only: whatever this
 * takes libsignal takes, with the same bytes for everybody (`multi-recipient-anything.test.ts`).
 *
 *   sent       = 23 ‖ varint number of accounts ‖ account* ‖ shared
 *   account    = 00 ‖ 16 bytes account id ‖ device+ ‖ 32 bytes key material ‖ 16 bytes tag
 *   device     = u8 device id ‖ u16be registration id, with the highest bit set where another device follows
 *   shared     = 32 bytes ephemeral key ‖ ciphertext
 *   received   = 22 ‖ 32 bytes key material ‖ 16 bytes tag ‖ shared
 *
 * The ciphertext is stored once; the head of a received message is all that differs between accounts.
 */

import { type AccountId, accountIdAt, type DeviceId, limits, MAX_DEVICE_ID, parseDeviceId } from "@sotto/protocol";

/** The first byte of a message with accounts of every kind of service id in it. */
const SENT_VERSION = 0x23;
const RECEIVED_VERSION = 0x22;
/** The kind of service id that accounts have. */
const ACI_KIND = 0;
const ACCOUNT_BYTES = 16;
const DEVICE_BYTES = 3;
/** Key material and tag. */
const SEALED_KEY_BYTES = 48;
/** An ephemeral key, and a ciphertext that is nothing but its tag. */
const MIN_SHARED_BYTES = 48;
const MORE_DEVICES = 0x8000;
const MAX_REGISTRATION_ID = 0x3fff;
const { value: MAX_DEVICES } = limits.devicesPerAccount;

/** Bytes before the shared end of what a device gets. */
export const HEAD_BYTES = 1 + SEALED_KEY_BYTES;

/** One account of a message. */
export interface MessageRecipient {
  readonly account: AccountId;
  /** One for each device; the body is what comes before the shared end, the same object for all of them. */
  readonly envelopes: readonly {
    readonly device: DeviceId;
    readonly registrationId: number;
    readonly body: Uint8Array;
  }[];
}

/** A message, split. */
export interface SplitMessage {
  readonly kind: "split";
  /** In the order of the message; no account twice. */
  readonly recipients: readonly MessageRecipient[];
  /** Devices of all accounts. */
  readonly devices: number;
  /** The end of what every device gets; a view of the message. */
  readonly shared: Uint8Array;
}

/** What became of splitting. */
export type Split = SplitMessage | { readonly kind: "malformed" } | { readonly kind: "tooMany" };

const MALFORMED: Split = { kind: "malformed" };
const TOO_MANY: Split = { kind: "tooMany" };

/**
 * Splits a message. `malformed` also where it names an account or a device twice, somebody to leave out, a service id that
 * is no account's, or more devices than an account can have. Reads no further than the bounds.
 */
export function splitMessage(
  message: Uint8Array,
  most: { readonly accounts: number; readonly devices: number },
): Split {
  const count = readCount(message);
  if (message[0] !== SENT_VERSION || count === undefined) return MALFORMED;
  if (count.value > most.accounts) return TOO_MANY;
  let { at } = count;
  let devices = 0;
  const heads = new Uint8Array(count.value * HEAD_BYTES);
  const recipients: MessageRecipient[] = [];
  const accounts = new Set<AccountId>();
  for (let index = 0; index < count.value; index++) {
    if (message[at] !== ACI_KIND || at + 1 + ACCOUNT_BYTES > message.length) return MALFORMED;
    const account = accountIdAt(message, at + 1);
    accounts.add(account);
    const body = heads.subarray(index * HEAD_BYTES, (index + 1) * HEAD_BYTES);
    const envelopes = readDevices(message, at + 1 + ACCOUNT_BYTES, body);
    if (envelopes === undefined || accounts.size <= index) return MALFORMED;
    recipients.push({ account, envelopes });
    devices += envelopes.length;
    if (devices > most.devices) return TOO_MANY;
    at += 1 + ACCOUNT_BYTES + envelopes.length * DEVICE_BYTES;
    if (at + SEALED_KEY_BYTES > message.length) return MALFORMED;
    body[0] = RECEIVED_VERSION;
    // Byte by byte: a view of so few costs more than copying them.
    for (let byte = 1; byte < HEAD_BYTES; byte++) body[byte] = message[at++] as number;
  }
  if (message.length - at < MIN_SHARED_BYTES) return MALFORMED;
  return { kind: "split", recipients, devices, shared: message.subarray(at) };
}

/** The number of accounts, at least one, in the shortest of its spellings; `at` is behind it. */
function readCount(message: Uint8Array): { readonly value: number; readonly at: number } | undefined {
  let value = 0;
  for (let at = 1; at < 4; at++) {
    const byte = message[at];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * (at - 1));
    if (byte >= 0x80) continue;
    return byte === 0 ? undefined : { value, at: at + 1 };
  }
  return undefined;
}

/** The devices of one account from `start`, each once; `undefined` if they are not spelt as they should be. */
function readDevices(message: Uint8Array, start: number, body: Uint8Array): MessageRecipient["envelopes"] | undefined {
  let envelopes: MessageRecipient["envelopes"][number][] | undefined;
  for (let at = start; at + DEVICE_BYTES <= message.length; at += DEVICE_BYTES) {
    const id = message[at] as number;
    const word = ((message[at + 1] as number) << 8) | (message[at + 2] as number);
    const registrationId = word & ~MORE_DEVICES;
    if (id === 0 || id > MAX_DEVICE_ID || registrationId === 0 || registrationId > MAX_REGISTRATION_ID)
      return undefined;
    const device = parseDeviceId(id);
    const envelope = { device, registrationId, body };
    // A literal has room for one, as most accounts need; an empty array would make room for seventeen with the first.
    if (envelopes === undefined) envelopes = [envelope];
    else if (envelopes.length === MAX_DEVICES || envelopes.some((one) => one.device === device)) return undefined;
    else envelopes.push(envelope);
    if (word === registrationId) return envelopes;
  }
  return undefined;
}
