/**
 * What somebody who works at the desk has instead of a password: one secret of 32 bytes, from which come the key that signs them in and
 * the pair that team keys are sealed to. Isomorphic: the console makes and opens it in the browser, the desk only ever sees what is public.
 */

import { gcm } from "@noble/ciphers/aes.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { fromHex, labelled, type SealKeys, sealKeysOf, type Team } from "@sotto/protocol";

/** Bytes of a person's secret. */
export const PERSON_SECRET_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const encoder = new TextEncoder();

/** What comes from a person's secret. */
export interface PersonKey {
  /** Ed25519, public. */
  readonly signKey: Uint8Array;
  /** What team keys are sealed to. */
  readonly box: SealKeys;
}

/** The keys of a secret. @throws RangeError if it has another length. */
export function personKeyOf(secret: Uint8Array): PersonKey {
  return { signKey: ed25519.getPublicKey(signSeed(secret)), box: sealKeysOf(derive(secret, "sotto/person-box/1")) };
}

/** What somebody signs to sign in. */
export function loginText(challenge: Uint8Array): Uint8Array<ArrayBuffer> {
  return labelled("sotto/desk-login/1", challenge);
}

/** The signature over a login challenge. */
export function signLogin(secret: Uint8Array, challenge: Uint8Array): Uint8Array {
  return ed25519.sign(loginText(challenge), signSeed(secret));
}

/** What the seed of a team's key is sealed for: nobody can pass it off as another team's, or as that of another public key. */
export function teamKeyContext(realm: string, team: Team, publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return labelled("sotto/desk-team-key/1", fromHex(realm), encoder.encode(team), publicKey);
}

/**
 * Wraps a secret under what a passkey yields (WebAuthn PRF): `nonce(12) ‖ AES-256-GCM(secret)`. `nonce` is random and used once.
 *
 * @throws RangeError if what the passkey yields is shorter than 32 bytes.
 */
export function wrapSecret(secret: Uint8Array, prf: Uint8Array, nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  const sealed = gcm(wrapKey(prf), nonce).encrypt(secret);
  const wrapped = new Uint8Array(nonce.length + sealed.length);
  wrapped.set(nonce);
  wrapped.set(sealed, nonce.length);
  return wrapped;
}

/** Takes a secret out of its wrapping; `undefined` if another passkey wrapped it. */
export function unwrapSecret(wrapped: Uint8Array, prf: Uint8Array): Uint8Array | undefined {
  if (wrapped.length !== NONCE_BYTES + PERSON_SECRET_BYTES + TAG_BYTES) return undefined;
  try {
    return gcm(wrapKey(prf), wrapped.subarray(0, NONCE_BYTES)).decrypt(wrapped.subarray(NONCE_BYTES));
  } catch {
    // Noble throws for a wrong tag.
    return undefined;
  }
}

function wrapKey(prf: Uint8Array): Uint8Array {
  if (prf.length < PERSON_SECRET_BYTES) throw new RangeError("a passkey yields at least 32 bytes");
  return hkdf(sha256, prf, undefined, encoder.encode("sotto/person-wrap/1"), 32);
}

function signSeed(secret: Uint8Array): Uint8Array {
  return derive(secret, "sotto/person-sign/1");
}

function derive(secret: Uint8Array, label: string): Uint8Array {
  if (secret.length !== PERSON_SECRET_BYTES) throw new RangeError("a person's secret has 32 bytes");
  return hkdf(sha256, secret, undefined, encoder.encode(label), 32);
}
