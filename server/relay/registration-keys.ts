/** The keys a registering or publishing device presents. */

import { type Frame, registrationText, SottoError } from "@sotto/protocol";
import type { Signatures } from "../ports.js";
import type { Challenge } from "./authentication.js";

interface SignedKey {
  readonly id: number;
  readonly key: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Checks everything a registration presents, before anything is written.
 *
 * @throws badKeys if a key does not parse as its kind.
 * @throws badSignature if the identity key or the authentication key did not sign this challenge, or a prekey is not
 *   signed by the identity.
 */
export function checkRegistrationKeys(signatures: Signatures, frame: Frame<"register">, challenge: Challenge): void {
  if (!signatures.isCurveKey(frame.identityKey)) throw new SottoError("badKeys", { detail: "the identity key" });
  const text = registrationText(challenge, frame);
  if (!signatures.verifyIdentity(frame.identityKey, text, frame.identitySignature)) {
    throw new SottoError("badSignature", { detail: "the identity signature" });
  }
  if (!signatures.verifyDevice(frame.authenticationKey, text, frame.authenticationSignature)) {
    throw new SottoError("badSignature", { detail: "the authentication signature" });
  }
  checkSignedPrekey(signatures, frame.identityKey, frame.signedPrekey);
  checkKyberPrekey(signatures, frame.identityKey, frame.lastResortPrekey);
}

/** Checks a signed prekey. @throws badKeys, badSignature */
export function checkSignedPrekey(
  signatures: Signatures,
  identityKey: Uint8Array,
  { key, signature }: SignedKey,
): void {
  if (!signatures.isCurveKey(key)) throw new SottoError("badKeys", { detail: "a signed prekey" });
  if (!signatures.verifyIdentity(identityKey, key, signature)) {
    throw new SottoError("badSignature", { detail: "a signed prekey" });
  }
}

/** Checks a Kyber prekey, one-time or of last resort. @throws badKeys, badSignature */
export function checkKyberPrekey(signatures: Signatures, identityKey: Uint8Array, { key, signature }: SignedKey): void {
  if (!signatures.isKyberKey(key)) throw new SottoError("badKeys", { detail: "a Kyber prekey" });
  if (!signatures.verifyIdentity(identityKey, key, signature)) {
    throw new SottoError("badSignature", { detail: "a Kyber prekey" });
  }
}

/** Checks that the ids of an upload rise, so that no key can stand for another. @throws badKeys */
export function checkRisingIds(keys: readonly { readonly id: number }[]): void {
  for (let index = 1; index < keys.length; index++) {
    if ((keys[index] as { id: number }).id <= (keys[index - 1] as { id: number }).id) {
      throw new SottoError("badKeys", { detail: "one-time key ids must rise" });
    }
  }
}
