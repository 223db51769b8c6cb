/** Ed25519 by Node's own crypto, on raw 32-byte keys (RFC 8032). */

import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import type { DeviceKeys } from "../core/ports.js";

const KEY_BYTES = 32;
/** What precedes the raw key in PKCS #8 (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** Keys that authenticate this device to the relay. */
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

  sign(privateKey, message) {
    const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, privateKey]), format: "der", type: "pkcs8" });
    return new Uint8Array(sign(null, message, key));
  },
};
