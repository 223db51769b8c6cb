/** Ed25519 by Node's own crypto, on raw 32-byte keys (RFC 8032). */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { SottoError } from "@sotto/protocol";
import type { DeviceKeys } from "../core/ports.js";

const KEY_BYTES = 32;
/** What precedes the raw key in PKCS #8 (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** Keys that authenticate to the relay. */
export const ed25519: DeviceKeys = {
  generate() {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519", {
      publicKeyEncoding: { format: "der", type: "spki" },
      privateKeyEncoding: { format: "der", type: "pkcs8" },
    });
    return {
      publicKey: new Uint8Array(publicKey.subarray(-KEY_BYTES)),
      privateKey: new Uint8Array(privateKey.subarray(-KEY_BYTES)),
    };
  },

  fromSeed(seed) {
    const spki = createPublicKey(privateKeyOf(seed)).export({ format: "der", type: "spki" });
    return { publicKey: new Uint8Array(spki.subarray(-KEY_BYTES)), privateKey: new Uint8Array(seed) };
  },

  sign: (privateKey, message) => new Uint8Array(sign(null, message, privateKeyOf(privateKey))),
};

/** @throws invalidArgument if the key is not of 32 bytes: OpenSSL would read the first ones of more. */
function privateKeyOf(seed: Uint8Array): KeyObject {
  if (seed.length !== KEY_BYTES) throw new SottoError("invalidArgument", { detail: "an Ed25519 seed has 32 bytes" });
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
}
