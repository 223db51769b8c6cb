/** Ed25519 as the desk needs it: signing by Node's crypto, checking by ZIP-215, and whether a key is one that anybody could sign under. */

import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { fromHex } from "@sotto/protocol";

/** PKCS#8 of an Ed25519 key up to the seed (RFC 8410 §7). */
const PKCS8_HEAD = fromHex("302e020100300506032b657004220420");

/** A key that signs. */
export interface SigningKey {
  readonly publicKey: Uint8Array;
  sign(text: Uint8Array): Uint8Array;
}

/** The signing key of a 32-byte seed. */
export function signingKeyOf(seed: Uint8Array): SigningKey {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
  return { publicKey: publicHalf(key), sign: (text) => new Uint8Array(sign(null, text, key)) };
}

function publicHalf(key: KeyObject): Uint8Array {
  const { x } = createPublicKey(key).export({ format: "jwk" });
  return new Uint8Array(Buffer.from(x as string, "base64url"));
}

/**
 * Whether a signature is by this key, by ZIP-215: whatever any client's library took is taken here, so that nothing that was shown
 * cannot be reported. False for anything malformed.
 */
export function verifySignature(publicKey: Uint8Array, text: Uint8Array, signature: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, text, publicKey, { zip215: true });
  } catch {
    return false;
  }
}

/** Whether a public key is canonical, on the curve and not of small order: under those last ones one signature is good for every text. */
export function isSoundKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32) return false;
  try {
    return !ed25519.Point.fromBytes(publicKey, false).isSmallOrder();
  } catch {
    return false;
  }
}
