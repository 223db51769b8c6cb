/** The identifiers both sides speak of. Branded, so that a bare string or number is never mistaken for one. */

import { SottoError } from "./failures.js";

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** A person: a random UUID the relay gave at registration, in lower-case 8-4-4-4-12 form. 16 bytes on the wire. */
export type AccountId = Branded<string, "AccountId">;

/** One key-holder of an account: 1..127, the range libsignal addresses allow. The relay gives them in turn, so that one comes back only after 126 others. */
export type DeviceId = Branded<number, "DeviceId">;

/** A conversation: 32 lower-case hex digits of its 16 bytes. For a DM, derived from both accounts (PROTOCOL.md, content). */
export type ConversationId = Branded<string, "ConversationId">;

/** A message as its readers know it inside the encrypted content: 32 lower-case hex digits of its 16 bytes, which are random, or in a group bound to their author (group/message-id.ts). */
export type MessageId = Branded<string, "MessageId">;

/** The largest device id libsignal accepts in an address. */
export const MAX_DEVICE_ID = 127;

const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));
const HEX_CODES = Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
const DASH = 0x2d;
const ACCOUNT_ID_BYTES = 16;
/** Used again for every account id that is read: a message to a group names hundreds. */
const accountIdCodes: number[] = new Array(ACCOUNT_ID_BYTES * 2 + 4).fill(DASH);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HEX_16 = /^[0-9a-f]{32}$/;

/** Lower-case hex digits of the bytes, two a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/**
 * The bytes that hex digits spell.
 *
 * @throws invalidArgument if the text has an odd length or a character that is no hex digit.
 */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length >> 1);
  let isHex = text.length % 2 === 0;
  for (let index = 0; index < bytes.length; index++) {
    const high = digit(text.charCodeAt(index * 2));
    const low = digit(text.charCodeAt(index * 2 + 1));
    isHex &&= high < 16 && low < 16;
    bytes[index] = high * 16 + low;
  }
  if (!isHex) throw new SottoError("invalidArgument", { detail: "expected an even number of hex digits" });
  return bytes;
}

/** The value of a hex digit's character code; 16 for any other character. */
function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = (code | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : 16;
}

/** Reads an account id from its 16 bytes. Of any other number of bytes comes no id: writing it is refused. */
export function accountIdFromBytes(bytes: Uint8Array): AccountId {
  return bytes.length === ACCOUNT_ID_BYTES ? accountIdAt(bytes, 0) : (toHex(bytes) as AccountId);
}

/** Reads an account id from 16 bytes in the middle of others, which the caller knows to be there. */
export function accountIdAt(bytes: Uint8Array, start: number): AccountId {
  let at = 0;
  for (let index = 0; index < ACCOUNT_ID_BYTES; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) accountIdCodes[at++] = DASH;
    const byte = bytes[start + index] as number;
    accountIdCodes[at++] = HEX_CODES[byte >> 4] as number;
    accountIdCodes[at++] = HEX_CODES[byte & 0x0f] as number;
  }
  // In one piece: a string put together from parts is ten objects, and every frame that names an account makes one.
  return String.fromCharCode.apply(undefined, accountIdCodes) as AccountId;
}

/** The 16 bytes of an account id. */
export function accountIdToBytes(account: AccountId): Uint8Array<ArrayBuffer> {
  return fromHex(account.replaceAll("-", ""));
}

/**
 * Reads an account id from text.
 *
 * @throws invalidArgument if the text is not a lower-case UUID.
 */
export function parseAccountId(text: string): AccountId {
  if (!UUID.test(text)) throw new SottoError("invalidArgument", { detail: "an account id is a lower-case UUID" });
  return text as AccountId;
}

/**
 * Reads a device id.
 *
 * @throws invalidArgument if the number is not an integer from 1 to 127.
 */
export function parseDeviceId(value: number): DeviceId {
  if (!Number.isInteger(value) || value < 1 || value > MAX_DEVICE_ID) {
    throw new SottoError("invalidArgument", { detail: `a device id is an integer from 1 to ${MAX_DEVICE_ID}` });
  }
  return value as DeviceId;
}

/**
 * Reads a message id from text.
 *
 * @throws invalidArgument if the text is not 32 lower-case hex digits.
 */
export function parseMessageId(text: string): MessageId {
  if (!HEX_16.test(text))
    throw new SottoError("invalidArgument", { detail: "a message id is 32 lower-case hex digits" });
  return text as MessageId;
}

/**
 * Reads a conversation id from text.
 *
 * @throws invalidArgument if the text is not 32 lower-case hex digits.
 */
export function parseConversationId(text: string): ConversationId {
  if (!HEX_16.test(text)) {
    throw new SottoError("invalidArgument", { detail: "a conversation id is 32 lower-case hex digits" });
  }
  return text as ConversationId;
}
