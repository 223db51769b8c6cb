/** A device's name: readable by the devices of its account, of one length for everybody else. */

import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { labelled } from "./derive.js";
import { SottoError } from "./failures.js";
import { limits } from "./limits.js";

const encoder = new TextEncoder();
const NAME_KEY_BYTES = 32;
/** The name, an end mark, and zeros. */
const PADDED_BYTES = limits.deviceNameBytes.value + 1;

/** The key that seals the device names of an account; every device derives it, because each holds the identity. */
export function deriveDeviceNameKey(identityPrivate: Uint8Array): Uint8Array<ArrayBuffer> {
  const label = encoder.encode("sotto/device-name/1");
  return hkdf(sha256, identityPrivate, undefined, label, NAME_KEY_BYTES) as Uint8Array<ArrayBuffer>;
}

/** What a sealed name is bound to: a relay cannot show one device's name as another's. */
export function deviceNameContext(registrationId: number): Uint8Array<ArrayBuffer> {
  return labelled("sotto/device-name/1", Uint8Array.of(registrationId >> 8, registrationId & 0xff));
}

/**
 * The padded bytes of a name.
 *
 * @throws invalidArgument for an empty name, one that is too long, or no text.
 */
export function padDeviceName(name: string): Uint8Array<ArrayBuffer> {
  const spelled = typeof name === "string" && name.isWellFormed() ? encoder.encode(name) : new Uint8Array(0);
  const { value: most } = limits.deviceNameBytes;
  if (spelled.length === 0 || spelled.length > most) {
    throw new SottoError("invalidArgument", { detail: `a device's name is text of 1 to ${most} bytes` });
  }
  const padded = new Uint8Array(PADDED_BYTES);
  padded.set(spelled);
  padded[spelled.length] = 0x80;
  return padded;
}

/** The name in padded bytes; `undefined` if they hold none. */
export function unpadDeviceName(padded: Uint8Array): string | undefined {
  const end = padded.findLastIndex((byte) => byte !== 0);
  if (padded.length !== PADDED_BYTES || end < 1 || padded[end] !== 0x80) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(padded.subarray(0, end));
  } catch {
    return undefined;
  }
}
