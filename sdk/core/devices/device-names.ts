/** Names of the account's devices: the relay stores them and cannot read them. */

import { deriveDeviceNameKey, deviceNameContext, limits, padDeviceName, unpadDeviceName } from "@sotto/protocol";
import type { Cipher, Random } from "../ports.js";

const NONCE_BYTES = 12;

/** Seals and opens device names. Every device of an account can, because each holds the identity key. */
export class DeviceNames {
  readonly #parts: { readonly cipher: Cipher; readonly random: Random };
  readonly #key: Uint8Array;

  constructor(parts: { readonly cipher: Cipher; readonly random: Random }, identityPrivate: Uint8Array) {
    this.#parts = parts;
    this.#key = deriveDeviceNameKey(identityPrivate);
  }

  /**
   * A name sealed for the relay to keep; always of one length.
   *
   * @throws invalidArgument if it is empty or too long.
   */
  seal(name: string, registrationId: number): Uint8Array<ArrayBuffer> {
    const { cipher, random } = this.#parts;
    const nonce = random.bytes(NONCE_BYTES);
    const out = new Uint8Array(limits.sealedNameBytes.value);
    out.set(nonce);
    out.set(cipher.seal(this.#key, nonce, padDeviceName(name), deviceNameContext(registrationId)), NONCE_BYTES);
    return out;
  }

  /** The name; `undefined` if another account, or another device's, was sealed here. */
  open(sealed: Uint8Array, registrationId: number): string | undefined {
    const [nonce, body] = [sealed.subarray(0, NONCE_BYTES), sealed.subarray(NONCE_BYTES)];
    const padded = this.#parts.cipher.open(this.#key, nonce, body, deviceNameContext(registrationId));
    return padded === undefined ? undefined : unpadDeviceName(padded);
  }
}
