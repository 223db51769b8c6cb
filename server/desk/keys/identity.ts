/** Whether an account's identity key signed something: XEdDSA, by libsignal. */

import { PublicKey } from "@signalapp/libsignal-client";
import { ownBytes } from "../../keys/certificates.js";

/** Whether a signature is by this identity key. False for anything malformed. */
export function verifyIdentity(identityKey: Uint8Array, text: Uint8Array, signature: Uint8Array): boolean {
  try {
    return PublicKey.deserialize(ownBytes(identityKey)).verify(ownBytes(text), ownBytes(signature));
  } catch {
    return false;
  }
}
