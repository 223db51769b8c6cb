/** Encryption of stored rows, and the blinding of what keys would give away. */

import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { labelled, SottoError, toHex } from "@sotto/protocol";
import type { Cipher, Random } from "../ports.js";

/** Bytes of a store key. */
export const STORE_KEY_BYTES = 32;

/** Nonce of AES-GCM. Random: under one key some 2³² rows may be written before a repeat becomes worth a thought. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Blinded names kept; a name costs about 200 bytes, and a client touches few at a time. */
const REMEMBERED_NAMES = 4_096;

/**
 * Seals and opens the rows of one store.
 *
 * A row is `nonce ‖ ciphertext ‖ tag` with its key as associated data, so that rows cannot be swapped on disk. It does not
 * show that a whole folder was put back to an older copy of itself.
 */
export class SealedRows {
  readonly #rowKey: Uint8Array;
  readonly #nameKey: Uint8Array;
  readonly #cipher: Cipher;
  readonly #random: Random;
  readonly #names = new Map<string, string>();

  constructor(storeKey: Uint8Array, { cipher, random }: { readonly cipher: Cipher; readonly random: Random }) {
    this.#rowKey = derive(storeKey, "sotto/store-rows/1");
    this.#nameKey = derive(storeKey, "sotto/store-names/1");
    this.#cipher = cipher;
    this.#random = random;
  }

  /** The bytes to keep under a key. */
  seal(key: string, value: Uint8Array): Uint8Array {
    const nonce = this.#random.bytes(NONCE_BYTES);
    const ciphertext = this.#cipher.seal(this.#rowKey, nonce, value, utf8ToBytes(key));
    const row = new Uint8Array(NONCE_BYTES + ciphertext.length);
    row.set(nonce);
    row.set(ciphertext, NONCE_BYTES);
    return row;
  }

  /** The value of a row, or `undefined` if it was not sealed under this key by this store. */
  tryOpen(key: string, row: Uint8Array): Uint8Array | undefined {
    if (row.length < NONCE_BYTES + TAG_BYTES) return undefined;
    return this.#cipher.open(this.#rowKey, row.subarray(0, NONCE_BYTES), row.subarray(NONCE_BYTES), utf8ToBytes(key));
  }

  /**
   * The value of a row.
   *
   * @throws storeCorrupt if the row was not sealed under this key by this store.
   */
  open(key: string, row: Uint8Array): Uint8Array {
    const value = this.tryOpen(key, row);
    if (value === undefined) throw new SottoError("storeCorrupt", { detail: "a stored row does not open" });
    return value;
  }

  /** 32 hex digits that stand for a name: the same for the same label and text, and meaningless without the store key. */
  blind(label: string, text: string): string {
    const name = `${label}\0${text}`;
    const known = this.#names.get(name);
    if (known !== undefined) {
      this.#names.delete(name);
      this.#names.set(name, known);
      return known;
    }
    const blinded = toHex(hmac(sha256, this.#nameKey, labelled(label, utf8ToBytes(text))).subarray(0, 16));
    this.#names.set(name, blinded);
    if (this.#names.size > REMEMBERED_NAMES) this.#names.delete(this.#names.keys().next().value as string);
    return blinded;
  }

  /** Forgets keys and names; nothing can be sealed or opened afterwards. */
  wipe(): void {
    this.#rowKey.fill(0);
    this.#nameKey.fill(0);
    this.#names.clear();
  }
}

function derive(storeKey: Uint8Array, purpose: string): Uint8Array {
  return hkdf(sha256, storeKey, undefined, utf8ToBytes(purpose), STORE_KEY_BYTES);
}
