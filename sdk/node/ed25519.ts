/** Ed25519 by Node's own crypto, on raw 32-byte keys (RFC 8032). */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { type Sign, SottoError } from "@sotto/protocol";
import type { DeviceKeys } from "../core/ports.js";

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** What precedes the raw key in PKCS #8 (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
/** What keys are, in JWK (RFC 8037 §2). */
const CURVE = { kty: "OKP", crv: "Ed25519" } as const;
/** Parsed keys that are kept: those of epochs and of the desk come again with every message. */
const MAX_PARSED = 64;
const parsed = new Map<string, KeyObject>();

/** Keys that authenticate to the relay, and those of tokens. */
export const ed25519: DeviceKeys = {
  generate() {
    const pair = generateKeyPairSync("ed25519");
    const publicKey = pair.publicKey.export({ format: "der", type: "spki" });
    const privateKey = pair.privateKey.export({ format: "der", type: "pkcs8" });
    return {
      publicKey: new Uint8Array(publicKey.subarray(-KEY_BYTES)),
      privateKey: new Uint8Array(privateKey.subarray(-KEY_BYTES)),
      sign: signsBy(pair.privateKey),
    };
  },

  fromSeed(seed) {
    const spki = createPublicKey(privateKeyOf(seed)).export({ format: "der", type: "spki" });
    return { publicKey: new Uint8Array(spki.subarray(-KEY_BYTES)), privateKey: new Uint8Array(seed) };
  },

  signer: (privateKey) => signsBy(privateKeyOf(privateKey)),

  sign: (privateKey, message) => signsBy(privateKeyOf(privateKey))(message),

  verify(publicKey, message, signature) {
    if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
    try {
      return verify(null, message, publicKeyOf(publicKey), signature);
    } catch {
      // A key that OpenSSL does not take is nobody's.
      return false;
    }
  },
};

function signsBy(key: KeyObject): Sign {
  return (message) => new Uint8Array(sign(null, message, key));
}

/**
 * As DER, though JWK takes a tenth of the time: a secret would be a string there, which nobody can wipe.
 *
 * @throws invalidArgument if the key is not of 32 bytes: OpenSSL would read the first ones of more.
 */
function privateKeyOf(seed: Uint8Array): KeyObject {
  if (seed.length !== KEY_BYTES) throw new SottoError("invalidArgument", { detail: "an Ed25519 seed has 32 bytes" });
  const key = Buffer.concat([PKCS8_PREFIX, seed]);
  try {
    return createPrivateKey({ key, format: "der", type: "pkcs8" });
  } finally {
    key.fill(0);
  }
}

/** A public key, parsed once while it is used again and again, as JWK for speed. The one that was used longest ago goes. */
function publicKeyOf(raw: Uint8Array): KeyObject {
  const name = Buffer.from(raw).toString("latin1");
  const key =
    parsed.get(name) ??
    createPublicKey({ key: { ...CURVE, x: Buffer.from(raw).toString("base64url") }, format: "jwk" });
  parsed.delete(name);
  parsed.set(name, key);
  if (parsed.size > MAX_PARSED) parsed.delete(parsed.keys().next().value ?? name);
  return key;
}
